//! Nothing that comes from outside stops the component: every file of every fuzz corpus, and real
//! messages with damage of all kinds, are judged, taken in or refused. A trap, or work without
//! end, would cost its transaction a 451, and so would be the sender's means to have it repeated.
//!
//! The native core has the same done to it, with its promises checked, by `make fuzz`; here the
//! module that ships runs, in the host that ships.

#[path = "../benches/world/mod.rs"]
mod world;

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use base64ct::{Base64, Encoding as _};
use ceralacca_host::{Event, PluginError, pec};
use common::{names, plug_in, shared};
use sha2::{Digest as _, Sha256};
use world::{RECIPIENT, SENDER, World, message, splice, submission};

/// `CERALACCA_MUTATIONS` says how many; CI asks for 100,000. The same number makes the same ones.
#[test]
fn no_damaged_real_message_stops_the_component() {
    if !plug_in() {
        return;
    }
    let mut seeds = messages(&World::new().expect("the plug-in is there"));
    let real = real_messages();
    seeds.extend(real.iter().cloned());
    // Pieces are exchanged among all; what is damaged is real, if there is anything real.
    let whole = if real.is_empty() { &seeds } else { &real };
    let words = dictionary();
    let wanted = std::env::var("CERALACCA_MUTATIONS").map_or(2_000, |count| {
        count.parse().expect("CERALACCA_MUTATIONS is a number")
    });
    let next = AtomicU64::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let stopped: Vec<String> = thread::scope(|scope| {
        let work = || {
            let world = World::new().expect("the plug-in is there");
            let mut stopped = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= wanted {
                    return stopped;
                }
                if number > 0 && number.is_multiple_of(10_000) {
                    eprintln!("{number} of {wanted}");
                }
                let message = Damage::numbered(number).message(whole, &seeds, &words);
                if let Err(error) = all_ways(&world, &message, number) {
                    let file = Path::new(env!("CARGO_TARGET_TMPDIR"))
                        .join(format!("damaged-{number}.eml"));
                    fs::write(&file, message).expect("a file can be written");
                    stopped.push(format!("{}: {error}", file.display()));
                }
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let ends = workers.into_iter().map(|w| w.join().expect("no panic"));
        ends.flatten().collect()
    });
    assert!(stopped.is_empty(), "{stopped:#?}");
    println!("{wanted} damaged messages of {} whole ones", whole.len());
}

#[test]
fn no_file_of_a_fuzz_corpus_stops_the_component() {
    if !plug_in() {
        return;
    }
    let mut world = World::new().expect("the plug-in is there");
    let envelope = messages(&world).swap_remove(0);
    for target in names(&corpus()) {
        for (name, octets) in contents(&corpus().join(&target)) {
            let stopped = |error: PluginError| panic!("{target}/{name}: {error}");
            let try_message = |message: &[u8]| {
                all_ways(&world, message, 0).unwrap_or_else(stopped);
            };
            // Whatever it is, as a message; and where its kind stands in one.
            try_message(&octets);
            match target.as_str() {
                "address_list" => {
                    let fields = [b"From: ", &octets[..], b"\r\nTo: ", &octets, b"\r\n\r\n"];
                    try_message(&fields.concat());
                }
                "cms" | "certificate" => try_message(&with_part(&envelope, "smime.p7s", &octets)),
                "daticert" => try_message(&with_part(&envelope, "daticert.xml", &octets)),
                "ldif" => {
                    let update = pec::DirectoryUpdate { content: octets };
                    world
                        .try_converse(Event::LoadDirectory(update))
                        .map_or_else(stopped, drop);
                }
                "crl" => {
                    world.lists = vec![octets];
                    all_ways(&world, &envelope, 0).unwrap_or_else(stopped);
                    world.lists.clear();
                }
                _ => {}
            }
        }
    }
}

/// A message is judged; and taken in from the network or from a user, each so often.
fn all_ways(world: &World, message: &[u8], number: u64) -> Result<(), PluginError> {
    let copy = || message.to_vec();
    let examined = world.try_converse(Event::Examine(pec::Examination {
        message: copy(),
        at: None,
        contents: Some(pec::ContentQuery { original: None }),
    }))?;
    let contents = examined.finding.and_then(|finding| finding.contents);
    if let Some(original) = contents.and_then(|contents| contents.original) {
        spans_lead_to_the_parts(&original, message);
    }
    if number.is_multiple_of(4) {
        world.try_converse(Event::Arrive(pec::Arrival {
            reverse_path: SENDER.to_owned(),
            recipients: vec![RECIPIENT.to_owned()],
            source: pec::ArrivalSource::Encrypted,
            message: copy(),
        }))?;
        world.try_converse(Event::Submit(submission(copy())))?;
    }
    Ok(())
}

/// Whoever saves an attachment gets the octets that were judged.
fn spans_lead_to_the_parts(original: &pec::MailFacts, message: &[u8]) {
    let octets = |span: &pec::Span| {
        let start = span.start as usize;
        &message[start..start + span.length as usize]
    };
    let whole = original.whole;
    octets(&whole);
    for part in &original.parts {
        let body = octets(&part.body);
        assert!(whole.start <= part.body.start, "{part:?} of {whole:?}");
        assert!(part.body.start + part.body.length <= whole.start + whole.length);
        let content = match part.encoding {
            pec::TransferEncoding::Identity => body.to_vec(),
            // Damaged base64 is read in more than one way; what is not damaged, in one.
            pec::TransferEncoding::Base64 => {
                let lines: Vec<u8> = body
                    .iter()
                    .copied()
                    .filter(|o| !b"\r\n".contains(o))
                    .collect();
                match Base64::decode_vec(&String::from_utf8_lossy(&lines)) {
                    Ok(content) => content,
                    Err(_) => continue,
                }
            }
            pec::TransferEncoding::QuotedPrintable => continue,
        };
        assert_eq!(content.len() as u64, part.size, "{part:?}");
        let digest = Sha256::digest(&content);
        let digest: String = digest.iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(digest, part.sha256, "{part:?}");
    }
}

// ---- damage -----------------------------------------------------------------------------------

/// A stream of numbers that depends on its start alone (SplitMix64, Steele et al. 2014).
struct Damage(u64);

impl Damage {
    fn numbered(number: u64) -> Self {
        Self(number.wrapping_mul(0xd134_2543_de82_ef95))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn one_of<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        &things[self.below(things.len())]
    }

    /// One of the messages with one to eight injuries, in the text or in what base64 hides.
    fn message(&mut self, whole: &[Vec<u8>], seeds: &[Vec<u8>], words: &[Vec<u8>]) -> Vec<u8> {
        let mut message = self.one_of(whole).clone();
        if self.below(3) == 0 {
            let name = *self.one_of(&["smime.p7s", "daticert.xml"]);
            if let Some(mut octets) = part(&message, name) {
                for _ in 0..=self.below(4) {
                    self.injure(&mut octets, seeds, words);
                }
                return with_part(&message, name, &octets);
            }
        }
        for _ in 0..=self.below(8) {
            self.injure(&mut message, seeds, words);
        }
        message
    }

    fn injure(&mut self, octets: &mut Vec<u8>, seeds: &[Vec<u8>], words: &[Vec<u8>]) {
        let at = self.below(octets.len());
        // Short ones more often: 1 to 1024.
        let most = 1 << self.below(11);
        let length = 1 + self.below(most);
        let range = at..(at + length).min(octets.len());
        match self.below(9) {
            0 if !octets.is_empty() => octets[at] ^= 1 << self.below(8),
            1 if !octets.is_empty() => octets[at] = self.next() as u8,
            2 => drop(octets.drain(range)),
            3 => {
                let again = octets[range].to_vec();
                octets.splice(at..at, again);
            }
            4 | 5 => {
                let word = self.one_of(words).clone();
                octets.splice(at..at, word);
            }
            6 => octets.truncate(at),
            7 => {
                // A piece of another message.
                let other = self.one_of(seeds);
                let from = self.below(other.len());
                let piece = &other[from..(from + length).min(other.len())];
                octets.splice(range, piece.iter().copied());
            }
            _ => {
                let to = self.below(octets.len());
                let moved: Vec<u8> = octets.drain(range).collect();
                let to = to.min(octets.len());
                octets.splice(to..to, moved);
            }
        }
    }
}

/// Where the base64 of the last part of this name stands: behind its header.
fn base64_of(message: &[u8], name: &str) -> Option<std::ops::Range<usize>> {
    let named = memchr::memmem::rfind(message, name.as_bytes())?;
    let start = named + memchr::memmem::find(&message[named..], b"\r\n\r\n")? + 4;
    let length = memchr::memmem::find(&message[start..], b"\r\n--")?;
    Some(start..start + length)
}

fn part(message: &[u8], name: &str) -> Option<Vec<u8>> {
    let base64 = &message[base64_of(message, name)?];
    let is_sign = |octet: &&u8| !octet.is_ascii_whitespace();
    let base64: Vec<u8> = base64.iter().filter(is_sign).copied().collect();
    Base64::decode_vec(std::str::from_utf8(&base64).ok()?).ok()
}

fn with_part(message: &[u8], name: &str, octets: &[u8]) -> Vec<u8> {
    let range = base64_of(message, name).expect("it was found before");
    let base64 = Base64::encode_string(octets);
    let lines: Vec<_> = base64.as_bytes().chunks(76).collect();
    [
        &message[..range.start],
        &lines.join(&b"\r\n"[..]),
        &message[range.end..],
    ]
    .concat()
}

// ---- what is damaged --------------------------------------------------------------------------

/// An envelope of our own, and the messages that the fuzz targets begin with.
fn messages(world: &World) -> Vec<Vec<u8>> {
    let original = message(3_000, 0);
    let outcome = world.submit(original.clone());
    let envelope = splice(&outcome, &pec::MessageKind::TransportEnvelope, &original);
    let mut all = vec![envelope];
    for target in ["arrival", "submission"] {
        let seeds = contents(&corpus().join(target)).into_iter();
        all.extend(seeds.map(|(_, octets)| octets));
    }
    all
}

/// Messages of real providers, where they are.
fn real_messages() -> Vec<Vec<u8>> {
    let Some(samples) = shared("samples") else {
        return Vec::new();
    };
    let files = contents(&samples).into_iter();
    files
        .filter(|(name, _)| name.ends_with(".eml"))
        .map(|(_, octets)| {
            // On disk they have bare line feeds; on the wire they did not.
            let text = String::from_utf8(octets).expect("7-bit");
            text.replace('\n', "\r\n").into_bytes()
        })
        .collect()
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus")
}

fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| {
        let octets = fs::read(folder.join(&name)).expect("a file that was listed");
        (name, octets)
    };
    names(folder).into_iter().map(read).collect()
}

/// The words of `tests/fuzz/mail.dict`, a file of libFuzzer's: `"word"`, with `\xNN`.
fn dictionary() -> Vec<Vec<u8>> {
    let file = corpus().join("../mail.dict");
    let text = fs::read_to_string(file).expect("the dictionary");
    let word = |line: &str| {
        let mut rest = line.strip_prefix('"')?.strip_suffix('"')?.as_bytes();
        let mut word = Vec::new();
        while let Some((&first, others)) = rest.split_first() {
            let escaped =
                (first == b'\\' && others.first() == Some(&b'x')).then(|| others.get(1..3));
            match escaped.flatten() {
                Some(digits) => {
                    let digits = std::str::from_utf8(digits).ok()?;
                    word.push(u8::from_str_radix(digits, 16).ok()?);
                    rest = &others[3..];
                }
                None => {
                    word.push(first);
                    rest = others;
                }
            }
        }
        Some(word)
    };
    let words: Vec<_> = text.lines().filter_map(word).collect();
    assert!(words.len() > 20, "the dictionary has few words");
    words
}
