//! The mail servers that are compared.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::load::CLIENTS;
use crate::postgres_server::PostgresServer;
use crate::provider::{self as program, Provider, plug_in};
use crate::support::{Dovecot, Postfix, PostfixSetup, Running, installed};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Postfix, delivering to Dovecot by LMTP.
    Alone,
    /// The same with a milter that signs each message once.
    OpenDkim,
    /// Postfix with us; what we store is in a file.
    Sqlite,
    /// The same, in a database server beside us.
    Postgres,
}

/// In the order of the table; others are measured against the first.
pub const KINDS: &[Kind] = &[Kind::Alone, Kind::OpenDkim, Kind::Sqlite, Kind::Postgres];

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Alone => "Postfix alone",
            Self::OpenDkim => "with OpenDKIM, RSA-2048",
            Self::Sqlite => "certified, SQLite",
            Self::Postgres => "certified, PostgreSQL",
        }
    }

    /// Are its programs there?
    pub fn is_possible(self) -> bool {
        installed(&["postfix", "dovecot", "openssl"])
            && match self {
                Self::Alone => true,
                Self::OpenDkim => installed(&["opendkim"]),
                Self::Sqlite => plug_in(),
                Self::Postgres => plug_in() && PostgresServer::start().is_some(),
            }
    }

    /// How many a submission puts into mailboxes.
    pub fn messages(self) -> usize {
        match self {
            Self::Alone | Self::OpenDkim => 1,
            Self::Sqlite | Self::Postgres => 3,
        }
    }
}

/// One mail server, running.
pub struct System {
    pub kind: Kind,
    /// First, so that its connections end before the milter waits for them.
    pub postfix: Postfix,
    milter: Milter,
    dovecot: Dovecot,
}

enum Milter {
    None,
    OpenDkim { _program: Running, _folder: TempDir },
    Ours(Service),
}

impl System {
    pub fn start(kind: Kind) -> Self {
        let users: Vec<String> = (0..CLIENTS)
            .map(user)
            .chain([RECEIPTS.to_owned()])
            .collect();
        let users: Vec<(&str, &str)> = users.iter().map(|u| (u.as_str(), PASSWORD)).collect();
        let dovecot = Dovecot::start(&users, "mail_save_crlf = yes");
        let mut setup = PostfixSetup {
            domains: vec![DOMAIN.to_owned()],
            auth: Some(dovecot.auth_socket()),
            ..PostfixSetup::default()
        };
        let milter = match kind {
            Kind::Alone => Milter::None,
            Kind::OpenDkim => open_dkim(&mut setup),
            Kind::Sqlite | Kind::Postgres => Milter::Ours(Service::start(kind, &dovecot)),
        };
        if let Milter::Ours(service) = &milter {
            setup.milter = Some(format!("unix:{}", service.provider.socket().display()));
        }
        let lmtp = format!("lmtp:unix:{}", dovecot.lmtp_socket().display());
        setup.main.push(("virtual_transport".to_owned(), lmtp));
        Self {
            kind,
            postfix: Postfix::start(&setup),
            milter,
            dovecot,
        }
    }

    /// How many messages are in the mailboxes.
    pub fn stored(&self) -> usize {
        let mail = self.dovecot.folder().join("mail");
        let count = |user: usize| {
            let inbox = mail.join(self::user(user)).join("new");
            fs::read_dir(inbox).map_or(0, Iterator::count)
        };
        (0..CLIENTS).map(count).sum()
    }

    /// The most memory of our service that was resident, in octets.
    pub fn most_resident(&self) -> Option<u64> {
        let Milter::Ours(service) = &self.milter else {
            return None;
        };
        Some(service.running.peak_memory())
    }

    /// Counts from what is resident now.
    pub fn forget_most_resident(&self) {
        if let Milter::Ours(service) = &self.milter {
            service.running.forget_peak_memory();
        }
    }

