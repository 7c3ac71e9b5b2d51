//! Attachments that the provider forbids (F14): by name, by what they are, and inside archives.
//!
//! A name is judged by its last extension, as the recipient's system will. A file is also judged
//! by its first octets, since a program called `report.pdf` is a program. Zip archives and
//! messages are opened, whatever they are called; what cannot be looked into is refused as well,
//! except what is encrypted or packed otherwise than by `deflate`: there the names must do.
//!
//! Nothing here runs while `forbidden-attachments` is empty. Work is bounded by [`Limits`]: an
//! archive's entries are inflated for a few kilobytes each, archives inside it within one budget.

mod archive;
mod magic;

use crate::limits::Limits;
use crate::message::scan::{Content, Scan};
use crate::settings::Extensions;

/// A file that may not be attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForbiddenFile {
    /// The part of the message, as people count.
    pub part: String,
    /// The file's name, behind the names of the archives it lies in; may be empty.
    pub name: String,
    pub why: Why,
}

/// What speaks against a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Its extension.
    Extension(String),
    /// Its content is of this kind, to which that extension belongs.
    Content(&'static magic::Kind, String),
    /// An archive that says it is one and cannot be read.
    Unreadable,
    /// An archive or message with more inside than will be looked at.
    TooMuchInside,
}

/// The forbidden files of a message; no more of them than one notice can name.
pub(super) fn forbidden(
    message: &[u8],
    scan: &Scan,
    extensions: &Extensions,
    limits: &Limits,
) -> Vec<ForbiddenFile> {
    if extensions.is_empty() {
        return Vec::new();
    }
    let mut inspector = Inspector {
        submission: scan,
        extensions,
        limits,
        entries: limits.archive_entries,
        inflated: limits.inflated,
        found: Vec::new(),
    };
    inspector.message(message, scan, None);
    inspector.found
}

struct Inspector<'a> {
    /// To say where a file stands, once there is one to speak of.
    submission: &'a Scan,
    extensions: &'a Extensions,
    limits: &'a Limits,
    /// Archive entries that may still be looked at.
    entries: usize,
    /// Octets that may still be inflated for archives inside archives.
    inflated: usize,
    found: Vec<ForbiddenFile>,
}

/// Where a file lies.
#[derive(Clone)]
struct Place {
    /// The part of the submission.
    part: usize,
    name: String,
    /// Containers around it.
    depth: usize,
}

impl Place {
    fn inside(&self, name: &str) -> Self {
        let name = match self.name.as_str() {
            "" => presentable(name),
            outer => format!("{outer}/{}", presentable(name)),
        };
        Self {
            part: self.part,
            name,
            depth: self.depth + 1,
        }
    }
}

impl Inspector<'_> {
    /// Looks at all parts of a message: the submission itself, or one that is a file in it.
    fn message(&mut self, message: &[u8], scan: &Scan, enclosing: Option<&Place>) {
        for (index, part) in scan.parts.iter().enumerate() {
            if self.is_done() {
                return;
            }
            let names = part.section(message).file_names();
            let condemned = names.iter().find(|n| self.names_forbidden(n).is_some());
            let shown = condemned.or(names.first()).map_or("", String::as_str);
            let place = match enclosing {
                Some(outer) => outer.inside(shown),
                None => Place {
                    part: index,
                    name: presentable(shown),
                    depth: 0,
                },
            };
            if let Some(name) = condemned {
                self.judge_name(&place, name);
            } else if part.content == Content::Leaf {
                let octets = part.decoded(message);
                let is_message = part.content_type.is("message", "rfc822");
                self.content(
                    &place,
                    &octets,
                    is_message || names.iter().any(|n| is_eml(n)),
                );
            }
        }
    }

    /// True: the name alone condemns the file.
    fn judge_name(&mut self, place: &Place, name: &str) -> bool {
        let extension = self.names_forbidden(name);
        let condemned = extension.is_some();
        if let Some(extension) = extension {
            self.find(place, Why::Extension(extension));
        }
        condemned
    }

    fn names_forbidden(&self, name: &str) -> Option<String> {
        extension(name).filter(|extension| self.extensions.contains(extension))
    }

    /// Judges a file by what it is, and looks inside.
    fn content(&mut self, place: &Place, octets: &[u8], is_message: bool) {
        if self.judge_kind(place, magic::kind_of(octets, octets.len() as u64)) {
            return;
        }
        if is_message {
            self.enclosed_message(place, octets);
        } else {
            self.archive(place, octets);
        }
    }

    /// True: what it is condemns the file.
    fn judge_kind(&mut self, place: &Place, kind: Option<&'static magic::Kind>) -> bool {
        let Some(kind) = kind else { return false };
        let extension = kind.extensions.iter().find(|e| self.extensions.contains(e));
        let condemned = extension.is_some();
        if let Some(extension) = extension {
            self.find(place, Why::Content(kind, (*extension).to_owned()));
        }
        condemned
    }

    fn enclosed_message(&mut self, place: &Place, octets: &[u8]) {
        if place.depth >= self.limits.archive_depth {
            return self.find(place, Why::TooMuchInside);
        }
        // What is no mail is a file like any other, whatever its name says.
        match Scan::new(octets, self.limits) {
            Ok(scan) => self.message(octets, &scan, Some(place)),
            Err(_) => self.archive(place, octets),
        }
    }

    fn find(&mut self, place: &Place, why: Why) {
        if !self.is_done() {
            self.found.push(ForbiddenFile {
                part: self.submission.path(place.part),
                name: place.name.clone(),
                why,
            });
        }
    }

    fn is_done(&self) -> bool {
        self.found.len() >= self.limits.forbidden_named
    }
}

/// The last extension, lower case. What systems and readers drop or do not show at the end of a
/// name does not hide it: dots, blanks, quotes, invisible characters.
fn extension(name: &str) -> Option<String> {
    let is_shed = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '.' | '"' | '\'') || is_invisible(c)
    };
    let (_, extension) = name.trim_end_matches(is_shed).rsplit_once('.')?;
    Some(extension.replace(is_invisible, "").to_lowercase())
}

/// Zero-width and direction-changing characters.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn is_eml(name: &str) -> bool {
    extension(name).is_some_and(|extension| extension == "eml")
}

/// A foreign name for a notice: short, and nothing in it that moves the cursor.
fn presentable(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_control() || is_invisible(c) {
                '?'
            } else {
                c
            }
        })
        .take(LONGEST_NAME)
        .collect()
}

/// File systems allow 255 octets; a notice may name ten files of ten archives.
const LONGEST_NAME: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f14_the_last_extension_counts_however_it_is_dressed() {
        for (name, is) in [
            ("setup.exe", Some("exe")),
            ("SETUP.EXE", Some("exe")),
            ("report.pdf.exe", Some("exe")),
            ("setup.exe. . ", Some("exe")),
            ("setup.exe\u{200b}", Some("exe")),
            ("report\u{202e}fdp.e\u{200d}xe", Some("exe")),
            ("setup.exe.txt", Some("txt")),
            ("exe", None),
            ("", None),
        ] {
            assert_eq!(extension(name).as_deref(), is, "{name:?}");
        }
    }
}
