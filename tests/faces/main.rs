//! One core, three faces: the same conversations give the same octets in each, on each host.
//!
//! The core itself, linked natively, is what they are compared with: whether what it says is
//! right, the stories of the other tests say.

mod hosts;
mod package;
mod record;
mod story;
mod value;

use std::fs;
use std::path::Path;

use ceralacca::extism::frame;
use ceralacca::values::Value;

use hosts::{HOSTS, Host};
use record::Exchange;
use value::{crossed, difference, plain, read};

#[test]
fn all_hosts_of_all_faces_say_what_the_core_says() {
    let place = tempfile::tempdir().expect("a folder");
    let exchanges = story::tell(place.path());
    tells_enough(&exchanges);
    let calls = place.path().join("calls");
    for host in &HOSTS {
        fs::create_dir(&calls).expect("a folder");
        write(&exchanges, &calls);
        if host.run(&calls).is_some() {
            compare(host, &exchanges, &calls);
            println!("{}: {} calls, all the same", host.name, exchanges.len());
        }
        fs::remove_dir_all(&calls).expect("a folder");
    }
}

/// The story would prove little if it left much out.
fn tells_enough(exchanges: &[Exchange]) {
    let said: Vec<Value> = exchanges.iter().map(|e| plain(&e.answered)).collect();
    let all = format!("{said:?}");
    for word in [
        "provider-of-domain",
        "provider-of-certificate",
        "revocation-data",
        "tracked-message",
        "taken-in-charge",
        "mailbox",
        "sign",
        "verify-signature",
        "scan",
        "recall",
        "usage",
        "relay",
        "deposit",
        "track",
        "take-in-charge",
        "settle",
        "log",
        "keep-infected",
        "remember",
        "install-directory",
        "publish",
        "settings",
        "wrong-answers",
        "finished",
        "entropy",
    ] {
        assert!(all.contains(&format!("String(\"{word}\")")), "no {word}");
    }
}

fn write(exchanges: &[Exchange], calls: &Path) {
    for (number, exchange) in exchanges.iter().enumerate() {
        let file = calls.join(format!("{number:04}.{}", exchange.function));
        fs::write(file, frame::write(&exchange.asked)).expect("a file");
    }
}

fn compare(host: &Host, exchanges: &[Exchange], calls: &Path) {
    for (number, exchange) in exchanges.iter().enumerate() {
        let file = calls.join(format!("{number:04}.answer"));
        let said = read(fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display())));
        let expected = crossed(&(host.says)(&exchange.answered));
        if let Some(difference) = difference(&expected, &said, "") {
            let Exchange { name, function, .. } = exchange;
            panic!(
                "{}, {name}, call {number} ({function}): {difference}",
                host.name
            );
        }
    }
}
