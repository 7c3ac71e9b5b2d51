//! The programs in `examples/` do what they say, on messages of the demonstration: they find what
//! `ceralacca verify` finds, and OpenSSL verifies what they seal.

#[path = "../common/mod.rs"]
mod common;
mod isolate;
#[path = "../../../../tests/faces/large.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod large;
mod readme;
mod server;
mod slow;
mod world;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use common::verdicts::with_lf;
use common::{files, names, skipped, succeed};
use isolate::Isolate;
use large::Filling;
use readme::Readme;
use serde_json::Value;
use server::Server;
use tempfile::TempDir;
use world::{ANNA, BRUNO, Sample, World, text};

/// Where wrangler takes mail for the `email` handler.
const MAIL_EVENT: &str = "/cdn-cgi/handler/email";
const NPM: &str = "target/npm";
const WORKER: &str = "examples/worker/node_modules/installed";
const DENO: &str = "examples/deno/node_modules/installed";
const COMPONENT: &str = "ceralacca.component.wasm";
const IN_EXTISM: &str = "ceralacca.extism.wasm";
const VENV: &str = "python-wasmtime/.venv";
/// What the programs need that serve nobody.
const PROGRAMS: [&str; 4] = [
    "target/release/examples/embed",
    "target/ceralacca.extism.wasm",
    "examples/node-extism/node_modules/installed",
    "examples/python-wasmtime/.venv/installed",
];

#[test]
fn each_is_under_150_lines() {
    for name in ["worker", "deno", "node-extism", "python-wasmtime", "embed"] {
        let sources = names(&example(name)).into_iter().filter(|file| {
            let listed = file.starts_with("package") || file == "requirements.txt";
            !listed && !file.starts_with('.') && file != "README.md"
        });
        let files = sources.map(|file| example(name).join(file));
        let lines = files.filter(|path| path.is_file()).map(|path| {
            let text = fs::read_to_string(path).expect("a source is text");
            text.lines().count()
        });
        let lines: usize = lines.sum();
        assert!((20..150).contains(&lines), "{name}: {lines} lines");
    }
}

#[test]
fn the_worker_runs_in_workerd_and_takes_mail() {
    let Some(world) = World::new(&[WORKER, NPM]) else {
        return;
    };
    let readme = Readme::of("worker", &world);
    let server = Server::start(readme.make());
    readme.shows(&server.log());
    let answers = readme.asks(&server);
    assert_eq!(answers.len(), 3);
    for (answer, words) in answers.iter().zip(["\"holds\": true", "\"code\": 250", ""]) {
        assert!(answer.contains(words), "{answer}");
    }
    for Sample { path, judged } in &world.samples {
        let before = server.said().len();
        let _ = server.post(&format!("{MAIL_EVENT}?from={ANNA}&to={BRUNO}"), path, &[]);
        let kind = text(&judged["kind"]);
        let outcome = match &judged["defects"][0]["text"] {
            Value::String(why) => format!("reason: \"{kind} that does not hold: {why}\""),
            _ => "rcptTo: anna@posta.example".to_owned(),
        };
        server.wait_for(before, &outcome);
    }
    world.is_served_by(&server);
}

