//! The directory by HTTPS: from nginx, which wants a client certificate, to the real plug-in, which
//! wants the signature of the directory's maker. Certificates and signatures are OpenSSL's.

mod support;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use ceralacca_host::*;
use support::{
    NOON, Running, directory, free_port, host_without_directory, program, real_settings,
    real_signer, succeed,
};

const HOUR: u64 = 3600;

#[test]
fn a_good_directory_comes_into_force_and_is_not_fetched_twice() {
    let Some(scene) = Scene::new() else { return };
    let host = scene.host();
    let fetcher = scene.fetcher();
    let refresh = || fetcher.refresh(|content| host.load_directory(content));
    scene.serve(&scene.signed(&directory(), "maker"));
    assert!(fetcher.check().unwrap().contains("octets, last modified"));
    let Refreshed::Loaded(summary) = refresh().unwrap() else {
        panic!("not loaded")
    };
    assert_eq!(summary.providers, 1);
    assert_eq!(host.providers_of_domain("here.example").len(), 1);
    assert_eq!(fs::read(scene.copy()).unwrap(), scene.served());
    assert_eq!(refresh().unwrap(), Refreshed::NotDue);

    // A day later it is the same still, which costs no transfer.
    scene.clock.advance(24 * HOUR);
    assert_eq!(refresh().unwrap(), Refreshed::Unchanged);
    assert_eq!(scene.answers(), ["200", "304"]);

    // And then another.
    let larger = directory() + "managedDomains: there.example\n";
    scene.serve(&scene.signed(&larger, "maker"));
    scene.clock.advance(24 * HOUR);
    let Refreshed::Loaded(summary) = refresh().unwrap() else {
        panic!("not loaded")
    };
    assert_eq!(summary.domains, 2);
    assert_eq!(fs::read(scene.copy()).unwrap(), scene.served());
}

#[test]
fn a_bad_one_changes_nothing_and_the_next_good_one_is_taken_soon() {
    let Some(scene) = Scene::new() else { return };
    let host = scene.host();
    let fetcher = scene.fetcher();
    let good = scene.signed(&directory(), "maker");
    scene.serve(&good);
    fetcher
        .refresh(|content| host.load_directory(content))
        .unwrap();

    let truncated = &good[..good.len() - 100];
    let mut forged = good.clone();
    let domain = position(&forged, b"here.example");
    forged[domain] = b'w';
    let huge = vec![b'#'; 200_000];
    for (content, path, reason) in [
        (
            &scene.signed(&directory(), "stranger")[..],
            "directory",
            "none of directory-signers",
        ),
        (&forged, "directory", "altered after it was signed"),
        (truncated, "directory", "incomplete"),
        (directory().as_bytes(), "directory", "is not signed"),
        (b"<html>Maintenance</html>", "directory", "is not signed"),
        (b"", "directory", "is not signed"),
        (&good, "nowhere", "404"),
        (&good, "trouble", "500"),
        (&good, "moved", "set the address"),
        (&good, "slow", "timeout"),
        (&huge, "directory", "raise the limit"),
    ] {
        scene.serve(content);
        scene.clock.advance(24 * HOUR);
        let mut source = scene.source();
        source.url = source.url.replace("directory", path);
        let fetcher = scene.fetcher_of(source);
        let refresh = || fetcher.refresh(|content| host.load_directory(content));
        let Unavailable(why) = refresh().expect_err(reason);
        assert!(
            why.contains(reason) && why.contains("https://127.0.0.1"),
            "{path}, {reason}: {why}"
        );
        assert_eq!(refresh(), Ok(Refreshed::NotDue), "{path}, {reason}");
        assert_eq!(fs::read(scene.copy()).unwrap(), good, "{path}, {reason}");
        assert_eq!(host.providers_of_domain("here.example").len(), 1);
    }
    // Ten minutes after the failure, not a day.
    scene.clock.advance(600);
    let larger = directory() + "managedDomains: there.example\n";
    scene.serve(&scene.signed(&larger, "maker"));
    let fetcher = scene.fetcher();
    fetcher
        .refresh(|content| host.load_directory(content))
        .unwrap();
    assert_eq!(host.providers_of_domain("there.example").len(), 1);
}

#[test]
fn a_new_store_gets_the_copy_without_the_network() {
    let Some(mut scene) = Scene::new() else {
        return;
    };
    scene.serve(&scene.signed(&directory(), "maker"));
    let host = scene.host();
    scene
        .fetcher()
        .refresh(|content| host.load_directory(content))
        .unwrap();
    scene.nginx = None;
    let host = scene.host();
    let refreshed = scene
        .fetcher()
        .refresh(|content| host.load_directory(content))
        .unwrap();
    assert!(matches!(refreshed, Refreshed::Loaded(_)), "{refreshed:?}");
    assert_eq!(host.providers_of_domain("here.example").len(), 1);
    // Without the copy it is fetched, and whole, whenever it would be due.
    fs::remove_file(scene.copy()).unwrap();
    let fetcher = scene.fetcher();
    assert_eq!(
        fetcher.refresh(|content| host.load_directory(content)),
        Ok(Refreshed::NotDue)
    );
}

