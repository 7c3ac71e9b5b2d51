//! What several judgements come to: a sentence for people, a number for shells.

use super::judge::Judged;
use super::verdict::Verdict;
use crate::error::Exit;

/// How many of what.
#[derive(Debug, Default)]
pub struct Tally {
    holds: usize,
    does_not_hold: usize,
    unproven: usize,
    not_pec: usize,
    not_mail: usize,
    /// Compared, and not what was sent.
    other: usize,
    /// Could not be read.
    pub unread: usize,
    /// The exit codes of all of them.
    worst: Option<Exit>,
}

impl Tally {
    /// Takes one more into account.
    pub fn count(&mut self, judged: &Judged) {
        match judged.verdict {
            Verdict::Holds => self.holds += 1,
            Verdict::DoesNotHold => self.does_not_hold += 1,
            Verdict::Unproven => self.unproven += 1,
            Verdict::NotPec => self.not_pec += 1,
            Verdict::NotMail => self.not_mail += 1,
        }
        self.other += usize::from(judged.is_about_the_original() == Some(false));
        let exit = exit_of(judged);
        self.worst = Some(self.worst.map_or(exit, |before| worse(before, exit)));
    }

    /// `54 files: 52 hold, 2 are no PEC`
    pub fn sentence(&self) -> String {
        let all = self.holds + self.does_not_hold + self.unproven + self.not_pec + self.not_mail;
        let parts: Vec<String> = [
            (self.holds, "holds", "hold"),
            (self.does_not_hold, "does not hold", "do not hold"),
            (
                self.unproven,
                "holds as far as it could be checked",
                "hold as far as they could be checked",
            ),
            (self.not_pec, "is not PEC", "are not PEC"),
            (self.not_mail, "is not mail", "are not mail"),
            (
                self.other,
                "is not about the message to compare",
                "are not about the message to compare",
            ),
            (self.unread, "could not be read", "could not be read"),
        ]
        .iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many }))
        .collect();
        let files = all + self.unread;
        let noun = if files == 1 { "file" } else { "files" };
        match parts.as_slice() {
            [] => "0 files: nothing to judge".to_owned(),
            _ => format!("{files} {noun}: {}", parts.join(", ")),
        }
    }

    /// What the shell is told.
    pub fn exit(&self) -> Exit {
        match self.worst {
            _ if self.unread > 0 => Exit::Unread,
            Some(exit) => exit,
            None => Exit::NotPec,
        }
    }
}

fn exit_of(judged: &Judged) -> Exit {
    match judged.verdict {
        _ if judged.is_about_the_original() == Some(false) => Exit::DoesNotHold,
        Verdict::Holds => Exit::Done,
        Verdict::DoesNotHold => Exit::DoesNotHold,
        Verdict::Unproven => Exit::Unproven,
        Verdict::NotPec | Verdict::NotMail => {
            // What ordinary mail has inside is what people ask about.
            let inside = judged.enclosed.iter().map(|(_, inner)| exit_of(inner));
            inside.reduce(worse).unwrap_or(Exit::NotPec)
        }
    }
}

fn worse(a: Exit, b: Exit) -> Exit {
    const ORDER: [Exit; 4] = [Exit::DoesNotHold, Exit::Unproven, Exit::NotPec, Exit::Done];
    ORDER
        .into_iter()
        .find(|exit| *exit == a || *exit == b)
        .unwrap_or(a)
}