    /// What our service and the mail servers have said, for people.
    pub fn log(&self) -> String {
        let ours = match &self.milter {
            Milter::Ours(service) => last_lines(&service.running.log()),
            Milter::None | Milter::OpenDkim { .. } => String::new(),
        };
        let [postfix, dovecot] = [
            self.postfix.folder().join("mail.log"),
            self.dovecot.folder().join("dovecot.log"),
        ]
        .map(|file| {
            last_lines(&String::from_utf8_lossy(
                &fs::read(file).unwrap_or_default(),
            ))
        });
        format!("{ours}\n{postfix}\n{dovecot}")
    }
}

/// The signing milter that most mail servers have.
fn open_dkim(setup: &mut PostfixSetup) -> Milter {
    let folder = open_folder();
    let path = folder.path().display();
    let mut openssl = Command::new("openssl");
    let key = folder.path().join("key.pem");
    let made = openssl.args(["genrsa", "-out"]).arg(&key).arg("2048");
    assert!(made.output().is_ok_and(|output| output.status.success()));
    let socket = folder.path().join("socket");
    let config = folder.path().join("opendkim.conf");
    let settings = format!(
        "Socket local:{path}/socket\nUMask 000\nDomain {DOMAIN}\nSelector bench\n\
         KeyFile {path}/key.pem\nMode s\nCanonicalization relaxed/simple\n\
         InternalHosts 127.0.0.1\nRequireSafeKeys no\n"
    );
    fs::write(&config, settings).expect("it can be written");
    let config = config.to_str().expect("UTF-8");
    let program = Running::start(&["opendkim", "-f", "-x", config]);
    wait_for(&socket);
    setup.milter = Some(format!("unix:{path}/socket"));
    Milter::OpenDkim {
        _program: program,
        _folder: folder,
    }
}

/// `ceralacca-postfix` with the configuration of the package, in a provider's folder.
struct Service {
    running: program::Running,
    provider: Provider,
    _database: Option<PostgresServer>,
}

impl Service {
    fn start(kind: Kind, dovecot: &Dovecot) -> Self {
        let provider = Provider::new();
        let here = provider.path();
        // Postfix connects as another user.
        open(here.parent().expect("a temporary folder"));
        let here = here.display();
        provider.edit("#mode = \"0660\"", "mode = \"0666\"");
        for (line, socket) in [
            (
                format!("address = \"unix:{here}/lmtp\""),
                dovecot.lmtp_socket(),
            ),
            (
                format!("#dovecot = \"unix:{here}/auth-userdb\""),
                dovecot.userdb_socket(),
            ),
        ] {
            let name = line
                .trim_start_matches('#')
                .split(' ')
                .next()
                .unwrap_or_default();
            provider.edit(&line, &format!("{name} = \"unix:{}\"", socket.display()));
        }
        let database = match kind {
            Kind::Postgres => PostgresServer::start(),
            _ => None,
        };
        if let Some(server) = &database {
            let example = "#postgres = \"postgresql://ceralacca@/pec?host=/run/postgresql\"";
            provider.edit(example, &format!("postgres = \"{}\"", server.url("pec")));
        }
        let running = program::Running::start(&provider);
        running.told("READY=1");
        Self {
            running,
            provider,
            _database: database,
        }
    }
}

/// The address of a client's account.
pub fn user(number: usize) -> String {
    format!("utente{number}@{DOMAIN}")
}

fn open_folder() -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    open(folder.path());
    folder
}

fn open(folder: &Path) {
    fs::set_permissions(folder, Permissions::from_mode(0o755)).expect("it is ours");
}

fn wait_for(socket: &Path) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !socket.exists() {
        assert!(Instant::now() < deadline, "no {}", socket.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

pub const PASSWORD: &str = "segreto";

/// The domain of the package's example.
const DOMAIN: &str = "pec.alfa.example";

/// The service mailbox of the package's example.
const RECEIPTS: &str = "ricevute@pec.alfa.example";
