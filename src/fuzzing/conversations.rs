//! Promises of whole transactions on any message: they end, their outcome keeps its contract, and
//! what they make is certified mail by our own judgement.

use super::host::{CA, LEAF, NOW, Station, address, converse};
use super::mail::{assert_seven_bit, is_seven_bit};
use crate::address::EmailAddress;
use crate::event::{
    Arrival, ArrivalSource, ContentQuery, DepositResult, DepositVerdict, Examination, Failure,
    Submission,
};
use crate::instant::Instant;
use crate::limits::Limits;
use crate::message::scan::Scan;
use crate::outcome::{Effect, MessageKind, Outcome, Segment};
use crate::smime::{SignerIdentity, Unsigned};

/// A message handed in by whoever it says it is from, to whom it says it is for. What comes out
/// is the same each time, and arrives as certified mail.
pub(super) fn submission(message: &[u8]) {
    let Some(parties) = Parties::of(message) else {
        return;
    };
    let submit = || {
        let event = Submission {
            account: Some("account".to_owned()),
            addresses: vec![parties.from.clone()],
            reverse_path: parties.from.to_string(),
            recipients: parties.to.iter().map(ToString::to_string).collect(),
            message: message.to_vec(),
        };
        converse(crate::submit(Station::Alfa.context(), event), message).expect("an outcome")
    };
    let (outcome, again) = (submit(), submit());
    assert_eq!(format!("{outcome:?}"), format!("{again:?}"), "same input");
    // The access point makes everything fit for transport, whatever it was.
    check(&outcome, message, true);
    for made in &outcome.messages {
        let octets = made.splice(message);
        let arrived = arrive(Station::Beta, "bruno@pec.beta.example", &octets);
        let finding = arrived.finding.expect("a finding");
        assert!(finding.holds(), "{:?}: {:?}", made.kind, finding.defects);
        if made.kind == MessageKind::TransportEnvelope {
            deposit(&octets);
        }
    }
}

/// A message from the network, as it is and as its provider would have signed it; envelopes that
/// are taken end in receipts.
pub(super) fn arrival(message: &[u8]) {
    examine(message);
    let to = "bruno@pec.beta.example";
    check(
        &arrive(Station::Beta, to, message),
        message,
        is_seven_bit(message),
    );
    if let Some(signed) = signed_again(message) {
        let outcome = arrive(Station::Beta, to, &signed);
        check(&outcome, &signed, is_seven_bit(&signed));
        let own = arrive(Station::Alfa, "anna@pec.alfa.example", &signed);
        check(&own, &signed, is_seven_bit(&signed));
        deposit(&signed);
    }
}

fn arrive(station: Station, to: &str, message: &[u8]) -> Outcome {
    let event = Arrival {
        reverse_path: "anna@pec.alfa.example".to_owned(),
        recipients: vec![address(to)],
        source: ArrivalSource::Encrypted,
        message: message.to_vec(),
    };
    converse(crate::arrive(station.context(), event), message).expect("an outcome")
}

/// Somebody asks what a message is, and whether it is itself.
fn examine(message: &[u8]) {
    let event = Examination {
        message: message.to_vec(),
        at: None,
        contents: Some(ContentQuery {
            original: Some(message.to_vec()),
        }),
    };
    let outcome = converse(crate::examine(Station::Beta.context(), event), message);
    let finding = outcome.and_then(|o| o.finding).expect("a finding");
    let Some(contents) = finding.contents else {
        assert!(!finding.defects.is_empty(), "no mail, and no reason");
        return;
    };
    for enclosed in contents.enclosed {
        if let Segment::Original(span) = enclosed.content {
            assert!(
                span.start <= span.end && span.end <= message.len(),
                "{span:?}"
            );
        }
    }
    if finding.kind == MessageKind::Ordinary {
        let codes: Vec<_> = contents.comparison.iter().map(|check| check.code).collect();
        assert_eq!(codes, ["same-octets"], "ordinary mail is what it is");
    }
}

/// The mailbox took it, and did not.
fn deposit(envelope: &[u8]) {
    let failure = Failure {
        status: "5.2.2".to_owned(),
        code: 552,
        text: "Quota exceeded".to_owned(),
        no_such_domain: false,
    };
    for verdict in [DepositVerdict::Deposited, DepositVerdict::Failed(failure)] {
        let event = DepositResult {
            reverse_path: "anna@pec.alfa.example".to_owned(),
            recipient: address("bruno@pec.beta.example"),
            message: envelope.to_vec(),
            verdict,
        };
        let transaction = crate::finish_deposit(Station::Beta.context(), event);
        if let Some(outcome) = converse(transaction, envelope) {
            check(&outcome, envelope, is_seven_bit(envelope));
        }
    }
}

