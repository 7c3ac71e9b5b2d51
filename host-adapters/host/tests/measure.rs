//! temporary
mod support;
use ceralacca_host::*;
use std::path::Path;
use std::time::Instant;
use support::*;

#[test]
fn measure() {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("component-cache");
    let plugin = Plugin::load(&component(), Some(&cache), Limits::default()).unwrap();
    let signer = RsaSigner::from_pem_file(&data("key-pkcs8.pem")).unwrap();
    let n = 500;
    let sig = || {
        let b = Instant::now();
        for _ in 0..n {
            signer.sign(b"x").unwrap();
            signer.sign(b"y").unwrap();
        }
        b.elapsed() / n
    };
    for round in 0..3 {
        println!("two signatures {:?}", sig());
        let s = real_settings();
        let b = Instant::now();
        let mut begin = std::time::Duration::ZERO;
        let mut advance = begin;
        let mut sign = begin;
        let mut rounds = 0;
        for k in 0..n {
            let mut entropy = vec![7; 32];
            entropy[0] = k as u8;
            entropy[1] = (k >> 8) as u8;
            let t = Instant::now();
            let ctx = pec::Context {
                now: real_now(),
                entropy,
                settings: s.clone(),
            };
            let mut d = plugin
                .begin(
                    &ctx,
                    Event::Submit(submission(&["bruno@here.example"], &letter(3000))),
                )
                .unwrap();
            begin += t.elapsed();
            let mut a = vec![];
            loop {
                let t = Instant::now();
                rounds += 1;
                let step = d.advance(&a).unwrap();
                advance += t.elapsed();
                match step {
                    pec::Step::Done(_) => break,
                    pec::Step::Ask(q) => {
                        let t = Instant::now();
                        a = q
                            .iter()
                            .map(|q| match q {
                                pec::Question::Sign(o) => {
                                    pec::Answer::Signature(signer.sign(o).unwrap())
                                }
                                pec::Question::Scan => {
                                    pec::Answer::Scanned(pec::ScanVerdict::Clean)
                                }
                                pec::Question::ProviderOfDomain(_) => {
                                    pec::Answer::Providers(vec![])
                                }
                                q => panic!("{q:?}"),
                            })
                            .collect();
                        sign += t.elapsed();
                    }
                }
            }
        }
        println!(
            "conversation {:?} begin {:?} advance {:?} answers {:?} rounds {}",
            b.elapsed() / n,
            begin / n,
            advance / n,
            sign / n,
            rounds / n
        );
        let mut t = std::time::Duration::ZERO;
        for _ in 0..n {
            let s0 = Instant::now();
            plugin.check_settings(&s).unwrap();
            t += s0.elapsed();
        }
        println!("check_settings {:?}", t / n);
        for disk in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let store = if disk {
                Store::open(folder.path()).unwrap()
            } else {
                Store::in_memory().unwrap()
            };
            let host = real_host(plugin.clone(), store, folder.path());
            let letters: Vec<_> = (0..n)
                .map(|k| {
                    let mut s = submission(&["bruno@here.example"], &letter(3000));
                    s.message
                        .extend_from_slice(format!("{k} {round}\r\n").as_bytes());
                    s
                })
                .collect();
            let b = Instant::now();
            for l in letters {
                assert_eq!(host.submit(l).reply.code, 250);
            }
            println!("submit, disk {disk}: {:?}", b.elapsed() / n);
        }
    }
}

#[test]
fn profile() {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("component-cache");
    let plugin = Plugin::load(&component(), Some(&cache), Limits::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let host = real_host(plugin.clone(), Store::in_memory().unwrap(), folder.path());
    let n = 4000;
    let letters: Vec<_> = (0..n).map(|k| { let mut s = submission(&["bruno@here.example"], &letter(3000)); s.message.extend_from_slice(format!("{k}\r\n").as_bytes()); s }).collect();
    for l in letters { assert_eq!(host.submit(l).reply.code, 250); }
}

#[test]
fn overhead() {
    for round in 0..3 {
        for in_memory in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let mut provider = Provider::at(folder.path());
            provider.in_memory = in_memory;
            let host = provider.start();
            let n = if in_memory { 4000 } else { 300 };
            let letters: Vec<_> = (0..n).map(|k| { let mut s = submission(&["bruno@here.example"], &letter(3000)); s.message.extend_from_slice(format!("{k}\r\n").as_bytes()); s }).collect();
            let b = Instant::now();
            for l in letters { assert_eq!(host.submit(l).reply.code, 250); }
            println!("toy submit, in memory {in_memory}: {:?} ({round})", b.elapsed()/n);
        }
    }
}
