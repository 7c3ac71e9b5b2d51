//! The memory that a message of 100 MB costs, from its client to its receipt.

use crate::look;
use crate::pair::{ANNA, BRUNO, Pair, letter};
use crate::provider::Running;

#[test]
fn a_hundred_megabytes_cost_two_and_a_half_times_as_much() {
    const SIZE: usize = 99_000_000;
    const SMALL: usize = 6;
    let Some(pair) = Pair::start() else { return };
    let alfa = Running::start(&pair.alfa.provider);
    alfa.told("READY=1");
    let large = letter(&[BRUNO], "grande", SIZE);
    std::thread::scope(|scope| {
        let large = scope.spawn(|| pair.alfa.hand_in(&[BRUNO], &large));
        for n in 0..SMALL {
            let small = letter(&[BRUNO], &format!("piccola-{n}"), 3_000);
            pair.alfa.insist(&[BRUNO], &small);
        }
        let reply = large.join().expect("it ends").expect("Postfix is there");
        assert_eq!(reply.code, 250, "{reply:?}");
    });
    pair.holds(BRUNO, SMALL + 1);
    pair.holds(ANNA, 2 * (SMALL + 1));
    let peak = alfa.peak_memory();
    println!(
        "{peak} octets at most, {:.2} times the message",
        peak as f64 / SIZE as f64
    );
    assert!(peak <= SIZE as u64 * 5 / 2, "{peak} octets");
    alfa.signal("TERM");
    assert_eq!(alfa.ends(), Some(0));
    assert_eq!(look::audit(&pair.alfa.provider), SMALL as u64 + 1);
}