/// The contract of an outcome (`wit/types.wit`), and the shape of what it made (PRACTICE 2, 3).
fn check(outcome: &Outcome, original: &[u8], tame: bool) {
    let reply = &outcome.reply;
    assert!(matches!(reply.code, 250 | 400..=599), "{reply:?}");
    let printable = |text: &str| text.bytes().all(|b| (b' '..=b'~').contains(&b));
    assert!(
        printable(&reply.text) && printable(&reply.status),
        "{reply:?}"
    );
    for effect in &outcome.effects {
        if let Effect::Relay { message, .. } | Effect::Deposit { message, .. } = effect {
            assert!(*message < outcome.messages.len(), "{effect:?}");
        }
        if let Effect::Relay { recipients, .. } = effect {
            assert!(!recipients.is_empty(), "a relay to nobody");
        }
    }
    for message in &outcome.messages {
        for segment in &message.segments {
            if let Segment::Original(span) = segment {
                assert!(
                    span.start <= span.end && span.end <= original.len(),
                    "{span:?}"
                );
            }
        }
        let passed_on = [Segment::Original(0..original.len())];
        if message.segments != passed_on {
            check_made(&message.splice(original), tame);
        }
    }
}

/// `tame`: nothing that it encloses has 8-bit octets, long lines or bare line ends.
fn check_made(octets: &[u8], tame: bool) {
    if tame {
        assert_seven_bit(octets);
    }
    let scan = Scan::new(octets, &ROOMY).expect("what we make is mail");
    let top = &scan.parts[0];
    assert!(top.content_type.is("multipart", "signed"), "not signed");
    assert_eq!(scan.children(0).count(), 2, "content and signature");
    let header = top.section(octets);
    for field in header.fields() {
        let known = FIELDS
            .iter()
            .any(|name| field.name.eq_ignore_ascii_case(name));
        assert!(known, "a stranger's field {}", field.name);
        let alone = header.named(field.name).count() == 1;
        assert!(
            alone || field.name.eq_ignore_ascii_case("Received"),
            "{} twice",
            field.name
        );
    }
    for name in ["From", "Date", "Subject", "Message-ID"] {
        assert!(header.first(name).is_some(), "{name} is missing");
    }
}

/// The message with its signature replaced by one of Alfa's over what it signs now, so that
/// mutations get past the arithmetic. None if there is no place for one.
fn signed_again(message: &[u8]) -> Option<Vec<u8>> {
    let scan = Scan::new(message, &Limits::DEFAULT).ok()?;
    let children: Vec<usize> = scan.children(0).collect();
    let &[content, signature] = children.as_slice() else {
        return None;
    };
    let now = Instant::from_unix(NOW)?;
    let digest = crate::smime::digest(
        crate::question::DigestAlgorithm::Sha256,
        &message[scan.parts[content].whole()],
    );
    let signer = SignerIdentity::new(&[LEAF.to_vec(), CA.to_vec()]).ok()?;
    let unsigned = Unsigned::new(digest.try_into().ok()?, now).ok()?;
    let cms = unsigned.finish(&signer, &[0x5a; 256]).ok()?;
    let body = scan.parts[signature].body.clone();
    let encoded = encodify::base64::MIME.encode(&cms);
    Some(
        [
            &message[..body.start],
            encoded.as_bytes(),
            &message[body.end..],
        ]
        .concat(),
    )
}

/// Who a message says it is from and for.
struct Parties {
    from: EmailAddress,
    to: Vec<EmailAddress>,
}

impl Parties {
    fn of(message: &[u8]) -> Option<Self> {
        let scan = Scan::new(message, &Limits::DEFAULT).ok()?;
        let header = scan.parts[0].section(message);
        let addresses = |name| header.first(name).map(|f| f.addresses().addresses);
        let from = addresses("From").unwrap_or_default().into_iter().next();
        let to = addresses("To").into_iter().chain(addresses("Cc")).flatten();
        Some(Self {
            from: from.unwrap_or_else(|| address("anna@pec.alfa.example")),
            to: to.take(MOST_RECIPIENTS).collect(),
        })
    }
}

/// Enough to see the law's floor of 50 passed.
const MOST_RECIPIENTS: usize = 60;
/// Our own output encloses what was let in, so it may be one deeper and longer.
const ROOMY: Limits = Limits {
    depth: Limits::DEFAULT.depth + 3,
    parts: Limits::DEFAULT.parts + 10,
    header_section: 2 * Limits::DEFAULT.header_section,
    header_fields: 2 * Limits::DEFAULT.header_fields,
    ..Limits::DEFAULT
};
/// Every field a system message may have (PRACTICE 3, RFC 6109 §3).
const FIELDS: [&str; 16] = [
    "Received",
    "To",
    "Cc",
    "Reply-To",
    "Date",
    "From",
    "Subject",
    "Message-ID",
    "X-Trasporto",
    "X-TipoRicevuta",
    "X-Riferimento-Message-ID",
    "X-Ricevuta",
    "X-VerificaSicurezza",
    "X-Mittente",
    "MIME-Version",
    "Content-Type",
];
