//! Byte exactness: awkward originals go through a real Postfix, and the octets that reach the plug-in
//! are compared with those that were sent (hosts/POSTFIX.md, "Settings the original's bytes depend
//! on"). What Postfix does not let through is refused; what it changes whatever its settings stands
//! here with the reason.

mod rig;
mod support;
mod world;

use rig::ANNA;
use support::{Client, Replied};
use world::World;

/// One kind of original.
struct Kind {
    name: &'static str,
    sent: Vec<u8>,
    expected: Expected,
}

enum Expected {
    /// The plug-in gets the octets that were sent.
    Same,
    /// It gets these: Postfix does that, and nothing can be set against it.
    Changed(Vec<u8>),
    /// The client is told this code, and nothing reaches the plug-in.
    Refused(u16),
}

use Expected::{Changed, Refused, Same};

fn kinds() -> Vec<Kind> {
    let kind = |name, sent: &[u8], expected| Kind {
        name,
        sent: sent.to_vec(),
        expected,
    };
    let long = |length: usize| [b"x".repeat(length), b"\r\n".to_vec()].concat();
    let with = |head: &[u8], body: &[u8]| [HEAD, head, b"\r\n", body].concat();
    let many: Vec<u8> = (0..5_000)
        .flat_map(|n| format!("X-{n}: {n}\r\n").into_bytes())
        .collect();
    let folded: Vec<u8> = [
        b"X-Long: begins\r\n".to_vec(),
        b" and goes on\r\n".repeat(4_200),
    ]
    .concat();
    // Everything but CR, LF and NUL, which have their own lines.
    let octets: Vec<u8> = (1..=255)
        .filter(|octet| ![b'\r', b'\n'].contains(octet))
        .collect();
    vec![
        // Headers that Postfix drops by itself (message_drop_headers=).
        kind(
            "a Bcc header",
            &with(b"Bcc: ezio@posta.example\r\n", BODY),
            Same,
        ),
        kind(
            "Return-Path and Content-Length",
            &with(b"Return-Path: <x@y>\r\nContent-Length: 7\r\n", BODY),
            Same,
        ),
        // Headers that it adds or completes by itself (local_header_rewrite_clients=).
        kind(
            "no Date and no Message-ID",
            b"From: anna@pec.alfa.example\r\nTo: x@y.example\r\n\r\nx\r\n",
            Same,
        ),
        kind(
            "no From",
            b"To: x@y.example\r\nSubject: x\r\n\r\nx\r\n",
            Same,
        ),
        kind(
            "addresses without a domain",
            &with(b"Cc: bruno, \"C, D\" <carla>\r\n", BODY),
            Same,
        ),
        // Line ends (cleanup_replace_stray_cr_lf=no, smtpd_forbid_bare_newline=reject).
        kind("a bare CR in the body", &with(b"", b"one\rtwo\r\n"), Same),
        kind(
            "a bare CR in a header",
            &with(b"X-Cr: one\rtwo\r\n", BODY),
            Same,
        ),
        kind("two CRs before a LF", &with(b"", b"one\r\r\ntwo\r\n"), Same),
        kind(
            "a bare LF in the body",
            &with(b"", b"one\ntwo\r\n"),
            Refused(550),
        ),
        kind(
            "a bare LF in a header",
            &with(b"X-Lf: one\n two\r\n", BODY),
            Refused(550),
        ),
        // Octets (no 8BITMIME needed, force_mime_input_conversion unset).
        kind("8-bit text", &with(b"", b"citt\xe0 perch\xe9\r\n"), Same),
        kind(
            "UTF-8 headers",
            &with("X-Nome: Società è così\r\n".as_bytes(), BODY),
            Same,
        ),
        kind(
            "all octets",
            &with(b"", &[&octets[..], b"\r\n"].concat()),
            Same,
        ),
        kind(
            "a NUL in the body",
            &with(b"", b"one\0two\r\n"),
            Refused(550),
        ),
        kind(
            "a NUL in a header",
            &with(b"X-Nul: one\0two\r\n", BODY),
            Refused(550),
        ),
        // Lengths.
        kind("a line of 999 octets", &with(b"", &long(999)), Same),
        kind("a line of 100,000 octets", &with(b"", &long(100_000)), Same),
        kind("a header of 59,000 octets", &with(&folded, BODY), Same),
        kind(
            "a header of 59,999 octets",
            &with(&[b"X-Long: ", &long(59_991)[..]].concat(), BODY),
            Same,
        ),
        kind(
            "a header of 60,000 octets",
            &with(&[b"X-Long: ", &long(59_992)[..]].concat(), BODY),
            Refused(554),
        ),
        kind(
            "a header of 110,000 octets",
            &with(&[b"X-Long: ", &long(110_000)[..]].concat(), BODY),
            Refused(554),
        ),
        kind("5,000 headers", &with(&many, BODY), Same),
        // Blanks (SMFIP_HDR_LEADSPC).
        kind(
            "folds with blanks and tabs",
            &with(b"X-Fold: one\r\n\ttwo\r\n    three\r\n", BODY),
            Same,
        ),
        kind(
            "blanks at the ends of lines",
            &with(b"X-End: one  \r\n two\t\r\n", b"three \t\r\n"),
            Same,
        ),
        kind(
            "no blank after the colon",
            &with(b"X-Tight:one\r\n", BODY),
            Same,
        ),
        kind(
            "many blanks after the colon",
            &with(b"X-Wide:  \t  one\r\n", BODY),
            Same,
        ),
        kind(
            "a fold right after the colon",
            &with(b"X-Next:\r\n one\r\n", BODY),
            Same,
        ),
        kind(
            "a header without a value",
            &with(b"X-Empty:\r\nX-Blank: \r\n", BODY),
            Same,
        ),
        kind(
            "a fold of blanks only",
            &with(b"X-Fold: one\r\n  \r\n two\r\n", BODY),
            Same,
        ),
        kind(
            "a blank before the colon",
            &with(b"X-Odd : one\r\n", BODY),
            // Milters are not told of it.
            Changed(with(b"X-Odd: one\r\n", BODY)),
        ),
        kind(
            "headers twice",
            &with(
                b"Subject: Prova\r\nSubject: Prova\r\nsubject: PROVA\r\n",
                BODY,
            ),
            Same,
        ),
        kind(
            "a Received header at the top",
            &[b"Received: by x; y\r\n", HEAD, b"\r\n", BODY].concat(),
            Same,
        ),
        // Shapes.
        kind(
            "lines of dots",
            &with(b"", b".\r\n..\r\n...\r\n.x\r\n"),
            Same,
        ),
        kind("no body", &with(b"", b""), Same),
        kind(
            "empty lines at the end",
            &with(b"", b"x\r\n\r\n\r\n\r\n"),
            Same,
        ),
        kind(
            "no empty line after the headers",
            HEAD,
            Changed(with(b"", b"")),
        ),
        kind(
            "no line end at the end",
            &with(b"", b"the end"),
            Changed(with(b"", b"the end\r\n")),
        ),
        kind(
            "no headers",
            b"only text\r\n",
            Changed(b"\r\nonly text\r\n".to_vec()),
        ),
        kind(
            "a fold at the top",
            &[b" x\r\n", HEAD, b"\r\n", BODY].concat(),
            Changed([b"\r\n x\r\n", HEAD, b"\r\n", BODY].concat()),
        ),
        kind(
            "a line that is no header",
            &with(b"no colon here\r\nX-After: x\r\n", BODY),
            Changed(with(
                b"",
                &[b"no colon here\r\nX-After: x\r\n\r\n", BODY].concat(),
            )),
        ),
        kind(
            "a From_ line of mbox",
            &[
                b"From anna Wed Nov 25 10:00:00 2026\r\n",
                HEAD,
                b"\r\n",
                BODY,
            ]
            .concat(),
            Changed(
                [
                    b"X-Mailbox-Line: From anna Wed Nov 25 10:00:00 2026\r\n",
                    HEAD,
                    b"\r\n",
                    BODY,
                ]
                .concat(),
            ),
        ),
        kind("nothing at all", b"", Changed(b"\r\n".to_vec())),
    ]
}

