//! Revocation lists by HTTP: asked for when due, kept when the server fails. The lists are made by
//! OpenSSL; the server is a thread on loopback that says what it is told to.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use ceralacca_host::{CrlCache, FixedClock, Revocation as _, Unavailable, pec};

const HOUR: u64 = 3600;
/// 2026-09-19T13:41:19Z.
const START: u64 = 1_789_825_279;

#[test]
fn a_list_is_fetched_once_an_hour_and_when_it_is_due() {
    let Some(lists) = Lists::made() else { return };
    let mut scene = Scene::new(&lists.key);
    scene.server.says(Saying::List(lists.first.clone()));
    assert_eq!(scene.ask(), Ok(vec![lists.first.clone()]));
    scene.clock.advance(HOUR - 1);
    assert_eq!(scene.ask(), Ok(vec![lists.first.clone()]));
    assert_eq!(scene.server.asked(), 1);

    scene.server.says(Saying::List(lists.second.clone()));
    scene.clock.advance(1);
    assert_eq!(scene.ask(), Ok(vec![lists.second.clone()]));
    assert_eq!(scene.server.asked(), 2);

    // An hour later an older list comes, perhaps because somebody would like it to: it does not
    // make the certificate good again.
    scene.server.says(Saying::List(lists.first.clone()));
    scene.clock.advance(HOUR);
    assert_eq!(scene.ask(), Ok(vec![lists.second]));
}

#[test]
fn the_old_list_stays_while_the_server_fails_and_across_a_restart() {
    let Some(lists) = Lists::made() else { return };
    let mut scene = Scene::new(&lists.key);
    scene.server.says(Saying::List(lists.first.clone()));
    scene.ask().expect("a list");
    for failure in [
        Saying::Status("500 Internal Server Error"),
        Saying::List(b"<html>Maintenance</html>".to_vec()),
        Saying::List(lists.first[..lists.first.len() - 1].to_vec()),
        Saying::TooMuch,
        Saying::Nothing,
        Saying::ElsewhereByHttps,
    ] {
        scene.clock.advance(HOUR);
        scene.server.says(failure);
        assert_eq!(scene.ask(), Ok(vec![lists.first.clone()]));
    }
    // After a failure it does not ask at every message, but soon.
    let asked = scene.server.asked();
    scene.clock.advance(299);
    scene.ask().expect("the old list");
    assert_eq!(scene.server.asked(), asked);
    scene.server.says(Saying::List(lists.second.clone()));
    scene.clock.advance(1);
    assert_eq!(scene.ask(), Ok(vec![lists.second.clone()]));

    scene.restart();
    scene.server.says(Saying::Nothing);
    assert_eq!(scene.ask(), Ok(vec![lists.second]));
}

/// Whoever sits between us and the server answers in its place once: with a list of the far future
/// under the authority's name and another key. The genuine ones go on counting.
#[test]
fn a_forged_list_takes_nobodys_place() {
    let (Some(lists), Some(forger)) = (Lists::made(), Lists::made()) else {
        return;
    };
    let mut scene = Scene::new(&lists.key);
    scene.server.says(Saying::List(forger.second.clone()));
    let Err(Unavailable(why)) = scene.ask() else {
        panic!("a forged list was kept");
    };
    assert!(why.contains("its signature is not the issuer's"), "{why}");
    scene.clock.advance(HOUR);
    scene.server.says(Saying::List(lists.first.clone()));
    assert_eq!(scene.ask(), Ok(vec![lists.first.clone()]));
    for forged in [forger.second.clone(), altered(&lists.second)] {
        scene.clock.advance(HOUR);
        scene.server.says(Saying::List(forged));
        assert_eq!(scene.ask(), Ok(vec![lists.first.clone()]));
    }
    scene.clock.advance(HOUR);
    scene.server.says(Saying::List(lists.second.clone()));
    assert_eq!(scene.ask(), Ok(vec![lists.second]));
}

/// A signature that this host cannot check (SHA-1) serves until one comes that it can; the plug-in
/// has the last word on either.
#[test]
fn a_list_that_cannot_be_checked_gives_way_to_one_that_can() {
    let (Some(lists), Some(old)) = (Lists::made(), Lists::made_with("sha1")) else {
        return;
    };
    let mut scene = Scene::new(&lists.key);
    scene.server.says(Saying::List(old.second.clone()));
    assert_eq!(scene.ask(), Ok(vec![old.second.clone()]));
    scene.clock.advance(HOUR);
    scene.server.says(Saying::List(lists.first.clone()));
    assert_eq!(
        scene.ask(),
        Ok(vec![lists.first.clone()]),
        "though it is older"
    );
    scene.clock.advance(HOUR);
    scene.server.says(Saying::List(old.second));
    assert_eq!(scene.ask(), Ok(vec![lists.first]));
}

/// One octet of the list's number or times is another.
fn altered(list: &[u8]) -> Vec<u8> {
    let place = list.windows(13).position(|w| w == b"261231000000Z");
    let mut altered = list.to_vec();
    altered[place.expect("nextUpdate")] = b'3';
    altered
}

#[test]
fn without_any_list_it_says_who_gave_none_and_why() {
    let mut scene = Scene::new(&[]);
    scene.server.says(Saying::Status("404 Not Found"));
    let Err(Unavailable(why)) = scene.ask() else {
        panic!("a list from nowhere");
    };
    assert!(
        why.contains(&scene.server.url) && why.contains("404"),
        "{why}"
    );
    // The reason is told again, without asking again.
    assert_eq!(scene.ask(), Err(Unavailable(why)));
    assert_eq!(scene.server.asked(), 1);
    // Other schemes are not spoken, and a certificate may name none.
    let query = pec::RevocationQuery {
        issuer: Vec::new(),
        issuer_key: Vec::new(),
        urls: vec!["ldap://ca.example/cn=ca".into(), "file:///etc/hosts".into()],
    };
    assert_eq!(scene.cache.revocation(&query), Ok(Vec::new()));
}

