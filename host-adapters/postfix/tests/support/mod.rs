//! Real servers for tests: private instances of Postfix and Dovecot in temporary folders, on
//! loopback ports that the kernel chose, ended when dropped (and when the test process dies).
//!
//! Other crates of the workspace include this module by its path.
#![allow(dead_code, unused_imports, reason = "each test program uses its part")]

pub use dovecot::Dovecot;
pub use postfix::{Postfix, PostfixSetup};
pub use process::{Running, find, free_ports, installed, succeed};
pub use smtp::{Client, Replied, stuffed};

mod dovecot;
mod postfix;
mod process;
mod smtp;
