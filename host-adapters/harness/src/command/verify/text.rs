//! The judgement for people: the verdict, the facts, every check with its evidence, the content.

use ceralacca_host::pec;

use super::judge::Judged;
use super::verdict::sentence;
use crate::kind::phrase;
use crate::moment::Moment;

/// One line, and one below it for each message inside.
pub fn summary(name: &str, judged: &Judged) -> Vec<String> {
    let mark = judged.verdict.mark();
    let mut lines = vec![format!(
        "{mark} {}: {}",
        clean(name),
        clean(&sentence(judged))
    )];
    for (place, inner) in &judged.enclosed {
        let name = place.name.as_deref().unwrap_or("a message");
        let inside = summary(&format!("inside, part {}, {name}", place.path), inner);
        lines.extend(inside.into_iter().map(|line| format!("    {line}")));
    }
    lines
}

/// Everything that is known.
pub fn report(name: &str, judged: &Judged) -> Vec<String> {
    let mut page = Page::default();
    page.line(sentence(judged));
    page.line(String::new());
    page.fact("file", format!("{name}, {}", octets(judged.size as u64)));
    page.fact("", format!("SHA-256 {}", judged.sha256));
    for note in &judged.notes {
        page.fact("note", note.clone());
    }
    if let Some(finding) = &judged.finding {
        facts(finding, &mut page);
        signature(judged, finding, &mut page);
        checks("checks", &finding.checks, &mut page);
        remarks(finding, &mut page);
        if let Some(contents) = &finding.contents {
            original(contents, &mut page);
            checks("compared", &contents.comparison, &mut page);
        }
    }
    for (place, inner) in &judged.enclosed {
        let name = place.name.as_deref().unwrap_or("a message");
        page.line(String::new());
        page.line(format!("inside, part {}:", place.path));
        let inside = report(name, inner);
        page.lines
            .extend(inside.into_iter().map(|line| format!("    {line}")));
    }
    page.lines
}

#[derive(Default)]
struct Page {
    lines: Vec<String>,
}

impl Page {
    fn line(&mut self, line: String) {
        self.lines.push(clean(&line));
    }

    /// What is not known is not mentioned.
    fn fact(&mut self, name: &str, value: String) {
        if !value.is_empty() {
            self.line(format!("{name:<12}{value}"));
        }
    }
}

fn facts(finding: &pec::Finding, page: &mut Page) {
    page.fact("kind", phrase(&finding.kind).into_owned());
    page.fact("From", finding.from.clone());
    if let Some(issuer) = &finding.issuer {
        page.fact("provider", format!("{} ({})", issuer.name, issuer.dn));
    }
    let Some(data) = &finding.data else { return };
    page.fact("PEC id", data.pec_id.clone());
    page.fact("message", data.message_id.clone().unwrap_or_default());
    page.fact("certified", Moment(data.at).in_italy());
    page.fact("by", data.provider.clone());
    page.fact("sender", data.sender.clone());
    for recipient in &data.recipients {
        let certified = if recipient.certified {
            "certified"
        } else {
            "ordinary"
        };
        page.fact("recipient", format!("{} ({certified})", recipient.address));
    }
    page.fact("replies to", data.reply_to.clone());
    page.fact("subject", data.subject.clone().unwrap_or_default());
    page.fact("receipt", data.receipt_type.clone().unwrap_or_default());
    page.fact("delivered", data.delivery.clone().unwrap_or_default());
    page.fact("in charge", data.taken_in_charge.join(", "));
    if data.error != "nessuno" {
        page.fact("error", data.error.clone());
    }
    page.fact("reason", data.extended_error.clone().unwrap_or_default());
}

