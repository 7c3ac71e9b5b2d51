//! A private Postfix: `master` in the foreground, with configuration, queue and data of its own.
//!
//! `main.cf` and `master.cf` are those that an administrator of Ceralacca writes, with ports that
//! are free and everything else that would reach outside the folder turned off. `master` wants to
//! be root and its daemons run as the user `postfix`, so the tests do as well.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::process::{Running, find, free_ports, greets, succeed};

/// What a test may choose about its Postfix.
#[derive(Clone, Debug, Default)]
pub struct PostfixSetup {
    /// The domains that are ours: mail for them is taken in at the incoming port, for any local
    /// part, and handed to `virtual_transport`.
    pub domains: Vec<String>,
    /// The milter of the access and incoming ports, as `smtpd_milters` wants it
    /// (`unix:/path`, `inet:127.0.0.1:port`); none: a Postfix without one.
    pub milter: Option<String>,
    /// Dovecot's authentication socket ([`super::Dovecot::auth_socket`]), for the access port.
    pub auth: Option<PathBuf>,
    /// Bounces meet the milter where they are made (`PEC-BOUNCES`), not only on their way back.
    pub bounces_at_the_source: bool,
    /// Where everything goes that is not ours; none: it waits.
    pub next_hop: Option<u16>,
    /// More lines of `main.cf`, which come last and so win.
    pub main: Vec<(String, String)>,
    /// More lines of `master.cf`.
    pub master: String,
}

/// A running Postfix.
pub struct Postfix {
    /// Before the folder, which it writes to until its end.
    master: Running,
    folder: TempDir,
    /// The port for our users: AUTH wanted, milter, `PEC-ACCESS`.
    pub access: u16,
    /// The port for other servers: milter, `PEC-INCOMING`.
    pub incoming: u16,
    /// The port for our own outbox: no milter, nothing is checked.
    pub injection: u16,
    /// The port through which Postfix gives back its own bounces to our users: milter,
    /// `PEC-BOUNCES`.
    pub bounces: u16,
}

/// What [`Postfix`] is made of, for [`super::installed`].
pub const PROGRAMS: &[&str] = &["postfix", "postconf", "openssl"];

impl Postfix {
    /// Starts one and waits until all its ports greet.
    ///
    /// # Panics
    /// It does not start: the text has its log.
    pub fn start(setup: &PostfixSetup) -> Self {
        let mut complaint = String::new();
        for _ in 0..ATTEMPTS {
            match Self::try_start(setup) {
                Ok(postfix) => return postfix,
                Err(log) => complaint = log,
            }
            if !complaint.contains("Address already in use") {
                break;
            }
        }
        panic!("Postfix does not start:\n{complaint}");
    }

    fn try_start(setup: &PostfixSetup) -> Result<Self, String> {
        let folder = TempDir::new().expect("a temporary folder");
        let root = folder.path();
        let [access, incoming, injection, bounces] = free_ports();
        lay_out(root);
        certificate(root);
        let ports = [access, incoming, injection, bounces];
        let config = root.join("config");
        fs::write(config.join("main.cf"), main_cf(root, setup, ports)).expect("it can be written");
        fs::write(config.join("master.cf"), master_cf(setup, ports)).expect("it can be written");

        let master = find("master").expect("postfix has it");
        let config = config.to_str().expect("UTF-8");
        let mut postfix = Self {
            master: Running::start(&[&master, "-d", "-c", config]),
            folder,
            access,
            incoming,
            injection,
            bounces,
        };
        let deadline = Instant::now() + PATIENCE;
        for port in ports {
            if !greets(port, "220 ", deadline, || postfix.master.has_ended()) {
                return Err(postfix.log());
            }
        }
        Ok(postfix)
    }

