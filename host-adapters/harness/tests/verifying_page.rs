//! The page of `examples/page` in headless Chromium, with real clicks, keys and downloads: it says
//! of every message what `ceralacca verify` says, what it saves is what was sent, nothing that a
//! message says becomes part of it, and it asks nobody for anything.
//!
//! `CERALACCA_SCREENSHOTS=FOLDER` also takes pictures, for looking at them.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use base64ct::{Base64, Encoding as _};
use common::verdicts::{Demonstration, objects, with_lf};
use common::{NOW, files, in_folder, plug_in, shared, skipped, succeed};
use serde_json::{Value, json};

#[test]
fn the_page_says_in_a_browser_what_the_command_line_says() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let demo = Demonstration::run();
    let mut messages = demo.messages();
    messages.extend(damaged(&demo));
    messages.extend(strangers(&demo));
    messages.extend(shared("samples").map_or_else(Vec::new, |folder| files(&folder, "eml")));
    let paths: Vec<&Path> = messages.iter().map(PathBuf::as_path).collect();
    let plan = json!({
        "sources": sources(),
        "messages": objects(&demo.verify(&paths, &["--json"])),
        "receipt": demo.first("delivery"),
        "directory": demo.folder().join("directory.ldif"),
        "roots": demo.folder().join("roots.pem"),
        "signed": signed_directory(&demo),
        "hostile": hostile(&demo),
        "big": big(&demo),
        "tooBig": too_big(&demo),
        "sent": sent_attachment(&demo),
        "downloads": demo.write("downloads/none", "").parent(),
        "screenshots": std::env::var_os("CERALACCA_SCREENSHOTS").map(PathBuf::from),
    });
    let plan = demo.write("plan.json", plan.to_string());
    print!("{}", browser.run(&plan));
}

/// What the story runs on: Chromium, Node with what `make install-test-tools` brought, the page.
struct Browser {
    tools: PathBuf,
    page: PathBuf,
}

impl Browser {
    fn find() -> Option<Self> {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..");
        let tools = target.join("tools/hosts");
        let page = target.join("page");
        let here = |path: &Path, name: &str| path.exists() || skipped(name);
        // Where `tests/faces/hosts/chromium.mjs` looks for it.
        let chromium = std::env::var_os("CHROMIUM").unwrap_or("/usr/bin/chromium".into());
        let chromium = PathBuf::from(chromium);
        (plug_in()
            && program("node")
            && here(&chromium, "chromium")
            && program("python3")
            && program("openssl")
            && here(
                &tools.join("installed"),
                "playwright-core (make install-test-tools)",
            )
            && here(&page.join("index.html"), "target/page (make page)"))
        .then_some(Self { tools, page })
    }

    /// Tells the story of `verifying_page/story.mjs`.
    fn run(&self, plan: &Path) -> String {
        let story = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifying_page/story.mjs");
        succeed(
            Command::new("node")
                .arg(story)
                .args([&self.tools, &self.page])
                .arg(plan),
        )
    }
}

fn program(name: &str) -> bool {
    let found = Command::new(name).arg("--version").output().is_ok();
    // OpenSSL calls it `version`; that it runs is enough.
    found || skipped(name)
}

/// Where the plug-in names what it finds: the page has words for all of it.
fn sources() -> Vec<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src");
    let mut sources = files(&source.join("incoming_point"), "rs");
    sources.push(source.join("smime/path.rs"));
    sources
}

/// An envelope and a receipt with all kinds of damage, and with other line ends.
fn damaged(demo: &Demonstration) -> Vec<PathBuf> {
    let envelope = demo.octets("transport-envelope");
    let receipt = demo.octets("delivery");
    let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).expect("ASCII");
    let change = |from: &str, to: &str| text(&envelope).replacen(from, to, 1);
    let half = envelope.len() / 2;
    [
        (
            "altered.eml",
            change("Gentile Bruno", "Gentile Bruna").into_bytes(),
        ),
        (
            "other-from.eml",
            change("<posta-certificata@", "<posta-certificata@x.").into_bytes(),
        ),
        (
            "no-id.eml",
            change("\r\nMessage-ID:", "\r\nX-Message-ID:").into_bytes(),
        ),
        ("cut-off.eml", envelope[..half].to_vec()),
        ("line-feeds.eml", with_lf(&receipt)),
        (
            "mbox.eml",
            [
                b"From anna Sat Sep 19 15:41:19 2026\n",
                &with_lf(&receipt)[..],
            ]
            .concat(),
        ),
        ("forward.eml", forward(&text(&receipt)).into_bytes()),
    ]
    .into_iter()
    .map(|(name, octets)| demo.write(name, octets))
    .collect()
}

/// Files that are no PEC messages.
fn strangers(demo: &Demonstration) -> Vec<PathBuf> {
    let ordinary = "From: a@b.example\r\nTo: c@d.example\r\nSubject: ciao\r\n\r\nciao\r\n";
    let likeness = "From: a@b.example\r\nSubject: CONSEGNA: ciao\r\n\r\nciao\r\n";
    [
        ("ordinary.eml", ordinary.as_bytes()),
        ("likeness.eml", likeness.as_bytes()),
        ("empty.eml", b""),
        ("garbage.bin", b"\x00\x01\xfe\xff\x80garbage\x00\x90"),
        ("text.txt", b"this is\nno mail at all\n"),
        ("archive.zip", b"PK\x03\x04\x14\0"),
        ("document.pdf.p7m", b"0\x80\x06\x09*\x86H"),
    ]
    .into_iter()
    .map(|(name, octets)| demo.write(name, octets))
    .collect()
}

