//! Reading a DSN: lenient, for every mail server has its own; whoever may be believed is for the
//! caller to know.

use super::Undelivered;
use crate::address::EmailAddress;
use crate::event::Failure;
use crate::limits::Limits;
use crate::message::header::{ContentType, Field, HeaderSection};
use crate::message::scan::Scan;

/// What a DSN says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Message-ID of the returned message, as it stands; none where nothing was returned.
    pub message_id: Option<String>,
    /// Recipients that were given up (action `failed`), each once and in its order.
    pub failed: Vec<Undelivered>,
    /// Recipients of other actions: `delayed`, `delivered`, `relayed`, `expanded`.
    pub other: Vec<EmailAddress>,
}

/// Reads a message as a DSN. None: it is none, or more of one than any mail server writes.
pub(crate) fn read(message: &[u8], scan: &Scan, limits: &Limits) -> Option<Report> {
    if !is_report(&scan.parts[0].content_type) {
        return None;
    }
    let status = scan.children(0).find(|&part| {
        scan.parts[part]
            .content_type
            .is("message", "delivery-status")
    })?;
    let fields = scan.parts[status].decoded(message);
    if fields.len() > limits.delivery_status {
        return None;
    }
    let mut report = Report {
        message_id: returned_id(message, scan, status),
        ..Report::default()
    };
    // The first group is about the message, each further one about a recipient (RFC 3464 §2.1).
    for group in groups(&fields).into_iter().skip(1) {
        take(HeaderSection::new(group), &mut report);
    }
    Some(report)
}

/// ```text
/// Content-Type: multipart/report; report-type=delivery-status; …      ; RFC 3464 §2
/// ```
fn is_report(kind: &ContentType) -> bool {
    kind.is("multipart", "report")
        && kind
            .parameter("report-type")
            .is_some_and(|word| word.eq_ignore_ascii_case("delivery-status"))
}

/// The third part: the message, or its header section alone (RFC 6522 §3).
fn returned_id(message: &[u8], scan: &Scan, status: usize) -> Option<String> {
    let returned = scan.children(0).find(|&part| part > status)?;
    let part = &scan.parts[returned];
    let whole = part.content_type.is("message", "rfc822");
    if !whole && !part.content_type.is("text", "rfc822-headers") {
        return None;
    }
    let octets = part.decoded(message);
    let head = HeaderSection::new(groups(&octets).first().copied()?);
    head.first("Message-ID").map(|field| field.unfolded())
}

/// Runs of lines between blank lines, with CRLF or bare LF.
fn groups(octets: &[u8]) -> Vec<&[u8]> {
    let mut groups = Vec::new();
    let (mut start, mut at) = (None, 0);
    while at < octets.len() {
        let next = memchr::memchr(b'\n', &octets[at..]).map_or(octets.len(), |n| at + n + 1);
        if octets[at..next].trim_ascii().is_empty() {
            if let Some(start) = start.take() {
                groups.push(&octets[start..at]);
            }
        } else {
            start.get_or_insert(at);
        }
        at = next;
    }
    groups.extend(start.map(|start| &octets[start..]));
    groups
}

fn take(group: HeaderSection<'_>, report: &mut Report) {
    // RFC 3464 §2.3.1: the address as the sender gave it, where the server kept it; forwarding
    // may have made another of it.
    let recipient = ["Original-Recipient", "Final-Recipient"]
        .iter()
        .find_map(|name| group.first(name).and_then(|field| address(&field)));
    let Some(recipient) = recipient else {
        return;
    };
    let action = group.text("Action").unwrap_or_default();
    if !action.trim().eq_ignore_ascii_case("failed") {
        report.other.push(recipient);
    } else if report.failed.iter().all(|f| f.recipient != recipient) {
        report.failed.push(Undelivered {
            failure: failure(group),
            recipient,
        });
    }
}