    /// Its folder: `config`, `queue`, `data`, `mail.log`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        let octets = fs::read(self.folder().join("mail.log")).unwrap_or_default();
        String::from_utf8_lossy(&octets).into_owned()
    }

    /// Waits until the log has a line with all of these words, and gives it.
    ///
    /// # Panics
    /// There is none in time: the text has the log.
    pub fn logged(&self, words: &[&str]) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = self.log();
            let fits = |line: &&str| words.iter().all(|word| line.contains(word));
            if let Some(line) = log.lines().find(fits) {
                return line.to_owned();
            }
            assert!(
                Instant::now() < deadline,
                "no line with {words:?} in\n{log}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What waits in its queue, as `postqueue -j` lists it: one JSON object a line.
    pub fn queue(&self) -> String {
        succeed(self.command("postqueue").arg("-j"))
    }

    /// Tries everything in the queue again, now.
    pub fn flush(&self) {
        succeed(self.command("postqueue").arg("-f"));
    }

    /// Reads its configuration again.
    pub fn reload(&self) {
        succeed(self.command("postfix").arg("reload"));
    }

    /// Changes a setting of `main.cf`, `NAME=VALUE`, and lets it take effect.
    pub fn set(&self, setting: &str) {
        succeed(self.command("postconf").args(["-e", setting]));
        self.reload();
    }

    /// One of Postfix's programs, told which instance is meant.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(find(program).expect("postfix has it"));
        command.arg("-c").arg(self.folder().join("config"));
        command
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        self.master.stop();
        if std::thread::panicking() {
            eprintln!("--- Postfix's log ---\n{}", self.log());
        }
    }
}

/// The folders that `postfix start` would make, with the owners it would give them.
fn lay_out(root: &Path) {
    for name in ["config", "data", "queue"] {
        fs::create_dir(root.join(name)).expect("it can be made");
    }
    let script = "chmod 755 . && cd queue && \
        mkdir active bounce corrupt defer deferred flush hold incoming maildrop pid private \
              public saved trace && \
        chown postfix active bounce corrupt defer deferred flush hold incoming maildrop private \
              public saved trace ../data && \
        chmod 700 active bounce corrupt defer deferred flush hold incoming private saved trace && \
        chgrp postdrop maildrop public && chmod 730 maildrop && chmod 710 public";
    succeed(Command::new("sh").args(["-ec", script]).current_dir(root));
}

/// A certificate for STARTTLS, which nobody checks.
fn certificate(root: &Path) {
    let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj /CN=mx.test -keyout config/key.pem -out config/certificate.pem";
    let mut openssl = Command::new("openssl");
    succeed(openssl.args(arguments.split_whitespace()).current_dir(root));
}

fn main_cf(root: &Path, setup: &PostfixSetup, ports: [u16; 4]) -> String {
    let root = root.to_str().expect("UTF-8");
    let default = |name: &str| {
        let mut postconf = Command::new(find("postconf").expect("postfix has it"));
        succeed(postconf.args(["-d", "-h", name])).trim().to_owned()
    };
    let host = setup.domains.first().map_or("test", String::as_str);
    let elsewhere = match setup.next_hop {
        Some(port) => format!("smtp:[127.0.0.1]:{port}"),
        // Nobody listens there, so it waits.
        None => "smtp:[127.0.0.1]:1".to_owned(),
    };
    let mut lines: Vec<(String, String)> = FIXED
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut set = |name: &str, value: String| {
        // Of two lines for one name Postfix warns in every process.
        lines.retain(|(other, _)| other != name);
        lines.push((name.to_owned(), value));
    };
    set("queue_directory", format!("{root}/queue"));
    set("data_directory", format!("{root}/data"));
    set("daemon_directory", default("daemon_directory"));
    set("command_directory", default("command_directory"));
    set("maillog_file", format!("{root}/mail.log"));
    set("maillog_file_prefixes", root.to_owned());
    set("myhostname", format!("mx.{host}"));
    set("virtual_mailbox_domains", setup.domains.join(" "));
    set(
        "virtual_transport",
        format!("smtp:[127.0.0.1]:{}", ports[3]),
    );
    set("default_transport", elsewhere);
    set(
        "smtpd_tls_cert_file",
        format!("{root}/config/certificate.pem"),
    );
    set("smtpd_tls_key_file", format!("{root}/config/key.pem"));
    if let Some(auth) = &setup.auth {
        set("smtpd_sasl_path", auth.display().to_string());
    }
    for (name, value) in &setup.main {
        set(name, value.clone());
    }
    lines.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name} = {value}");
        text
    })
}

