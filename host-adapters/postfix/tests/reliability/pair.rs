//! Two providers on one machine: Alfa with Anna and Bruno, Beta with Carla; each with a Postfix of
//! its own, both with one Dovecot.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use crate::look;
use crate::provider::{Provider, plug_in};
use crate::support::{self, Client, Dovecot, Postfix, PostfixSetup, Replied, installed};

pub const ANNA: &str = "anna@pec.alfa.example";
pub const BRUNO: &str = "bruno@pec.alfa.example";
pub const CARLA: &str = "carla@pec.beta.example";
/// Where Alfa's server-server acceptances arrive.
pub const RECEIPTS: &str = "ricevute@pec.alfa.example";
pub const PASSWORD: &str = "segreto";

/// The machine, without the services.
pub struct Pair {
    pub alfa: Party,
    pub beta: Party,
    pub dovecot: Dovecot,
}

/// A provider and its mail server.
pub struct Party {
    pub provider: Provider,
    pub postfix: Postfix,
}

impl Pair {
    /// None where something is not installed, which the test then says.
    pub fn start() -> Option<Self> {
        if !plug_in() || !installed(&["postfix", "dovecot", "doveadm", "openssl"]) {
            return None;
        }
        let [doveadm] = support::free_ports();
        let users = [ANNA, BRUNO, RECEIPTS, CARLA, "ricevute@pec.beta.example"];
        let dovecot = Dovecot::start(&users.map(|user| (user, PASSWORD)), &extra(doveadm));
        let alfa = Provider::new();
        let beta = Provider::named(
            "Beta Posta Sicura S.r.l.",
            "pec.beta.example",
            &[],
            Some(&alfa),
        );
        let beta = Party::start(beta, "pec.beta.example", &dovecot, doveadm, &[CARLA]);
        let alfa = Party::start(alfa, "pec.alfa.example", &dovecot, doveadm, &[ANNA, BRUNO]);
        for (from, to) in [(&alfa, &beta), (&beta, &alfa)] {
            from.leads_to(&to.postfix);
        }
        Some(Self {
            alfa,
            beta,
            dovecot,
        })
    }

    /// Another host of Alfa's, with a mail server of its own; set up as the first one is now.
    pub fn another_of_alfa(&self) -> Party {
        let provider = self.alfa.provider.copy();
        let postfix = mail_server(&provider, "pec.alfa.example", &self.dovecot);
        let injects_at = |postfix: &Postfix| format!("inet:127.0.0.1:{}\"", postfix.injection);
        provider.edit(&injects_at(&self.alfa.postfix), &injects_at(&postfix));
        let party = Party { provider, postfix };
        party.leads_to(&self.beta.postfix);
        party
    }

    /// How often each subject stands in a mailbox.
    pub fn subjects(&self, user: &str) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for message in self.dovecot.inbox(user) {
            *counts.entry(subject(&message)).or_default() += 1;
        }
        counts
    }

    /// Nothing has come but Anna's messages of these subjects: an envelope for each of the
    /// recipients, an acceptance, and a delivery receipt for each of them; and Alfa's log says the
    /// same.
    pub fn each_once(&self, to: &[&str], subjects: &[impl AsRef<str>]) {
        let envelopes = of_each(&[("POSTA CERTIFICATA", 1)], subjects);
        for recipient in to {
            assert_eq!(self.subjects(recipient), envelopes, "{recipient}");
        }
        let receipts = of_each(&[("ACCETTAZIONE", 1), ("CONSEGNA", to.len())], subjects);
        assert_eq!(self.subjects(ANNA), receipts);
        assert_eq!(look::audit(&self.alfa.provider), subjects.len() as u64);
    }

    /// Waits until a mailbox holds so many messages.
    pub fn holds(&self, user: &str, count: usize) {
        wait_until(&format!("{count} messages for {user}"), || {
            self.dovecot.count(user) >= count
        });
    }
}

impl Party {
    fn start(
        provider: Provider,
        domain: &str,
        dovecot: &Dovecot,
        doveadm: u16,
        users: &[&str],
    ) -> Self {
        let postfix = mail_server(&provider, domain, dovecot);
        let here = provider.path();
        fs::write(here.join("doveadm.key"), DOVEADM_KEY).expect("ours");
        provider.edit("#mode = \"0660\"", "mode = \"0666\"");
        for (usual, short) in [
            ("retry-first = 60", "retry-first = 2"),
            ("lease = 60", "lease = 30"),
        ] {
            provider.edit(&format!("#{usual}"), short);
        }
        provider.edit(
            "inet:127.0.0.1:9\"",
            &format!("inet:127.0.0.1:{}\"", postfix.injection),
        );
        provider.edit(
            &format!("unix:{}/lmtp", here.display()),
            &format!("inet:127.0.0.1:{}", dovecot.lmtp),
        );
        provider.edit(
            "#doveadm = { url = \"http://127.0.0.1:8080\"",
            &format!("doveadm = {{ url = \"http://127.0.0.1:{doveadm}\""),
        );
        let receipts = format!("\"ricevute@{domain}\"]");
        let users: String = users.iter().map(|user| format!(", \"{user}\"")).collect();
        provider.edit(
            &format!("mailboxes = [{receipts}"),
            &format!("mailboxes = [\"ricevute@{domain}\"{users}]"),
        );
        Self { provider, postfix }
    }

