//! Mail that was damaged on its way (case I25).

mod world;

use world::mail::letter;
use world::{ANNA, BRUNO, codes, tolerant};

/// Relays that do not leave mail alone (RFC 6109 §5.3 forbids them): the signature tells, and what
/// arrives is ordinary mail, which Bruno takes.
#[test]
fn i25_bare_line_ends_and_re_encoded_parts_break_the_signature() {
    let Some(mut world) = tolerant() else { return };
    let envelope = world.catch(letter(ANNA, BRUNO, "Raccomandata"));
    let text = String::from_utf8(envelope.clone()).expect("7-bit");
    let (head, body) = text.split_once("\r\n\r\n").expect("a header");
    let xml = text.find("daticert.xml\"\r\n\r\n").expect("data") + 17;
    let end = xml + text[xml..].find("\r\n--").expect("its end");
    let octets = text[xml..end].replace("\r\n", "").into_bytes();
    let lines: Vec<_> = octets.chunks(64).map(String::from_utf8_lossy).collect();
    let narrower = format!("{}{}{}", &text[..xml], lines.join("\r\n"), &text[end..]);
    let altered = &["content-altered"][..];
    for (what, message, expected) in [
        ("all line ends bare", text.replace("\r\n", "\n"), altered),
        (
            "those of the body",
            format!("{head}\r\n\r\n{}", body.replace("\r\n", "\n")),
            altered,
        ),
        (
            "one of the original",
            text.replace("Buongiorno.\r\n", "Buongiorno.\n"),
            altered,
        ),
        // No header line ends: nothing of it is a header.
        ("carriage returns alone", text.replace("\r\n", "\r"), &[]),
        (
            "line ends doubled",
            text.replace("\r\n", "\r\r\n"),
            &["not-mail"],
        ),
        ("narrower base64", narrower, altered),
        (
            "lower-case quoted-printable",
            text.replace("=E8", "=e8"),
            altered,
        ),
        (
            "a soft line break",
            text.replace("Buongiorno.", "Buongiorn=\r\no."),
            altered,
        ),
        (
            "the original encoded",
            text.replace(
                "Content-Transfer-Encoding: 7bit",
                "Content-Transfer-Encoding: quoted-printable",
            ),
            &["content-altered", "no-postacert"],
        ),
        (
            "a disclaimer below",
            text.replace(
                "Buongiorno.\r\n",
                "Buongiorno.\r\nIl presente messaggio\r\n",
            ),
            altered,
        ),
    ] {
        assert_ne!(message, text, "{what}");
        let before = world.kinds(BRUNO).len();
        let committed = world.arrive(ANNA, &[BRUNO], message);
        assert_eq!(committed.reply.code, 250, "{what}: {:?}", committed.reply);
        let finding = committed.finding.expect("a finding");
        assert!(!finding.from_provider && !finding.holds, "{what}");
        assert_eq!(codes(&finding), expected, "{what}: {:?}", finding.defects);
        assert_eq!(world.kinds(BRUNO)[before..], ["anomaly-envelope"], "{what}");
    }
    assert_eq!(world.kinds(ANNA), ["server-user-acceptance"]);
    // The preamble is nobody's: without it the message is as good as ever.
    let line = "This is an S/MIME signed message\r\n";
    assert!(text.contains(line));
    let _ = world.arrive(ANNA, &[BRUNO], text.replace(line, ""));
    assert_eq!(world.kinds(ANNA), ["server-user-acceptance", "delivery"]);
}
