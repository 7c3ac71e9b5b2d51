//! A private Dovecot: users with passwords, IMAP, LMTP, and authentication for Postfix.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::process::{Running, find, free_ports, greets, succeed};

/// A running Dovecot.
pub struct Dovecot {
    /// Before the folder, which it writes to until its end.
    server: Running,
    folder: TempDir,
    /// IMAP, in the clear; plain-text passwords are taken.
    pub imap: u16,
    /// LMTP.
    pub lmtp: u16,
}

/// What [`Dovecot`] is made of, for [`super::installed`].
pub const PROGRAMS: &[&str] = &["dovecot", "doveadm"];

impl Dovecot {
    /// Starts one with these users (address, password), and `extra` lines of configuration at the
    /// end. It is ready when this returns.
    ///
    /// # Panics
    /// It does not start: the text has its log.
    pub fn start(users: &[(&str, &str)], extra: &str) -> Self {
        let mut complaint = String::new();
        for _ in 0..ATTEMPTS {
            match Self::try_start(users, extra) {
                Ok(dovecot) => return dovecot,
                Err(log) => complaint = log,
            }
            if !complaint.contains("Address already in use") {
                break;
            }
        }
        panic!("Dovecot does not start:\n{complaint}");
    }

    fn try_start(users: &[(&str, &str)], extra: &str) -> Result<Self, String> {
        let folder = TempDir::new().expect("a temporary folder");
        let root = folder.path();
        let [imap, lmtp] = free_ports();
        lay_out(root);
        fs::write(root.join("users"), passwords(root, users)).expect("it can be written");
        let file = root.join("dovecot.conf");
        fs::write(&file, configuration(root, imap, lmtp, extra)).expect("it can be written");

        let program = find("dovecot").expect("it is installed");
        let file = file.to_str().expect("UTF-8");
        let mut dovecot = Self {
            server: Running::start(&[&program, "-F", "-c", file]),
            folder,
            imap,
            lmtp,
        };
        let deadline = Instant::now() + PATIENCE;
        for (port, greeting) in [(imap, "* OK"), (lmtp, "220 ")] {
            if !greets(port, greeting, deadline, || dovecot.server.has_ended()) {
                return Err(dovecot.log());
            }
        }
        Ok(dovecot)
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where Postfix asks for passwords.
    pub fn auth_socket(&self) -> PathBuf {
        self.folder().join("auth-client")
    }

    /// LMTP on a Unix socket.
    pub fn lmtp_socket(&self) -> PathBuf {
        self.folder().join("lmtp")
    }

    /// Where others look users up (Dovecot's own protocol).
    pub fn userdb_socket(&self) -> PathBuf {
        self.folder().join("auth-userdb")
    }

    /// How many messages are in a user's inbox.
    pub fn count(&self, user: &str) -> usize {
        self.files(user).len()
    }

    fn files(&self, user: &str) -> Vec<PathBuf> {
        ["new", "cur"]
            .iter()
            .filter_map(|part| fs::read_dir(self.folder().join("mail").join(user).join(part)).ok())
            .flatten()
            .map(|entry| entry.expect("an entry").path())
            .collect()
    }

    /// The messages in a user's inbox as they lie on disk, oldest first.
    pub fn inbox(&self, user: &str) -> Vec<Vec<u8>> {
        let mut files = self.files(user);
        // Dovecot's names begin with the time: seconds, then "M" and microseconds.
        files.sort_by_key(|file| file.file_name().map(age));
        files
            .iter()
            .map(|file| fs::read(file).expect("it was listed"))
            .collect()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        let octets = fs::read(self.folder().join("dovecot.log")).unwrap_or_default();
        String::from_utf8_lossy(&octets).into_owned()
    }

    /// `doveadm` for this instance.
    pub fn doveadm(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(find("doveadm").expect("it is installed"));
        command.arg("-c").arg(self.folder().join("dovecot.conf"));
        succeed(command.args(arguments))
    }

    /// Ends it, as a crash of the mailbox store would look from outside. The folder stays.
    pub fn stop(&mut self) {
        self.server.stop();
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        self.server.stop();
        if std::thread::panicking() {
            eprintln!("--- Dovecot's log ---\n{}", self.log());
        }
    }
}

fn lay_out(root: &Path) {
    let script = "chmod 755 . && mkdir mail run state && chown nobody mail";
    succeed(Command::new("sh").args(["-ec", script]).current_dir(root));
}

fn passwords(root: &Path, users: &[(&str, &str)]) -> String {
    let id = |flag: &str| {
        succeed(Command::new("id").args([flag, "nobody"]))
            .trim()
            .to_owned()
    };
    let (user, group) = (id("-u"), id("-g"));
    users.iter().fold(String::new(), |mut text, (name, word)| {
        let home = root.join("mail").join(name);
        let _ = writeln!(
            text,
            "{name}:{{PLAIN}}{word}:{user}:{group}::{}::",
            home.display()
        );
        text
    })
}

fn configuration(root: &Path, imap: u16, lmtp: u16, extra: &str) -> String {
    let root = root.to_str().expect("UTF-8");
    format!(
        "base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/dovecot.log
listen = 127.0.0.1
protocols = imap lmtp
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_username_format = %Lu
auth_failure_delay = 0
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{root}/mail/%u
postmaster_address = postmaster@test
hostname = mail.test
passdb {{
  driver = passwd-file
  args = {root}/users
}}
userdb {{
  driver = passwd-file
  args = {root}/users
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
  unix_listener {root}/lmtp {{
    mode = 0666
  }}
}}
service anvil {{
  # All clients have one address here, and must not wait for each other's mistakes.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener {root}/auth-client {{
    mode = 0666
  }}
  unix_listener {root}/auth-userdb {{
    mode = 0666
  }}
}}
{extra}
"
    )
}

/// `1764060000.M123456P42.host`: seconds and microseconds.
fn age(name: &std::ffi::OsStr) -> (u64, u64) {
    let name = name.to_string_lossy();
    let (seconds, rest) = name.split_once('.').unwrap_or((&name, ""));
    let micro = rest.trim_start_matches('M');
    let end = micro
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(micro.len());
    let number = |text: &str| text.parse().unwrap_or_default();
    (number(seconds), number(&micro[..end]))
}

/// How often other ports are tried.
const ATTEMPTS: usize = 5;

/// A machine that builds as well may take its time.
const PATIENCE: Duration = Duration::from_secs(30);
