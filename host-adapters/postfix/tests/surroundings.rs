//! The service with what large providers have around it: a database on PostgreSQL, the key in an HSM
//! (SoftHSM2), the provider directory by HTTPS (nginx), mailboxes in Dovecot. All of it is real.

#[path = "../../host/tests/support/postgres.rs"]
#[allow(dead_code, unused_macros, reason = "each test program uses its part")]
mod postgres_server;
mod provider;
#[path = "../../host/tests/support/server.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod server;
mod support;
#[path = "rig/wire.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod wire;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use ceralacca_postfix::Listen;
use postgres_server::PostgresServer;
use provider::{Provider, plug_in};
use server::{free_port, program, skipped, succeed};
use support::Dovecot;
use wire::Wire;

const ANNA: &str = "anna@pec.alfa.example";
const BRUNO: &str = "bruno@pec.alfa.example";
const ANNA_TOO: &str = "a.rossi@pec.alfa.example";
const RECEIPTS: &str = "ricevute@pec.alfa.example";
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "ceralacca-segreto-4712";

#[test]
fn with_postgresql_an_hsm_and_a_fetched_directory_a_message_is_delivered_and_audited() {
    let Some(world) = World::new() else { return };
    let provider = &world.provider;
    let found = world.check_config();
    for words in [
        "ok    the signing key belongs to the certificate",
        "ok    the database can be written, and is up to date",
        "not fetched yet  -- start the service",
        "ok    the provider directory can be fetched",
        "ok    LMTP answers",
        "ok    doveadm says what lies in ricevute@pec.alfa.example",
    ] {
        assert!(found.contains(words), "no {words:?} in\n{found}");
    }
    assert!(!found.contains("others would refuse"), "{found}");
    assert!(!found.contains(PIN), "the PIN is shown: {found}");

    let service = provider::Running::start_with(provider, |program| world.environment(program));
    service.told("READY=1");
    service.logged("the provider directory is in force");
    let found = world.check_config();
    assert!(found.contains("ok    a receipt of ours holds"), "{found}");
    let milter = Listen::Unix {
        path: provider.socket(),
        mode: 0o660,
        group: None,
    };
    let mut wire = Wire::open(&milter, "PEC-ACCESS", ANNA);
    wire.envelope(ANNA, &[BRUNO]);
    wire.content(&letter(ANNA, BRUNO));
    wire.say(b'E', b"");
    assert_eq!(wire.hear().expect("an answer").0, b'd', "{}", service.log());
    // Acceptance and delivery receipt; the envelope.
    service.until("the mailboxes", || {
        world.dovecot.inbox(ANNA).len() == 2 && world.dovecot.inbox(BRUNO).len() == 1
    });

    // Who asks where a message is greps for its id: every line has it.
    let log = service.log();
    let (_, id) = log.split_once("Accepted as ").unwrap();
    let (id, _) = id.split_once('"').unwrap();
    let lines = log.lines().skip_while(|line| !line.contains("Accepted as"));
    let (with, without): (Vec<_>, Vec<_>) = lines.partition(|line| line.contains(id));
    assert!(with.len() > 5 && without.is_empty(), "{without:#?}");

    // A moment later: the mailbox has a message before its server has said so.
    for line in [
        "ceralacca_transactions_total{event=\"submit\",reply=\"2xx\"} 1",
        "ceralacca_deposit_seconds_count{outcome=\"stored\"} 3",
        "ceralacca_outbox_oldest_seconds{action=\"deposit\"} 0",
        "ceralacca_directory_age_seconds ",
        "ceralacca_certificate_expiry_seconds ",
        "ceralacca_sign_seconds_count ",
    ] {
        service.until(line, || service.get("/metrics").1.contains(line));
    }
    let (code, said) = world.audit();
    assert!(
        said.contains("1 messages, ") && said.contains(", 0 findings"),
        "{said}"
    );
    assert_eq!(code, 0, "{said}");

    // A row that somebody took away is missed.
    let mut database = postgres_server::connect(&world.database);
    let removed = database
        .execute(
            "DELETE FROM log WHERE ctid = (SELECT ctid FROM log ORDER BY at, ctid LIMIT 1)",
            &[],
        )
        .unwrap();
    assert_eq!(removed, 1);
    let (code, said) = world.audit();
    assert_eq!(code, 6, "{said}");

    // Anna's second mailbox is hers to write from, Bruno's is not.
    for (from, reply) in [(ANNA_TOO, b'd'), (BRUNO, b'y')] {
        wire.say(b'D', format!("M{{auth_authen}}\0{ANNA}\0").as_bytes());
        wire.envelope(from, &[BRUNO]);
        wire.content(&letter(from, BRUNO));
        wire.say(b'E', b"");
        assert_eq!(wire.hear().expect("an answer").0, reply, "{from}");
    }
    service.signal("TERM");
    assert_eq!(service.ends(), Some(0));
    assert!(!service.log().contains(PIN), "the PIN is in the log");
}

fn letter(from: &str, to: &str) -> String {
    format!(
        "From: {from}\r\nTo: {to}\r\nSubject: Offerta\r\nMessage-ID: <1@pc.example>\r\n\
         Date: Wed, 25 Nov 2026 09:00:00 +0100\r\n\r\nciao\r\n"
    )
}

struct World {
    provider: Provider,
    dovecot: Dovecot,
    database: String,
    _postgres: PostgresServer,
    _nginx: server::Running,
}

