//! The words of system messages: templates as data, one for text and HTML alike (PRACTICE 6).
//!
//! A template's first line is the title; `{placeholders}` take values; a line that is only
//! `{recipients}` becomes one line per recipient. Providers may reword any of them: see
//! [`Texts::new`] for what is checked.

use std::borrow::Cow;

use encodify::qp;

use crate::fault::Fault;
use crate::settings::TextOverride;

/// The texts of one provider.
#[derive(Clone, Debug)]
pub(crate) struct Texts {
    english_copy: bool,
    overrides: Vec<(TextKey, String)>,
}

/// Which text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextKind {
    Acceptance,
    NonAcceptance,
    VirusNonAcceptance,
    TransportEnvelope,
    ServerServerAcceptance,
    Delivery,
    BriefDelivery,
    ConciseDelivery,
    NonDelivery,
    VirusNonDelivery,
    VirusDetection,
    Timeout12,
    Timeout24,
    Anomaly,
    /// Of delivery status notifications, which are ordinary mail.
    Undelivered,
}

/// Values for the placeholders.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    pub day: String,
    pub time: String,
    pub zone: String,
    pub subject: String,
    pub sender: String,
    /// Lines, each a recipient with whatever is said of it.
    pub recipients: Vec<String>,
    pub recipient: String,
    pub reason: Reason,
    pub id: String,
}

/// Why something failed, in both languages of the texts; certification data take the Italian.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reason {
    pub italian: String,
    pub english: String,
}

impl Reason {
    /// A name that is the same in every language.
    pub fn same(words: &str) -> Self {
        Self {
            italian: words.to_owned(),
            english: words.to_owned(),
        }
    }
}

/// A text with its values, in both shapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub plain: String,
    pub html: String,
}

impl Texts {
    /// # Errors
    /// [`Fault::Settings`] for an unknown key or placeholder, and for a template that lost one of
    /// the facts the law wants told: it names the key and the placeholder.
    pub fn new(english_copy: bool, overrides: &[TextOverride]) -> Result<Self, Fault> {
        let mut checked = Vec::with_capacity(overrides.len());
        for text in overrides {
            let key = TextKey::parse(&text.key).ok_or_else(|| {
                let known: Vec<_> = ALL
                    .iter()
                    .map(|(_, name, ..)| format!("{name}.it"))
                    .collect();
                Fault::Settings(format!(
                    "texts: unknown key “{}”; known are {} and the same with .en",
                    text.key,
                    known.join(", ")
                ))
            })?;
            check(&text.key, &text.template, key.default_template())?;
            checked.push((key, text.template.clone()));
        }
        Ok(Self {
            english_copy,
            overrides: checked,
        })
    }

    /// Puts the values into the text; `provider` stands in no text but may in an override.
    pub fn render(&self, kind: TextKind, values: &Values) -> Rendered {
        let mut plain = String::with_capacity(USUAL_LENGTH);
        let mut body = String::with_capacity(USUAL_LENGTH);
        let title = self.add(
            TextKey {
                kind,
                english: false,
            },
            values,
            &mut plain,
            &mut body,
        );
        if self.english_copy {
            plain.push_str("\n-- \n\n");
            body.push_str("<hr>\n");
            self.add(
                TextKey {
                    kind,
                    english: true,
                },
                values,
                &mut plain,
                &mut body,
            );
        }
        let html = format!(
            "<!DOCTYPE html>\n<html lang=\"it\">\n<head><title>{}</title></head>\n<body>\n{body}\
             </body>\n</html>\n",
            escape(&title)
        );
        Rendered { plain, html }
    }

    fn add(&self, key: TextKey, values: &Values, plain: &mut String, html: &mut String) -> String {
        let own = self.overrides.iter().rev().find(|(k, _)| *k == key);
        let template = own.map_or(key.default_template(), |(_, t)| t.as_str());
        let mut lines = template.trim_end().lines();
        let title = lines.next().unwrap_or_default().to_owned();
        append(plain, &[&title, "\n\n"]);
        append(html, &["<h3>", &escape(&title), "</h3>\n<hr>\n<p>\n"]);
        for line in lines.skip_while(|line| line.is_empty()) {
            if line.trim() == "{recipients}" {
                for recipient in &values.recipients {
                    append(plain, &[recipient, "\n"]);
                    append(html, &[&escape(recipient), "<br>\n"]);
                }
            } else if line.is_empty() {
                plain.push('\n');
                html.push_str("</p>\n<p>\n");
            } else {
                let filled = fill(line, values, key.english);
                append(plain, &[&filled, "\n"]);
                append(html, &[&escape(&filled), "<br>\n"]);
            }
        }
        html.push_str("</p>\n");
        title
    }
}