// ---- the scene --------------------------------------------------------------------------------

struct Scene {
    folder: tempfile::TempDir,
    clock: Arc<FixedClock>,
    server: Server,
    cache: CrlCache,
    issuer_key: Vec<u8>,
}

impl Scene {
    /// `issuer_key`: SubjectPublicKeyInfo of the authority whose lists are wanted.
    fn new(issuer_key: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(FixedClock::new(START));
        Self {
            cache: cache(folder.path(), &clock),
            server: Server::start(),
            folder,
            clock,
            issuer_key: issuer_key.to_vec(),
        }
    }

    fn restart(&mut self) {
        self.cache = cache(self.folder.path(), &self.clock);
    }

    fn ask(&mut self) -> Result<Vec<Vec<u8>>, Unavailable> {
        self.cache.revocation(&pec::RevocationQuery {
            issuer: Vec::new(),
            issuer_key: self.issuer_key.clone(),
            urls: vec![self.server.url.clone()],
        })
    }
}

fn cache(folder: &Path, clock: &Arc<FixedClock>) -> CrlCache {
    let patience = Duration::from_millis(300);
    CrlCache::new(folder.join("lists"), Box::new(Arc::clone(clock)), patience)
}

/// Two lists of one authority, the second a second younger.
struct Lists {
    /// SubjectPublicKeyInfo, DER.
    key: Vec<u8>,
    first: Vec<u8>,
    second: Vec<u8>,
}

impl Lists {
    fn made() -> Option<Self> {
        Self::made_with("sha256")
    }

    fn made_with(digest: &str) -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            assert!(std::env::var_os("CERALACCA_REQUIRE_TOOLS").is_none());
            println!("skipped: openssl is not here");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let run = |words: &str| {
            let mut command = Command::new("openssl");
            command.current_dir(folder.path()).args(words.split(' '));
            let output = command.output().expect("openssl runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{words}: {said}");
        };
        run("req -x509 -newkey rsa:2048 -nodes -subj /CN=CA -keyout key.pem -out ca.pem");
        let config = format!(
            "[ca]\ndefault_ca=x\n[x]\ndatabase=index\ncrlnumber=number\ndefault_md={digest}\n"
        );
        fs::write(folder.path().join("config"), config).unwrap();
        fs::write(folder.path().join("index"), "").unwrap();
        fs::write(folder.path().join("number"), "01\n").unwrap();
        let list = |made: &str| {
            run(&format!(
                "ca -gencrl -config config -crl_lastupdate {made} -crl_nextupdate 20261231000000Z \
                 -cert ca.pem -keyfile key.pem -out list.pem"
            ));
            run("crl -in list.pem -outform DER -out list.der");
            fs::read(folder.path().join("list.der")).unwrap()
        };
        run("pkey -in key.pem -pubout -outform DER -out key.der");
        let key = fs::read(folder.path().join("key.der")).unwrap();
        Some(Self {
            key,
            first: list("20260919120000Z"),
            second: list("20260919120001Z"),
        })
    }
}

// ---- the server -------------------------------------------------------------------------------

/// What the server answers.
enum Saying {
    List(Vec<u8>),
    Status(&'static str),
    /// A body without end.
    TooMuch,
    /// It takes the request and is silent.
    Nothing,
    ElsewhereByHttps,
}

struct Server {
    url: String,
    saying: Arc<Mutex<Saying>>,
    requests: mpsc::Receiver<()>,
    asked: usize,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let saying = Arc::new(Mutex::new(Saying::Nothing));
        let (heard, requests) = mpsc::channel();
        let say = Arc::clone(&saying);
        thread::spawn(move || {
            // Ends with the test, whose receiver is then gone.
            for connection in listener.incoming().map_while(Result::ok) {
                if heard.send(()).is_err() {
                    return;
                }
                answer(connection, &say.lock().unwrap());
            }
        });
        Self {
            url: format!("http://127.0.0.1:{port}/ca.crl"),
            saying,
            requests,
            asked: 0,
        }
    }

    fn says(&self, saying: Saying) {
        *self.saying.lock().unwrap() = saying;
    }

    /// How often it has been asked so far.
    fn asked(&mut self) -> usize {
        self.asked += self.requests.try_iter().count();
        self.asked
    }
}

fn answer(mut connection: TcpStream, saying: &Saying) {
    let mut lines = BufReader::new(&connection).lines();
    while lines
        .next()
        .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
    {}
    let (status, more, body) = match saying {
        Saying::List(octets) => ("200 OK", "", &octets[..]),
        Saying::Status(status) => (*status, "", &b""[..]),
        Saying::ElsewhereByHttps => ("302 Found", "Location: https://127.0.0.1/\r\n", &b""[..]),
        Saying::Nothing => {
            thread::sleep(Duration::from_millis(400));
            return;
        }
        Saying::TooMuch => {
            let _ = connection.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            let zeros = [b'0'; 1 << 16];
            while connection.write_all(&zeros).is_ok() {}
            return;
        }
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{more}Connection: close\r\n\r\n",
        body.len()
    );
    let _ = connection.write_all(&[head.as_bytes(), body].concat());
}