impl World {
    fn new() -> Option<Self> {
        if !plug_in() || !support::installed(&["dovecot", "openssl", "setpriv"]) {
            return None;
        }
        let (nginx, _) = (program("nginx")?, program("softhsm2-util")?);
        if !Path::new(MODULE).exists() {
            skipped(MODULE);
            return None;
        }
        let postgres = PostgresServer::start()?;
        let database = postgres.url("service");
        let provider = Provider::new();
        let doveadm = free_port();
        let users: Vec<_> = [ANNA, ANNA_TOO, BRUNO, RECEIPTS]
            .iter()
            .map(|user| (*user, "segreto"))
            .collect();
        let dovecot = Dovecot::start(
            &users,
            &format!(
                "doveadm_api_key = doveadm-segreto\nservice doveadm {{\n inet_listener http {{\n\
                 address = 127.0.0.1\n port = {doveadm}\n }}\n}}"
            ),
        );
        fs::write(provider.path().join("doveadm.key"), "doveadm-segreto\n").unwrap();
        let https = free_port();
        let nginx = serve_directory(&nginx, &provider, https);
        move_key_into_token(&provider);
        provider.edit(
            "#postgres = \"postgresql://ceralacca@/pec?host=/run/postgresql\"",
            &format!("postgres = \"{database}\""),
        );
        provider.edit(
            "#[signer.pkcs11]",
            &format!(
                "[signer.pkcs11]\nmodule = \"{MODULE}\"\ntoken = \"pec\"\nkey = \"pec-signing\"\n\
                 pin-env = \"TEST_PIN\""
            ),
        );
        provider.edit(
            "#url = \"https://directory.example/directory.ldif.p7m\"",
            &format!("url = \"https://127.0.0.1:{https}/directory.ldif\"\nroots = \"https.pem\""),
        );
        provider.edit(
            "#directory = \"directory.ldif\"",
            "directory = \"state/fetched.ldif\"",
        );
        let lmtp = format!("unix:{}", dovecot.lmtp_socket().display());
        provider.edit(&format!("unix:{}/lmtp", provider.path().display()), &lmtp);
        provider.edit(
            "#doveadm = { url = \"http://127.0.0.1:8080\"",
            &format!("doveadm = {{ url = \"http://127.0.0.1:{doveadm}\""),
        );
        provider.edit(
            &format!("mailboxes = [\"{RECEIPTS}\"]"),
            &format!(
                "mailboxes = [\"{RECEIPTS}\", \"{BRUNO}\", \"{ANNA_TOO}\", \
                 {{ address = \"{ANNA}\", further-addresses = [\"{ANNA_TOO}\"] }}]"
            ),
        );
        Some(Self {
            provider,
            dovecot,
            database,
            _postgres: postgres,
            _nginx: nginx,
        })
    }

    fn environment(&self, program: &mut Command) {
        program.env("SOFTHSM2_CONF", self.provider.path().join("softhsm2.conf"));
        program.env("TEST_PIN", PIN);
    }

    fn check_config(&self) -> String {
        let mut program = self.provider.program();
        self.environment(program.arg("check-config"));
        String::from_utf8(program.output().unwrap().stdout).unwrap()
    }

    /// The postmaster's `audit`, which needs neither HSM nor directory.
    fn audit(&self) -> (i32, String) {
        let audited = self.provider.program().arg("audit").output().unwrap();
        let said = [audited.stdout, audited.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        (audited.status.code().unwrap(), said)
    }
}

/// The provider's key, in a token of SoftHSM2 and nowhere else.
fn move_key_into_token(provider: &Provider) {
    let folder = provider.path();
    let tokens = folder.join("tokens");
    fs::create_dir(&tokens).unwrap();
    let config = folder.join("softhsm2.conf");
    fs::write(
        &config,
        format!("directories.tokendir = {}\n", tokens.display()),
    )
    .unwrap();
    let key = folder.join("key.pem");
    for line in [
        format!("--init-token --free --label pec --pin {PIN} --so-pin 12345678"),
        format!(
            "--import {} --token pec --label pec-signing --id a1 --pin {PIN}",
            key.display()
        ),
    ] {
        let mut command = Command::new("softhsm2-util");
        succeed(
            command
                .args(line.split_whitespace())
                .env("SOFTHSM2_CONF", &config),
        );
    }
    fs::remove_file(key).unwrap();
}

/// The directory that `provider init` has made, by HTTPS.
fn serve_directory(nginx: &Path, provider: &Provider, port: u16) -> server::Running {
    let folder = provider.path();
    let www = folder.join("www");
    fs::create_dir(&www).unwrap();
    fs::rename(folder.join("directory.ldif"), www.join("directory.ldif")).unwrap();
    let line = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=directory \
                -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE -keyout https.key -out https.pem";
    let mut openssl = Command::new("openssl");
    succeed(openssl.args(line.split_whitespace()).current_dir(&folder));
    let root = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {root}/{name};\n"))
        .concat();
    let config = format!(
        "user root;\ndaemon off;\nmaster_process off;\npid {root}/pid;\nevents {{}}\nhttp {{\n\
         {temporary}access_log off;\nserver {{\nlisten 127.0.0.1:{port} ssl;\n\
         ssl_certificate {root}/https.pem;\nssl_certificate_key {root}/https.key;\n\
         root {root}/www;\n}}\n}}\n"
    );
    fs::write(folder.join("nginx.conf"), config).unwrap();
    let mut command = Command::new(nginx);
    command
        .arg("-e")
        .arg(folder.join("nginx.log"))
        .arg("-c")
        .arg(folder.join("nginx.conf"))
        .stderr(Stdio::null());
    let mut running = server::Running::start(&mut command);
    running.wait_until("nginx", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    running
}
