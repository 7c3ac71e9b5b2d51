//! F14: attachment types that a provider forbids, by name, by content, and inside archives.
//! Archives are made by Info-ZIP; the programs begin as the linkers of their systems write them.

mod world;

use std::path::Path;
use std::process::Command;

use encodify::base64;
use world::mail::{ID, Read};
use world::oracles::has;
use world::{ANNA, BRUNO, Difference, World};

/// A provider that forbids programs of Windows and of Linux, and Java classes.
fn strict() -> Option<World> {
    let strict = |settings: &mut ceralacca_harness::provider::settings::Settings| {
        settings.forbidden_attachments = ["exe", "scr", "so", "class"].map(str::to_owned).to_vec();
    };
    World::with(Difference {
        alfa: Some(&strict),
        ..Default::default()
    })
}

/// A letter with one attachment, its part headers as given.
fn attached(headers: &str, content: &[u8]) -> String {
    format!(
        "From: {ANNA}\r\nTo: {BRUNO}\r\nSubject: allegato\r\n{ID}MIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nIn allegato.\r\n\
         --b\r\n{headers}Content-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
        base64::MIME.encode(content)
    )
}

fn named(name: &str, content: &[u8]) -> String {
    attached(
        &format!(
            "Content-Type: application/octet-stream\r\n\
             Content-Disposition: attachment; filename=\"{name}\"\r\n"
        ),
        content,
    )
}

/// Submits; on a notice of non-acceptance, the reason it gives.
fn submit(world: &mut World, message: &str) -> Result<(), String> {
    let before = world.kinds(ANNA).len();
    let reply = world.submit(ANNA, &[BRUNO], message).reply;
    assert_eq!(reply.code, 250, "{reply:?}");
    match world.kinds(ANNA)[before..]
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()[..]
    {
        ["server-user-acceptance", "delivery"] => Ok(()),
        ["non-acceptance"] => {
            let notice = Read::new(&world.mailbox(ANNA).pop().expect("a notice").octets);
            Err(notice.element("errore-esteso").expect("a reason"))
        }
        ref other => panic!("{other:?}"),
    }
}

/// Submits, and expects a notice that names part, file and why.
fn refused(world: &mut World, message: &str, reason: &str) {
    let said = submit(world, message).expect_err(reason);
    assert!(said.contains(reason), "“{reason}” not in “{said}”");
}

/// An archive by Info-ZIP. None where the tool is not here.
fn zip(options: &[&str], files: &[(&str, &[u8])]) -> Option<Vec<u8>> {
    if !has("zip") {
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new("zip");
    command.current_dir(folder.path()).arg("-q").args(options);
    command.arg("made.zip");
    for (name, content) in files {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap_or(Path::new("."))).expect("a folder");
        std::fs::write(file, content).expect("a file");
        command.arg(name);
    }
    assert!(command.status().expect("zip runs").success());
    Some(std::fs::read(folder.path().join("made.zip")).expect("an archive"))
}

/// The head of a program for Windows: MZ header, PE header at 0x80 (PE format specification).
fn windows_program() -> Vec<u8> {
    let mut octets = vec![0; 0x200];
    octets[..2].copy_from_slice(b"MZ");
    octets[0x3c] = 0x80;
    octets[0x80..0x86].copy_from_slice(b"PE\0\0\x64\x86");
    octets
}

/// The head of a program for this very system: this test.
fn unix_program() -> Vec<u8> {
    let test = std::env::current_exe().expect("a path");
    std::fs::read(test).expect("a program")[..4096].to_vec()
}

