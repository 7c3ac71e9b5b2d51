//! The whole service among the real servers, and what they and it may suffer: nothing is lost,
//! nothing comes twice, and it mends itself when the trouble is over.

#[path = "../provider/mod.rs"]
mod provider;
#[path = "../support/mod.rs"]
mod support;

#[path = "../../../host/tests/support/postgres.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod postgres;

mod crash;
mod crowd;
mod dependencies;
mod faults;
mod load;
mod look;
mod memory;
mod pair;
mod proxy;
mod several;
