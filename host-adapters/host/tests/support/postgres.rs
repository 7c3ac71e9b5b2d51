//! A PostgreSQL server of one's own, for one test.

use std::cell::RefCell;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A server in a temporary folder, on a Unix socket there, that ends with the test however it
/// ends. Durable as it comes, since what is tested is whether commits are.
pub struct PostgresServer {
    programs: PathBuf,
    folder: tempfile::TempDir,
    process: Option<Child>,
    /// With TLS, on the loopback interface.
    port: Option<u16>,
}

impl PostgresServer {
    /// Starts one. None: there is no PostgreSQL here, and the test says so and is skipped, unless
    /// `CERALACCA_REQUIRE_TOOLS` is set, as in CI.
    pub fn start() -> Option<Self> {
        Self::start_in(tempfile::tempdir().unwrap())
    }

    /// The same in a folder that the test has prepared.
    pub fn start_in(folder: tempfile::TempDir) -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(
                std::env::var_os("CERALACCA_REQUIRE_TOOLS").is_none(),
                "postgres not found"
            );
            eprintln!("skipped: postgres (Debian package postgresql) not found");
            return None;
        };
        let mut server = Self {
            programs,
            folder,
            process: None,
            port: None,
        };
        server.copy_template();
        server.run();
        Some(server)
    }

    /// A URL for a schema of this name, which is made if it is not there.
    pub fn url(&self, schema: &str) -> String {
        let url = self.admin_url();
        let mut admin = connect(&url);
        admin
            .batch_execute(&format!("CREATE SCHEMA IF NOT EXISTS {schema}"))
            .unwrap();
        format!("{url} options='-c search_path={schema}'")
    }

    fn admin_url(&self) -> String {
        let (folder, port) = (self.folder.path().display(), self.port.unwrap_or(5432));
        format!("host={folder} port={port} user=pec dbname=postgres")
    }

    /// Where its socket is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops it as a power cut would, and starts it again.
    pub fn crash_and_restart(&mut self) {
        self.stop("QUIT");
        self.run();
    }

    /// Stops it; connections are refused from now on.
    pub fn stop(&mut self, signal: &str) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        let pid = process.id().to_string();
        let _ = Command::new("kill").args(["-s", signal, &pid]).status();
        process.wait().unwrap();
    }

    /// Starts it again so that it speaks TLS on a port of the loopback interface, as `localhost`.
    /// Returns a URL, to which a schema is to be added, and its authority's certificate.
    pub fn speak_tls(&mut self) -> (String, PathBuf) {
        self.stop("INT");
        let openssl = |words: &str| {
            let mut command = Command::new("openssl");
            command.current_dir(self.folder.path());
            succeed(command.args(words.split(' ')));
        };
        openssl("req -x509 -newkey rsa:2048 -nodes -subj /CN=CA -keyout ca.key -out ca.pem");
        openssl("req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out csr");
        fs::write(
            self.folder.path().join("ext"),
            "subjectAltName=DNS:localhost",
        )
        .unwrap();
        openssl(
            "x509 -req -in csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile ext -out server.pem",
        );
        self.hand_over();
        // Free a moment ago, and the kernel gives others before it gives this one again.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        self.port = Some(port.local_addr().unwrap().port());
        drop(port);
        self.run();
        let port = self.port.unwrap();
        let url = format!("host=localhost hostaddr=127.0.0.1 port={port} user=pec dbname=postgres");
        (url, self.folder.path().join("ca.pem"))
    }

    /// Starts it again if it has given up.
    pub fn run_if_it_has_ended(&mut self) {
        let process = self.process.as_mut();
        if process.is_none_or(|process| process.try_wait().unwrap().is_some()) {
            self.run();
        }
    }

    /// Starts it, and waits until it answers.
    pub fn run(&mut self) {
        let data = self.folder.path().join("data");
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let mut command = self.unprivileged("postgres");
        command
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(self.folder.path())
            .args(["-c", "max_connections=50"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        match self.port {
            None => command.args(["-h", ""]),
            Some(port) => command
                .args(["-h", "127.0.0.1", "-p", &port.to_string()])
                .args([
                    "-c",
                    "ssl=on",
                    "-c",
                    "ssl_cert_file=../server.pem",
                    "-c",
                    "ssl_key_file=../server.key",
                ]),
        };
        self.process = Some(command.spawn().unwrap());
        let begun = Instant::now();
        let url = self.admin_url();
        while let Err(error) = postgres::Client::connect(&url, postgres::NoTls) {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
            assert!(begun.elapsed() < Duration::from_secs(60), "{error}: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// `initdb` takes a second, copying what it makes a tenth.
    fn copy_template(&self) {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let version = succeed(self.program("postgres").arg("--version"));
        let made_from = (&version.stdout, INITDB);
        let template = cache.join(format!("postgres-{:x}", hash(made_from)));
        let data = self.folder.path().join("data");
        self.hand_over();
        if !template.exists() {
            let mut initdb = self.unprivileged("initdb");
            succeed(initdb.arg("-D").arg(&data).args(INITDB));
            // Under a name of its own first: other tests may be doing the same.
            let mine = cache.join(format!("postgres-template-{}", std::process::id()));
            succeed(Command::new("cp").arg("-a").arg(&data).arg(&mine));
            if fs::rename(&mine, &template).is_err() {
                fs::remove_dir_all(&mine).unwrap();
            }
        } else {
            succeed(Command::new("cp").arg("-a").arg(&template).arg(&data));
            self.hand_over();
        }
    }

    /// The server does not run as root.
    fn hand_over(&self) {
        if is_root() {
            let folder = self.folder.path();
            succeed(Command::new("chown").args(["-R", "nobody"]).arg(folder));
        }
    }

    fn program(&self, name: &str) -> Command {
        Command::new(self.programs.join(name))
    }

    /// Ends with us, should we not end it.
    fn unprivileged(&self, name: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.arg("--pdeathsig=INT");
        if is_root() {
            command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]);
        }
        command
            .arg(self.programs.join(name))
            .current_dir(self.folder.path());
        command
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.stop("INT");
    }
}

/// Where Debian puts the server's programs, or the path.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut folders: Vec<PathBuf> = versions
        .flatten()
        .map(|version| version.path().join("bin"))
        .chain(std::env::split_paths(&std::env::var_os("PATH")?))
        .collect();
    folders.retain(|folder| folder.join("initdb").exists() && folder.join("postgres").exists());
    folders.into_iter().next()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output
}

/// A connection of the test itself.
pub fn connect(url: &str) -> postgres::Client {
    postgres::Client::connect(url, postgres::NoTls).unwrap()
}

/// A collation that is not that of octets, as servers have; otherwise as it comes.
const INITDB: [&str; 5] = [
    "--username=pec",
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--no-sync",
];

fn hash(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

thread_local! {
    static SERVER: RefCell<Option<PostgresServer>> = const { RefCell::new(None) };
}

/// Tells a story with all its providers' stores on PostgreSQL.
pub fn on_postgres(story: fn()) {
    let Some(server) = PostgresServer::start() else {
        return;
    };
    SERVER.set(Some(server));
    // Also when the story fails: the thread's end drops it.
    story();
    SERVER.take();
}

/// The name of the variable that says on which database a child process finds its provider.
pub const POSTGRES: &str = "CERALACCA_TEST_POSTGRES";

/// The schema of a provider's folder, in a story that is told on PostgreSQL.
pub fn database_of(folder: &Path) -> Option<String> {
    if let Ok(url) = std::env::var(POSTGRES) {
        return Some(url);
    }
    SERVER.with_borrow(|server| Some(server.as_ref()?.url(&format!("p{:x}", hash(folder)))))
}

/// Runs something on the server of the story.
pub fn with_server<T>(work: impl FnOnce(&mut PostgresServer) -> T) -> T {
    SERVER.with_borrow_mut(|server| work(server.as_mut().expect("the story is on PostgreSQL")))
}

/// Makes two tests of each story: on SQLite in a folder, and on PostgreSQL.
#[macro_export]
macro_rules! on_both {
    ($($(#[$attribute:meta])* $story:ident;)*) => {
        mod on_sqlite {
            $(#[test] $(#[$attribute])* fn $story() { super::$story(); })*
        }
        mod on_postgres {
            $(#[test] $(#[$attribute])* fn $story() {
                super::support::on_postgres(super::$story);
            })*
        }
    };
}
