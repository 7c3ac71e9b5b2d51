//! From octets to a judgement: which reading of the file holds, and what lies inside.

use std::fmt::Write as _;

use ceralacca_host::{Examiner, HostError, pec};
use sha2::{Digest as _, Sha256};

use super::look::{self, LineEnds, Reading};
use super::verdict::Verdict;
use crate::moment::Moment;

/// Judges messages, all in the same way.
pub struct Judge {
    /// Who knows the rules.
    pub examiner: Examiner,
    /// The time asked for.
    pub at: Option<Moment>,
    /// The message to compare with.
    pub original: Option<Vec<u8>>,
}

/// A message, judged.
pub struct Judged {
    /// Octets of the file.
    pub size: usize,
    /// Their SHA-256, hex.
    pub sha256: String,
    /// What it comes to.
    pub verdict: Verdict,
    /// What was done to the file before.
    pub notes: Vec<String>,
    /// Certificates were judged at a time that somebody asked for.
    pub at_a_time_asked_for: bool,
    /// What was found; none where the file is no mail.
    pub finding: Option<pec::Finding>,
    /// What the file is, where it is no mail.
    pub stranger: Option<String>,
    /// PEC messages inside.
    pub enclosed: Vec<(Place, Judged)>,
}

/// Where a message lies inside another.
pub struct Place {
    /// The number of the part: `2.1`.
    pub path: String,
    /// Its file name.
    pub name: Option<String>,
}

impl Judged {
    /// Is the original inside the message to compare? None: there was none, or nothing that could
    /// be compared.
    pub fn is_about_the_original(&self) -> Option<bool> {
        let comparison = &self.finding.as_ref()?.contents.as_ref()?.comparison;
        let any = |verdict| comparison.iter().any(|check| check.verdict == verdict);
        if any(pec::CheckVerdict::Failed) {
            return Some(false);
        }
        let nothing = comparison
            .iter()
            .any(|check| check.code == "nothing-to-compare");
        (any(pec::CheckVerdict::Passed) && !nothing).then_some(true)
    }
}

impl Judge {
    /// Judges a file.
    ///
    /// # Errors
    /// The plug-in failed: never the mail's fault.
    pub fn judge(&self, file: &[u8]) -> Result<Judged, HostError> {
        self.judge_at(file, 0)
    }

    /// The same for a message that lies this deep inside others.
    fn judge_at(&self, file: &[u8], depth: usize) -> Result<Judged, HostError> {
        let (message, notes) = look::beginning(file);
        let mut judged = Judged {
            size: file.len(),
            sha256: hex(&Sha256::digest(file)),
            verdict: Verdict::NotMail,
            notes,
            at_a_time_asked_for: self.at.is_some(),
            finding: None,
            stranger: look::stranger(message),
            enclosed: Vec::new(),
        };
        if judged.stranger.is_some() {
            return Ok(judged);
        }
        let (reading, mut finding) = self.best(message)?;
        judged.verdict = Verdict::of(&finding);
        if judged.verdict == Verdict::NotMail {
            let why = finding.defects.first().map_or("", |defect| &defect.text);
            judged.stranger = Some(look::unreadable(file, why));
            return Ok(judged);
        }
        judged.notes.extend(line_ends(&reading, &finding));
        if let Some(contents) = &mut finding.contents {
            let enclosed = std::mem::take(&mut contents.enclosed);
            // Somebody who forwards a receipt asks about the receipt, not about his own letter.
            if judged.verdict == Verdict::NotPec && !enclosed.is_empty() {
                contents.comparison.clear();
            }
            self.judge_enclosed(&reading.octets, enclosed, depth, &mut judged)?;
        }
        judged.finding = Some(finding);
        Ok(judged)
    }

    /// The PEC messages inside, each for itself.
    fn judge_enclosed(
        &self,
        message: &[u8],
        enclosed: Vec<pec::EnclosedMessage>,
        depth: usize,
        judged: &mut Judged,
    ) -> Result<(), HostError> {
        for inner in enclosed {
            if depth == DEEPEST {
                let note = format!("part {} was not judged: it lies too deep", inner.path);
                judged.notes.push(note);
                continue;
            }
            if let Some(octets) = octets(message, &inner.content) {
                let verdict = self.judge_at(octets, depth + 1)?;
                let place = Place {
                    path: inner.path,
                    name: inner.name,
                };
                judged.enclosed.push((place, verdict));
            }
        }
        Ok(())
    }

    /// The likelier reading, unless it has defects and the other one has fewer.
    fn best<'a>(&self, message: &'a [u8]) -> Result<(Reading<'a>, pec::Finding), HostError> {
        let (likelier, other) = look::readings(message);
        let first = self.examine(&likelier)?;
        if let Some(other) = other
            && !first.defects.is_empty()
        {
            let second = self.examine(&other)?;
            if second.defects.len() < first.defects.len() {
                return Ok((other, second));
            }
        }
        Ok((likelier, first))
    }

    fn examine(&self, reading: &Reading<'_>) -> Result<pec::Finding, HostError> {
        self.examiner.examine(pec::Examination {
            message: reading.octets.to_vec(),
            at: self.at.map(|moment| moment.0),
            contents: Some(pec::ContentQuery {
                original: self.original.clone(),
            }),
        })
    }
}

fn octets<'m>(message: &'m [u8], segment: &'m pec::Segment) -> Option<&'m [u8]> {
    match segment {
        pec::Segment::Bytes(octets) => Some(octets),
        pec::Segment::Original(span) => {
            let start = usize::try_from(span.start).ok()?;
            let end = start.checked_add(usize::try_from(span.length).ok()?)?;
            message.get(start..end)
        }
    }
}

/// What is to be said of the line ends; nothing of a file that has CRLF, nor of what is no mail.
fn line_ends(reading: &Reading<'_>, finding: &pec::Finding) -> Option<String> {
    let altered = finding.defects.iter().any(|d| d.code == "content-altered");
    let (count, what) = match reading.line_ends {
        LineEnds::Crlf => return None,
        LineEnds::FromCr => {
            let note = "all lines end in a bare CR in the file: judged with CRLF, as mail travels";
            return Some(note.to_owned());
        }
        LineEnds::Changed(count) => (count, "judged with CRLF instead, as mail travels"),
        LineEnds::Left(count) => (count, "judged as they are"),
    };
    let lines = if count == 1 { "line ends" } else { "lines end" };
    let also = if altered {
        "; the other way the signature fits no better"
    } else {
        ""
    };
    Some(format!(
        "{count} {lines} in a bare LF in the file: {what} (RFC 8551 §3.1.1){also}"
    ))
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// Messages inside messages that are judged: forwards of forwards reach three or four.
const DEEPEST: usize = 8;
