//! Signing with a key in SoftHSM2. What it must sign, OpenSSL has signed with the same key.
//!
//! SoftHSM2 finds its tokens through an environment variable when it is loaded, and a module is
//! loaded once for a process, so each of these tests runs in a process of its own.
#![cfg(feature = "pkcs11")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use ceralacca_host::*;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use support::{Metrics, program, skipped, succeed};

#[test]
fn it_signs_as_openssl_does() {
    in_a_process("it_signs_as_openssl_does", |hsm| {
        for (label, id) in [
            (Some("sign"), None),
            (None, Some(&[0xa1][..])),
            (Some("sign"), Some(&[0xa1][..])),
        ] {
            for token in [
                TokenChoice::Label("ceralacca".to_owned()),
                TokenChoice::Serial(hsm.serial()),
                TokenChoice::Slot(hsm.slot()),
            ] {
                let signer = Pkcs11Signer::new(Pkcs11Settings {
                    token,
                    key_label: label.map(str::to_owned),
                    key_id: id.map(<[u8]>::to_vec),
                    ..hsm.settings()
                });
                let signer = signer.unwrap();
                assert_eq!(
                    signer.sign(b"attributes").unwrap(),
                    data("signature-sha256.bin")
                );
                assert_eq!(signer.public_key_spki().unwrap(), data("public-key.der"));
                assert!(signer.check().unwrap().contains("2048 bits"));
            }
        }
    });
}

#[test]
fn more_threads_than_sessions_sign() {
    in_a_process("more_threads_than_sessions_sign", |hsm| {
        let signer = Pkcs11Signer::new(Pkcs11Settings {
            sessions: 2,
            ..hsm.settings()
        })
        .unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        let signature = signer.sign(b"attributes").unwrap();
                        assert_eq!(signature, data("signature-sha256.bin"));
                    }
                });
            }
        });
    });
}

#[test]
fn settings_that_cannot_work_are_told_with_the_remedy() {
    in_a_process(
        "settings_that_cannot_work_are_told_with_the_remedy",
        |hsm| {
            let refused = |settings| Pkcs11Signer::new(settings).unwrap_err().to_string();
            let said = refused(Pkcs11Settings {
                key_label: None,
                ..hsm.settings()
            });
            assert!(said.contains("label") && said.contains("id"), "{said}");
            let said = refused(Pkcs11Settings {
                module: "/nowhere/libhsm.so".into(),
                ..hsm.settings()
            });
            assert!(said.contains("/nowhere/libhsm.so"), "{said}");

            let fails = |settings| {
                let signer = Pkcs11Signer::new(settings).unwrap();
                let said = signer.check().unwrap_err().to_string();
                // Whoever signs hears the same.
                let Unavailable(why) = signer.sign(b"x").unwrap_err();
                assert_eq!(why, said);
                said
            };
            let said = fails(Pkcs11Settings {
                token: TokenChoice::Label("ceralaca".to_owned()),
                ..hsm.settings()
            });
            assert!(
                said.contains("\"ceralaca\"") && said.contains("\"ceralacca\""),
                "{said}"
            );
            let said = fails(Pkcs11Settings {
                key_label: Some("sing".to_owned()),
                ..hsm.settings()
            });
            assert!(
                said.contains("\"sing\"") && said.contains("\"sign\""),
                "{said}"
            );
            let said = fails(Pkcs11Settings {
                key_id: Some(vec![0xa2]),
                ..hsm.settings()
            });
            assert!(said.contains("id a2"), "{said}");
            // Two keys of one name: which one signs must not depend on the token's order.
            hsm.import("sign", "b1");
            let said = fails(hsm.settings());
            assert!(
                said.contains("2 private keys") && said.contains("id"),
                "{said}"
            );
        },
    );
}

