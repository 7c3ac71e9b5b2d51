//! Writing a DSN (RFC 3464 inside RFC 6522).

use super::Undelivered;
use crate::address::EmailAddress;
use crate::ids::Identifiers;
use crate::instant::Instant;
use crate::message::compose::Composer;
use crate::message::system::AttachedEncoding;
use crate::outcome::{Message, MessageKind};
use crate::settings::Profile;
use crate::texts::{TextKind, Values};

/// What a DSN is to say.
pub(crate) struct Bounce<'a> {
    /// The reverse path of what was not delivered.
    pub to: &'a EmailAddress,
    /// What people know the message by.
    pub subject: &'a str,
    pub failures: &'a [Undelivered],
    /// The header section of what was not delivered, as far as it is known; never its body.
    pub header: Composer,
    pub header_encoding: AttachedEncoding,
}

/// Writes it. It goes out with the null reverse path, so nobody answers it (RFC 3464 §2), and is
/// not signed: what bears the service address is certified, and this is not.
pub(crate) fn write(
    bounce: Bounce<'_>,
    ids: &Identifiers,
    now: Instant,
    profile: &Profile,
) -> Message {
    let message_id = ids.message_id("dsn");
    let boundary = ids.boundary("dsn");
    let mut whole = Composer::new();
    whole
        .field("Date", &now.legal_time().rfc5322())
        .field("From", &format!("{POSTMASTER}@{}", profile.mail_domain))
        .field("To", bounce.to.as_str())
        .unstructured("Subject", SUBJECT, bounce.subject)
        .field("Message-ID", &format!("<{message_id}>"))
        // RFC 3834 §5: vacation programs and the like leave it alone.
        .field("Auto-Submitted", "auto-replied")
        .text(&format!(
            "MIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status;\r\n \
             boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n"
        ))
        .append(text(&bounce, now, profile))
        .text(&format!(
            "\r\n--{boundary}\r\nContent-Type: message/delivery-status\r\n\r\n\
             Reporting-MTA: dns; {}\r\nArrival-Date: {}\r\n",
            profile.mail_domain,
            now.legal_time().rfc5322()
        ));
    for failed in bounce.failures {
        whole.append(status(failed));
    }
    whole
        .text(&format!(
            "\r\n--{boundary}\r\nContent-Type: text/rfc822-headers\r\n\
             Content-Transfer-Encoding: {}\r\n\r\n",
            bounce.header_encoding.word()
        ))
        .append(bounce.header)
        .text(&format!("\r\n--{boundary}--\r\n"));
    Message {
        kind: MessageKind::Ordinary,
        pec_id: None,
        message_id,
        segments: whole.into_segments(),
    }
}

fn text(bounce: &Bounce<'_>, now: Instant, profile: &Profile) -> Composer {
    let legal = now.legal_time();
    let line = |failed: &Undelivered| format!("{}: {}", failed.recipient, failed.failure.text);
    let values = Values {
        day: legal.day(),
        time: legal.time(),
        zone: legal.zone(),
        subject: bounce.subject.to_owned(),
        sender: bounce.to.to_string(),
        recipients: bounce.failures.iter().map(line).collect(),
        ..Values::default()
    };
    let rendered = profile.texts.render(TextKind::Undelivered, &values);
    let (charset, plain, _) = rendered.encode();
    let mut part = Composer::new();
    part.text(&format!(
        "Content-Type: text/plain; charset=\"{charset}\"\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\n{plain}\r\n"
    ));
    part
}

/// The group of one recipient (RFC 3464 §2.3). Diagnostic-Code is for what a peer replied.
fn status(failed: &Undelivered) -> Composer {
    let failure = &failed.failure;
    let mut group = Composer::new();
    group
        .text("\r\n")
        .field("Final-Recipient", &format!("rfc822; {}", failed.recipient))
        .field("Action", "failed")
        .field("Status", failure.enhanced_status());
    if failure.code != 0 {
        let said: String = failure
            .text
            .chars()
            .filter(|c| c.is_ascii_graphic() || *c == ' ')
            .take(LONGEST_DIAGNOSTIC)
            .collect();
        group.field("Diagnostic-Code", &format!("smtp; {} {said}", failure.code));
    }
    group
}

/// RFC 5321 §4.5.1: the one mailbox that every mail domain has.
const POSTMASTER: &str = "postmaster";
/// No prefix of PRACTICE 3: consumers must not take it for a PEC notice.
const SUBJECT: &str = "Undelivered mail: ";
/// A line of mail with its field name stays well under 998 octets.
const LONGEST_DIAGNOSTIC: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Failure;
    use crate::outcome::Segment;

    /// RFC 3464 §2.3.4 wants a status of every recipient; peers do not always give one.
    #[test]
    fn every_recipient_has_a_status() {
        let group = |status: &str, no_such_domain| {
            let failed = Undelivered {
                recipient: EmailAddress::try_from("d@posta.example").unwrap(),
                failure: Failure {
                    status: status.into(),
                    code: 0,
                    text: "x".into(),
                    no_such_domain,
                },
            };
            super::status(&failed).into_segments()
        };
        for (status, no_such_domain, written) in [
            ("5.2.2", false, "5.2.2"),
            ("", false, "5.0.0"),
            ("", true, "5.1.2"),
            ("x\r\nTo: y@z.example", false, "5.0.0"),
        ] {
            let expected = format!(
                "\r\nFinal-Recipient: rfc822; d@posta.example\r\nAction: failed\r\n\
                 Status: {written}\r\n"
            );
            let segments = group(status, no_such_domain);
            assert_eq!(segments, [Segment::Bytes(expected.into_bytes())]);
        }
    }
}
