//! Numbers for Prometheus.
//!
//! | metric | kind | labels | meaning |
//! |---|---|---|---|
//! | `ceralacca_build_info` | gauge | `version` | always 1 |
//! | `ceralacca_transactions_total` | counter | `event`, `reply` | transactions by event (`submit`, `arrive`, …) and reply class (`2xx`, `4xx`, `5xx`, `failed`) |
//! | `ceralacca_transaction_seconds` | histogram | `event` | from event to durable commit; an arrival of our own message that is committed with what made it is within the time of that, too |
//! | `ceralacca_sign_seconds` | histogram | | one signature, by PEM key or HSM |
//! | `ceralacca_scan_seconds` | histogram | | one message looked at by the scanner |
//! | `ceralacca_unavailable_total` | counter | `question` | answers that could not be had: `sign` are the HSM's errors, `scan` the scanner's |
//! | `ceralacca_scanner_errors_total` | counter | | scans without a verdict |
//! | `ceralacca_unscanned_messages_total` | counter | | messages that passed while the scanner was down |
//! | `ceralacca_outbox_pending` | gauge | `action` | items that wait or are in hand |
//! | `ceralacca_outbox_oldest_seconds` | gauge | `action` | for how long the oldest item has been waiting since it was made |
//! | `ceralacca_outbox_item_seconds` | histogram | `action` | how long carrying an item out took |
//! | `ceralacca_relay_seconds` | histogram | `outcome` | one message at the injection port: `handed`, `failed`, `partly`, `later` |
//! | `ceralacca_deposit_seconds` | histogram | `outcome` | one deposit by LMTP: `stored`, `failed`, `later` |
//! | `ceralacca_deadlines_due` | gauge | | recipients whose deadline has come and has not been handled |
//! | `ceralacca_store_answers` | gauge | | 1; 0: it does not say what waits, so the gauges of the outbox and the deadlines are old |
//! | `ceralacca_store_errors_total` | counter | `doing` | what the store could not do |
//! | `ceralacca_directory_age_seconds` | gauge | | since the provider directory's file was written |
//! | `ceralacca_certificate_expiry_seconds` | gauge | | until our certificate ends; negative: since it has ended |
//! | `ceralacca_reloads_total` | counter | `result` | SIGHUPs, `ok` or `refused` |
//!
//! Counters and histograms are written where things happen (the `metrics` facade); gauges are read
//! off the store when somebody asks. The other parts' metrics stand in their own documentation.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// The recorder of this process.
#[derive(Clone)]
pub struct Metrics {
    recorder: PrometheusHandle,
}

impl Metrics {
    /// Begins to record. None: somebody else records in this process.
    pub fn start() -> Option<Self> {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
            .ok()?;
        let recorder = builder.install_recorder().ok()?;
        metrics::gauge!("ceralacca_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1);
        Some(Self { recorder })
    }

    /// All of them as text.
    pub fn render(&self, gauges: &Gauges, store_answers: bool) -> String {
        gauges.record();
        metrics::gauge!("ceralacca_store_answers").set(f64::from(store_answers));
        self.recorder.run_upkeep();
        self.recorder.render()
    }
}

/// What is read when somebody asks, beside what [`ceralacca_host::Store::queue`] sets.
pub struct Gauges {
    /// Seconds since 1970.
    pub now: u64,
    /// When our certificate ends.
    pub certificate_ends: u64,
    /// When the provider directory's file was written.
    pub directory_written: Option<u64>,
}

impl Gauges {
    fn record(&self) {
        let now = self.now;
        metrics::gauge!("ceralacca_certificate_expiry_seconds")
            .set(self.certificate_ends as f64 - now as f64);
        if let Some(written) = self.directory_written {
            metrics::gauge!("ceralacca_directory_age_seconds")
                .set(now.saturating_sub(written) as f64);
        }
    }
}

/// From a look-up in memory to the patience of an SMTP client.
const SECONDS: &[f64] = &[
    0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0,
];