/// A worker has 128 MB: the largest messages that are taken fit into it, of the kinds that take
/// most, one after another, since the plug-in keeps what it has once taken. What else workerd has
/// in its memory is not all the worker's, and is left out; hence the margin.
#[test]
fn a_worker_has_memory_for_what_it_takes() {
    let Some(world) = World::new(&[WORKER, NPM]) else {
        return;
    };
    let server = Server::start(Readme::of("worker", &world).make());
    let isolate = Isolate::of(&server);
    let token = format!("Authorization: Bearer {}", server.token());
    let seal = format!("/seal?to={BRUNO}");
    let letter = world.demo.folder().join("letter");
    let of = |size, filling| large::letter([ANNA, BRUNO], size, filling);
    // From a file: with CRLF it is nearly twice as large.
    let mut empty_lines = with_lf(&of(3_000, Filling::SevenBit));
    empty_lines.resize(10_000_000, b'\n');
    let messages = [
        ("/verify", "enclosed", of(10_000_000, Filling::Enclosed)),
        (&*seal, "8-bit", of(2_000_000, Filling::EightBit)),
        ("/verify", "base64", of(10_000_000, Filling::Base64)),
        (&seal, "enclosed", of(2_000_000, Filling::Enclosed)),
        (
            "/verify",
            "quoted-printable",
            of(10_000_000, Filling::QuotedPrintable),
        ),
        ("/verify", "empty lines", empty_lines),
    ];
    // The less of two times: without a limit, V8 need not collect garbage while a message is dealt with.
    let mut least = [u64::MAX; 6];
    for _ in 0..2 {
        for ((path, filling, octets), least) in messages.iter().zip(&mut least) {
            fs::write(&letter, octets).unwrap();
            let grown = isolate.grows(|| {
                let (status, said) = server.post(path, &letter, &["-H", &token]);
                assert_eq!(status, 200, "{said:#}");
            });
            println!("{path} {filling}: {} MB", grown / 1_000_000);
            *least = grown.min(*least);
        }
    }
    assert!(least.iter().all(|grown| *grown < 110_000_000), "{least:?}");
}

/// workerd ends the request of a client who has left; the room that his message took is free again.
#[test]
fn clients_may_leave_while_their_messages_are_dealt_with() {
    let Some(world) = World::new(&[WORKER, NPM]) else {
        return;
    };
    let place = TempDir::new().unwrap();
    let server = slow::start(&world, &place);
    let waiting = ["--retry-connrefused", "--retry", "9"];
    let (status, said) = server.post("/verify", &world.original, &waiting);
    assert_eq!(status, 200, "{said:#}");
    for _ in 0..20 {
        slow::leaves(&server, &fs::read(&world.original).unwrap());
    }
    // What they left is still dealt with.
    thread::sleep(Duration::from_secs(3));
    let letter = world.demo.folder().join("letter");
    let largest = large::letter([ANNA, BRUNO], 10_000_000, Filling::Base64);
    fs::write(&letter, largest).unwrap();
    let (status, said) = server.post("/verify", &letter, &[]);
    assert_eq!(status, 200, "{said:#}");
}

#[test]
fn the_same_worker_runs_under_deno_and_bun() {
    let Some(world) = World::new(&[WORKER, DENO, NPM]) else {
        return;
    };
    let makes = Readme::of("deno", &world).makes();
    assert_eq!(makes.len(), 2);
    for make in makes {
        world.is_served_by(&Server::start(make));
    }
}

#[test]
fn programs_print_what_their_readmes_show() {
    let Some(world) = World::new(&PROGRAMS) else {
        return;
    };
    for name in ["node-extism", "python-wasmtime", "embed"] {
        let readme = Readme::of(name, &world);
        readme.shows(&succeed(&mut readme.make()));
    }
    let sealed = files(&world.demo.folder().join("sealed"), "eml");
    assert_eq!(sealed.len(), 2);
    for message in sealed {
        world.was_sealed_well(&message);
    }
}

#[test]
fn programs_judge_as_the_command_line_does() {
    let Some(world) = World::new(&PROGRAMS) else {
        return;
    };
    let out = world.demo.folder();
    let [directory, roots] = ["directory.ldif", "roots.pem"].map(|name| out.join(name));
    world.is_verified_by("Extism", |messages| {
        let mut command = program("pec.mjs");
        command.arg("verify").arg(target(IN_EXTISM));
        command.arg(out.join("providers/alfa")).args(messages);
        command
    });
    world.is_verified_by("wasmtime", |messages| {
        let mut command = program("verify.py");
        command.arg(target(COMPONENT)).arg(&directory).arg(&roots);
        command.arg(messages[0].parent().unwrap());
        command
    });
    world.is_verified_with_kinds("the core", pascal, |messages| {
        let mut command = program("embed");
        command.arg(&directory).arg(&roots).args(messages);
        command
    });
}

