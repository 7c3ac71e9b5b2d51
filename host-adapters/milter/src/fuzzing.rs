//! What must hold of a session whatever comes over the socket. Not part of the interface (feature
//! `fuzzing`): `tests/fuzz` runs it under libFuzzer, `tests/fuzz_corpus.rs` replays its corpus.

use crate::{Budget, Event, Flaw, Inbox, Limits, Malformed, Refusal, Reply, Session, Transport};

/// Runs a session over the octets, of which the first chooses the transport and how the rest is cut
/// into pieces.
///
/// # Panics
/// A promise is broken: the text says which.
pub fn milter(octets: &[u8]) {
    let Some((&choice, octets)) = octets.split_first() else {
        return;
    };
    let transport = if choice & 1 == 0 {
        Transport::Unix
    } else {
        Transport::Tcp
    };
    let whole = run(octets, transport, octets.len().max(1));
    let cut = run(octets, transport, usize::from(choice >> 1) + 1);
    assert_eq!(whole, cut, "how octets are cut changes what they mean");
}

/// What a session came to.
#[derive(Debug, PartialEq)]
struct Course {
    said: Vec<u8>,
    messages: Vec<Result<Vec<u8>, Flaw>>,
    end: Option<Malformed>,
}

fn run(octets: &[u8], transport: Transport, size: usize) -> Course {
    let budget = Budget::new(BUDGET);
    let mut session = Session::new(transport, LIMITS, budget.clone());
    let mut course = Course {
        said: Vec::new(),
        messages: Vec::new(),
        end: None,
    };
    let mut inbox = Inbox::new(&LIMITS);
    for piece in octets.chunks(size) {
        match feed(piece, &mut inbox, &mut session, &mut course) {
            Ok(true) => {}
            Ok(false) => break,
            Err(malformed) => {
                assert!(!malformed.to_string().is_empty());
                course.end = Some(malformed);
                break;
            }
        }
        assert!(budget.used() <= BUDGET, "more memory than there is");
    }
    drop(session);
    assert_eq!(budget.used(), 0, "memory is given back");
    well_formed(&course.said);
    course
}

/// False: it is over.
fn feed(
    mut piece: &[u8],
    inbox: &mut Inbox,
    session: &mut Session,
    course: &mut Course,
) -> Result<bool, Malformed> {
    while !piece.is_empty() {
        let room = inbox.room();
        let count = room.len().min(piece.len());
        assert!(count > 0, "there is always room");
        room[..count].copy_from_slice(&piece[..count]);
        inbox.filled(count);
        piece = &piece[count..];
        while let Some(packet) = inbox.next()? {
            match session.handle(packet, &mut course.said)? {
                Event::None => {}
                Event::End => return Ok(false),
                Event::Mail(decision) | Event::Recipient(decision) => decide(decision),
                Event::Message(transaction) => {
                    let original = transaction.original.map(|original| {
                        let octets = original.octets();
                        assert!(octets.len() <= LIMITS.message, "larger than any may be");
                        octets.to_vec()
                    });
                    course.messages.push(original);
                    Reply::Discard.write(&mut course.said);
                }
            }
        }
    }
    Ok(true)
}

fn decide(decision: crate::Decision<'_>) {
    let envelope = decision.envelope();
    assert!(envelope.recipients.len() <= LIMITS.recipients);
    let text = match decision.recipient() {
        Some(recipient) => recipient.to_string(),
        None => envelope.reverse_path.to_string(),
    };
    match decision.fits() {
        Ok(()) if !text.starts_with('x') => decision.accept(),
        _ => decision.refuse(Refusal::new(550, "5.1.1", &text)),
    }
}

/// Everything that is said is packets that a mail server can read, and a refusal is one line.
fn well_formed(mut said: &[u8]) {
    while !said.is_empty() {
        let (length, rest) = said.split_first_chunk().expect("a length");
        let length = u32::from_be_bytes(*length) as usize;
        let (packet, rest) = rest.split_at_checked(length).expect("as long as it says");
        match packet {
            [b'O', ..] => assert!(length > 12, "options"),
            [b'c' | b'a' | b'd' | b'p'] => {}
            [b'y', text @ .., 0] => {
                let printable = text.iter().all(|octet| (b' '..=b'~').contains(octet));
                assert!(printable && text.len() < 1_024, "one line");
            }
            other => panic!("{other:?}"),
        }
        said = rest;
    }
}

/// Small, so that a fuzzer reaches them.
const LIMITS: Limits = Limits {
    packet: 1_000,
    message: 2_000,
    recipients: 3,
    arguments: 100,
    header: 200,
};

/// Less than the step of a reservation would leave no message at all.
const BUDGET: usize = 65_536;