#[test]
fn f33_awkward_originals_reach_the_plugin_as_they_were_sent_or_are_refused() {
    let Some(world) = World::new() else { return };
    let mut broken = Vec::new();
    for (
        number,
        Kind {
            name,
            sent,
            expected,
        },
    ) in kinds().into_iter().enumerate()
    {
        let before = world.rig.submissions().len();
        let reply = submit(world.postfix.access, number, &sent);
        let came = world.rig.submissions().split_off(before);
        let came = came.first().map(|submission| &submission.message[..]);
        let as_expected = match &expected {
            // Whether it is a good message is for the plug-in to say.
            Same => came == Some(&sent[..]),
            Changed(octets) => came == Some(&octets[..]),
            Refused(code) => came.is_none() && reply.code == *code,
        };
        if !as_expected {
            let shown = came.map(show);
            broken.push(format!(
                "{name}: {reply:?}\n  sent {}\n  came {shown:?}",
                show(&sent)
            ));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// To somebody else each time: of two submissions that are alike the second is answered from memory.
fn submit(port: u16, number: usize, octets: &[u8]) -> Replied {
    let mut client = Client::connect(port);
    client.login(ANNA, "segreto");
    client.message(ANNA, &[&format!("n{number}@posta.example")], octets)
}

/// The beginning and the end.
fn show(octets: &[u8]) -> String {
    if octets.len() <= 400 {
        return octets.escape_ascii().to_string();
    }
    let (head, tail) = (&octets[..200], &octets[octets.len() - 200..]);
    format!("{} … {}", head.escape_ascii(), tail.escape_ascii())
}

const HEAD: &[u8] = b"From: anna@pec.alfa.example\r\nTo: dario@posta.example\r\nSubject: Prova\r\n";

const BODY: &[u8] = b"Buongiorno.\r\n";
