//! 100 MB through a real Postfix, beside small messages.

mod rig;
mod support;
mod world;

use std::fs;
use std::time::{Duration, Instant};

use rig::{ANNA, DARIO, letter};
use world::World;

/// Octets of this process that are resident at most: `VmHWM` since the last time it was put back.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.expect("it says so") * 1024
}

/// One line of a message's body, 1,000 times: 76 kB.
fn lines() -> Vec<u8> {
    format!("{}\r\n", "x".repeat(74)).repeat(1_000).into_bytes()
}

#[test]
fn a_message_of_a_hundred_megabytes_passes_beside_small_ones() {
    const BLOCKS: usize = 1_310;
    let Some(world) = World::new() else { return };
    let block = lines();
    // So that what is measured is the message, and not the first use of everything.
    let small = world.submit(&[DARIO], &letter(DARIO, "prima"));
    assert_eq!(small.code, 250, "{small:?}");
    fs::write("/proc/self/clear_refs", "5").expect("it can be put back");
    let before = peak();

    let mut client = world.anna();
    let size = BLOCKS * block.len();
    client.command(&format!("MAIL FROM:<{ANNA}> SIZE={}", size + 400));
    client.command(&format!("RCPT TO:<{DARIO}>"));
    client.command("DATA");
    client.send(letter(DARIO, "grande").as_bytes());
    for _ in 0..BLOCKS {
        client.send(&block);
    }
    let begun = Instant::now();
    client.send(b".\r\n");
    let reply = std::thread::scope(|scope| {
        let large = scope.spawn(|| client.reply().expect("a reply"));
        // While the large one is dealt with, small ones come and go.
        let mut slowest = Duration::ZERO;
        for n in 0..10 {
            let begun = Instant::now();
            let reply = world.submit(&[DARIO], &letter(DARIO, &format!("piccolo-{n}")));
            assert_eq!(reply.code, 250, "{reply:?}");
            slowest = slowest.max(begun.elapsed());
        }
        println!("slowest small message: {slowest:?}");
        large.join().expect("it ends")
    });
    assert_eq!(reply.code, 250, "{reply:?}");
    let grown = peak().saturating_sub(before);
    println!(
        "{size} octets: reply after {:?}, {grown} octets more at most, {:.2} times the message",
        begun.elapsed(),
        grown as f64 / size as f64
    );
    assert!(grown < size as u64 * 5 / 2, "{grown} octets");
    world.rig.settle();
    let sent = world.rig.sent();
    let largest = sent.values().map(Vec::len).max().expect("it left");
    assert!(largest > size, "{largest}");
}
