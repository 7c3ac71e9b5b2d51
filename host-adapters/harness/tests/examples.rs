//! The programs in `examples/` do what they say, on messages of the demonstration: they find what
//! `ceralacca verify` finds, and OpenSSL verifies what they seal.

mod common;

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::verdicts::{Demonstration, with_lf};
use common::{files, plug_in, skipped, succeed, tool};
use serde_json::Value;
use tempfile::TempDir;

const ANNA: &str = "anna.rossi@pec.alfa.example";
/// Where wrangler takes mail for the `email` handler.
const MAIL_EVENT: &str = "/cdn-cgi/handler/email";
const NPM: &str = "target/npm";
const BRUNO: &str = "bruno.verdi@pec.beta.example";

#[test]
fn the_worker_runs_in_workerd_and_takes_mail() {
    let Some(world) = World::new(&["examples/worker/node_modules", NPM]) else {
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
    start.env("CLOUDFLARE_CF_FETCH_ENABLED", "false");
    let server = Server::start(start);
    for Sample { path, judged } in &world.samples {
        let kind = text(&judged["kind"]);
        let outcome = match &judged["defects"][0]["text"] {
            Value::String(why) => format!("reason: \"{kind} that does not hold: {why}\""),
            _ if kind == "ordinary" => "x-ceralacca: ordinary".to_owned(),
            _ => format!("x-ceralacca: {kind} holds"),
        };
        let before = server.log().len();
        let _ = server.post(&format!("{MAIL_EVENT}?from={ANNA}&to={BRUNO}"), path, &[]);
        server.wait_for(before, &outcome);
    }
    world.is_served_by(&server);
}

#[test]
fn the_same_worker_runs_under_deno_and_bun() {
    let needs = [
        "examples/worker/node_modules",
        "examples/deno/node_modules",
        NPM,
    ];
    let Some(world) = World::new(&needs) else {
        return;
    };
    for runtime in ["deno run --allow-read --allow-net --allow-env", "bun"] {
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
    if here("examples/node-extism/node_modules") && here("target/ceralacca.extism.wasm") {
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
    if here("examples/python-wasmtime/.venv") {
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

/// The demonstration of today, since the programs look at the clock, and some messages of it.
struct World {
    demo: Demonstration,
    samples: Vec<Sample>,
    /// What Anna handed in at first.
    original: PathBuf,
}

struct Sample {
    path: PathBuf,
    /// What `ceralacca verify --json` says of it.
    judged: Value,
}

impl World {
    /// None where something that the program under test needs is not here.
    fn new(needs: &[&str]) -> Option<Self> {
        if !plug_in() || !tool("openssl") || !tool("curl") || !needs.iter().all(|path| here(path)) {
            return None;
        }
        let demo = Demonstration::of_today();
        let submitted = files(&demo.folder().join("submitted"), "txt");
        let ends = |end: &str| {
            let fits = |path: &&PathBuf| path.to_str().is_some_and(|name| name.ends_with(end));
            submitted.iter().find(fits).expect("it is shown").clone()
        };
        let original = ends("01-original.txt");
        let samples = [
            demo.first("transport-envelope"),
            demo.first("delivery"),
            ends("-altered.txt"),
            original.clone(),
        ];
        let samples = samples.map(|path| Sample {
            judged: demo.judge(&path, &[]).1,
            path,
        });
        let verdicts = samples
            .each_ref()
            .map(|sample| text(&sample.judged["verdict"]));
        assert_eq!(verdicts, ["holds", "holds", "does-not-hold", "not-pec"]);
        Some(Self {
            samples: samples.into(),
            original,
            demo,
        })
    }

    /// The arguments of programs that run a provider.
    fn alfa(&self) -> [PathBuf; 2] {
        [self.demo.folder().join("providers/alfa"), ANNA.into()]
    }

    /// OpenSSL verifies it, and what is inside is what was handed in.
    fn was_sealed_well(&self, message: &Path) {
        let mut openssl = Command::new("openssl");
        openssl.args([
            "cms",
            "-verify",
            "-purpose",
            "smimesign",
            "-out",
            "/dev/null",
            "-in",
        ]);
        openssl.arg(message).arg("-CAfile");
        succeed(openssl.arg(self.demo.folder().join("roots.pem")));
        let compare = ["--compare", self.original.to_str().unwrap()];
        let (code, judged) = self.demo.judge(message, &compare);
        assert_eq!(code, 0, "{judged:#}");
    }

    /// A program that prints a line for each message.
    fn is_verified_by(&self, name: &str, program: impl Fn(&[PathBuf]) -> Command) {
        self.is_verified_with_kinds(name, str::to_owned, program);
    }

    /// The same, where kinds are spelled otherwise.
    fn is_verified_with_kinds(
        &self,
        name: &str,
        spelled: fn(&str) -> String,
        program: impl Fn(&[PathBuf]) -> Command,
    ) {
        let place = TempDir::new().unwrap();
        let copy = |name: &str, octets: &[u8]| {
            let path = place.path().join(name);
            fs::write(&path, octets).unwrap();
            path
        };
        let mut messages = Vec::new();
        let mut expected = Vec::new();
        for (number, Sample { path, judged }) in self.samples.iter().enumerate() {
            let kind = spelled(text(&judged["kind"]));
            expected.push(match text(&judged["verdict"]) {
                "holds" => format!("{kind} of {}: holds", text(&judged["issuer"]["name"])),
                "not-pec" => "ordinary mail".to_owned(),
                _ => format!(
                    "{kind}: does not hold: {}",
                    text(&judged["defects"][0]["text"])
                ),
            });
            messages.push(copy(&format!("{number}.eml"), &fs::read(path).unwrap()));
        }
        // As files on disks have it, and no mail at all.
        expected.push(expected[0].clone());
        messages.push(copy("4.eml", &with_lf(&fs::read(&messages[0]).unwrap())));
        for junk in ["", "hello\n"] {
            expected.push("no mail".to_owned());
            messages.push(copy(&format!("{}.eml", messages.len()), junk.as_bytes()));
        }
        let output = program(&messages).output().expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {stderr}");
        let said = String::from_utf8(output.stdout).expect("UTF-8");
        let said: Vec<&str> = said
            .lines()
            .map(|line| line.split_once(".eml: ").expect("FILE: VERDICT").1)
            .collect();
        assert_eq!(said, expected, "{name}");

        fs::remove_file(&messages[2]).unwrap();
        messages.remove(2);
        let output = program(&messages).output().expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{name}: all hold");
    }

    /// A server with `POST /verify` and `POST /seal`.
    fn is_served_by(&self, server: &Server) {
        for Sample { path, judged } in &self.samples {
            let (status, found) = server.post("/verify", path, &[]);
            assert_eq!(status, 200, "{found:#}");
            assert_eq!(found["kind"]["tag"], judged["kind"]);
            assert_eq!(found["holds"], judged["holds"]);
            assert_eq!(found["checks"], judged["checks"]);
            assert_eq!(found["defects"], judged["defects"]);
            assert_eq!(found["issuer"]["name"], judged["issuer"]["name"]);
            assert_eq!(found["data"]["pecId"], judged["data"]["pec_id"]);
            let digest = &judged["signature"]["computed_digest"];
            assert_eq!(found["signature"]["computedDigest"], *digest);
        }
        self.is_sealed_by(server);
        self.bad_input_is_refused_by(server);
    }

    fn is_sealed_by(&self, server: &Server) {
        let place = TempDir::new().unwrap();
        let token = format!("Authorization: Bearer {}", server.token());
        let seal = format!("/seal?to={BRUNO}&to=dario.blu@posta.example");
        let (status, said) = server.post(&seal, &self.original, &["-H", &token]);
        assert_eq!(
            (status, &said["reply"]["code"]),
            (200, &Value::from(250)),
            "{said:#}"
        );
        let post = said["post"].as_array().unwrap();
        assert_eq!(post.len(), 2);
        assert_eq!(post[0]["deposit"], "server-user-acceptance");
        assert_eq!(post[0]["recipients"], Value::from([ANNA].as_slice()));
        assert_eq!(post[1]["relay"], "transport-envelope");
        assert_eq!(post[1]["recipients"][1], "dario.blu@posta.example");
        for letter in post {
            let file = place.path().join("sealed.eml");
            fs::write(&file, text(&letter["message"])).unwrap();
            self.was_sealed_well(&file);
        }
        // Nobody submits as somebody else: the plug-in sees who is in From.
        let elena = fs::read_to_string(&self.original)
            .unwrap()
            .replace("anna.rossi@", "elena@");
        let file = place.path().join("elena.eml");
        fs::write(&file, elena).unwrap();
        let (_, said) = server.post(&seal, &file, &["-H", &token]);
        let post = said["post"].as_array().unwrap();
        assert_eq!(post.len(), 1, "{said:#}");
        assert_eq!(post[0]["deposit"], "non-acceptance");
    }

    fn bad_input_is_refused_by(&self, server: &Server) {
        let place = TempDir::new().unwrap();
        let body = |name: &str, octets: &[u8]| {
            let path = place.path().join(name);
            fs::write(&path, octets).unwrap();
            path
        };
        let mail = b"From: a@posta.example\r\n\r\n";
        let of_size = |size: usize| {
            let line = [b"x".repeat(76).as_slice(), b"\r\n"].concat();
            let lines = line.repeat((size - mail.len()) / line.len());
            body(&format!("{size}.eml"), &[mail.as_slice(), &lines].concat())
        };
        let (nothing, junk) = (body("nothing", b""), body("junk", b"hello"));
        let large = of_size(26_000_000);
        let token = format!("Authorization: Bearer {}", server.token());
        let to = format!("/seal?to={BRUNO}");
        let (bearer, stranger) = (["-H", &token], ["-H", "Authorization: Bearer x"]);
        let chunked = ["-H", "Transfer-Encoding: chunked"];
        let original = &*self.original;
        let cases: [(u16, &str, &Path, &[&str], &str); 12] = [
            (
                404,
                "/",
                &junk,
                &[],
                "there are POST /verify and POST /seal",
            ),
            (405, "/verify", &junk, &["-X", "PUT"], "/verify takes POST"),
            (400, "/verify", &nothing, &[], "the body is empty"),
            (422, "/verify", &junk, &[], "no mail message"),
            (413, "/verify", &large, &[], "at most 24 MB"),
            (200, "/verify", &of_size(23_900_000), &[], ""),
            (401, &to, original, &[], "Authorization: Bearer TOKEN"),
            (401, &to, original, &stranger, "Bearer TOKEN"),
            (413, &to, &large, &bearer, "at most 8 MB"),
            (200, &to, &of_size(7_900_000), &bearer, ""),
            (422, "/seal", original, &bearer, ""),
            // The last one: wrangler's own proxy loses what comes after a body that was not read to
            // its end.
            (413, "/verify", &large, &chunked, "at most 24 MB"),
        ];
        for (status, path, file, options, words) in cases {
            let (answered, said) = server.post(path, file, options);
            assert_eq!(answered, status, "{path} {options:?}: {said:#}");
            let error = said["error"].as_str().unwrap_or_default();
            assert!(error.contains(words), "{path} {options:?}: {said:#}");
        }
    }
}

/// A program that says `token of ACCOUNT: TOKEN` and `Ready on URL` and serves until it is ended.
struct Server {
    child: Child,
    place: TempDir,
}

impl Server {
    fn start(mut command: Command) -> Self {
        let place = TempDir::new().unwrap();
        let log = File::create(place.path().join("log")).unwrap();
        // A group of its own: some of these programs have children who do the work.
        command.process_group(0).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().expect("it runs");
        let server = Self { child, place };
        server.wait_for(0, "Ready on http");
        server
    }

    /// What curl gets for a file: the status, and JSON.
    fn post(&self, path: &str, file: &Path, options: &[&str]) -> (u16, Value) {
        let log = self.log();
        let (_, url) = log.rsplit_once("Ready on ").expect("it is ready");
        let url = url.split_whitespace().next().expect("an address");
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-w", "%{http_code}", "--data-binary"]);
        curl.arg(format!("@{}", file.display())).args(options);
        let said = succeed(curl.arg(format!("{url}{path}")));
        let (body, status) = said.split_at(said.len() - 3);
        let body = serde_json::from_str(body).unwrap_or_else(|_| Value::from(body));
        (status.parse().expect("a status"), body)
    }

    fn token(&self) -> String {
        let log = self.log();
        let start = format!("token of {ANNA}: ");
        let line = log.lines().find_map(|line| line.strip_prefix(&start));
        line.expect("a token").to_owned()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.place.path().join("log")).unwrap()
    }

    /// Waits until the log has these words after its first octets.
    fn wait_for(&self, after: usize, words: &str) {
        let end = Instant::now() + Duration::from_secs(180);
        while !self.log()[after..].contains(words) {
            assert!(Instant::now() < end, "no {words:?} in {}", self.log());
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-TERM", "--", &group]).status();
        let _ = self.child.wait();
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
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