/// 0 and 1 are verdicts. What went wrong, or was used wrongly, must not look like one.
#[test]
fn programs_end_with_2_where_there_is_no_verdict() {
    let Some(world) = World::new(&PROGRAMS) else {
        return;
    };
    let out = world.demo.folder();
    let place = TempDir::new().unwrap();
    let large = place.path().join("large.eml");
    File::create(&large).unwrap().set_len(300_000_000).unwrap();
    let component = target(COMPONENT);
    let in_extism = target(IN_EXTISM);
    let [alfa, ldif, roots] =
        ["providers/alfa", "directory.ldif", "roots.pem"].map(|name| out.join(name));
    let [nowhere, verify, seal, elena, bruno] =
        ["nowhere", "verify", "seal", "elena@pec.alfa.example", BRUNO].map(Path::new);
    let letter = &*world.original;
    let cases: [(i32, &str, &[&Path], &str); 15] = [
        (2, "pec.mjs", &[], "wrong use"),
        (2, "pec.mjs", &[verify, &in_extism, &alfa], "wrong use"),
        (
            2,
            "pec.mjs",
            &[verify, &in_extism, &alfa, nowhere],
            "no such file",
        ),
        (
            2,
            "pec.mjs",
            &[verify, &in_extism, &alfa, &large],
            "too-large",
        ),
        (
            2,
            "pec.mjs",
            &[verify, &in_extism, nowhere, letter],
            "no such file",
        ),
        (
            2,
            "pec.mjs",
            &[verify, letter, &alfa, letter],
            "WebAssembly",
        ),
        (
            1,
            "pec.mjs",
            &[seal, &in_extism, &alfa, elena, letter, place.path(), bruno],
            "",
        ),
        (2, "verify.py", &[], "Usage: verify.py"),
        (
            2,
            "verify.py",
            &[&component, &ldif, &roots, nowhere],
            "No such file",
        ),
        (
            2,
            "verify.py",
            &[&component, &roots, &roots, place.path()],
            "the directory is not taken",
        ),
        (
            2,
            "verify.py",
            &[letter, &ldif, &roots, place.path()],
            "expected `(`",
        ),
        (
            2,
            "verify.py",
            &[&component, &ldif, &roots, place.path()],
            "large.eml: too large",
        ),
        (2, "embed", &[], "usage: embed"),
        (
            2,
            "embed",
            &[&ldif, &roots, nowhere],
            "nowhere: No such file",
        ),
        (2, "embed", &[&roots, &roots, letter], "embed: line 1: "),
    ];
    for (code, name, arguments, words) in cases {
        let output = program(name).args(arguments).output().expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{name} {arguments:?}: {said}"
        );
        assert!(said.contains(words), "{name} {arguments:?}: {said}");
    }
}

/// A program of the examples.
fn program(name: &str) -> Command {
    match name {
        "pec.mjs" => {
            let mut command = Command::new("node");
            command
                .arg("--no-warnings")
                .arg(example("node-extism/pec.mjs"));
            command
        }
        "verify.py" => {
            let mut command = Command::new(example(VENV).join("bin/python"));
            command.arg(example("python-wasmtime/verify.py"));
            command
        }
        _ => Command::new(target("release/examples").join(name)),
    }
}

/// `server-user-acceptance` → `ServerUserAcceptance`.
fn pascal(name: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('-').map(word).collect()
}

fn example(name: &str) -> PathBuf {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    examples.canonicalize().expect("it is there").join(name)
}

/// Something that has been built.
fn target(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name(name)
}

/// Is it built, or installed? Says so where it is not.
fn here(name: &str) -> bool {
    let (path, remedy) = match name.split_once('/').expect("a path") {
        ("target", name) if name.starts_with("release/") => {
            (target(name), "cargo build --release --workspace --examples")
        }
        ("target", name) => (target(name), "make component extism npm"),
        (_, name) => (example(name), "make install-test-tools"),
    };
    path.exists() || skipped(&format!("{name} ({remedy})"))
}