impl Rendered {
    /// The charset both shapes go out in, and their octets: Latin-1 where it suffices
    /// (RFC 6109 §4.3.1), else UTF-8 (PRACTICE 2).
    pub fn encode(&self) -> (&'static str, String, String) {
        let encode = |octets: &[u8]| qp::BODY.encode(octets);
        match (latin(&self.plain), latin(&self.html)) {
            (Some(plain), Some(html)) => ("iso-8859-1", encode(&plain), encode(&html)),
            _ => (
                "utf-8",
                encode(self.plain.as_bytes()),
                encode(self.html.as_bytes()),
            ),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TextKey {
    kind: TextKind,
    english: bool,
}

impl TextKey {
    fn parse(key: &str) -> Option<Self> {
        let (name, language) = key.rsplit_once('.')?;
        let english = match language {
            "it" => false,
            "en" => true,
            _ => return None,
        };
        ALL.iter()
            .find(|(_, n, ..)| *n == name)
            .map(|&(kind, ..)| Self { kind, english })
    }

    fn default_template(self) -> &'static str {
        ALL.iter()
            .find(|(kind, ..)| *kind == self.kind)
            .map_or(
                "",
                |(.., italian, english)| if self.english { english } else { italian },
            )
    }
}

/// A rewording may use every placeholder its default has, and must use all of them: they are the
/// facts that the law wants in the readable part.
fn check(key: &str, template: &str, default: &str) -> Result<(), Fault> {
    let (used, known) = (placeholders(template), placeholders(default));
    if let Some(stranger) = used.iter().find(|p| !known.contains(p)) {
        let why = format!("texts.{key}: unknown placeholder {{{stranger}}}; known: {known:?}");
        return Err(Fault::Settings(why));
    }
    if let Some(missing) = known.iter().find(|p| !used.contains(p)) {
        return Err(Fault::Settings(format!(
            "texts.{key}: {{{missing}}} is missing; add it"
        )));
    }
    Ok(())
}

fn placeholders(template: &str) -> Vec<&str> {
    let mut found: Vec<&str> = template
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn append(text: &mut String, pieces: &[&str]) {
    pieces.iter().for_each(|piece| text.push_str(piece));
}

/// Latin-1, if all of it fits.
fn latin(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    for c in text.chars() {
        octets.push(u8::try_from(u32::from(c)).ok()?);
    }
    Some(octets)
}

/// One pass, so that a value that looks like a placeholder stays a value.
fn fill(line: &str, values: &Values, english: bool) -> String {
    let mut out = String::with_capacity(line.len() + 64);
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        let value: Cow<'_, str> = match name {
            "day" => (&values.day).into(),
            "time" => (&values.time).into(),
            "zone" => (&values.zone).into(),
            "subject" => (&values.subject).into(),
            "sender" => (&values.sender).into(),
            "recipient" => (&values.recipient).into(),
            "recipients" => values.recipients.join(", ").into(),
            "reason" if english => (&values.reason.english).into(),
            "reason" => (&values.reason.italian).into(),
            "id" => (&values.id).into(),
            other => format!("{{{other}}}").into(),
        };
        // A value cannot begin a line of its own: subjects come from strangers.
        if value.contains(char::is_control) {
            out.extend(value.chars().map(|c| if c.is_control() { ' ' } else { c }));
        } else {
            out.push_str(&value);
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut plain_from = 0;
    for (at, octet) in text.bytes().enumerate() {
        let escaped = match octet {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => continue,
        };
        out.push_str(&text[plain_from..at]);
        out.push_str(escaped);
        plain_from = at + 1;
    }
    out.push_str(&text[plain_from..]);
    out
}

/// What a text to two recipients takes.
const USUAL_LENGTH: usize = 1_024;

macro_rules! texts {
    ($($kind:ident => $name:literal),+ $(,)?) => {
        /// Kind, name in keys, Italian and English default.
        const ALL: &[(TextKind, &str, &str, &str)] = &[$((
            TextKind::$kind,
            $name,
            include_str!(concat!("it/", $name, ".txt")),
            include_str!(concat!("en/", $name, ".txt")),
        )),+];
    };
}

texts! {
    Acceptance => "acceptance",
    NonAcceptance => "non-acceptance",
    VirusNonAcceptance => "virus-non-acceptance",
    TransportEnvelope => "transport-envelope",
    ServerServerAcceptance => "server-server-acceptance",
    Delivery => "delivery",
    BriefDelivery => "brief-delivery",
    ConciseDelivery => "concise-delivery",
    NonDelivery => "non-delivery",
    VirusNonDelivery => "virus-non-delivery",
    VirusDetection => "virus-detection",
    Timeout12 => "timeout-12",
    Timeout24 => "timeout-24",
    Anomaly => "anomaly",
    Undelivered => "undelivered",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_english_copies_tell_the_same_facts() {
        for (_, name, italian, english) in ALL {
            assert_eq!(placeholders(italian), placeholders(english), "{name}");
        }
    }

    #[test]
    fn a_hostile_subject_stays_a_subject() {
        let texts = Texts::new(false, &[]).unwrap();
        let values = Values {
            subject: "{id}\r\n<b>&".into(),
            ..Values::default()
        };
        let rendered = texts.render(TextKind::Delivery, &values);
        assert!(
            rendered.plain.contains("\"{id}  <b>&\""),
            "{}",
            rendered.plain
        );
        assert!(
            rendered.html.contains("&quot;{id}  &lt;b&gt;&amp;&quot;"),
            "{}",
            rendered.html
        );
    }

    #[test]
    fn overrides_are_checked_when_they_are_made() {
        let own = |key: &str, template: &str| {
            Texts::new(
                false,
                &[TextOverride {
                    key: key.into(),
                    template: template.into(),
                }],
            )
        };
        let error = own(
            "delivery.it",
            "T\n{day}{time}{zone}{subject}{sender}{recipient}{id}{x}",
        );
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("unknown placeholder {x}")
        );
        let error = own(
            "delivery.it",
            "T\n{day}{time}{zone}{subject}{sender}{recipient}",
        );
        assert!(error.unwrap_err().to_string().contains("{id} is missing"));
        assert!(
            own("delivery.fr", "")
                .unwrap_err()
                .to_string()
                .contains("unknown key")
        );
        assert!(
            own(
                "delivery.it",
                "T\n{day}{time}{zone}{subject}{sender}{recipient}{id}"
            )
            .is_ok()
        );
    }
}
