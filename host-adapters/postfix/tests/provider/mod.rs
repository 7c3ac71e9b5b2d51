//! A provider folder with a configuration of the service in it, and the service's program.
#![allow(dead_code, unused_imports, reason = "each test program uses its part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

use ceralacca_harness::moment::Moment;
use ceralacca_harness::provider::init::NewProvider;
use tempfile::TempDir;

pub use running::Running;

mod running;

/// The example's provider.
const ALFA: &str = "Alfa Posta Certificata S.p.A.";

/// A provider that could start.
pub struct Provider {
    folder: TempDir,
}

impl Provider {
    /// Alfa, made by `ceralacca provider init`'s code; its servers are nowhere.
    pub fn new() -> Self {
        let mailboxes = ["anna@pec.alfa.example"];
        Self::named(ALFA, "pec.alfa.example", &mailboxes, None)
    }

    /// Another one, in the test world of a first one.
    pub fn named(name: &str, domain: &str, mailboxes: &[&str], join: Option<&Self>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        let new = NewProvider {
            name: name.to_owned(),
            domains: vec![domain.parse().unwrap()],
            mailboxes: mailboxes
                .iter()
                .map(|mailbox| mailbox.parse().unwrap())
                .collect(),
            join: join.map(Self::path),
            now: Moment(now.as_secs()),
        };
        new.create(&folder.path().join("provider")).unwrap();
        let provider = Self { folder };
        for name in ["state", "cache", "run"] {
            fs::create_dir(provider.path().join(name)).unwrap();
        }
        let example = provider.example();
        let example = example
            .replace(ALFA, name)
            .replace("pec.alfa.example", domain);
        fs::write(provider.config(), example).unwrap();
        provider
    }

    /// The same provider in another folder, as on another machine.
    pub fn copy(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let copy = Self { folder };
        let mut copying = Command::new("cp");
        copying.arg("-r").arg(self.path()).arg(copy.path());
        assert!(copying.status().unwrap().success());
        copy.edit(self.path().to_str().unwrap(), copy.path().to_str().unwrap());
        copy
    }

    /// Its folder: certificates, keys, `ceralacca.toml`, `state/`, `run/`.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("provider")
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("ceralacca.toml")
    }

    pub fn socket(&self) -> PathBuf {
        self.path().join("run/milter.sock")
    }

    /// Changes the configuration.
    pub fn edit(&self, line: &str, instead: &str) {
        let text = fs::read_to_string(self.config()).unwrap();
        assert!(text.contains(line), "no {line:?} in\n{text}");
        fs::write(self.config(), text.replace(line, instead)).unwrap();
    }

    /// The service, or another command of its program.
    pub fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ceralacca-postfix"));
        command.arg("--config").arg(self.config());
        command.env_remove("CACHE_DIRECTORY");
        // As the unit does.
        let environment = UNIT
            .lines()
            .filter_map(|line| line.strip_prefix("Environment="));
        command.envs(environment.filter_map(|line| line.split_once('=')));
        command
    }

    pub fn check_config(&self) -> Output {
        self.program().arg("check-config").output().unwrap()
    }

    /// The example that the package installs, with the places of this folder.
    fn example(&self) -> String {
        let example =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/postfix/ceralacca.toml");
        let here = self.path();
        let here = here.to_str().unwrap();
        fs::read_to_string(example)
            .unwrap()
            .replace("/var/lib/ceralacca\"", &format!("{here}/state\""))
            .replace("/var/spool/postfix/pec", &format!("{here}/run"))
            .replace("group = \"postfix\"\n", "")
            .replace("127.0.0.1:9154", "127.0.0.1:0")
            .replace("127.0.0.1:10026", "127.0.0.1:9")
            .replace("/run/dovecot", here)
            .replace("clamd = \"unix:/run/clamav/clamd.ctl\"", "none = true")
            .replace("#fetch-crls = true", "fetch-crls = false")
    }
}

/// How the package runs the service.
const UNIT: &str = include_str!("../../debian/ceralacca-postfix.service");

/// Is the plug-in there? Where it is not the test says so and is skipped, unless CI demands it.
pub fn plug_in() -> bool {
    let found = ceralacca_host::provider::find_plug_in(None).is_ok();
    assert!(
        found || std::env::var_os("CERALACCA_REQUIRE_TOOLS").is_none(),
        "ceralacca.component.wasm not found"
    );
    if !found {
        eprintln!("skipped: ceralacca.component.wasm not found");
    }
    found
}