fn master_cf(setup: &PostfixSetup, [access, incoming, injection, bounces]: [u16; 4]) -> String {
    let milter = setup.milter.as_deref().unwrap_or_default();
    let sasl = if setup.auth.is_some() { "yes" } else { "no" };
    let mut text = format!(
        "127.0.0.1:{access} inet n - n - - smtpd
  -o syslog_name=postfix/access
  -o smtpd_sasl_auth_enable={sasl}
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
  -o smtpd_milters={milter}
  -o milter_macro_daemon_name=PEC-ACCESS
  -o cleanup_service_name=pecclean
  -o local_header_rewrite_clients=
  -o smtpd_discard_ehlo_keywords=chunking
127.0.0.1:{incoming} inet n - n - - smtpd
  -o syslog_name=postfix/incoming
  -o smtpd_milters={milter}
  -o milter_macro_daemon_name=PEC-INCOMING
  -o cleanup_service_name=pecclean
  -o local_header_rewrite_clients=
127.0.0.1:{injection} inet n - n - - smtpd
  -o syslog_name=postfix/injection
  -o smtpd_milters=
  -o cleanup_service_name=pecclean
  -o receive_override_options=no_milters,no_header_body_checks,no_unknown_recipient_checks
  -o local_header_rewrite_clients=
  -o smtpd_client_restrictions=permit_mynetworks,reject
  -o smtpd_relay_restrictions=permit_mynetworks,reject
  -o smtpd_tls_security_level=none
127.0.0.1:{bounces} inet n - n - - smtpd
  -o syslog_name=postfix/bounces
  -o smtpd_milters={milter}
  -o milter_macro_daemon_name=PEC-BOUNCES
  -o cleanup_service_name=pecclean
  -o local_header_rewrite_clients=
  -o smtpd_client_restrictions=permit_mynetworks,reject
  -o smtpd_tls_security_level=none
pecclean unix n - n - 0 cleanup
  -o in_flow_delay=0
  -o message_drop_headers=
  -o message_reject_characters=\\0
  -o cleanup_replace_stray_cr_lf=no
"
    );
    if setup.bounces_at_the_source {
        let _ = write!(
            text,
            "pecbounce unix n - n - 0 cleanup
  -o message_drop_headers=
  -o non_smtpd_milters={milter}
  -o milter_macro_daemon_name=PEC-BOUNCES
  -o milter_default_action=accept
"
        );
    }
    let filtered =
        "\n  -o cleanup_service_name=pecbounce\n  -o internal_mail_filter_classes=bounce";
    let filtered = if setup.bounces_at_the_source {
        filtered
    } else {
        ""
    };
    for service in ["bounce", "defer", "trace"] {
        let _ = writeln!(text, "{service} unix - - n - 0 bounce{filtered}");
    }
    text.push_str(SERVICES);
    text.push_str(&setup.master);
    text
}

/// The lines of `main.cf` that are the same for all tests: nothing looks beyond the folder and the
/// loopback interface, nobody is slowed down, and what the original's octets depend on is set.
const FIXED: &str = "compatibility_level = 3.6
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
mydestination = 
alias_maps = 
alias_database = 
local_recipient_maps = 
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_sasl_type = dovecot
smtpd_sasl_security_options = noanonymous
smtpd_forbid_bare_newline = reject
smtpd_forbid_bare_newline_exclusions = 
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
default_process_limit = 100
milter_protocol = 6
milter_default_action = tempfail
message_size_limit = 150000000
mailbox_size_limit = 0
virtual_mailbox_limit = 0
";

/// The services that every Postfix has, none of them in a chroot. The queue manager is woken every
/// second, so that what was deferred is soon tried again.
const SERVICES: &str = "pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
lmtp unix - - n - - lmtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
";

/// How often other ports are tried.
const ATTEMPTS: usize = 5;

/// A machine that builds as well may take its time.
const PATIENCE: Duration = Duration::from_secs(30);
