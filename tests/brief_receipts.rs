//! Brief delivery receipts (case I18, RFC 6109 §3.3.2.2): hashes in place of files, checked with
//! OpenSSL's own SHA-1 of what was sent.

mod world;

use world::mail::ID;
use world::oracles::openssl_sha1;
use world::verdicts::receipt_of;
use world::{ANNA, BRUNO, World};

/// What Anna gets back of a message for which she wants a brief receipt.
fn brief(content: &str) -> Option<String> {
    let message = format!(
        "From: {ANNA}\r\nTo: {BRUNO}\r\nX-TipoRicevuta: breve\r\n{ID}MIME-Version: 1.0\r\n{content}"
    );
    let mut world = World::new()?;
    let _ = world.submit(ANNA, &[BRUNO], message);
    let receipt = receipt_of(&world, BRUNO);
    assert!(
        receipt
            .text()
            .starts_with("Ricevuta breve di avvenuta consegna")
    );
    assert!(
        receipt
            .daticert()
            .expect("data")
            .contains("<ricevuta tipo=\"breve\"/>")
    );
    Some(String::from_utf8(receipt.postacert().expect("the message")).expect("7-bit"))
}

/// A part that stands for a file: text, with the SHA-1 that OpenSSL gives for `body`.
fn has_hash(part: &str, name: &str, body: &str) {
    let Some(hash) = openssl_sha1(body) else {
        return;
    };
    assert!(part.contains("Content-Type: text/plain"), "{part}");
    assert!(part.contains(&format!("name=\"{name}.hash\"")), "{part}");
    assert!(
        part.ends_with(&format!("\r\n\r\n{hash}\r\n")),
        "{part} without {hash}"
    );
}

/// RFC 6109 §3.3.2.2: hashes of what stands in the envelope, encoding included (PRACTICE 8.10).
#[test]
fn i18_brief_receipts_replace_named_parts_and_attached_messages_by_their_hash() {
    let Some(inner) = brief(
        "Content-Type: multipart/mixed; boundary=m\r\n\r\n\
         --m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n\
         --a\r\nContent-Type: text/plain\r\n\r\nTesto.\r\n\
         --a\r\nContent-Type: text/html\r\n\r\n<p>Testo.</p>\r\n--a--\r\n\
         --m\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\n\
         Content-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"a.pdf\"\r\n\r\nJVBE\r\nRi0=\r\n\
         --m\r\nContent-Type: text/csv; name=b.csv\r\nContent-ID: <b@mua.example>\r\n\r\n1;2\r\n\r\n\
         --m\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: inline; filename=\"c.png\"\r\n\r\niVBORw0=\r\n\
         --m\r\nContent-Type: image/gif\r\n\r\nsenza nome\r\n\
         --m\r\nContent-Type: message/rfc822\r\n\r\nSubject: inoltrato\r\n\
         Content-Type: multipart/mixed; boundary=n\r\n\r\n\
         --n\r\nContent-Type: text/plain; name=d.txt\r\n\r\ndentro\r\n--n--\r\n\
         --m\r\nContent-Type: message/rfc822; name=\"atto.eml\"\r\n\r\nSubject: y\r\n\r\ncorpo\r\n\
         --m--\r\n",
    ) else {
        return;
    };
    let parts: Vec<&str> = inner.split("--m\r\n").collect();
    assert_eq!(parts.len(), 8, "{inner}");
    // The structure and what has no name stay.
    assert!(parts[1].contains("--a\r\nContent-Type: text/plain\r\n\r\nTesto.\r\n--a"));
    assert!(parts[1].contains("<p>Testo.</p>"));
    assert!(parts[5].contains("Content-Type: image/gif\r\n\r\nsenza nome\r\n"));
    has_hash(parts[2], "a.pdf", "JVBE\r\nRi0=");
    has_hash(parts[3], "b.csv", "1;2\r\n");
    assert!(
        parts[3].contains("Content-ID: <b@mua.example>\r\n"),
        "{inner}"
    );
    has_hash(parts[4], "c.png", "iVBORw0=");
    let forwarded = "Subject: inoltrato\r\nContent-Type: multipart/mixed; boundary=n\r\n\r\n\
                     --n\r\nContent-Type: text/plain; name=d.txt\r\n\r\ndentro\r\n--n--";
    has_hash(parts[6], "message.eml", forwarded);
    let last = parts[7].strip_suffix("--m--\r\n").expect("the end");
    has_hash(last, "atto.eml", "Subject: y\r\n\r\ncorpo");
    for gone in [
        "JVBE",
        "1;2",
        "iVBOR",
        "inoltrato",
        "dentro",
        "d.txt",
        "corpo",
    ] {
        assert!(!inner.contains(gone), "{gone} in {inner}");
    }
}

