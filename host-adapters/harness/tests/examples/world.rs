//! What the programs are tried on, and what is asked of all of them.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::common::verdicts::{Demonstration, with_lf};
use super::common::{files, plug_in, succeed, tool};
use super::here;
use super::large::{self, Filling};
use super::server::Server;

pub const ANNA: &str = "anna.rossi@pec.alfa.example";
pub const BRUNO: &str = "bruno.verdi@pec.beta.example";

/// The demonstration of today, since the programs look at the clock, and some messages of it.
pub struct World {
    pub demo: Demonstration,
    pub samples: Vec<Sample>,
    /// What Anna handed in at first.
    pub original: PathBuf,
}

pub struct Sample {
    pub path: PathBuf,
    /// What `ceralacca verify --json` says of it.
    pub judged: Value,
}

impl World {
    /// None where something that the program under test needs is not here.
    pub fn new(needs: &[&str]) -> Option<Self> {
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

    /// OpenSSL verifies it, and what is inside is what was handed in.
    pub fn was_sealed_well(&self, message: &Path) {
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
    pub fn is_verified_by(&self, name: &str, program: impl Fn(&[PathBuf]) -> Command) {
        self.is_verified_with_kinds(name, str::to_owned, program);
    }

    /// The same, where kinds are spelled otherwise.
    pub fn is_verified_with_kinds(
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
    pub fn is_served_by(&self, server: &Server) {
        let place = TempDir::new().unwrap();
        let stored = place.path().join("line-feeds.eml");
        fs::write(&stored, with_lf(&fs::read(&self.samples[0].path).unwrap())).unwrap();
        let stored = (&stored, &self.samples[0].judged);
        let sent = self
            .samples
            .iter()
            .map(|sample| (&sample.path, &sample.judged));
        for (path, judged) in sent.chain([stored]) {
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
        self.waits_for_room_in(server);
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
        assert_eq!(post[0]["recipient"], ANNA);
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

    /// A message that is on its way takes its room, and gives it back when its sender goes.
    fn waits_for_room_in(&self, server: &Server) {
        let url = server.url();
        let address = url.strip_prefix("http://").expect("an address");
        let address = address.replace("localhost", "127.0.0.1");
        let mut slow = TcpStream::connect(address).expect("it listens");
        let head =
            "POST /verify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\nFrom:";
        slow.write_all(head.as_bytes()).unwrap();
        let becomes = |wanted: u16| {
            let ends = Instant::now() + Duration::from_secs(30);
            while server.post("/verify", &self.original, &[]).0 != wanted {
                assert!(Instant::now() < ends, "not {wanted}: {}", server.log());
                thread::sleep(Duration::from_millis(50));
            }
        };
        becomes(503);
        drop(slow);
        becomes(200);
    }

    fn bad_input_is_refused_by(&self, server: &Server) {
        let place = TempDir::new().unwrap();
        let body = |name: &str, octets: &[u8]| {
            let path = place.path().join(name);
            fs::write(&path, octets).unwrap();
            path
        };
        let of_size = |size| {
            body(
                &format!("{size}"),
                &large::letter([ANNA, BRUNO], size, Filling::Base64),
            )
        };
        let (nothing, junk) = (body("nothing", b""), body("junk", b"hello"));
        let large = of_size(10_100_000);
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
            (404, "/verify", &junk, &["-X", "PUT"], "there are POST"),
            (411, "/verify", &nothing, &[], "there must be a message"),
            (200, "/verify", &junk, &[], ""),
            (413, "/verify", &large, &[], "at most 10 MB"),
            (200, "/verify", &of_size(10_000_000), &[], ""),
            (401, &to, original, &[], "whose is the message?"),
            (401, &to, original, &stranger, "whose is the message?"),
            (413, &to, &large, &bearer, "at most 2 MB"),
            (200, &to, &of_size(2_000_000), &bearer, ""),
            (422, "/seal", original, &bearer, ""),
            // The last one: wrangler's own proxy loses what comes after a body that was not read to
            // its end.
            (411, "/verify", original, &chunked, "its Content-Length"),
        ];
        for (status, path, file, options, words) in cases {
            let (answered, said) = server.post(path, file, options);
            assert_eq!(answered, status, "{path} {options:?}: {said:#}");
            let error = said["error"].as_str().unwrap_or_default();
            assert!(error.contains(words), "{path} {options:?}: {said:#}");
        }
    }
}

/// A JSON string.
pub fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}
