//! `ceralacca verify` as the tests use it: on a demonstration, whose messages are of every kind.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::{NOW, Ran, ceralacca, files, in_folder};

/// The demonstration, made afresh at [`NOW`].
pub struct Demonstration {
    place: TempDir,
}

impl Demonstration {
    /// Runs it.
    pub fn run() -> Self {
        Self::with(&format!("demo --out {{}}/out --now {NOW}"))
    }

    /// Runs it by the system's clock, for programs that look there.
    pub fn of_today() -> Self {
        Self::with("demo --out {}/out")
    }

    fn with(command: &str) -> Self {
        let place = TempDir::new().expect("a temporary folder");
        let ran = in_folder(place.path(), command);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        Self { place }
    }

    /// Where it lies.
    pub fn folder(&self) -> PathBuf {
        self.place.path().join("out")
    }

    /// All messages that it shows.
    pub fn messages(&self) -> Vec<PathBuf> {
        files(&self.folder(), "eml")
    }

    /// The first message of a kind.
    pub fn first(&self, kind: &str) -> PathBuf {
        let ends = format!("-{kind}.eml");
        self.messages()
            .into_iter()
            .find(|path| path.to_str().is_some_and(|name| name.ends_with(&ends)))
            .expect("the demonstration has every kind")
    }

    /// Its octets.
    pub fn octets(&self, kind: &str) -> Vec<u8> {
        fs::read(self.first(kind)).expect("a message")
    }

    /// Writes a file beside the messages.
    pub fn write(&self, name: &str, octets: impl AsRef<[u8]>) -> PathBuf {
        let path = self.place.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, octets).expect("a file");
        path
    }

    /// `verify` with the demonstration's directory and roots.
    pub fn verify(&self, paths: &[&Path], options: &[&str]) -> Ran {
        let directory = self.folder().join("directory.ldif");
        let mut options = options.to_vec();
        options.extend(["--directory", directory.to_str().expect("UTF-8")]);
        self.verify_without_directory(paths, &options)
    }

    /// `verify` with the roots only.
    pub fn verify_without_directory(&self, paths: &[&Path], options: &[&str]) -> Ran {
        let roots = self.folder().join("roots.pem");
        let mut arguments = vec!["verify", "--roots", roots.to_str().expect("UTF-8")];
        arguments.extend(options);
        arguments.extend(paths.iter().map(|path| path.to_str().expect("UTF-8")));
        ceralacca(&arguments)
    }

    /// The exit code and the one JSON object about one message.
    pub fn judge(&self, path: &Path, options: &[&str]) -> (i32, Value) {
        let mut options = options.to_vec();
        options.push("--json");
        let ran = self.verify(&[path], &options);
        let mut objects = objects(&ran);
        assert_eq!(objects.len(), 1, "{}", ran.stdout);
        (ran.code, objects.remove(0))
    }
}

/// What `--json` printed: one object on each line.
pub fn objects(ran: &Ran) -> Vec<Value> {
    let lines = ran.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect()
}

/// The codes of the checks with this verdict, or of a list of reasons.
pub fn codes<'v>(list: &'v Value, verdict: Option<&str>) -> Vec<&'v str> {
    let entries = list.as_array().expect("a list");
    entries
        .iter()
        .filter(|entry| verdict.is_none_or(|verdict| entry["verdict"] == verdict))
        .map(|entry| entry["code"].as_str().expect("a code"))
        .collect()
}

/// The same octets with LF line ends, as files on disks have them.
pub fn with_lf(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len());
    for (at, &octet) in octets.iter().enumerate() {
        if octet != b'\r' || octets.get(at + 1) != Some(&b'\n') {
            out.push(octet);
        }
    }
    out
}
