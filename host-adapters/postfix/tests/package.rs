//! The Debian package that `make deb` has made: dpkg installs it into a scratch root, upgrades and
//! purges it there; unpacked, it works.

mod provider;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
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

/// dpkg itself, with the package's own scripts, on a system that has nothing but Postfix's user.
#[test]
fn dpkg_installs_upgrades_and_purges_it_and_nothing_stays() {
    let Some(root) = ScratchRoot::new() else {
        return;
    };
    let before = root.files();
    root.dpkg("--install");
    let config = root.path().join("etc/ceralacca/ceralacca.toml");
    Config::load(&config).unwrap();
    let ours = root.id("passwd", "ceralacca");
    for (file, mode, owner, group) in [
        ("etc/ceralacca", 0o750, 0, root.id("group", "ceralacca")),
        (
            "etc/ceralacca/ceralacca.toml",
            0o640,
            0,
            root.id("group", "ceralacca"),
        ),
        (
            "var/spool/postfix/pec",
            0o750,
            ours,
            root.id("group", "postfix"),
        ),
        (
            "var/lib/ceralacca",
            0o700,
            ours,
            root.id("group", "ceralacca"),
        ),
    ] {
        let found = fs::metadata(root.path().join(file)).unwrap();
        let found = (found.mode() & 0o7777, found.uid(), found.gid());
        assert_eq!(found, (mode, owner, group), "{file}: {found:?}");
    }
    for file in [
        "usr/bin/ceralacca",
        "usr/bin/ceralacca-postfix",
        "usr/lib/ceralacca/ceralacca.component.wasm",
        "usr/lib/systemd/system/ceralacca-postfix.service",
        "usr/share/doc/ceralacca-postfix/README.md",
        "usr/share/doc/ceralacca-postfix/examples/master.cf",
    ] {
        assert!(root.path().join(file).is_file(), "{file}");
    }
    // It has no key yet: nothing starts it.
    let wanted = "etc/systemd/system/multi-user.target.wants";
    assert!(!root.path().join(wanted).exists(), "it is enabled");

    // What an administrator wrote stays.
    let mine = fs::read_to_string(&config).unwrap() + "# mine\n";
    fs::write(&config, &mine).unwrap();
    root.dpkg("--install");
    assert_eq!(fs::read_to_string(&config).unwrap(), mine);

    root.dpkg("--purge");
    let left: Vec<_> = root.files().difference(&before).cloned().collect();
    // Users stay, as Debian wants it: files may be theirs.
    let users = ["etc/passwd", "etc/group", "etc/shadow", "etc/gshadow"];
    let of_users = |file: &String| users.iter().any(|name| file.starts_with(name));
    let left: Vec<_> = left
        .iter()
        .filter(|file| !of_users(file) && *file != "etc/.pwd.lock")
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Debian's own judge of packages.
#[test]
fn lintian_finds_no_error() {
    let Some(package) = package() else { return };
    let judged = Command::new("lintian")
        .args(["--fail-on", "error", "--tag-display-limit", "0"])
        .arg("--allow-root")
        .arg(package)
        .output();
    let Ok(judged) = judged else {
        return skipped("lintian");
    };
    let said = String::from_utf8_lossy(&judged.stdout);
    assert!(judged.status.success(), "{said}");
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
        Err(_) => skipped("systemd-analyze"),
    }
}

/// A system in a folder, as much of one as dpkg and the package's scripts want.
struct ScratchRoot {
    folder: TempDir,
    package: PathBuf,
}

impl ScratchRoot {
    fn new() -> Option<Self> {
        let package = package()?;
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            skipped("root, who may give files away,");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        // What every Debian has.
        for name in [
            "etc/systemd/system",
            "var/lib/systemd",
            "var/spool/postfix",
            "var/lib/dpkg/info",
            "var/lib/dpkg/updates",
        ] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        for (file, text) in [
            (
                "etc/passwd",
                "root:x:0:0::/root:/bin/sh\npostfix:x:107:113::/var/spool/postfix:/bin/false\n",
            ),
            ("etc/group", "root:x:0:\npostfix:x:113:\n"),
            ("var/lib/dpkg/status", ""),
        ] {
            fs::write(root.join(file), text).unwrap();
        }
        Some(Self { folder, package })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What it depends on is on this machine, where its scripts run (`DPKG_ROOT`).
    fn dpkg(&self, action: &str) {
        let mut dpkg = Command::new("dpkg");
        dpkg.arg(format!("--root={}", self.path().display()))
            .args(["--force-script-chrootless", "--force-depends", action])
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        match action {
            "--install" => dpkg.arg(&self.package),
            _ => dpkg.arg("ceralacca-postfix"),
        };
        let output = dpkg.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{action}: {said}");
    }

    /// The number of a user or group there.
    fn id(&self, file: &str, name: &str) -> u32 {
        let text = fs::read_to_string(self.path().join("etc").join(file)).unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("{name}:")))
            .unwrap_or_else(|| panic!("no {name} in {text}"));
        line.split(':').nth(2).unwrap().parse().unwrap()
    }

    /// Everything in it but dpkg's own notes.
    fn files(&self) -> BTreeSet<String> {
        let found = Command::new("find")
            .args([
                ".",
                "-path",
                "./var/lib/dpkg",
                "-prune",
                "-o",
                "-printf",
                "%P\\n",
            ])
            .current_dir(self.path())
            .output()
            .unwrap();
        let found = String::from_utf8(found.stdout).unwrap();
        found.lines().map(str::to_owned).collect()
    }
}

/// The package, laid out as dpkg would, its scripts in `DEBIAN`.
fn unpacked() -> Option<TempDir> {
    let package = package()?;
    let root = tempfile::tempdir().unwrap();
    let unpacked = Command::new("dpkg-deb")
        .arg("--raw-extract")
        .arg(package)
        .arg(root.path())
        .status();
    assert!(unpacked.unwrap().success());
    Some(root)
}

/// The newest package in target/debian; where there is none the test says so and is skipped.
fn package() -> Option<PathBuf> {
    // target/release/ceralacca-postfix
    let target = Path::new(env!("CARGO_BIN_EXE_ceralacca-postfix"))
        .ancestors()
        .nth(2)?;
    let packages = fs::read_dir(target.join("debian")).into_iter().flatten();
    let newest = packages
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .max_by_key(|path| fs::metadata(path).and_then(|file| file.modified()).ok());
    if newest.is_none() {
        skipped("a package: `make deb` makes one, which");
    }
    newest
}

fn skipped(what: &str) {
    assert!(
        std::env::var_os("CERALACCA_REQUIRE_TOOLS").is_none(),
        "{what} is not here"
    );
    eprintln!("skipped: {what} is not here");
}