#[test]
fn a_pin_lies_where_not_everybody_can_read_it() {
    in_a_process("a_pin_lies_where_not_everybody_can_read_it", |hsm| {
        let refused = |pin| {
            let settings = Pkcs11Settings {
                pin,
                ..hsm.settings()
            };
            Pkcs11Signer::new(settings).unwrap_err().to_string()
        };
        let file = hsm.folder.join("pin");
        for mode in [0o604, 0o602, 0o644] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            let said = refused(PinSource::File(file.clone()));
            assert!(said.contains("chmod") && said.contains("/pin"), "{said}");
        }
        fs::write(hsm.folder.join("empty"), "\n").unwrap();
        fs::set_permissions(hsm.folder.join("empty"), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(refused(PinSource::File(hsm.folder.join("empty"))).contains("is empty"));
        assert!(refused(PinSource::File("/nowhere/pin".into())).contains("/nowhere/pin"));
        let said = refused(PinSource::Environment("NO_SUCH_PIN".to_owned()));
        assert!(said.contains("NO_SUCH_PIN"), "{said}");
        let settings = Pkcs11Settings {
            pin: PinSource::Environment("TEST_HSM_PIN".to_owned()),
            ..hsm.settings()
        };
        Pkcs11Signer::new(settings).unwrap().check().unwrap();
    });
}

/// Tokens lock after a few wrong PINs, and a mail server has many messages.
#[test]
fn a_wrong_pin_is_tried_once() {
    in_a_process("a_wrong_pin_is_tried_once", |hsm| {
        let file = hsm.folder.join("pin");
        fs::write(&file, "0815").unwrap();
        let signer = Pkcs11Signer::new(hsm.settings()).unwrap();
        let Unavailable(first) = signer.sign(b"x").unwrap_err();
        assert!(first.contains("not tried again"), "{first}");
        // Were it tried again, it would work now.
        hsm.set_pin(PIN, "0815");
        assert_eq!(signer.sign(b"x"), Err(Unavailable(first)));
        let again = Pkcs11Signer::new(hsm.settings()).unwrap();
        assert_eq!(
            again.sign(b"attributes").unwrap(),
            data("signature-sha256.bin")
        );
    });
}

#[test]
fn sessions_that_ended_are_opened_again() {
    in_a_process("sessions_that_ended_are_opened_again", |hsm| {
        let metrics = Metrics::install();
        let signer = Pkcs11Signer::new(hsm.settings()).unwrap();
        signer.sign(b"x").unwrap();
        // Behind its back: all handles are void.
        let module = Pkcs11::new(MODULE).unwrap();
        module.clone().finalize().unwrap();
        module
            .initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))
            .unwrap();
        assert_eq!(
            signer.sign(b"attributes").unwrap(),
            data("signature-sha256.bin")
        );
        assert_eq!(metrics.count("ceralacca_hsm_errors_total"), 1);
        // And with the module itself stopped.
        module.finalize().unwrap();
        assert_eq!(
            signer.sign(b"attributes").unwrap(),
            data("signature-sha256.bin")
        );
    });
}

