//! The verdict: one word for programs, one sentence for people.

use ceralacca_host::pec;

use super::judge::Judged;
use crate::kind::phrase;
use crate::moment::Moment;

/// What it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is what it claims to be.
    Holds,
    /// It claims to be PEC, and something is wrong.
    DoesNotHold,
    /// It claims to be PEC, nothing is wrong, but nobody says that its signer is a provider.
    Unproven,
    /// Mail that claims nothing.
    NotPec,
    /// No mail at all.
    NotMail,
}

impl Verdict {
    /// Reads it off a finding.
    pub fn of(finding: &pec::Finding) -> Verdict {
        let is_mail = finding.contents.is_some();
        match finding.kind {
            _ if !is_mail => Verdict::NotMail,
            pec::MessageKind::Ordinary => Verdict::NotPec,
            _ if finding.holds => Verdict::Holds,
            _ if finding.defects.is_empty() => Verdict::Unproven,
            _ => Verdict::DoesNotHold,
        }
    }

    /// The word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::DoesNotHold => "does-not-hold",
            Verdict::Unproven => "unproven",
            Verdict::NotPec => "not-pec",
            Verdict::NotMail => "not-mail",
        }
    }

    /// The mark before a line.
    pub fn mark(self) -> char {
        match self {
            Verdict::Holds => '✓',
            Verdict::DoesNotHold => '✗',
            Verdict::Unproven => '?',
            Verdict::NotPec | Verdict::NotMail => '–',
        }
    }

    /// How the sentence begins.
    pub fn opening(self) -> &'static str {
        match self {
            Verdict::Holds => "Holds",
            Verdict::DoesNotHold => "Does not hold",
            Verdict::Unproven => "Holds as far as it could be checked",
            Verdict::NotPec => "Not PEC",
            Verdict::NotMail => "Not mail",
        }
    }
}

/// The verdict as one sentence that says what the message is, from whom and about what.
pub fn sentence(judged: &Judged) -> String {
    let opening = judged.verdict.opening();
    let Some(finding) = &judged.finding else {
        return format!(
            "{opening}: {}",
            judged.stranger.as_deref().unwrap_or_default()
        );
    };
    let what = match judged.verdict {
        Verdict::NotPec => ordinary(finding, judged),
        Verdict::Holds if revocation_unchecked(finding) => format!(
            "{}; whether its certificates were revoked was not checked",
            certified(finding)
        ),
        Verdict::Unproven => format!(
            "{}; nobody says that the signer is a provider, because no directory was given",
            certified(finding)
        ),
        Verdict::DoesNotHold => {
            let reasons: Vec<&str> = finding.defects.iter().map(|d| d.text.as_str()).collect();
            let more = match reasons.len() {
                0 | 1 => String::new(),
                2 => ", and one more reason".to_owned(),
                n => format!(", and {} more reasons", n - 1),
            };
            let first = reasons.first().copied().unwrap_or_default();
            // What does not hold is no proof of what it says of itself.
            let claim = certified(finding);
            let article = if claim.starts_with(['a', 'e', 'i', 'o', 'u']) {
                "an"
            } else {
                "a"
            };
            format!("claims to be {article} {claim}, but {first}{more}")
        }
        Verdict::Holds => certified(finding),
        Verdict::NotMail => judged.stranger.clone().unwrap_or_default(),
    };
    match judged.is_about_the_original() {
        Some(true) => format!("{opening}: {what}; the message to compare is the one inside"),
        Some(false) => format!("{opening}: {what}; the message to compare is NOT the one inside"),
        None => format!("{opening}: {what}"),
    }
}

/// A certificate names a list that was not at hand; the law leaves open what that means
/// (PRACTICE 7), so it belongs into the verdict.
fn revocation_unchecked(finding: &pec::Finding) -> bool {
    let code = "revocation-unchecked";
    finding.checks.iter().any(|check| check.code == code)
}

/// `delivery receipt (…) of Alfa for “Offer” from anna@… to bruno@…, signed …`
fn certified(finding: &pec::Finding) -> String {
    let mut what = phrase(&finding.kind).into_owned();
    let data = finding.data.as_ref();
    // Who says so is only known from the directory; otherwise it is a claim.
    match (&finding.issuer, data) {
        (Some(issuer), _) => what += &format!(" of {}", issuer.name),
        (None, Some(data)) => what += &format!(" of somebody who gives the name {}", data.provider),
        (None, None) => {}
    }
    if let Some(data) = data {
        let subject = data.subject.as_deref().unwrap_or_default();
        let to = match &data.delivery {
            Some(delivery) => delivery.clone(),
            None => recipients(data),
        };
        what += &format!(" for the message “{subject}” from {} to {to}", data.sender);
        if let Some(error) = &data.extended_error {
            what += &format!(" ({error})");
        }
    } else if finding.kind == pec::MessageKind::AnomalyEnvelope {
        what += ", which certifies nothing of the message inside";
    }
    let signed = finding.signature.as_ref().and_then(|s| s.signing_time);
    match signed {
        Some(at) => what + &format!(", signed {}", Moment(at).in_italy()),
        None => what,
    }
}

fn recipients(data: &pec::CertificationData) -> String {
    let names: Vec<&str> = data.recipients.iter().map(|r| r.address.as_str()).collect();
    match names.as_slice() {
        [first, second, rest @ ..] if rest.len() > 1 => {
            format!("{first}, {second} and {} more", rest.len())
        }
        few => few.join(", "),
    }
}

fn ordinary(finding: &pec::Finding, judged: &Judged) -> String {
    let mut what = "ordinary mail".to_owned();
    if !finding.from.is_empty() {
        what += &format!(" from {}", finding.from);
    }
    let original = finding.contents.as_ref().and_then(|c| c.original.as_ref());
    if let Some(subject) = original.map(|o| &o.subject).filter(|s| !s.is_empty()) {
        what += &format!(", “{subject}”");
    }
    let remark = |code: &str| finding.remarks.iter().any(|r| r.code == code);
    if finding.signature.is_some() || remark("smime-opaque") {
        what += ", signed or encrypted with S/MIME as anybody may";
    }
    if remark("looks-like-pec") {
        what += "; it looks like certified mail and is none";
    }
    let holding = |(_, inner): &&(_, Judged)| inner.verdict == Verdict::Holds;
    match judged.enclosed.len() {
        0 => what,
        1 => {
            let inner = &judged.enclosed[0].1;
            format!("{what}; inside it a PEC message: {}", sentence(inner))
        }
        n => format!(
            "{what}; inside it {n} PEC messages, of which {} hold",
            judged.enclosed.iter().filter(holding).count()
        ),
    }
}
