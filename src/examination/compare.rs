//! Is the original inside this envelope or receipt the message that was sent?
//!
//! A provider changes two fields of the original (PRACTICE 3) and re-encodes what is not 7-bit
//! (PRACTICE 2); a brief receipt has hashes in the place of attachments (RFC 6109 §3.3.2.2,
//! PRACTICE 8.10), a concise one has nothing.

use std::collections::BTreeMap;

use super::contents::{self, HASH_SUFFIX};
use crate::finding::{Check, CheckVerdict, Finding};
use crate::hex;
use crate::limits::Limits;
use crate::message::header::HeaderSection;
use crate::message::scan::{Content, Part, Paths, Scan};
use crate::smime::sha1;

/// Compares the original inside, where there is one, with the one given.
pub(super) fn compare(finding: &Finding, inside: Option<&[u8]>, given: &[u8]) -> Vec<Check> {
    let mut checks = Checks::default();
    let scan = match Scan::new(given, &Limits::DEFAULT) {
        Ok(scan) => scan,
        Err(why) => {
            checks.failed(
                "original-not-mail",
                RFC,
                format!("what is given is no mail: {why}"),
            );
            return checks.0;
        }
    };
    identifier(finding, scan.parts[0].section(given), &mut checks);
    let Some(inside) = inside else {
        let text = "this message has no original inside: its content cannot be compared";
        checks.unchecked("nothing-to-compare", RFC, text.to_owned());
        return checks.0;
    };
    if inside == given {
        let text = format!(
            "the original inside is the one given, all {} octets",
            given.len()
        );
        checks.passed("same-octets", RFC, text);
        return checks.0;
    }
    match Scan::new(inside, &Limits::DEFAULT) {
        Ok(inner) => {
            let (inside, given) = (Mail(inside, &inner), Mail(given, &scan));
            fields(inside, given, &mut checks);
            parts(inside, given, &mut checks);
        }
        Err(why) => {
            let text = format!("the original inside is no mail: {why}");
            checks.failed("content-differs", RFC, text);
        }
    }
    checks.0
}

#[derive(Clone, Copy)]
struct Mail<'m>(&'m [u8], &'m Scan);

#[derive(Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn add(
        &mut self,
        verdict: CheckVerdict,
        code: &'static str,
        clause: &'static str,
        text: String,
    ) {
        self.0.push(Check {
            verdict,
            code,
            clause,
            text,
        });
    }

    fn passed(&mut self, code: &'static str, clause: &'static str, text: String) {
        self.add(CheckVerdict::Passed, code, clause, text);
    }

    fn failed(&mut self, code: &'static str, clause: &'static str, text: String) {
        self.add(CheckVerdict::Failed, code, clause, text);
    }

    fn unchecked(&mut self, code: &'static str, clause: &'static str, text: String) {
        self.add(CheckVerdict::NotChecked, code, clause, text);
    }
}

/// `msgid` is the Message-ID that the sender's program gave; a saved `postacert.eml` has the PEC
/// id in its place.
fn identifier(finding: &Finding, header: HeaderSection<'_>, checks: &mut Checks) {
    let Some(data) = &finding.data else { return };
    let bare = |id: &str| id.trim().trim_matches(['<', '>']).to_owned();
    let given = header
        .first("Message-ID")
        .map(|field| bare(&field.unfolded()));
    match (given, data.message_id.as_deref().map(bare)) {
        (Some(given), sent) if Some(&given) == sent.as_ref() || given == data.pec_id => {
            let text = format!("the message given is the one that is certified: {given}");
            checks.passed("message-id-agrees", "PRACTICE 3", text);
        }
        (Some(given), Some(sent)) => {
            let text = format!("the message given is {given}, certified is {sent}");
            checks.failed("message-id-differs", "PRACTICE 3", text);
        }
        (given, sent) => {
            let word = |id: Option<String>| id.unwrap_or_else(|| "none".to_owned());
            let text = format!(
                "Message-ID of the message given: {}; msgid that is certified: {}",
                word(given),
                word(sent)
            );
            checks.unchecked("message-id-missing", "PRACTICE 3", text);
        }
    }
}

/// The header fields, those left out that are written on the way.
fn fields(inside: Mail<'_>, given: Mail<'_>, checks: &mut Checks) {
    let of = |mail: Mail<'_>| {
        let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for field in mail.1.parts[0].section(mail.0).fields() {
            let name = field.name.to_ascii_lowercase();
            let about_content = name == "mime-version" || name.starts_with("content-");
            if !about_content && !WRITTEN_ON_THE_WAY.contains(&name.as_str()) {
                fields.entry(name).or_default().push(field.unfolded());
            }
        }
        fields
    };
    let (inside, given) = (of(inside), of(given));
    let mut differ: Vec<&str> = inside
        .iter()
        .filter(|(name, values)| given.get(*name) != Some(values))
        .map(|(name, _)| name.as_str())
        .collect();
    differ.extend(
        given
            .keys()
            .filter(|name| !inside.contains_key(*name))
            .map(String::as_str),
    );
    if differ.is_empty() {
        let text = format!(
            "{} header fields are the same",
            inside.values().map(Vec::len).sum::<usize>()
        );
        checks.passed("fields-agree", RFC, text);
    } else {
        let text = format!("header fields differ: {}", differ.join(", "));
        checks.failed("fields-differ", RFC, text);
    }
}

/// A part of either side: what people call it, and where it stands in its scan.
struct Piece {
    name: Option<String>,
    index: usize,
}

