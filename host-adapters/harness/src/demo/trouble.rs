//! What can be out of order in a story.

/// Something is out of order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Trouble {
    /// Nothing is.
    #[default]
    None,
    /// No provider reaches another.
    NetworkDown,
    /// The sending server does not hear the reply to an envelope, and sends it again another way.
    EnvelopeTwice,
    /// Something between the providers changes envelopes.
    EnvelopeChanged(Change),
    /// A mailbox is full.
    MailboxFull(&'static str),
    /// The store that holds a mailbox does not answer.
    MailboxDown(&'static str),
    /// A provider's virus scanner does not know the latest viruses, by place in the cast.
    OldSignatures(usize),
}

/// What is changed in an envelope on its way. Both leave it as long as it is looked for in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A header outside of what is signed: the Message-ID becomes this.
    MessageId(&'static str),
    /// The signed content: a text (first) becomes another (second) wherever it stands.
    Content(&'static str, &'static str),
}

impl Change {
    /// The envelope as it goes on.
    pub fn applied(self, envelope: &[u8]) -> Vec<u8> {
        match self {
            Change::MessageId(new) => match message_id(envelope) {
                Some(old) => {
                    let (before, after) = (&envelope[..old.start], &envelope[old.end..]);
                    [before, new.as_bytes(), after].concat()
                }
                None => envelope.to_vec(),
            },
            Change::Content(old, new) => replaced(envelope, old.as_bytes(), new.as_bytes()),
        }
    }
}

/// Where the value of the outer Message-ID is.
fn message_id(envelope: &[u8]) -> Option<std::ops::Range<usize>> {
    const NAME: &[u8] = b"\r\nMessage-ID: ";
    let start = find(envelope, NAME)? + NAME.len();
    let length = find(&envelope[start..], b"\r\n")?;
    Some(start..start + length)
}

fn replaced(octets: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len());
    let mut rest = octets;
    while let Some(at) = find(rest, old) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// Where `needle`, which is not empty, stands first.
pub fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_change_what_they_name_and_nothing_else() {
        let envelope = b"From: a\r\nMessage-ID: <1>\r\n\r\nMessage-ID: <1> costs 10 or 10.\r\n";
        let changed = Change::MessageId("<2>").applied(envelope);
        let text = String::from_utf8(changed).unwrap();
        assert_eq!(
            text,
            "From: a\r\nMessage-ID: <2>\r\n\r\nMessage-ID: <1> costs 10 or 10.\r\n"
        );
        let changed = Change::Content("10", "90").applied(envelope);
        let text = String::from_utf8(changed).unwrap();
        assert!(text.ends_with("<1> costs 90 or 90.\r\n"), "{text}");
    }
}