/// RFC 6109 §3.3.2.2: the structure and the signature stay, and no longer fit each other.
#[test]
fn i18_a_signed_original_keeps_its_structure_and_its_signature() {
    let signature = "MIIGXwYJKoZIhvcNAQcCoIIGUDCCBkwCAQExDTALBglghkgBZQMEAgEwCw==";
    let Some(inner) = brief(&format!(
        "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n\
         \tmicalg=sha-256; boundary=s\r\n\r\n\
         --s\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n\
         --m\r\nContent-Type: text/plain\r\n\r\nTesto.\r\n\
         --m\r\nContent-Type: application/pdf; name=a.pdf\r\n\
         Content-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n--m--\r\n\
         --s\r\nContent-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n\
         Content-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"smime.p7s\"\r\n\r\n{signature}\r\n--s--\r\n"
    )) else {
        return;
    };
    let parts: Vec<&str> = inner.split("--s\r\n").collect();
    assert_eq!(parts.len(), 3, "{inner}");
    assert!(parts[0].contains("multipart/signed") && parts[1].contains("Testo."));
    let pdf = parts[1].split("--m\r\n").nth(2).expect("the file");
    has_hash(
        pdf.strip_suffix("--m--\r\n").expect("the end"),
        "a.pdf",
        "JVBERi0=",
    );
    assert!(
        parts[2].contains(&format!("\r\n\r\n{signature}\r\n--s--")),
        "{inner}"
    );
    assert!(parts[2].contains("name=\"smime.p7s\"\r\n") && !parts[2].contains(".hash"));
}

/// A CMS object cannot be taken apart: the receipt encloses what a complete one would.
#[test]
fn i18_opaque_s_mime_is_left_whole() {
    for subtype in ["pkcs7-mime", "x-pkcs7-mime"] {
        let content = format!(
            "Content-Type: application/{subtype}; smime-type=enveloped-data; name=\"smime.p7m\"\r\n\
             Content-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename=\"smime.p7m\"\r\n\r\nMIIGXwYJKoZIhvcNAQcD\r\n"
        );
        let Some(inner) = brief(&content) else {
            return;
        };
        assert!(
            inner.ends_with("\r\n\r\nMIIGXwYJKoZIhvcNAQcD\r\n"),
            "{inner}"
        );
        assert!(inner.contains("filename=\"smime.p7m\"\r\n"), "{inner}");
    }
}

/// A message that is one file: a part like any other.
#[test]
fn i18_a_message_that_is_one_named_part() {
    let Some(inner) = brief(
        "Content-Type: application/pdf; name=\"a.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n\
         JVBERi0=\r\n",
    ) else {
        return;
    };
    assert!(inner.contains(&format!("To: {BRUNO}\r\n")), "{inner}");
    assert!(inner.contains("name=\"a.pdf.hash\""), "{inner}");
    let Some(hash) = openssl_sha1("JVBERi0=\r\n") else {
        return;
    };
    assert!(
        inner.trim_end().ends_with(&format!("\r\n\r\n{hash}")),
        "{inner} without {hash}"
    );
}