fn pieces(mail: Mail<'_>) -> Vec<Piece> {
    contents::visible(mail.1, 0)
        .map(|index| {
            let part = &mail.1.parts[index];
            let unnamed = part.content == Content::Message;
            Piece {
                name: contents::name(mail.0, part)
                    .or_else(|| unnamed.then(|| "message.eml".to_owned())),
                index,
            }
        })
        .collect()
}

/// Part by part, in their order: a brief receipt keeps the structure of the original.
fn parts(inside: Mail<'_>, given: Mail<'_>, checks: &mut Checks) {
    let (kept, sent) = (pieces(inside), pieces(given));
    let paths = given.1.paths();
    if kept.len() != sent.len() {
        let text = format!(
            "the original inside has {} parts, the message given has {}",
            kept.len(),
            sent.len()
        );
        checks.failed("content-differs", RFC, text);
        return;
    }
    let last = kept.len().saturating_sub(1);
    for (number, (kept, sent)) in kept.iter().zip(&sent).enumerate() {
        let part = &inside.1.parts[kept.index];
        let content = part.decoded(inside.0);
        match contents::hash(kept.name.as_deref(), &content) {
            // An attachment of that very name may have been sent: then it is what it is.
            Some(hash) if sent.name != kept.name => replaced(kept, sent, &hash, given, checks),
            _ => {
                let here = Whole {
                    part,
                    content: &content,
                    is_last: number == last,
                };
                unchanged(kept, sent, here, given, &paths, checks);
            }
        }
    }
}

/// An attachment that its hash replaces.
fn replaced(kept: &Piece, sent: &Piece, hash: &str, given: Mail<'_>, checks: &mut Checks) {
    let part = &given.1.parts[sent.index];
    let name = kept.name.as_deref().unwrap_or_default();
    let attachment = name.get(..name.len() - HASH_SUFFIX.len()).unwrap_or(name);
    let encoded = hex::encode(&sha1(&given.0[part.body.clone()]));
    // RFC 6109 "SHOULD be calculated on base64 encoded parts": some take the file itself.
    let decoded = hex::encode(&sha1(&part.decoded(given.0)));
    let sent_name = sent.name.as_deref().unwrap_or("a part without a name");
    // What has no name of its own gets one from whoever makes the receipt.
    if sent.name.is_some() && sent_name != attachment {
        let text = format!("the receipt has the hash of {attachment} where {sent_name} was given");
        checks.failed("hash-differs", HASHES, text);
    } else if hash == encoded {
        let text =
            format!("{sent_name}: SHA-1 {hash}, over the part as it travels, is the one in {name}");
        checks.passed("hash-agrees", HASHES, text);
    } else if hash == decoded {
        let text =
            format!("{sent_name}: SHA-1 {hash}, over the decoded file, is the one in {name}");
        checks.passed("hash-agrees", HASHES, text);
    } else {
        let text = format!(
            "{attachment}: the receipt has SHA-1 {hash}; {sent_name} has {encoded} as it travels, \
             {decoded} decoded"
        );
        checks.failed("hash-differs", HASHES, text);
    }
}

/// A part that was kept as it is.
struct Whole<'a> {
    part: &'a Part,
    content: &'a [u8],
    /// No part follows it.
    is_last: bool,
}

fn unchanged(
    kept: &Piece,
    sent: &Piece,
    here: Whole<'_>,
    given: Mail<'_>,
    paths: &Paths<'_>,
    checks: &mut Checks,
) {
    let part = &given.1.parts[sent.index];
    let sent_content = part.decoded(given.0);
    let what = match &sent.name {
        Some(name) => name.clone(),
        None => format!("part {} ({})", paths.of(sent.index), part.content_type),
    };
    let content = here.content;
    // The line break that ends a message is nobody's content: programs add it, or leave it out.
    let own = |octets: &'_ [u8]| match octets.strip_suffix(b"\n") {
        Some(line) if here.is_last => line.strip_suffix(b"\r").unwrap_or(line).to_vec(),
        _ => octets.to_vec(),
    };
    let charset = |part: &Part| {
        let charset = part.content_type.parameter("charset").unwrap_or_default();
        charset.to_ascii_lowercase()
    };
    let label = |part: &Part| (part.content_type.to_string(), charset(part));
    let (inside_label, given_label) = (label(here.part), label(part));
    if inside_label != given_label {
        let word = |(media_type, charset): (String, String)| match charset.as_str() {
            "" => media_type,
            charset => format!("{media_type}, {charset}"),
        };
        let text = format!(
            "{what}: {} inside, {} given",
            word(inside_label),
            word(given_label)
        );
        checks.failed("part-differs", RFC, text);
    } else if kept.name == sent.name && own(content) == own(&sent_content) {
        checks.passed(
            "part-agrees",
            RFC,
            format!("{what}: the same {} octets", content.len()),
        );
    } else {
        let text = format!(
            "{what}: {} octets with SHA-1 {} inside, {} octets with SHA-1 {} given",
            content.len(),
            hex::encode(&sha1(content)),
            sent_content.len(),
            hex::encode(&sha1(&sent_content))
        );
        checks.failed("part-differs", RFC, text);
    }
}

/// Fields that differ between the copy a sender keeps and what the provider got and certified.
const WRITTEN_ON_THE_WAY: &[&str] = &[
    "message-id",
    "x-riferimento-message-id",
    "received",
    "return-path",
    "delivered-to",
    "bcc",
];

const RFC: &str = "RFC 6109 §3.1.5, §3.3.2";
const HASHES: &str = "RFC 6109 §3.3.2.2, PRACTICE 8.10";