/// `rfc822; user@domain`, of which RFC 3461 §4.2 encodes the odd characters as `+XX`: none of them
/// occurs in an address that we relay to.
fn address(field: &Field<'_>) -> Option<EmailAddress> {
    let text = field.unfolded();
    let (kind, address) = text.split_once(';')?;
    let address = address.trim().trim_matches(['<', '>']);
    kind.trim()
        .eq_ignore_ascii_case("rfc822")
        .then(|| EmailAddress::try_from(address).ok())?
}

/// Status may have a comment behind it; Diagnostic-Code is `smtp; 550 5.1.1 words`, the words of
/// the server that refused.
fn failure(group: HeaderSection<'_>) -> Failure {
    let first_word = |text: String| text.split_whitespace().next().map(str::to_owned);
    let diagnostic = group
        .first("Diagnostic-Code")
        .map(|field| field.unfolded())
        .unwrap_or_default();
    let (kind, said) = diagnostic.split_once(';').unwrap_or(("", &diagnostic));
    let said = said.trim();
    let code = said.get(..3).and_then(|digits| digits.parse().ok());
    Failure {
        status: group
            .text("Status")
            .and_then(first_word)
            .unwrap_or_default(),
        code: code
            .filter(|_| kind.trim().eq_ignore_ascii_case("smtp"))
            .unwrap_or(0),
        text: said.to_owned(),
        no_such_domain: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(fields: &str, returned: &str) -> Option<Report> {
        let message = format!(
            "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n\
             --b\n\nSorry.\n\n--b\nContent-Type: message/delivery-status\n\n{fields}\n\
             --b\n{returned}\n--b--\n"
        )
        .replace('\n', "\r\n");
        let scan = Scan::new(message.as_bytes(), &Limits::DEFAULT).unwrap();
        read(message.as_bytes(), &scan, &Limits::DEFAULT)
    }

    /// The fields as RFC 3464 appendix E.1 has them.
    #[test]
    fn failed_recipients_are_told_from_delayed_ones() {
        let report = report(
            "Reporting-MTA: dns; cs.utk.example\n\n\
             Original-Recipient: rfc822;louisl@larry.slip.example\n\
             Final-Recipient: rfc822;other@larry.slip.example\n\
             Action: failed\nStatus: 4.0.0 (whatever)\n\
             Diagnostic-Code: smtp; 426 connection\n  timed out\n\n\
             Final-Recipient: RFC822; <wait@home.example>\nAction: Delayed\nStatus: 4.2.0\n",
            "Content-Type: text/rfc822-headers\n\nSubject: x\nMessage-ID:\n <a@b.example>\n",
        )
        .unwrap();
        assert_eq!(report.message_id.as_deref(), Some("<a@b.example>"));
        assert_eq!(report.failed.len(), 1);
        let failed = &report.failed[0];
        assert_eq!(failed.recipient.as_str(), "louisl@larry.slip.example");
        let Failure {
            status, code, text, ..
        } = &failed.failure;
        assert_eq!(
            (status.as_str(), *code, text.as_str()),
            ("4.0.0", 426, "426 connection  timed out")
        );
        assert_eq!(report.other[0].as_str(), "wait@home.example");
    }

    #[test]
    fn a_whole_returned_message_is_read_by_its_own_header() {
        let report = report(
            "Reporting-MTA: dns; a\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\n",
            "Content-Type: message/rfc822\n\nMessage-ID: <outer@b.example>\n\n\
             Message-ID: <body@b.example>\n",
        )
        .unwrap();
        assert_eq!(report.message_id.as_deref(), Some("<outer@b.example>"));
        assert_eq!(report.failed[0].failure.code, 0);
    }

    #[test]
    fn what_is_no_delivery_status_is_none() {
        let message = b"Content-Type: multipart/report; report-type=disposition-notification; \
                        boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
                        --b--\r\n";
        let scan = Scan::new(message, &Limits::DEFAULT).unwrap();
        assert_eq!(read(message, &scan, &Limits::DEFAULT), None);
    }
}