    /// What is not for its own users goes to that one's incoming port.
    fn leads_to(&self, other: &Postfix) {
        let port = other.incoming;
        self.postfix
            .set(&format!("default_transport=smtp:[127.0.0.1]:{port}"));
    }

    /// Anna hands a message in, once.
    pub fn hand_in(&self, to: &[&str], octets: &[u8]) -> std::io::Result<Replied> {
        Client::hand_in(self.postfix.access, (ANNA, PASSWORD), to, octets)
    }

    /// [`insist`] here.
    pub fn insist(&self, to: &[&str], octets: &[u8]) {
        insist(&[self], to, octets);
    }
}

/// Anna's mail program: it tries, at one host after the other, until one says that it has it, or
/// never will.
pub fn insist(hosts: &[&Party], to: &[&str], octets: &[u8]) {
    let mut hosts = hosts.iter().cycle();
    wait_until("the message is accepted", || {
        let host = hosts.next().expect("there is one");
        match host.hand_in(to, octets) {
            Ok(Replied { code: 250, .. }) => return true,
            Ok(reply) => assert!((400..500).contains(&reply.code), "{reply:?}"),
            // Nobody knows: again.
            Err(_) => {}
        }
        std::thread::sleep(Duration::from_millis(100));
        false
    });
}

/// A provider's Postfix.
fn mail_server(provider: &Provider, domain: &str, dovecot: &Dovecot) -> Postfix {
    let here = provider.path();
    // Postfix connects as another user.
    for folder in [here.parent().expect("it has one"), &here, &here.join("run")] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("ours");
    }
    Postfix::start(&PostfixSetup {
        domains: vec![domain.to_owned()],
        milter: Some(format!("unix:{}", provider.socket().display())),
        auth: Some(dovecot.auth_socket()),
        // What the other one defers comes again soon.
        main: [
            ("smtp_tls_security_level", "encrypt"),
            ("queue_run_delay", "1s"),
            ("minimal_backoff_time", "1s"),
            ("maximal_backoff_time", "2s"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        ..PostfixSetup::default()
    })
}

/// Messages of these kinds, so many of each, for each of the original subjects.
pub fn of_each(kinds: &[(&str, usize)], subjects: &[impl AsRef<str>]) -> BTreeMap<String, usize> {
    let of = |subject: &str| {
        let with = |(kind, count): &(&str, usize)| (format!("{kind}: {subject}"), *count);
        kinds.iter().map(with).collect::<Vec<_>>()
    };
    let all = subjects.iter().flat_map(|subject| of(subject.as_ref()));
    all.collect()
}

/// A letter of Anna's of about so many octets.
pub fn letter(to: &[&str], subject: &str, size: usize) -> Vec<u8> {
    let mut text = format!(
        "From: {ANNA}\r\nTo: {}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@mua.example>\r\n\
         Date: Wed, 25 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain\r\n\r\nBuongiorno.\r\n",
        to.join(", ")
    )
    .into_bytes();
    let line = [&[b'x'; 74][..], b"\r\n"].concat();
    for _ in 0..size / line.len() {
        text.extend_from_slice(&line);
    }
    text
}

/// The subject of a stored message.
fn subject(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    let mut lines = text.lines().take_while(|line| !line.is_empty());
    let subject = lines.find_map(|line| line.strip_prefix("Subject: "));
    subject.expect("it has one").trim_end().to_owned()
}

/// Waits for something that is bound to happen.
///
/// # Panics
/// It does not.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn extra(doveadm: u16) -> String {
    format!(
        "mail_save_crlf = yes
doveadm_api_key = {DOVEADM_KEY}
service doveadm {{
  inet_listener http {{
    address = 127.0.0.1
    port = {doveadm}
  }}
}}
# Each smtpd keeps its connection.
service auth {{
  client_limit = 2000
}}
"
    )
}

const DOVEADM_KEY: &str = "la-chiave";

/// Longer than the outbox's first pause and a lease together, on a machine that builds as well.
const PATIENCE: Duration = Duration::from_secs(240);