#[test]
fn a_token_that_was_away_signs_when_it_is_back() {
    in_a_process("a_token_that_was_away_signs_when_it_is_back", |hsm| {
        let signer = Pkcs11Signer::new(hsm.settings()).unwrap();
        signer.sign(b"x").unwrap();
        let (here, away) = (hsm.folder.join("tokens"), hsm.folder.join("away"));
        fs::rename(&here, &away).unwrap();
        fs::create_dir(&here).unwrap();
        let Unavailable(why) = signer.sign(b"x").unwrap_err();
        assert!(why.contains("token \"ceralacca\""), "{why}");
        fs::remove_dir(&here).unwrap();
        fs::rename(&away, &here).unwrap();
        let begun = Instant::now();
        let signature = loop {
            match signer.sign(b"attributes") {
                Ok(signature) => break signature,
                Err(error) => assert!(begun.elapsed() < Duration::from_secs(10), "{error}"),
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        assert_eq!(signature, data("signature-sha256.bin"));
    });
}

// ---- the scene --------------------------------------------------------------------------------

/// A token with the key of `tests/data`.
struct Hsm {
    folder: PathBuf,
}

/// Runs a test in a process that knows of a token. All that the process says, with every log
/// message there is, must be without the PIN.
fn in_a_process(name: &str, test: impl FnOnce(&Hsm)) {
    if let Some(folder) = std::env::var_os("TEST_HSM_FOLDER") {
        tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
            .init();
        let hsm = Hsm {
            folder: folder.into(),
        };
        println!("{:?}", hsm.settings());
        println!("{:?}", Pkcs11Signer::new(hsm.settings()));
        return test(&hsm);
    }
    if program("softhsm2-util").is_none() {
        return;
    }
    if !Path::new(MODULE).exists() {
        return skipped(MODULE);
    }
    let folder = tempfile::tempdir().unwrap();
    let hsm = Hsm {
        folder: folder.path().to_owned(),
    };
    hsm.make();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env("TEST_HSM_FOLDER", folder.path())
        .env("TEST_HSM_PIN", PIN)
        .env("SOFTHSM2_CONF", folder.path().join("softhsm2.conf"))
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
    assert!(!said.contains(PIN), "the PIN is shown: {said}");
}

impl Hsm {
    fn make(&self) {
        let file = |name: &str| self.folder.join(name);
        fs::create_dir(file("tokens")).unwrap();
        let tokens = file("tokens");
        let config = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\n",
            tokens.display()
        );
        fs::write(file("softhsm2.conf"), config).unwrap();
        fs::write(file("pin"), format!("{PIN}\n")).unwrap();
        fs::set_permissions(file("pin"), fs::Permissions::from_mode(0o640)).unwrap();
        self.run(&format!(
            "softhsm2-util --init-token --free --label ceralacca --pin {PIN} --so-pin 12345678"
        ));
        self.import("sign", "a1");
    }

    fn import(&self, label: &str, id: &str) {
        let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/key-pkcs8.pem");
        let key = key.display();
        self.run(&format!(
            "softhsm2-util --import {key} --token ceralacca --label {label} --id {id} --pin {PIN} \
             --force"
        ));
    }

    fn run(&self, line: &str) -> String {
        let mut words = line.split_whitespace();
        let mut command = Command::new(words.next().unwrap());
        command.args(words);
        command.env("SOFTHSM2_CONF", self.folder.join("softhsm2.conf"));
        succeed(&mut command)
    }

    /// What the tool says of the token's slot after `what`.
    fn shown(&self, what: &str) -> String {
        let slots = self.run("softhsm2-util --show-slots");
        let line = slots.lines().find(|line| line.trim().starts_with(what));
        let word = line.unwrap().split_whitespace().last().unwrap();
        word.to_owned()
    }

    fn serial(&self) -> String {
        self.shown("Serial number:")
    }

    fn slot(&self) -> u64 {
        self.shown("Slot ").parse().unwrap()
    }

    /// The owner changes the PIN, as with `pkcs11-tool --change-pin`.
    fn set_pin(&self, old: &str, new: &str) {
        use cryptoki::session::UserType;
        let module = Pkcs11::new(MODULE).unwrap();
        let slot = module.get_slots_with_initialized_token().unwrap()[0];
        let session = module.open_rw_session(slot).unwrap();
        let (old, new) = (old.into(), new.into());
        session.login(UserType::User, Some(&old)).unwrap();
        session.set_pin(&old, &new).unwrap();
    }

    fn settings(&self) -> Pkcs11Settings {
        Pkcs11Settings {
            module: MODULE.into(),
            token: TokenChoice::Label("ceralacca".to_owned()),
            key_label: Some("sign".to_owned()),
            key_id: None,
            pin: PinSource::File(self.folder.join("pin")),
            sessions: Pkcs11Settings::SESSIONS,
        }
    }
}

fn data(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    fs::read(folder.join(name)).unwrap()
}

/// Where Debian has it.
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
/// Nothing that a log might say by chance.
const PIN: &str = "ceralacca-segreto-4711";
