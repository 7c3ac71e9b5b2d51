//! Splicing and reading, on bodies that are partly in the spool.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use super::*;

/// `<` + ten digits in the spool + `>`, and the folder that must outlive it.
fn mixed() -> (tempfile::TempDir, Body) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("f"), "0123456789").unwrap();
    let place = Arc::new(Folder(folder.path().to_owned()));
    let original = Body::from_spool(SpoolRef::new("f", place), 10);
    let body = original
        .splice(vec![bytes("<"), span(0, 10), bytes(">")])
        .unwrap();
    (folder, body)
}

#[derive(Debug)]
struct Folder(PathBuf);

impl Place for Folder {
    fn open(&self, name: &str) -> io::Result<Box<dyn Source>> {
        Ok(Box::new(File::open(self.0.join(name))?))
    }
}

fn bytes(text: &str) -> pec::Segment {
    pec::Segment::Bytes(text.as_bytes().to_vec())
}

fn span(start: u64, length: u64) -> pec::Segment {
    pec::Segment::Original(pec::Span { start, length })
}

fn read(body: &Body) -> String {
    let mut octets = Vec::new();
    body.reader().unwrap().read_to_end(&mut octets).unwrap();
    assert_eq!(octets, body.read_whole().unwrap());
    assert_eq!(octets.len() as u64, body.len());
    String::from_utf8(octets).unwrap()
}

/// Every span of a body that is partly in the spool is what it is of the octets.
#[test]
fn spans_reach_across_pieces() {
    let (_folder, body) = mixed();
    let whole = "<0123456789>";
    assert_eq!(read(&body), whole);
    for start in 0..=12 {
        for end in start..=12 {
            let segments = vec![bytes("["), span(start, end - start), bytes("]"), bytes("!")];
            let spliced = body.splice(segments).unwrap();
            let expected = format!("[{}]!", &whole[start as usize..end as usize]);
            assert_eq!(read(&spliced), expected);
        }
    }
}

#[test]
fn spans_beyond_the_message_are_refused() {
    let (_folder, body) = mixed();
    for (start, length) in [(0, 13), (12, 1), (13, 0), (u64::MAX, 1), (1, u64::MAX)] {
        assert!(
            body.splice(vec![span(start, length)]).is_err(),
            "{start} {length}"
        );
    }
}

/// What the store writes down is read back as it was, and nonsense is refused.
#[test]
fn the_stored_form_is_read_back() {
    let (_folder, body) = mixed();
    let twice = body
        .splice(vec![span(2, 3), bytes("-"), bytes("-"), span(8, 4)])
        .unwrap();
    let (octets, spool, recipe) = twice.stored_form();
    assert_eq!(
        (octets, recipe.as_deref()),
        (&b"-->"[..], Some("spool:1+3 literal:2 spool:7+3 literal:1"))
    );
    let spool = spool.cloned();
    let back = Body::from_stored(octets.to_vec(), spool.clone(), recipe.as_deref()).unwrap();
    assert_eq!(read(&back), "123--789>");
    for recipe in [
        "",
        "literal:4",
        "literal:2",
        "spool:1",
        "spool:9+x",
        "spool:1+18446744073709551615",
    ] {
        assert!(
            Body::from_stored(b"-->".to_vec(), spool.clone(), Some(recipe)).is_err(),
            "{recipe}"
        );
    }
}

/// A message without any of the original is in memory, whatever the original was.
#[test]
fn what_does_not_quote_a_file_does_not_refer_to_it() {
    let (_folder, body) = mixed();
    let receipt = body
        .splice(vec![bytes("a"), span(3, 0), bytes("b")])
        .unwrap();
    assert_eq!(receipt.spool_name(), None);
    let (octets, spool, recipe) = receipt.stored_form();
    assert_eq!((octets, recipe), (&b"ab"[..], None));
    assert!(spool.is_none());
}

#[test]
fn a_file_that_was_cut_short_is_noticed() {
    let (folder, body) = mixed();
    std::fs::write(folder.path().join("f"), "0123").unwrap();
    assert!(body.read_whole().is_err());
}