#[test]
fn f14_a_forbidden_name_wherever_it_stands() {
    let Some(mut world) = strict() else { return };
    let disposition = |value: &str| format!("Content-Disposition: attachment; {value}\r\n");
    for (headers, name) in [
        (
            "Content-Type: application/x-a; name=\"setup.exe\"\r\n".into(),
            "setup.exe",
        ),
        (disposition("filename=setup.exe"), "setup.exe"),
        (disposition("filename=\"Setup.EXE\""), "Setup.EXE"),
        (
            disposition("filename=\"fattura.pdf.exe\""),
            "fattura.pdf.exe",
        ),
        (disposition("filename=\"setup.exe. .\""), "setup.exe"),
        // RFC 2231: encoded, and continued.
        (
            disposition("filename*=utf-8''perch%C3%A9.exe"),
            "perché.exe",
        ),
        (
            disposition("filename*0=\"set\";\r\n filename*1=\"up.exe\""),
            "setup.exe",
        ),
        // RFC 2047, where it does not belong and clients put it.
        (
            disposition("filename=\"=?utf-8?B?c2V0dXAuZXhl?=\""),
            "setup.exe",
        ),
        // Which of two names a reader shows is the reader's choice.
        (
            "Content-Type: application/x-a; name=\"setup.exe\"\r\n\
             Content-Disposition: attachment; filename=\"nota.txt\"\r\n"
                .into(),
            "setup.exe",
        ),
    ] {
        let said = submit(&mut world, &attached(&headers, b"x")).expect_err(&headers);
        assert!(said.contains("la parte 2 contiene"), "{said}");
        assert!(said.contains(name), "{name} not in {said}");
        assert!(said.contains("di tipo non ammesso (exe)"), "{said}");
    }
    for name in ["nota.txt", "setup.exe.txt", "exe", "relazione.pdf"] {
        assert_eq!(submit(&mut world, &named(name, b"x")), Ok(()), "{name}");
    }
}

#[test]
fn f14_a_renamed_program_is_known_by_its_content() {
    let Some(mut world) = strict() else { return };
    let name = "\"relazione.pdf\"";
    for (content, why) in [
        (
            windows_program(),
            "(exe): il suo contenuto è un programma per Windows",
        ),
        (unix_program(), "(so): il suo contenuto è un programma ELF"),
        (
            b"\xca\xfe\xba\xbe\0\0\0\x41".to_vec(),
            "(class): il suo contenuto è una classe Java",
        ),
    ] {
        let reason = format!("{name} di tipo non ammesso {why}");
        refused(&mut world, &named("relazione.pdf", &content), &reason);
    }
    // Without any name, and in a text part.
    refused(
        &mut world,
        &attached("Content-Type: text/plain\r\n", &windows_program()),
        "un programma per Windows",
    );
    let text = b"MZ: la sigla automobilistica di nessuna provincia, e nessun programma.\r\n";
    assert_eq!(submit(&mut world, &named("nota.txt", text)), Ok(()));
}

#[test]
fn f14_inside_archives() {
    let Some(mut world) = strict() else { return };
    let program = windows_program();
    let Some(plain) = zip(&[], &[("leggimi.txt", b"ciao"), ("bin/setup.exe", b"x")]) else {
        return;
    };
    refused(
        &mut world,
        &named("a.zip", &plain),
        "\"a.zip/bin/setup.exe\" di tipo non ammesso (exe)",
    );
    // An archive under another name, and with something in front, as in self-extracting ones.
    refused(
        &mut world,
        &named("a.doc", &plain),
        "\"a.doc/bin/setup.exe\"",
    );
    let prefixed = [b"#!/bin/true\n".as_slice(), &plain].concat();
    refused(
        &mut world,
        &named("a.dat", &prefixed),
        "\"a.dat/bin/setup.exe\"",
    );

    let renamed = zip(&[], &[("foto.jpg", &program)]).expect("zip");
    refused(
        &mut world,
        &named("a.zip", &renamed),
        "\"a.zip/foto.jpg\" di tipo non ammesso (exe)",
    );
    let stored = zip(&["-0"], &[("foto.jpg", &program)]).expect("zip");
    refused(&mut world, &named("a.zip", &stored), "\"a.zip/foto.jpg\"");
    for options in [&[][..], &["-0"]] {
        let nested = zip(options, &[("b.bak", &renamed)]).expect("zip");
        refused(
            &mut world,
            &named("a.zip", &nested),
            "\"a.zip/b.bak/foto.jpg\"",
        );
    }
    let letter = named("setup.exe", b"x");
    let with_letter = zip(&[], &[("posta.eml", letter.as_bytes())]).expect("zip");
    refused(
        &mut world,
        &named("a.zip", &with_letter),
        "\"a.zip/posta.eml/setup.exe\"",
    );
    // What is encrypted shows its names only.
    let encrypted = zip(&["-P", "segreto"], &[("setup.exe", b"x")]).expect("zip");
    refused(
        &mut world,
        &named("a.zip", &encrypted),
        "\"a.zip/setup.exe\"",
    );
    let encrypted = zip(&["-P", "segreto"], &[("foto.jpg", &program)]).expect("zip");
    assert_eq!(submit(&mut world, &named("a.zip", &encrypted)), Ok(()));

    let harmless = zip(&[], &[("a.txt", b"a"), ("b/c.txt", b"c")]).expect("zip");
    assert_eq!(submit(&mut world, &named("a.zip", &harmless)), Ok(()));
    refused(
        &mut world,
        &named("a.zip", &harmless[..100]),
        "è un archivio illeggibile",
    );
}

