//! The Debian package that `make deb` has made: unpacked into a scratch root, it works from there.

mod provider;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ceralacca_postfix::config::Config;
use provider::Provider;
use tempfile::TempDir;

#[test]
fn unpacked_it_runs_and_finds_its_plug_in() {
    let Some(root) = unpacked() else { return };
    let program = root.path().join("usr/bin/ceralacca-postfix");
    let output = Command::new(&program).arg("--version").output().unwrap();
    let version = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        version,
        format!("ceralacca-postfix {}\n", env!("CARGO_PKG_VERSION"))
    );

    // Its own plug-in, not the one that was just built.
    let provider = Provider::new();
    let output = Command::new(&program)
        .args(["check-config", "--config"])
        .arg(provider.config())
        .env_remove("CERALACCA_COMPONENT")
        .env("CACHE_DIRECTORY", provider.path().join("cache"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("ok    a receipt of ours holds"), "{text}");
    // No servers here.
    assert!(
        text.contains("FAIL  the injection port does not answer"),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_administrators_change_is_theirs_and_nothing_starts_unasked() {
    let Some(root) = unpacked() else { return };
    let config = root.path().join("etc/ceralacca/ceralacca.toml");
    Config::load(&config).unwrap();
    let control = root.path().join("DEBIAN");
    let read = |name: &str| fs::read_to_string(control.join(name)).unwrap();
    assert_eq!(read("conffiles").trim(), "/etc/ceralacca/ceralacca.toml");
    let postinst = read("postinst");
    assert!(!postinst.contains("deb-systemd-invoke start"), "{postinst}");
    for script in ["postinst", "postrm", "prerm"] {
        let checked = Command::new("sh")
            .arg("-n")
            .arg(control.join(script))
            .status()
            .unwrap();
        assert!(checked.success(), "{script}");
    }
    for file in [
        "usr/lib/ceralacca/ceralacca.component.wasm",
        "usr/lib/systemd/system/ceralacca-postfix.service",
        "usr/lib/sysusers.d/ceralacca-postfix.conf",
        "usr/lib/tmpfiles.d/ceralacca-postfix.conf",
        "usr/share/doc/ceralacca-postfix/examples/master.cf",
    ] {
        assert!(root.path().join(file).is_file(), "{file}");
    }
}

/// systemd's own judgement: 0 is locked up, 10 is wide open.
#[test]
fn the_unit_is_locked_up() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("debian/ceralacca-postfix.service");
    let analyze = Command::new("systemd-analyze")
        .args(["security", "--offline=yes", "--threshold=20"])
        .arg(&unit)
        .output();
    match analyze {
        // --threshold is in tenths: at most 2.0.
        Ok(output) => assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        ),
        Err(_) => eprintln!("skipped: systemd-analyze not found"),
    }
}

/// The package, laid out as dpkg would, its scripts in `DEBIAN`.
fn unpacked() -> Option<TempDir> {
    let Some(package) = package() else {
        assert!(
            std::env::var_os("CERALACCA_REQUIRE_TOOLS").is_none(),
            "no package: `make deb` makes it"
        );
        eprintln!("skipped: no package; `make deb` makes it");
        return None;
    };
    let root = tempfile::tempdir().unwrap();
    let unpacked = Command::new("dpkg-deb")
        .arg("--raw-extract")
        .arg(package)
        .arg(root.path())
        .status();
    assert!(unpacked.unwrap().success());
    Some(root)
}

fn package() -> Option<PathBuf> {
    // target/release/ceralacca-postfix
    let target = Path::new(env!("CARGO_BIN_EXE_ceralacca-postfix"))
        .ancestors()
        .nth(2)?;
    let packages = fs::read_dir(target.join("debian")).ok()?;
    let mut packages: Vec<_> = packages
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    packages.retain(|path| path.extension().is_some_and(|extension| extension == "deb"));
    packages.sort();
    packages.pop()
}
