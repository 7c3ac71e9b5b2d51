//! What lies outside a provider: the wire and the mailboxes, which remember what they got, and a
//! scanner that knows one virus.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::{Arc, Mutex};

use ceralacca_host::{
    Body, DepositItem, DepositOutcome, Depot, Refusal, Relay, RelayItem, RelayOutcome, Scanner,
    Unavailable, pec,
};

/// A message on the wire.
#[derive(Clone, Debug)]
pub struct Letter {
    pub kind: pec::MessageKind,
    pub pec_id: Option<String>,
    pub reverse_path: String,
    pub recipients: Vec<String>,
    pub octets: Vec<u8>,
}

/// A message in a mailbox.
#[derive(Clone, Debug)]
pub struct Deposited {
    pub mailbox: String,
    pub kind: pec::MessageKind,
    pub octets: Vec<u8>,
}

#[derive(Default)]
pub(super) struct Post {
    pub(super) sent: Mutex<VecDeque<Letter>>,
    pub(super) mailboxes: Mutex<Vec<Deposited>>,
    pub(super) full: Mutex<Vec<String>>,
    pub(super) refused: Mutex<Vec<String>>,
    pub(super) unreachable: Mutex<Vec<(String, pec::Failure)>>,
    pub(super) virus: Mutex<Option<(Vec<u8>, String)>>,
}

impl Post {
    pub(super) fn take(&self) -> Option<Letter> {
        self.sent.lock().unwrap().pop_front()
    }
}

/// The parts of a host that reach what is shared.
pub(super) struct Shared(pub(super) Arc<Post>);

impl Relay for Shared {
    fn relay(&self, item: &RelayItem<'_>) -> RelayOutcome {
        let refused = self.0.refused.lock().unwrap();
        let unreachable = self.0.unreachable.lock().unwrap();
        let of_domain = |recipient: &str| {
            let domain = recipient.rsplit('@').next().unwrap_or_default();
            let failure = unreachable.iter().find(|(lost, _)| lost == domain);
            failure.map(|(_, failure)| failure.clone())
        };
        let (bad, good): (Vec<String>, Vec<String>) = item
            .recipients
            .iter()
            .cloned()
            .partition(|r| refused.contains(r) || of_domain(r).is_some());
        if !good.is_empty() {
            self.0.sent.lock().unwrap().push_back(Letter {
                kind: item.kind.clone(),
                pec_id: item.pec_id.map(str::to_owned),
                reverse_path: item.reverse_path.to_owned(),
                recipients: good,
                octets: octets(item.body),
            });
        }
        if bad.is_empty() {
            return RelayOutcome::Handed;
        }
        let refusal = |recipient: String| Refusal {
            failure: of_domain(&recipient).unwrap_or_else(|| pec::Failure {
                status: "5.1.1".into(),
                code: 550,
                text: "User unknown".into(),
                no_such_domain: false,
            }),
            recipient,
        };
        RelayOutcome::Failed(bad.into_iter().map(refusal).collect())
    }
}

impl Depot for Shared {
    fn deposit(&self, item: &DepositItem<'_>) -> DepositOutcome {
        if self
            .0
            .full
            .lock()
            .unwrap()
            .iter()
            .any(|m| m == item.recipient)
        {
            return DepositOutcome::Failed(pec::Failure {
                status: "5.2.2".into(),
                code: 552,
                text: "Quota exceeded".into(),
                no_such_domain: false,
            });
        }
        self.0.mailboxes.lock().unwrap().push(Deposited {
            mailbox: item.recipient.to_owned(),
            kind: item.kind.clone(),
            octets: octets(item.body),
        });
        DepositOutcome::Stored
    }
}

impl Scanner for Shared {
    fn scan(&self, message: &mut dyn Read) -> Result<pec::ScanVerdict, Unavailable> {
        let mut octets = Vec::new();
        message
            .read_to_end(&mut octets)
            .map_err(|e| Unavailable(e.to_string()))?;
        Ok(match &*self.0.virus.lock().unwrap() {
            Some((needle, name)) if octets.windows(needle.len()).any(|w| w == needle) => {
                pec::ScanVerdict::Infected(name.clone())
            }
            _ => pec::ScanVerdict::Clean,
        })
    }
}

fn octets(body: &Body) -> Vec<u8> {
    body.read_whole().expect("a body")
}
