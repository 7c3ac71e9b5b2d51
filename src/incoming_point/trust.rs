//! Does the signer's certificate lead to a trust anchor, and was it in force? (RFC 6109 §2.2.2
//! "signature validity", PRACTICE 7)
//!
//! For arrivals a verdict is remembered under a key of all certificates it depends on, until the
//! first revocation list it rests on is due again, and never longer than a day. That a certificate
//! was refused is not remembered: refusals are rare, and may be mended.

use sha2::{Digest, Sha256};

use super::inspect::Judgement;
use crate::conversation::{Desk, Stop};
use crate::finding::{Finding, RevocationFacts, RevocationVerdict};
use crate::hex;
use crate::instant::Instant;
use crate::limits::Limits;
use crate::outcome::Effect;
use crate::settings::{RevocationPolicy, Trust};
use crate::smime::Signature;
use crate::smime::path::{CandidatePath, PathError};

/// Certification path, validity and revocation at `at`; what is worth remembering of it.
pub(super) async fn check(
    signature: &Signature,
    at: Instant,
    judgement: Judgement,
    finding: &mut Finding,
    trust: Trust<'_>,
    desk: &Desk,
) -> Result<Vec<Effect>, Stop> {
    let (signer, others) = (&signature.signer, &signature.others);
    let key = path_key(signer, others, trust.anchors);
    if judgement.remember
        && let Some(verdict) = desk.recall(key.clone()).await?.and_then(Verdict::read)
        && verdict.applies(at, trust.revocation)
    {
        if !verdict.revocation_checked {
            finding.remark(UNCHECKED, CLAUSE, "not checked lately".to_owned());
        }
        return Ok(Vec::new());
    }
    let path = match find(signature, at, trust) {
        Ok(path) => path,
        Err((path, why)) => {
            if let Some(path) = path {
                show(&path, finding);
            }
            finding.defect(why.code(), VALIDITY, why.to_string());
            return Ok(Vec::new());
        }
    };
    show(&path, finding);
    report_path(at, &signature.signing_time, judgement, finding);
    // What is no provider's, or is altered, is no certified mail whatever the lists say: it neither
    // waits for them nor chooses what is fetched and remembered.
    if judgement.remember && (finding.issuer.is_none() || !finding.defects.is_empty()) {
        return Ok(Vec::new());
    }
    let mut lists: Vec<Vec<u8>> = Vec::new();
    for query in path.revocation_queries() {
        lists.extend(desk.revocation(query).await?.unwrap_or_default());
    }
    let revocation = path.revocation(&lists, at, judgement.now);
    let of = |verdict: RevocationVerdict| {
        let facts = revocation.iter().find(|facts| facts.verdict == verdict);
        facts.map(|facts| format!("“{}”: {}", facts.subject, facts.text))
    };
    let (revoked, later) = (
        of(RevocationVerdict::Revoked),
        of(RevocationVerdict::RevokedLater),
    );
    let unknown = of(RevocationVerdict::Unknown);
    let until = until(&revocation, judgement.now);
    report_revocation(&revocation, finding);
    if let Some(signature) = &mut finding.signature {
        signature.revocation = revocation;
    }
    if let Some(text) = revoked {
        finding.defect("certificate-revoked", VALIDITY, text);
        return Ok(Vec::new());
    }
    if let Some(text) = later {
        finding.remark("certificate-revoked-since", CLAUSE, text);
    }
    let mut memos = Vec::new();
    if let Some(why) = &unknown {
        if judgement.remember && trust.revocation == RevocationPolicy::Defer {
            let text = format!("no current revocation list could be had: {why}");
            return Err(Stop::Unavailable(text));
        }
        finding.remark(UNCHECKED, CLAUSE, why.clone());
        // PRACTICE 7: fail open, and say so. Once per verdict, not once per message.
        memos.push(Effect::Notify {
            recipient: None,
            text: format!("accepted without revocation check: {why}"),
        });
    }
    if judgement.remember {
        let verdict = Verdict::new(finding, unknown.is_none());
        memos.push(Effect::Remember {
            key,
            value: verdict.write(),
            until,
        });
    }
    Ok(memos)
}

/// The first path that is good at `at`; if none is, the first and what is wrong with it.
fn find(
    signature: &Signature,
    at: Instant,
    trust: Trust<'_>,
) -> Result<CandidatePath, (Option<Box<CandidatePath>>, PathError)> {
    let (signer, others) = (&signature.signer, &signature.others);
    let candidates = CandidatePath::find(signer, others, trust.anchors, &Limits::DEFAULT)
        .map_err(|why| (None, why))?;
    let mut first = None;
    for path in candidates {
        match path.validate(at) {
            Ok(()) => return Ok(path),
            Err(why) => {
                first.get_or_insert((Some(Box::new(path)), why));
            }
        }
    }
    Err(first.unwrap_or((None, PathError::Malformed)))
}

