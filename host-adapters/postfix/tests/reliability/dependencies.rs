//! What the service needs, in the hands of a test that takes it away and gives it back.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::pair::wait_until;
use crate::provider::Provider;
use crate::proxy::Door;
use crate::support::{self, find, succeed};

/// ClamAV's daemon with a database of one signature.
pub struct Clamd {
    running: support::Running,
    folder: TempDir,
}

impl Clamd {
    pub fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let root = folder.path();
        fs::create_dir(root.join("db")).expect("ours");
        fs::write(root.join("db/test.ndb"), "Test:0:*:6e6f7468696e67\n").expect("ours");
        let config = format!(
            "DatabaseDirectory {0}/db\nLocalSocket {0}/clamd.ctl\nTemporaryDirectory {0}\n\
             Foreground yes\n",
            root.display()
        );
        fs::write(root.join("clamd.conf"), config).expect("ours");
        let running = Self::run(root);
        Self { running, folder }
    }

    pub fn stop(&mut self) {
        self.running.stop();
    }

    pub fn restart(&mut self) {
        self.running = Self::run(self.folder.path());
    }

    fn run(root: &Path) -> support::Running {
        let clamd = find("clamd").expect("it is installed");
        let conf = root.join("clamd.conf");
        let conf = conf.to_str().expect("UTF-8");
        let running = support::Running::start(&[&clamd, "--config-file", conf]);
        wait_until("clamd answers", || {
            UnixStream::connect(root.join("clamd.ctl")).is_ok()
        });
        running
    }

    pub fn door(&self) -> Door {
        Door::Socket(self.folder.path().join("clamd.ctl"))
    }
}

/// A token that can be pulled out.
pub struct Hsm(TempDir);

impl Hsm {
    pub fn holding_the_key_of(provider: &Provider) -> Self {
        let hsm = Self(TempDir::new().expect("a temporary folder"));
        fs::create_dir(hsm.tokens()).expect("ours");
        let tokens = hsm.tokens();
        let conf = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\n",
            tokens.display()
        );
        fs::write(hsm.conf(), conf).expect("ours");
        let key = provider.path().join("key.pem");
        for line in [
            "--init-token --free --label pec --pin 4711 --so-pin 12345678".to_owned(),
            format!(
                "--import {} --token pec --label pec-signing --id a1 --pin 4711",
                key.display()
            ),
        ] {
            let mut util = Command::new("softhsm2-util");
            util.args(line.split(' ')).env("SOFTHSM2_CONF", hsm.conf());
            succeed(&mut util);
        }
        let pin = provider.path().join("hsm.pin");
        fs::write(&pin, "4711\n").expect("ours");
        fs::set_permissions(&pin, fs::Permissions::from_mode(0o600)).expect("ours");
        for line in [
            "#[signer.pkcs11]",
            &format!("#module = \"{SOFT_HSM}\""),
            "#token = \"pec\"",
            "#key = \"pec-signing\"",
            "#pin-file = \"hsm.pin\"",
        ] {
            provider.edit(line, &line[1..]);
        }
        hsm
    }

    pub fn conf(&self) -> PathBuf {
        self.0.path().join("softhsm2.conf")
    }

    fn tokens(&self) -> PathBuf {
        self.0.path().join("tokens")
    }

    pub fn take_away(&self) {
        fs::rename(self.tokens(), self.0.path().join("away")).expect("ours");
        fs::create_dir(self.tokens()).expect("ours");
    }

    pub fn bring_back(&self) {
        fs::remove_dir(self.tokens()).expect("it is empty");
        fs::rename(self.0.path().join("away"), self.tokens()).expect("ours");
    }
}

/// Serves the token to other machines, as a network HSM does, by `p11-kit server`.
pub struct RemoteHsm {
    hsm: Hsm,
    /// Leads a process group: it has a process for each client.
    server: Option<Child>,
}

impl RemoteHsm {
    /// The provider's service is to have [`Self::ADDRESS`] in its environment.
    pub fn holding_the_key_of(provider: &Provider) -> Self {
        let hsm = Hsm::holding_the_key_of(provider);
        let client = client_module().display().to_string();
        provider.edit(SOFT_HSM, &client);
        let mut this = Self { hsm, server: None };
        this.bring_back();
        this
    }

    /// The client module's setting.
    pub const ADDRESS: &str = "P11_KIT_SERVER_ADDRESS";

    pub fn address(socket: &Path) -> String {
        format!("unix:path={}", socket.display())
    }

    pub fn socket(&self) -> PathBuf {
        self.hsm.0.path().join("remote")
    }

    /// Connections to it end.
    pub fn take_away(&mut self) {
        if let Some(mut server) = self.server.take() {
            signal(&server, "KILL");
            server.wait().expect("it is our child");
            fs::remove_file(self.socket()).expect("it has left it");
        }
    }

    pub fn bring_back(&mut self) {
        let mut server = Command::new("setpriv");
        server
            .args(["--pdeathsig=TERM", "--", "p11-kit", "server", "-f", "-n"])
            .arg(Self::address(&self.socket()))
            .args(["--provider", SOFT_HSM, "pkcs11:token=pec"])
            .env("SOFTHSM2_CONF", self.hsm.conf())
            .stdout(Stdio::null())
            .process_group(0);
        self.server = Some(server.spawn().expect("it is installed"));
        wait_until("the HSM answers", || {
            UnixStream::connect(self.socket()).is_ok()
        });
    }

    /// It takes requests and answers none.
    pub fn fall_silent(&self) {
        self.signal("STOP");
    }

    pub fn speak_again(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        signal(self.server.as_ref().expect("it is there"), name);
    }
}

impl Drop for RemoteHsm {
    fn drop(&mut self) {
        self.take_away();
    }
}

/// To a process group.
fn signal(leader: &Child, name: &str) {
    let group = format!("-{}", leader.id());
    succeed(Command::new("kill").args(["-s", name, "--", &group]));
}

/// Of `p11-kit`, in the folder of the machine's architecture.
fn client_module() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").expect("it is everywhere");
    let mut paths = folders
        .flatten()
        .map(|folder| folder.path().join("pkcs11/p11-kit-client.so"));
    paths.find(|path| path.exists()).expect("p11-kit-modules")
}

const SOFT_HSM: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// A file system of a few megabytes, unmounted when dropped.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None: this machine does not let us, which the test then says.
    pub fn at(folder: &Path, megabytes: u32) -> Option<Self> {
        let mut mount = Command::new("mount");
        let options = format!("size={megabytes}m,mode=755");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]);
        let output = mount.arg(folder).output().expect("it is everywhere");
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr);
            // Containers may not, and it is no tool that could be installed.
            eprintln!("skipped: no tmpfs can be mounted: {reason}");
            return None;
        }
        Some(Self(folder.to_owned()))
    }

    /// Leaves not an octet free.
    pub fn fill(&self) {
        let mut file = fs::File::create(self.0.join("filler")).expect("there is room");
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    pub fn clear(&self) {
        fs::remove_file(self.0.join("filler")).expect("it is there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the service may have it open still.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