fn signature(judged: &Judged, finding: &pec::Finding, page: &mut Page) {
    let Some(signature) = &finding.signature else {
        return;
    };
    let time = signature.signing_time.map(|at| Moment(at).in_italy());
    page.fact(
        "signed",
        time.unwrap_or_else(|| "at no stated time".to_owned()),
    );
    // Both digests are shown: where they differ, the content was changed after signing.
    let algorithm = &signature.digest_algorithm;
    page.fact(
        "digest",
        format!("{algorithm} {} signed", signature.message_digest),
    );
    page.fact(
        "",
        format!("{algorithm} {} of what is here", signature.computed_digest),
    );
    for (place, certificate) in signature.chain.iter().enumerate() {
        let last = place + 1 == signature.chain.len();
        let role = match place {
            0 => "signer",
            _ if last && signature.anchored => "root",
            _ => "issuer",
        };
        page.fact(role, certificate.subject.clone());
        if let Some(address) = &certificate.address {
            page.fact("", format!("for {address}"));
        }
        page.fact("", format!("issued by {}", certificate.issuer));
        let (from, to) = (
            Moment(certificate.not_before),
            Moment(certificate.not_after),
        );
        page.fact(
            "",
            format!("valid {from} to {to}, serial {}", certificate.serial),
        );
        page.fact("", format!("SHA-256 {}", certificate.sha256));
        page.fact("", format!("SHA-1 {}", certificate.sha1));
    }
    if let Some(at) = finding.judged_at {
        let source = match signature.signing_time {
            _ if judged.at_a_time_asked_for => "as asked",
            Some(_) => "when the signature says it was made",
            None => "now, as the signature names no time",
        };
        page.fact("judged at", format!("{} ({source})", Moment(at).in_italy()));
    }
}

fn checks(title: &str, checks: &[pec::Check], page: &mut Page) {
    if checks.is_empty() {
        return;
    }
    page.line(String::new());
    page.line(title.to_owned());
    for check in checks {
        let mark = match check.verdict {
            pec::CheckVerdict::Passed => '✓',
            pec::CheckVerdict::Failed => '✗',
            pec::CheckVerdict::NotChecked => '–',
        };
        let not = match check.verdict {
            pec::CheckVerdict::NotChecked => "not checked: ",
            _ => "",
        };
        page.line(format!("  {mark} {not}{} [{}]", check.text, check.clause));
    }
}

fn remarks(finding: &pec::Finding, page: &mut Page) {
    // What was not checked is a remark to programs; here it stands among the checks.
    let told = |code: &str| finding.checks.iter().any(|check| check.code == code);
    let remarks: Vec<_> = finding.remarks.iter().filter(|r| !told(&r.code)).collect();
    if remarks.is_empty() {
        return;
    }
    page.line(String::new());
    page.line("to know".to_owned());
    for remark in remarks {
        page.line(format!("  ! {} [{}]", remark.text, remark.clause));
    }
}

fn original(contents: &pec::Contents, page: &mut Page) {
    let Some(original) = &contents.original else {
        return;
    };
    page.line(String::new());
    page.line("content".to_owned());
    for (name, value) in [
        ("From", &original.from),
        ("To", &original.to),
        ("Cc", &original.cc),
        ("Subject", &original.subject),
        ("Date", &original.date),
        ("Message-ID", &original.message_id),
    ] {
        if !value.is_empty() {
            page.line(format!("  {name:<12}{value}"));
        }
    }
    for part in &original.parts {
        let name = part
            .name
            .as_deref()
            .map_or(String::new(), |name| format!(" “{name}”"));
        let (path, size) = (&part.path, octets(part.size));
        page.line(format!(
            "  part {path:<9} {}{name}, {size}",
            part.content_type
        ));
        match &part.hash {
            Some(hash) => page.line(format!(
                "                 stands for a file with SHA-1 {hash}"
            )),
            None => page.line(format!("                 SHA-256 {}", part.sha256)),
        }
    }
    if original.unlisted > 0 {
        page.line(format!("  and {} more parts", original.unlisted));
    }
}

fn octets(count: u64) -> String {
    match count {
        1 => "1 octet".to_owned(),
        _ => format!("{count} octets"),
    }
}

/// What strangers wrote must not move the cursor, nor turn the direction of the text: a line says
/// what it says.
fn clean(line: &str) -> String {
    let harmless = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    line.chars()
        .map(|c| match c {
            '\t' => ' ',
            c if harmless(c) => c,
            _ => char::REPLACEMENT_CHARACTER,
        })
        .collect()
}
