//! One core, three faces: the same conversations give the same octets in each, on each host.
//!
//! The core itself, linked natively, is what they are compared with: whether what it says is
//! right, the stories of the other tests say.

mod hosts;
mod large;
mod mistakes;
mod own_host;
mod package;
mod record;
mod story;
mod value;
mod wit;

use std::fs;
use std::path::Path;

use ceralacca::extism::frame;
use ceralacca::values::Value;

use hosts::{HOSTS, Host};
use record::Exchange;
use value::{crossed, difference, plain};

#[test]
fn all_hosts_of_all_faces_say_what_the_core_says() {
    let place = tempfile::tempdir().expect("a folder");
    let (exchanges, _) = story::tell(place.path());
    tells_enough(&exchanges);
    let calls = place.path().join("calls");
    let frames: Vec<Vec<u8>> = exchanges.iter().map(|e| frame::write(&e.asked)).collect();
    for host in &HOSTS {
        let asked = exchanges.iter().zip(&frames);
        let asked = asked.map(|(exchange, frame)| (exchange.function, &**frame));
        if let Some(answers) = host.answer(&calls, asked) {
            compare(host, &exchanges, answers);
            println!("{}: {} calls, all the same", host.name, exchanges.len());
        }
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
        "notify",
        "remember",
        "install-directory",
        "publish",
        "sent-once",
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

fn compare(host: &Host, exchanges: &[Exchange], answers: Vec<Value>) {
    for (number, (exchange, said)) in exchanges.iter().zip(answers).enumerate() {
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