/// The path instead of whatever certificates travelled.
fn show(path: &CandidatePath, finding: &mut Finding) {
    if let Some(signature) = &mut finding.signature {
        signature.chain = path.facts();
        signature.anchored = true;
    }
}

/// The good path, and the instant at which it is good.
fn report_path(at: Instant, signed: &Option<Instant>, judgement: Judgement, finding: &mut Finding) {
    let Some(chain) = finding.signature.as_ref().map(|facts| &facts.chain) else {
        return;
    };
    let source = match (judgement.at, signed) {
        (Some(_), _) if judgement.remember => "when it arrived",
        (Some(_), _) => "the time asked for",
        (None, Some(_)) => "when the signature says it was made",
        (None, None) => "now, as the signature names no time",
    };
    let root = chain.last().map_or("", |facts| facts.subject.as_str());
    let text = format!(
        "{} certificates lead from the signer to the root “{root}”, all of them in force at {at} ({source})",
        chain.len()
    );
    finding.passed("path-good", VALIDITY, text);
}

/// One line for every certificate that a list should decide on; the revoked ones are defects.
fn report_revocation(revocation: &[RevocationFacts], finding: &mut Finding) {
    for facts in revocation {
        let text = format!("whether “{}” was revoked: {}", facts.subject, facts.text);
        match facts.verdict {
            RevocationVerdict::Good | RevocationVerdict::RevokedLater => {
                finding.passed("not-revoked", CLAUSE, text);
            }
            RevocationVerdict::Unknown => finding.unchecked(UNCHECKED, CLAUSE, text),
            RevocationVerdict::NotPublished => {
                finding.unchecked("revocation-not-published", CLAUSE, text);
            }
            RevocationVerdict::Revoked => {}
        }
    }
}

/// How long a verdict of `now` may be relied on.
fn until(revocation: &[RevocationFacts], now: Instant) -> Instant {
    let unknown = |facts: &RevocationFacts| facts.verdict == RevocationVerdict::Unknown;
    let lifetime = if revocation.iter().any(unknown) {
        UNCHECKED_LIFETIME
    } else {
        VERDICT_LIFETIME
    };
    revocation
        .iter()
        .filter_map(|facts| facts.list.as_ref()?.next_update)
        .fold(now.plus(lifetime), Instant::min)
}

/// A good verdict on a path, as it is remembered.
struct Verdict {
    /// All its certificates are valid from…
    from: u64,
    /// …to, both included.
    to: u64,
    /// Revocation lists decided on every certificate that names one.
    revocation_checked: bool,
}

impl Verdict {
    fn new(finding: &Finding, revocation_checked: bool) -> Self {
        let chain = finding.signature.iter().flat_map(|facts| &facts.chain);
        let (from, to) = chain.fold((0, u64::MAX), |(from, to), certificate| {
            (
                from.max(certificate.not_before.unix()),
                to.min(certificate.not_after.unix()),
            )
        });
        Self {
            from,
            to,
            revocation_checked,
        }
    }

    fn write(&self) -> Vec<u8> {
        let (from, to) = (self.from.to_be_bytes(), self.to.to_be_bytes());
        [&from[..], &to, &[u8::from(self.revocation_checked)]].concat()
    }

    fn read(octets: Vec<u8>) -> Option<Self> {
        let (from, rest) = octets.split_first_chunk()?;
        let (to, rest) = rest.split_first_chunk()?;
        let &[checked] = rest else {
            return None;
        };
        Some(Self {
            from: u64::from_be_bytes(*from),
            to: u64::from_be_bytes(*to),
            revocation_checked: checked == 1,
        })
    }

    fn applies(&self, at: Instant, policy: RevocationPolicy) -> bool {
        (self.from..=self.to).contains(&at.unix())
            && (self.revocation_checked || policy == RevocationPolicy::AcceptAndLog)
    }
}

/// A verdict holds for exactly these certificates under exactly these roots.
fn path_key(signer: &[u8], others: &[Vec<u8>], anchors: &[Vec<u8>]) -> String {
    let mut hash = Sha256::new();
    for (group, certificates) in [(0u8, &[signer.to_vec()][..]), (1, others), (2, anchors)] {
        for certificate in certificates {
            hash.update([group]);
            hash.update(Sha256::digest(certificate));
        }
    }
    format!("path/2/{}", hex::encode(&hash.finalize()))
}

const VALIDITY: &str = "RFC 6109 §2.2.2 signature validity";
const CLAUSE: &str = "PRACTICE 7";
const UNCHECKED: &str = "revocation-unchecked";
/// A path is validated anew at least daily, so that what else decides it is looked at again.
const VERDICT_LIFETIME: u64 = 86_400;
/// Without revocation data, soon: they may be back.
const UNCHECKED_LIFETIME: u64 = 3_600;