#[test]
fn nobody_else_gives_or_gets_it() {
    let Some(scene) = Scene::new() else { return };
    scene.serve(b"x");
    let fails = |change: &dyn Fn(&mut DirectorySource)| {
        let mut source = scene.source();
        change(&mut source);
        // Due at once, whatever was before.
        let _ = fs::remove_file(scene.file("copy.ldif.p7m.fetch"));
        let fetcher = scene.fetcher_of(source);
        let said = fetcher.check().unwrap_err().to_string();
        let Unavailable(why) = fetcher
            .refresh(|_| -> Result<(), String> { panic!("it was fetched") })
            .unwrap_err();
        assert!(!scene.copy().exists());
        [said, why]
    };
    for (change, remedy) in [
        (
            &(|source: &mut DirectorySource| source.tls.roots = scene.file("maker.pem"))
                as &dyn Fn(&mut DirectorySource),
            "the roots must hold",
        ),
        (
            &|source| source.url = source.url.replace("127.0.0.1", "localhost"),
            "must have the name",
        ),
        (
            &|source| source.tls.client = None,
            "set the client certificate",
        ),
        (
            &|source| source.tls.client = Some(scene.identity("stranger")),
            "set the client certificate",
        ),
    ] {
        for said in fails(change) {
            assert!(said.contains(remedy), "{remedy}: {said}");
        }
    }
}

#[test]
fn settings_that_cannot_work_are_told_with_the_remedy() {
    let Some(scene) = Scene::new() else { return };
    let refused = |change: &dyn Fn(&mut DirectorySource)| {
        let mut source = scene.source();
        change(&mut source);
        let clock = Box::new(Arc::clone(&scene.clock));
        let fetcher = DirectoryFetcher::new(source, clock, Box::new(OsEntropy));
        fetcher.err().expect("no fetcher").to_string()
    };
    for url in ["http://127.0.0.1/", "https://", "directory.ldif", ""] {
        let said = refused(&|source| source.url = url.to_owned());
        assert!(said.contains("https://HOST/PATH"), "{said}");
    }
    let said = refused(&|source| source.tls.roots = "/nowhere/roots.pem".into());
    assert!(said.contains("/nowhere/roots.pem"), "{said}");
    let said = refused(&|source| source.tls.roots = scene.file("client.key"));
    assert!(
        said.contains("client.key") && said.contains("CERTIFICATE"),
        "{said}"
    );
    // A key that belongs to another certificate.
    let mixed = ClientIdentity {
        key: scene.file("stranger.key"),
        ..scene.identity("client")
    };
    let said = refused(&|source| source.tls.client = Some(mixed.clone()));
    assert!(
        said.contains("stranger.key") && said.contains("client.pem"),
        "{said}"
    );
}

/// Simulated days, with a look every minute.
#[test]
fn it_is_fetched_daily_by_chance_a_little_sooner_and_soon_after_a_failure() {
    let Some(mut scene) = Scene::new() else {
        return;
    };
    scene.serve(b"a directory");
    let fetched = Mutex::new(Vec::new());
    let run = |fetcher: &DirectoryFetcher, hours: u64| {
        for _ in 0..hours * 60 {
            match fetcher.refresh(Ok::<_, String>) {
                Ok(Refreshed::NotDue) => {}
                _ => fetched.lock().unwrap().push(scene.clock.now()),
            }
            scene.clock.advance(60);
        }
    };
    run(&scene.fetcher(), 8 * 24);
    let pauses = pauses(&fetched);
    assert!((8..=9).contains(&pauses.len()), "{pauses:?}");
    assert!(
        pauses
            .iter()
            .all(|pause| (22 * HOUR..=24 * HOUR + 60).contains(pause)),
        "{pauses:?}"
    );
    let mut different = pauses.clone();
    different.dedup();
    assert!(different.len() > 5, "by chance: {pauses:?}");

    // A restart is no reason to fetch (the copy is loaded, once), nor is a clock that was wrong.
    let count = fetched.lock().unwrap().len();
    let due = Scene::due(&scene);
    scene.clock.set(due - HOUR);
    let restarted = scene.fetcher();
    assert!(matches!(
        restarted.refresh(Ok::<_, String>),
        Ok(Refreshed::Loaded(_))
    ));
    assert_eq!(restarted.refresh(Ok::<_, String>), Ok(Refreshed::NotDue));
    assert_eq!(Scene::due(&scene), due);
    scene.clock.set(NOON - 1_000_000);
    run(&restarted, 1);
    assert_eq!(fetched.lock().unwrap().len(), count + 1);

    // Away for two days: sooner at first, then at most every four hours.
    let clock = Arc::clone(&scene.clock);
    scene.nginx = None;
    clock.advance(24 * HOUR);
    fetched.lock().unwrap().clear();
    let tries = &fetched;
    for _ in 0..48 * 60 {
        if restarted.refresh(Ok::<_, String>) != Ok(Refreshed::NotDue) {
            tries.lock().unwrap().push(clock.now());
        }
        clock.advance(60);
    }
    let pauses = self::pauses(tries);
    for (pause, longest) in pauses
        .iter()
        .zip([10, 20, 40, 80, 160].map(|minutes| minutes * 60))
    {
        assert!(
            (longest * 3 / 4..=longest + 60).contains(pause),
            "{pauses:?}"
        );
    }
    assert!(
        pauses[5..]
            .iter()
            .all(|pause| (3 * HOUR..=4 * HOUR + 60).contains(pause)),
        "{pauses:?}"
    );
    assert_eq!(fs::read(scene.copy()).unwrap(), b"a directory");
}