#[test]
fn f14_a_forwarded_message_is_looked_into() {
    let Some(mut world) = strict() else { return };
    let inner = named("setup.exe", b"x");
    let forwarded = format!(
        "From: {ANNA}\r\nTo: {BRUNO}\r\n{ID}MIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=fwd\r\n\r\n--fwd\r\n\
         Content-Type: message/rfc822\r\n\r\n{inner}\r\n--fwd--\r\n"
    );
    refused(
        &mut world,
        &forwarded,
        "la parte 1.1.2 contiene l'allegato \"setup.exe\"",
    );
    // As a file, encoded.
    refused(
        &mut world,
        &named("posta.eml", inner.as_bytes()),
        "\"posta.eml/setup.exe\"",
    );
}

/// What would cost too much to look into is refused, at a cost that is bounded.
#[test]
fn f14_bombs_are_refused_unopened() {
    let Some(mut world) = strict() else { return };
    let Some(mut matryoshka) = zip(&[], &[("a.txt", b"a")]) else {
        return;
    };
    for _ in 0..10 {
        matryoshka = zip(&[], &[("a.zip", &matryoshka)]).expect("zip");
    }
    let reason = "che contiene troppo per poter essere controllato";
    refused(&mut world, &named("a.zip", &matryoshka), reason);
    let zeros = vec![0; 100_000_000];
    // Without the option Info-ZIP stores what is called `.zip`.
    let bomb = zip(&["-n", ":"], &[("b.zip", &zeros)]).expect("zip");
    assert!(bomb.len() < 500_000);
    refused(&mut world, &named("a.zip", &bomb), reason);
    // Not an archive inside: its first octets are enough.
    let large = zip(&[], &[("dati.bin", &zeros)]).expect("zip");
    assert_eq!(submit(&mut world, &named("a.zip", &large)), Ok(()));
}

#[test]
fn f14_where_archives_are_forbidden_office_documents_are_not() {
    let no_archives = |settings: &mut ceralacca_harness::provider::settings::Settings| {
        settings.forbidden_attachments = vec!["zip".to_owned(), "docm".to_owned()];
    };
    let difference = Difference {
        alfa: Some(&no_archives),
        ..Default::default()
    };
    let Some(mut world) = World::with(difference) else {
        return;
    };
    let Some(archive) = zip(&[], &[("a.txt", b"a")]) else {
        return;
    };
    refused(
        &mut world,
        &named("a.dat", &archive),
        "(zip): il suo contenuto è un archivio zip",
    );
    let document: [(&str, &[u8]); 2] = [
        ("[Content_Types].xml", b"<x/>"),
        ("word/document.xml", b"<x/>"),
    ];
    let plain = zip(&[], &document).expect("zip");
    assert_eq!(submit(&mut world, &named("lettera.docx", &plain)), Ok(()));
    let with_macros = [document[0], ("word/vbaProject.bin", b"x")];
    let with_macros = zip(&[], &with_macros).expect("zip");
    refused(&mut world, &named("lettera.docx", &with_macros), "(docm)");
}

/// The default: a provider that forbids nothing looks at nothing.
#[test]
fn f14_nothing_is_forbidden_by_default() {
    let Some(mut world) = World::new() else {
        return;
    };
    assert_eq!(
        submit(&mut world, &named("setup.exe", &windows_program())),
        Ok(())
    );
}