fn forward(receipt: &str) -> String {
    format!(
        "From: anna@pec.alfa.example\r\nTo: capo@azienda.example\r\nSubject: Fwd: consegna\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=f\r\n\r\n--f\r\n\r\n\
         In allegato.\r\n--f\r\nContent-Type: message/rfc822; name=\"ricevuta.eml\"\r\n\r\n\
         {receipt}\r\n--f--\r\n"
    )
}

/// An envelope for a letter whose sender wants to be more than text.
fn hostile(demo: &Demonstration) -> Value {
    let attachment = b"MZ this is nothing\x00\xff";
    let letter = format!(
        "From: anna.rossi@pec.alfa.example\r\nTo: bruno.verdi@pec.beta.example\r\n\
         Subject: <img src=x onerror=alert(1)>\r\nMessage-ID: <h@x.example>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
         Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
         <script>document.title=3D'taken'</script><p>Perch=C3=A9 <b onclick=3D1>no</b> &lt;i&gt;</p>\r\n\
         --b\r\nContent-Type: application/octet-stream;\r\n name*=utf-8''..%2F..%2F%E2%80%AEcod.exe%22%3Cb%3E\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
        Base64::encode_string(attachment)
    );
    demo.write("hostile.txt", letter);
    let folder = demo.folder();
    let submit = format!(
        "submit --provider {{}}/providers/alfa --from anna.rossi@pec.alfa.example \
         --rcpt bruno.verdi@pec.beta.example --now {NOW} {{}}/../hostile.txt"
    );
    let outbox = folder.join("providers/alfa/outbox");
    let before = files(&outbox, "eml");
    let ran = in_folder(&folder, &submit);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let new = files(&outbox, "eml")
        .into_iter()
        .filter(|path| !before.contains(path));
    let is_envelope = |path: &PathBuf| path.to_string_lossy().contains("transport-envelope");
    let envelope = new.into_iter().find(is_envelope).expect("an envelope left");
    json!({ "file": envelope, "attachment": Base64::encode_string(attachment) })
}

/// The directory, signed by somebody whose certificate is at hand; and an older one.
fn signed_directory(demo: &Demonstration) -> Value {
    let name = |name: &str| demo.write(&format!("agency/{name}"), "");
    let (key, certificate) = (name("key.pem"), name("agency.pem"));
    let mut make = Command::new("openssl");
    make.args([
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=Agency",
    ]);
    succeed(make.arg("-keyout").arg(&key).arg("-out").arg(&certificate));
    let sign = |signed: &Path| {
        let mut sign = Command::new("openssl");
        sign.args(["cms", "-sign", "-nodetach", "-binary", "-outform", "DER"]);
        sign.arg("-in").arg(demo.folder().join("directory.ldif"));
        sign.arg("-signer")
            .arg(&certificate)
            .arg("-inkey")
            .arg(&key);
        succeed(sign.arg("-out").arg(signed));
    };
    let (old, new) = (name("old.ldif.p7m"), name("directory.ldif.p7m"));
    sign(&old);
    // Signing times are whole seconds.
    thread::sleep(Duration::from_millis(1_100));
    sign(&new);
    json!({ "file": new, "old": old, "signer": certificate })
}

/// A message that takes a while: ordinary, 30 MB.
fn big(demo: &Demonstration) -> PathBuf {
    let line = format!("{}\r\n", "QUJD".repeat(19));
    let head = "From: a@b.example\r\nSubject: big\r\nMIME-Version: 1.0\r\n\
                Content-Type: application/pdf; name=big.pdf\r\n\
                Content-Transfer-Encoding: base64\r\n\r\n";
    demo.write(
        "big.eml",
        head.to_owned() + &line.repeat(30_000_000 / line.len()),
    )
}

/// More than the plug-in takes: a file with a hole, which takes no room.
fn too_big(demo: &Demonstration) -> PathBuf {
    let path = demo.write("too-big.eml", "From: a@b.example\r\n\r\n");
    let file = fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .expect("a file");
    file.set_len(120_000_001).expect("a file with a hole");
    path
}

/// The attachment of the first letter, as its sender's mail program wrote it.
fn sent_attachment(demo: &Demonstration) -> PathBuf {
    let letter = fs::read(demo.folder().join("submitted/01-original.txt")).expect("a letter");
    let letter = String::from_utf8(letter)
        .expect("ASCII")
        .replace("\r\n", "\n");
    let (_, part) = letter
        .split_once("Content-Type: application/pdf")
        .expect("a PDF");
    let (_, body) = part.split_once("\n\n").expect("a body");
    let (body, _) = body.split_once("\n--").expect("an end");
    let content = Base64::decode_vec(&body.replace('\n', "")).expect("base64");
    demo.write("sent.pdf", content)
}