fn pauses(moments: &Mutex<Vec<u64>>) -> Vec<u64> {
    let moments = moments.lock().unwrap();
    moments.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// The same client fetches revocation lists, where an authority has them at such an address only.
#[test]
fn revocation_lists_come_by_https_where_that_is_wanted() {
    let Some(scene) = Scene::new() else { return };
    fs::write(scene.file("index"), "").unwrap();
    fs::write(scene.file("number"), "01\n").unwrap();
    let config = "[ca]\ndefault_ca=x\n[x]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=2\n";
    fs::write(scene.file("config"), config).unwrap();
    scene.openssl("ca -gencrl -config config -cert ca.pem -keyfile ca.key -out list.pem");
    scene.openssl("crl -in list.pem -outform DER -out list.der");
    let list = fs::read(scene.file("list.der")).unwrap();
    scene.serve(&list);
    let query = pec::RevocationQuery {
        issuer: Vec::new(),
        issuer_key: scene.public_key("ca"),
        urls: vec![scene.source().url],
    };
    let cache = || {
        let clock = Box::new(Arc::clone(&scene.clock));
        CrlCache::new(scene.file("lists"), clock, Duration::from_secs(10))
    };
    assert_eq!(cache().revocation(&query), Ok(Vec::new()));
    let mut strangers = scene.source().tls;
    strangers.roots = scene.file("maker.pem");
    let Unavailable(why) = cache()
        .with_https(&strangers)
        .unwrap()
        .revocation(&query)
        .unwrap_err();
    assert!(why.contains("UnknownIssuer"), "{why}");
    let cache = cache().with_https(&scene.source().tls).unwrap();
    assert_eq!(cache.revocation(&query), Ok(vec![list]));
}

// ---- the scene --------------------------------------------------------------------------------

/// An authority, a server with a client it knows, a maker of directories, and a stranger.
struct Scene {
    nginx: Option<Running>,
    folder: tempfile::TempDir,
    clock: Arc<FixedClock>,
    port: u16,
}

impl Scene {
    fn new() -> Option<Self> {
        let (nginx, _) = (program("nginx")?, program("openssl")?);
        let mut scene = Self {
            nginx: None,
            folder: tempfile::tempdir().unwrap(),
            // When the test certificate of the provider is valid.
            clock: Arc::new(FixedClock::new(support::real_now())),
            port: free_port(),
        };
        for name in ["ca", "maker", "stranger"] {
            scene.openssl(&format!(
                "req -x509 -newkey rsa:2048 -nodes -days 7300 -subj /CN={name} -keyout {name}.key \
                 -out {name}.pem"
            ));
        }
        fs::write(scene.file("names"), "subjectAltName=IP:127.0.0.1\n").unwrap();
        for name in ["server", "client"] {
            scene.openssl(&format!(
                "req -newkey rsa:2048 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"
            ));
            scene.openssl(&format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -set_serial 7 -days 2 \
                 -extfile names -out {name}.pem"
            ));
        }
        fs::create_dir(scene.file("www")).unwrap();
        scene.configure();
        let mut running = Running::start(
            Command::new(nginx)
                .arg("-e")
                .arg(scene.file("error.log"))
                .arg("-c")
                .arg(scene.file("nginx.conf"))
                .stderr(Stdio::null()),
        );
        let address = format!("127.0.0.1:{}", scene.port);
        running.wait_until("nginx", || std::net::TcpStream::connect(&address).is_ok());
        scene.nginx = Some(running);
        Some(scene)
    }

    fn configure(&self) {
        let root = self.folder.path().display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {root}/{name};\n"))
            .concat();
        let config = format!(
            "daemon off;\nmaster_process off;\npid {root}/pid;\nevents {{}}\nhttp {{\n{temporary}\
             log_format answer '$request_method $status';\naccess_log {root}/access.log answer;\n\
             server {{\n\
             listen 127.0.0.1:{} ssl;\n\
             ssl_certificate {root}/server.pem;\nssl_certificate_key {root}/server.key;\n\
             ssl_client_certificate {root}/ca.pem;\nssl_verify_client on;\n\
             root {root}/www;\n\
             location /trouble {{ return 500; }}\n\
             location /moved {{ return 302 /directory; }}\n\
             location /slow {{ alias {root}/www/directory; limit_rate 100; }}\n\
             }}\n}}\n",
            self.port
        );
        fs::write(self.file("nginx.conf"), config).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn copy(&self) -> PathBuf {
        self.file("copy.ldif.p7m")
    }

    fn openssl(&self, words: &str) {
        let mut command = Command::new("openssl");
        command.current_dir(self.folder.path());
        succeed(command.args(words.split_whitespace()));
    }

    /// A directory in CMS, as its maker signs it, or somebody else.
    fn signed(&self, text: &str, by: &str) -> Vec<u8> {
        fs::write(self.file("text"), text).unwrap();
        self.openssl(&format!(
            "cms -sign -binary -nodetach -outform DER -in text -signer {by}.pem -inkey {by}.key \
             -out signed"
        ));
        fs::read(self.file("signed")).unwrap()
    }

    fn public_key(&self, name: &str) -> Vec<u8> {
        self.openssl(&format!("x509 -in {name}.pem -pubkey -noout -out key.pem"));
        self.openssl("pkey -pubin -in key.pem -outform DER -out key.der");
        fs::read(self.file("key.der")).unwrap()
    }

    fn serve(&self, content: &[u8]) {
        // What nginx tells files apart by is their size and their age in seconds.
        let before = fs::metadata(self.file("www/directory"));
        let age = before.map_or(SystemTime::UNIX_EPOCH, |before| before.modified().unwrap());
        let mut file = fs::File::create(self.file("www/directory")).unwrap();
        file.write_all(content).unwrap();
        file.set_modified(age + Duration::from_secs(60)).unwrap();
    }

    fn served(&self) -> Vec<u8> {
        fs::read(self.file("www/directory")).unwrap()
    }

    /// The status of each GET so far.
    fn answers(&self) -> Vec<String> {
        let log = fs::read_to_string(self.file("access.log")).unwrap();
        let gets = log.lines().filter_map(|line| line.strip_prefix("GET "));
        gets.map(str::to_owned).collect()
    }

    fn due(&self) -> u64 {
        let state = fs::read(self.file("copy.ldif.p7m.fetch")).unwrap();
        let state: serde_json::Value = serde_json::from_slice(&state).unwrap();
        state["due"].as_u64().unwrap()
    }

    fn identity(&self, name: &str) -> ClientIdentity {
        ClientIdentity {
            certificates: self.file(&format!("{name}.pem")),
            key: self.file(&format!("{name}.key")),
        }
    }

    fn source(&self) -> DirectorySource {
        DirectorySource {
            url: format!("https://127.0.0.1:{}/directory", self.port),
            file: self.copy(),
            tls: TlsSettings {
                roots: self.file("ca.pem"),
                client: Some(self.identity("client")),
            },
            times: FetchTimes::default(),
            largest: 100_000,
            patience: Duration::from_secs(2),
        }
    }

    fn fetcher(&self) -> DirectoryFetcher {
        self.fetcher_of(self.source())
    }

    fn fetcher_of(&self, source: DirectorySource) -> DirectoryFetcher {
        let clock = Box::new(Arc::clone(&self.clock));
        DirectoryFetcher::new(source, clock, Box::new(OsEntropy)).unwrap()
    }

    /// The real plug-in with a new store; it takes directories that the maker has signed.
    fn host(&self) -> Host {
        self.openssl("x509 -in maker.pem -outform DER -out maker.der");
        let settings = pec::Settings {
            directory_signers: vec![fs::read(self.file("maker.der")).unwrap()],
            ..real_settings()
        };
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("component-cache");
        let plugin = Plugin::load(&support::component(), Some(&cache), Limits::default()).unwrap();
        let store = Store::in_memory().unwrap();
        let folder: &Path = self.folder.path();
        host_without_directory(settings, real_signer(), plugin, store, folder)
    }
}

fn position(octets: &[u8], part: &[u8]) -> usize {
    let mut windows = octets.windows(part.len());
    windows.position(|window| window == part).unwrap()
}
