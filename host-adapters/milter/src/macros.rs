//! Macros: what the mail server knows besides.

use std::collections::BTreeMap;

/// The macros of a session, by the stage they came at.
#[derive(Clone, Debug, Default)]
pub struct Macros {
    stages: BTreeMap<Stage, Vec<(String, String)>>,
}

/// The stages in their order: those of the session before those of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Connect,
    Helo,
    Mail,
    Recipient,
    Content,
}

impl Macros {
    /// The value of a macro, named without braces; of several the one that came at the latest
    /// stage. None where the mail server did not give it, or gave it empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let lists = self.stages.values().rev();
        let mut macros = lists.flat_map(|list| list.iter().rev());
        let (_, value) = macros.find(|(other, _)| other == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// Those that come with a command, in place of those that came with the last such command.
    pub(crate) fn put(&mut self, command: u8, list: &[&[u8]]) {
        let Some(stage) = Stage::of(command) else {
            return;
        };
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        let pair = |pair: &[&[u8]]| (without_braces(&text(pair[0])), text(pair[1]));
        let list = list.chunks_exact(2).map(pair).collect();
        self.stages.insert(stage, list);
    }

    /// Forgets those of the message that has ended, and gives what was known until now: who was
    /// logged in for one message is not so for the next unless the mail server says it again.
    pub(crate) fn end_message(&mut self) -> Self {
        let all = self.clone();
        self.stages.retain(|stage, _| *stage < Stage::Mail);
        all
    }
}

impl Stage {
    /// None for commands whose macros nothing here asks for.
    fn of(command: u8) -> Option<Self> {
        Some(match command {
            b'C' => Self::Connect,
            b'H' => Self::Helo,
            b'M' => Self::Mail,
            b'R' => Self::Recipient,
            b'T' | b'L' | b'N' | b'B' | b'E' => Self::Content,
            _ => return None,
        })
    }
}

/// One letter stands alone, everything longer in braces.
fn without_braces(name: &str) -> String {
    let inner = name
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    inner.unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_stage_wins_and_a_message_ends_with_its_macros() {
        let mut macros = Macros::default();
        macros.put(
            b'C',
            &[b"{daemon_name}", b"PEC-ACCESS", b"j", b"mx.example"],
        );
        macros.put(b'M', &[b"{auth_authen}", b"anna", b"{tls_version}", b""]);
        macros.put(b'R', &[b"i", b"3F2A"]);
        macros.put(b'E', &[b"i", b"4G3B"]);
        assert_eq!(macros.get("daemon_name"), Some("PEC-ACCESS"));
        assert_eq!(macros.get("i"), Some("4G3B"));
        assert_eq!(macros.get("tls_version"), None, "empty is none");
        // A second RCPT without macros: those of the first do not live on.
        macros.put(b'R', &[]);
        let all = macros.end_message();
        assert_eq!(all.get("auth_authen"), Some("anna"));
        assert_eq!(macros.get("auth_authen"), None);
        assert_eq!(macros.get("j"), Some("mx.example"));
    }
}
