//! What the tests of the command line share.

#![allow(dead_code, reason = "each test program uses its part")]

pub mod verdicts;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ceralacca_host::provider::find_plug_in;
use tempfile::TempDir;

/// An instant within the validity of everything the tests make.
pub const NOW: &str = "2026-09-19T15:41:19+02:00";

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl Ran {
    /// The last line of stderr: where `ceralacca` says what stopped it.
    pub fn complaint(&self) -> &str {
        self.stderr.lines().last().unwrap_or_default()
    }
}

/// Runs `ceralacca` with these arguments.
pub fn ceralacca<S: AsRef<OsStr>>(arguments: &[S]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ceralacca"));
    // What a developer has set must not decide how tests end.
    command
        .args(arguments)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    let output = command.output().expect("the program was built");
    Ran {
        code: output.status.code().expect("no signal ends it"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// Splits a command line at blanks and runs it; `{}` stands for `folder`.
pub fn in_folder(folder: &Path, line: &str) -> Ran {
    let folder = folder.to_str().expect("UTF-8");
    let arguments: Vec<String> = line
        .split_whitespace()
        .map(|word| word.replace("{}", folder))
        .collect();
    ceralacca(&arguments)
}

/// Two providers that know each other, `alfa` and `beta`, in a fresh folder. Beta has the
/// mailboxes of bruno and carla, Alfa any.
pub fn two_providers() -> TempDir {
    let world = TempDir::new().expect("a temporary folder");
    for line in [
        "provider init {}/alfa --name Alfa --domain pec.alfa.example --now 2026-09-19T00:00:00Z",
        "provider init {}/beta --name Beta --domain pec.beta.example --join {}/alfa \
         --mailbox bruno@pec.beta.example --mailbox carla@pec.beta.example --now 2026-09-19T00:00:00Z",
    ] {
        let ran = in_folder(world.path(), line);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    world
}

/// Is there such a tool? Where it is missing the test says so and is skipped, unless
/// `CERALACCA_REQUIRE_TOOLS` is set, as in CI.
pub fn tool(name: &str) -> bool {
    let found = Command::new(name)
        .arg("version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    found || skipped(name)
}

/// Is the plug-in built? As with [`tool`].
pub fn plug_in() -> bool {
    find_plug_in(None).is_ok() || skipped("ceralacca.component.wasm")
}

/// A file of the reading matter that lies beside the repository, or where `CERALACCA_SHARED` says.
pub fn shared(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CERALACCA_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    // Without `..`, of which a browser would take no file.
    let file = folder.join(name).canonicalize();
    if file.is_err() {
        println!("skipped: {name} of the shared folder is not here");
    }
    file.ok()
}

/// Says that a test is skipped for want of something; where all is required, it fails instead.
pub fn skipped(name: &str) -> bool {
    assert!(
        std::env::var_os("CERALACCA_REQUIRE_TOOLS").is_none(),
        "{name} not found"
    );
    eprintln!("skipped: {name} not found");
    false
}

/// Runs a tool; its exit must be 0. Returns what it printed.
pub fn succeed(command: &mut Command) -> String {
    let output = command.output().expect("the tool was found");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Names of everything in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("the folder can be read")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    names.sort();
    names
}

/// The files of a folder that end in `.SUFFIX`, sorted.
pub fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let fits = |name: &String| name.ends_with(&format!(".{suffix}"));
    names(folder)
        .into_iter()
        .filter(fits)
        .map(|name| folder.join(name))
        .collect()
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).expect("a file can be copied");
        }
    }
}

/// Does OpenSSL take the signature of this message for good, down to the root?
pub fn openssl_verifies(message: &Path, roots: &Path) {
    let mut command = Command::new("openssl");
    command.args([
        "cms",
        "-verify",
        "-purpose",
        "smimesign",
        "-attime",
        "1789825379",
        "-out",
    ]);
    succeed(
        command
            .arg("/dev/null")
            .arg("-in")
            .arg(message)
            .arg("-CAfile")
            .arg(roots),
    );
}
