//! What the service shows of itself: log, metrics, health.
//!
//! The log goes to stderr, a line of words or a JSON object, with `pec_id` wherever it is known.
//! Metrics are in Prometheus' text format at `/metrics` of a loopback address, health at `/healthz`:
//! 200 while mail can pass, else 503 with the reason as text.

pub use http::Endpoint as HttpEndpoint;
pub use logging::Logging;
pub use metrics::{Gauges, Metrics};
pub use patience::Patience;

mod http;
mod logging;
mod metrics;
mod patience;
