//! The programs in `examples/` do what they say, on messages of the demonstration: they find what
//! `ceralacca verify` finds, and OpenSSL verifies what they seal.

#[path = "../common/mod.rs"]
mod common;
mod server;
mod world;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{files, skipped, succeed};
use serde_json::Value;
use server::Server;
use tempfile::TempDir;
use world::{ANNA, BRUNO, Sample, World, text};

/// Where wrangler takes mail for the `email` handler.
const MAIL_EVENT: &str = "/cdn-cgi/handler/email";
const NPM: &str = "target/npm";
const WORKER: &str = "examples/worker/node_modules/installed";
const DENO: &str = "examples/deno/node_modules/installed";
const EXTISM: &str = "examples/node-extism/node_modules/installed";

#[test]
fn the_worker_runs_in_workerd_and_takes_mail() {
    let Some(world) = World::new(&[WORKER, NPM]) else {
        return;
    };
    // In a copy, because it leaves its store and its secrets beside it.
    let place = TempDir::new().unwrap();
    for name in fs::read_dir(example("worker")).unwrap() {
        let from = name.unwrap().path();
        let to = place.path().join(from.file_name().unwrap());
        if from.is_file() {
            fs::copy(from, to).unwrap();
        }
    }
    symlink(
        example("worker/node_modules"),
        place.path().join("node_modules"),
    )
    .unwrap();
    let mut start = Command::new(place.path().join("start"));
    start.current_dir(&place).args(world.alfa());
    start.args(["--ip", "127.0.0.1", "--port", "0"]);
    start.env("XDG_CONFIG_HOME", place.path());
    let server = Server::start(start);
    let mail = |file: &Path, outcome: &str| {
        let before = server.said().len();
        let _ = server.post(&format!("{MAIL_EVENT}?from={ANNA}&to={BRUNO}"), file, &[]);
        server.wait_for(before, outcome);
    };
    for Sample { path, judged } in &world.samples {
        let kind = text(&judged["kind"]);
        let outcome = match &judged["defects"][0]["text"] {
            Value::String(why) => format!("reason: \"{kind} that does not hold: {why}\""),
            _ if kind == "ordinary" => "x-ceralacca: ordinary".to_owned(),
            _ => format!("x-ceralacca: {kind} holds"),
        };
        mail(path, &outcome);
    }
    // Nobody but the worker may say what its mark says.
    let marked = [
        "X-Ceralacca: delivery holds\r\n",
        &fs::read_to_string(&world.original).unwrap(),
    ];
    let file = place.path().join("marked.eml");
    fs::write(&file, marked.concat()).unwrap();
    mail(&file, "reason: \"X-Ceralacca is for us to write\"");
    world.is_served_by(&server);
}

#[test]
fn the_same_worker_runs_under_deno_and_bun() {
    let Some(world) = World::new(&[WORKER, DENO, NPM]) else {
        return;
    };
    for runtime in ["deno run --allow-read --allow-net --allow-env=PORT", "bun"] {
        let mut words = runtime.split(' ');
        let program = format!("deno/node_modules/.bin/{}", words.next().unwrap());
        let mut start = Command::new(example(&program));
        start.current_dir(example("deno")).args(words);
        start.arg("serve.js").args(world.alfa()).env("PORT", "0");
        world.is_served_by(&Server::start(start));
    }
}

#[test]
fn programs_verify_and_seal_in_extism_in_wasmtime_and_natively() {
    let Some(world) = World::new(&[]) else { return };
    let directory = world.demo.folder().join("directory.ldif");
    let roots = world.demo.folder().join("roots.pem");
    let of_world = |command: &mut Command| {
        command.arg(&directory).arg(&roots);
    };
    if here(EXTISM) && here("target/ceralacca.extism.wasm") {
        let pec = |deed: &str| {
            let mut command = Command::new("node");
            command
                .arg("--no-warnings")
                .arg(example("node-extism/pec.mjs"));
            command.arg(deed).arg(target("ceralacca.extism.wasm"));
            command
        };
        world.is_verified_by("Extism", |messages| {
            let mut command = pec("verify");
            command.arg(world.demo.folder().join("providers/alfa"));
            command.args(messages);
            command
        });
        let out = TempDir::new().unwrap();
        let mut command = pec("seal");
        command
            .args(world.alfa())
            .arg(&world.original)
            .arg(out.path());
        let said = succeed(command.arg(BRUNO));
        assert!(said.starts_with("250 2.0.0 Accepted as "), "{said}");
        let sealed = files(out.path(), "eml");
        assert_eq!(sealed.len(), 2);
        for message in sealed {
            world.was_sealed_well(&message);
        }
    }
    if here("examples/python-wasmtime/.venv/installed") {
        world.is_verified_by("wasmtime", |messages| {
            let mut command = Command::new(example("python-wasmtime/.venv/bin/python"));
            command.arg(example("python-wasmtime/verify.py"));
            command.arg(target("ceralacca.component.wasm"));
            of_world(&mut command);
            command.arg(messages[0].parent().unwrap());
            command
        });
    }
    let embed = Path::new(env!("CARGO_BIN_EXE_ceralacca")).with_file_name("examples/embed");
    if embed.exists() || skipped("examples/embed (cargo build --release --workspace --examples)") {
        world.is_verified_with_kinds("the core", pascal, |messages| {
            let mut command = Command::new(&embed);
            of_world(&mut command);
            command.args(messages);
            command
        });
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
        ("target", name) => (target(name), "make component extism npm"),
        (_, name) => (example(name), "make install-test-tools"),
    };
    path.exists() || skipped(&format!("{name} ({remedy})"))
}
