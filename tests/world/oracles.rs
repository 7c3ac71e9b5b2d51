//! Judges that are not ours: OpenSSL, xmllint. A test that needs one skips with a printed reason
//! where it is absent; `CERALACCA_REQUIRE_TOOLS` (set in CI) makes that a failure.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Something a test needs is not here.
pub fn missing(what: &str) {
    assert!(
        std::env::var_os("CERALACCA_REQUIRE_TOOLS").is_none(),
        "missing: {what}"
    );
    println!("skipped: {what} is not here");
}

/// Is the tool there?
pub fn has(tool: &str) -> bool {
    find(tool).is_some()
}

/// Where the tool is. Programs for administrators are not in everybody's PATH.
pub fn find(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/usr/sbin".into()])
        .map(|dir| dir.join(tool))
        .find(|file| file.is_file());
    if found.is_none() {
        missing(tool);
    }
    found
}

/// `openssl cms -verify` with path and purpose, at a time. What it says on failure is the error.
pub fn openssl_verifies(message: &[u8], roots: &Path, at: u64) -> Result<(), String> {
    if !has("openssl") {
        return Ok(());
    }
    let mut command = Command::new("openssl");
    command
        .args([
            "cms",
            "-verify",
            "-purpose",
            "smimesign",
            "-out",
            "/dev/null",
            "-CAfile",
        ])
        .arg(roots)
        .args(["-attime", &at.to_string()]);
    run(&mut command, message).map(|_| ())
}

/// SHA-1 by OpenSSL, 40 hex digits.
pub fn openssl_sha1(octets: impl AsRef<[u8]>) -> Option<String> {
    if !has("openssl") {
        return None;
    }
    let said = run(
        Command::new("openssl").args(["dgst", "-sha1", "-r"]),
        octets.as_ref(),
    )
    .ok()?;
    said.split_whitespace().next().map(str::to_owned)
}

/// `xmllint --dtdvalid` with the DTD of RFC 6109.
pub fn xmllint_validates(xml: &str) -> Result<(), String> {
    let Some(dtd) = shared("spec/rfc6109.dtd") else {
        return Ok(());
    };
    if !has("xmllint") {
        return Ok(());
    }
    let mut command = Command::new("xmllint");
    command.args(["--noout", "--dtdvalid"]).arg(dtd).arg("-");
    run(&mut command, xml.as_bytes()).map(|_| ())
}

/// What the sqlite3 shell reads in a database: rows of columns.
pub fn sqlite_rows(database: &Path, sql: &str) -> Option<Vec<Vec<String>>> {
    if !has("sqlite3") {
        return None;
    }
    let mut command = Command::new("sqlite3");
    command
        .args(["-readonly", "-separator", "\t"])
        .arg(database);
    let said = run(command.arg(sql), b"").expect("sqlite3 reads the store");
    let columns = |row: &str| row.split('\t').map(str::to_owned).collect();
    Some(said.lines().map(columns).collect())
}

/// A file of the shared reading matter.
pub fn shared(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CERALACCA_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    let file = folder.join(name);
    if file.exists() {
        return Some(file);
    }
    println!("skipped: {name} of the shared folder is not here");
    None
}

/// Runs a filter: what it prints, or what it says on failure.
fn run(command: &mut Command, input: &[u8]) -> Result<String, String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let written = child.stdin.take().expect("a pipe").write_all(input);
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    match (output.status.success(), written) {
        (true, Ok(())) => Ok(text(&output.stdout)),
        (true, Err(e)) => Err(e.to_string()),
        (false, _) => Err(text(&output.stderr)),
    }
}
