//! Several workers, on one host or two, carry the outbox out: each item is done, and by one of them.

mod support;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ceralacca_host::*;
use support::*;

const BRUNO: &str = "bruno@here.example";
const CARLA: &str = "carla@there.example";

/// Runs hosts' workers for as long as something is done beside them.
fn with_workers<T>(hosts: &[&Host], workers: usize, work: impl FnOnce() -> T) -> T {
    let stop = Stop::new();
    thread::scope(|scope| {
        for host in hosts {
            scope.spawn(|| host.run_outbox_workers(workers, &stop));
        }
        // Also when what is done fails: the scope waits for the workers.
        let _end = End(&stop);
        work()
    })
}

struct End<'a>(&'a Stop);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.request();
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn is_empty(store: &Store) -> bool {
    store.queue(NOON).unwrap().pending.is_empty()
}

/// A relay that notes whom it was given, and takes its time.
#[derive(Default)]
struct Noting {
    relayed: Mutex<Vec<String>>,
    takes: Duration,
}

struct NotingRelay(Arc<Noting>);

impl Relay for NotingRelay {
    fn relay(&self, item: &RelayItem<'_>) -> RelayOutcome {
        self.0.relayed.lock().unwrap().push(item.key.to_owned());
        thread::sleep(self.0.takes);
        RelayOutcome::Handed
    }
}

/// Two hosts with four workers each share a store: nothing is done twice, nothing is left.
fn two_hosts_share_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let (first, second) = (Arc::new(Noting::default()), Arc::new(Noting::default()));
    let mut start = |noting: &Arc<Noting>| {
        provider.relay = Some(Box::new(NotingRelay(Arc::clone(noting))));
        provider.start()
    };
    let (one, two) = (start(&first), start(&second));
    let store = provider.open_store().unwrap();
    with_workers(&[&one, &two], 4, || {
        for n in 0..40 {
            let message = format!("message {n}");
            let submission = submission(&[BRUNO, CARLA], message.as_bytes());
            let host = if n % 2 == 0 { &one } else { &two };
            assert_eq!(host.submit(submission).reply.code, 250);
        }
        wait_until("all is carried out", || is_empty(&store));
    });
    let (first, second) = (
        first.relayed.lock().unwrap(),
        second.relayed.lock().unwrap(),
    );
    let all: HashSet<&String> = first.iter().chain(&*second).collect();
    assert_eq!((all.len(), first.len() + second.len()), (40, 40));
    assert!(!first.is_empty() && !second.is_empty(), "both had work");
    assert_eq!(provider.mailbox(BRUNO).len(), 40);
    assert_eq!(provider.mailbox("anna@here.example").len(), 80);
}

/// What this process commits is not left to the next look at the clock.
fn workers_are_woken_by_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let noting = Arc::new(Noting::default());
    provider.relay = Some(Box::new(NotingRelay(Arc::clone(&noting))));
    let host = provider.start();
    with_workers(&[&host], 2, || {
        let begun = Instant::now();
        for n in 1..=10 {
            let message = format!("message {n}");
            let _ = host.submit(submission(&[CARLA], message.as_bytes()));
            wait_until("it is relayed", || {
                noting.relayed.lock().unwrap().len() == n
            });
        }
        // Ten polls would take ten seconds, or five on average.
        assert!(
            begun.elapsed() < Duration::from_secs(4),
            "{:?}",
            begun.elapsed()
        );
    });
}

/// Eight receipts for one message settle its eight recipients at the same time. They are in each
/// other's way, and none of them waits a minute for it.
fn conflicts_are_tried_again_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let store = provider.open_store().unwrap();
    let recipients: Vec<String> = (0..8).map(|n| format!("b{n}@here.example")).collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    with_workers(&[&host], 8, || {
        for n in 0..5 {
            let message = format!("message {n}");
            let _ = host.submit(submission(&recipients, message.as_bytes()));
        }
        wait_until("all is carried out", || is_empty(&store));
    });
    for message in host.status(None).unwrap() {
        for recipient in &message.recipients {
            assert_eq!(recipient.recipient.state, pec::RecipientState::Delivered);
        }
        for item in &message.items {
            assert_eq!(
                (item.attempts, item.state),
                (0, ItemState::Done),
                "{item:?}"
            );
        }
    }
}

/// A host died with items in hand: they are free when its lease has run out, not before.
fn what_a_dead_host_had_in_hand_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let _ = host.submit(submission(&[CARLA], b"x"));
    provider.tamper("UPDATE outbox SET claimed_by = 'dead:1', claimed_until = unixepoch() + 3");
    let (report, _) = run(&host);
    assert_eq!((report.done, report.next_at), (0, Some(NOON)));
    let store = provider.open_store().unwrap();
    with_workers(&[&host], 2, || {
        assert!(!is_empty(&store));
        wait_until("the lease has run out", || is_empty(&store));
    });
    assert_eq!(provider.sent().len(), 1);
}

/// What another host had in hand may be in the mailbox: whoever takes it over is told so.
fn a_deposit_that_another_host_had_in_hand_is_a_repetition() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let ((one, first), (two, second)) = (gated(&mut provider), gated(&mut provider));
    second.open.request();
    let store = provider.open_store().unwrap();
    let _ = one.submit(submission(&["bruno@here.example"], b"x"));
    let stop = Stop::new();
    thread::scope(|scope| {
        scope.spawn(|| one.run_outbox_workers(1, &stop));
        // Told to stop before its gate opens: it begins nothing else.
        let _open = End(&first.open);
        let _end = End(&stop);
        wait_until("it is in hand", || !first.seen.lock().unwrap().is_empty());
        // As if the first host had been away for longer than a lease.
        provider.tamper("UPDATE outbox SET claimed_until = 0");
        with_workers(&[&two], 2, || {
            wait_until("the other one has done it", || is_empty(&store));
        });
    });
    // The message that it had in hand is the one that had been tried before; the others were not.
    let tried = first.seen.lock().unwrap().clone();
    let seen = second.seen.lock().unwrap().clone();
    assert_eq!(tried.len(), 1);
    assert!(!tried[0].1);
    assert!(seen.contains(&(tried[0].0.clone(), true)), "{seen:?}");
    assert!(
        seen.iter()
            .any(|(key, repeated)| *key != tried[0].0 && !repeated),
        "{seen:?}"
    );
}

/// A mailbox that waits until it may.
#[derive(Default)]
struct Gate {
    open: Stop,
    /// Items by key, and whether they were told to be repetitions.
    seen: Mutex<Vec<(String, bool)>>,
}

struct GatedDepot(Arc<Gate>);

impl Depot for GatedDepot {
    fn deposit(&self, item: &DepositItem<'_>) -> DepositOutcome {
        let seen = (item.key.to_owned(), item.repeated);
        self.0.seen.lock().unwrap().push(seen);
        self.0.open.wait(Duration::from_secs(60));
        DepositOutcome::Stored
    }
}

/// A host whose deposits wait at a gate.
fn gated(provider: &mut Provider) -> (Host, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    provider.depot = Some(Box::new(GatedDepot(Arc::clone(&gate))));
    (provider.start(), gate)
}

/// Somebody else took an item over: whatever becomes of it here counts for nothing.
fn who_lost_a_claim_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let noting = Arc::new(Noting {
        takes: Duration::from_millis(600),
        ..Noting::default()
    });
    provider.relay = Some(Box::new(NotingRelay(Arc::clone(&noting))));
    let host = provider.start();
    let committed = host.submit(submission(&[CARLA], b"x"));
    let pec_id = committed.messages[0].pec_id.clone();
    with_workers(&[&host], 1, || {
        wait_until("it is in hand", || {
            !noting.relayed.lock().unwrap().is_empty()
        });
        provider.tamper(
            "UPDATE outbox SET claimed_by = 'other:1', claimed_until = unixepoch() + 60
             WHERE action = 'relay'",
        );
    });
    let status = host.status(pec_id.as_deref()).unwrap();
    let relay = status[0]
        .items
        .iter()
        .find(|item| item.action == Action::Relay);
    assert_eq!(relay.unwrap().state, ItemState::Pending);
    // The other one ends it.
    provider.tamper("UPDATE outbox SET claimed_by = NULL, claimed_until = 0");
    run(&host);
    assert_eq!(noting.relayed.lock().unwrap().len(), 2);
}

/// All six items of three commits are claimed while the only worker, who claims four at a time, has but
/// the first in hand.
fn what_is_made_while_the_workers_keep_up_is_claimed_from_its_beginning() {
    struct Slow;
    impl Depot for Slow {
        fn deposit(&self, _: &DepositItem<'_>) -> DepositOutcome {
            thread::sleep(Duration::from_millis(300));
            DepositOutcome::Stored
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    provider.depot = Some(Box::new(Slow));
    provider.relay = Some(Box::new(NotingRelay(Arc::new(Noting {
        takes: Duration::from_millis(300),
        ..Noting::default()
    }))));
    let host = provider.start();
    let store = provider.open_store().unwrap();
    with_workers(&[&host], 1, || {
        let mut n = 0;
        // Until the worker has once found that nothing older waits, it keeps to the order.
        wait_until("all are claimed", || {
            wait_until("those before are done", || is_empty(&store));
            for _ in 0..3 {
                n += 1;
                let message = format!("message {n}");
                let _ = host.submit(submission(&[CARLA], message.as_bytes()));
            }
            provider.claimed() == 6
        });
    });
}

/// A host whose only worker is busy has the next item ready for it, and leaves the others to whoever
/// has time.
fn who_does_not_keep_up_leaves_items_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let ((one, first), (two, second)) = (gated(&mut provider), gated(&mut provider));
    second.open.request();
    let store = provider.open_store().unwrap();
    let pending = || {
        let queue = store.queue(NOON).unwrap();
        queue.pending.iter().map(|(_, number)| number).sum::<u64>()
    };
    with_workers(&[&one], 1, || {
        let _open = End(&first.open);
        let _ = one.submit(submission(&[BRUNO], b"the first"));
        wait_until("it is in hand", || !first.seen.lock().unwrap().is_empty());
        for n in 0..8 {
            let message = format!("message {n}");
            let _ = one.submit(submission(&[BRUNO], message.as_bytes()));
        }
        with_workers(&[&two], 2, || {
            // One is in hand, and of four that may lie ready the last came with another.
            wait_until("the rest is done", || pending() <= 6);
        });
        assert!(pending() >= 1, "the first host has not let go");
        first.open.request();
        wait_until("all is done", || is_empty(&store));
    });
    let (first, second) = (first.seen.lock().unwrap(), second.seen.lock().unwrap());
    let keys: HashSet<&String> = first.iter().chain(&*second).map(|(key, _)| key).collect();
    assert_eq!(keys.len(), first.len() + second.len(), "none twice");
    // What the second had lying ready at its stop it gave back, to be looked for by the first.
    assert!(second.iter().all(|(_, repeated)| !repeated));
    assert_eq!(keys.len(), 9 * 3, "acceptance, envelope, delivery receipt");
}

/// What lies ready when the workers stop is anybody's at once.
fn what_no_worker_has_begun_is_given_back_at_the_stop() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let (host, gate) = gated(&mut provider);
    let store = provider.open_store().unwrap();
    let stop = Stop::new();
    thread::scope(|scope| {
        scope.spawn(|| host.run_outbox_workers(1, &stop));
        let _open = End(&gate.open);
        let _end = End(&stop);
        let _ = host.submit(submission(&[BRUNO], b"x"));
        wait_until("it is in hand", || !gate.seen.lock().unwrap().is_empty());
        let _ = host.submit(submission(&[BRUNO], b"y"));
        stop.request();
    });
    assert_eq!(gate.seen.lock().unwrap().len(), 1, "no other was begun");
    assert!(!is_empty(&store));
    run(&host);
    assert!(is_empty(&store));
}

/// A part with a bug takes down neither the worker nor the other items.
fn a_panic_costs_its_item_a_try() {
    struct Panicking(AtomicUsize);
    impl Relay for Panicking {
        fn relay(&self, _: &RelayItem<'_>) -> RelayOutcome {
            assert!(
                self.0.fetch_add(1, Ordering::SeqCst) != 1,
                "a bug in the relay"
            );
            RelayOutcome::Handed
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    provider.relay = Some(Box::new(Panicking(AtomicUsize::new(0))));
    let host = provider.start();
    let store = provider.open_store().unwrap();
    for n in 0..4 {
        let message = format!("message {n}");
        let _ = host.submit(submission(&[CARLA], message.as_bytes()));
    }
    let waiting = || store.queue(NOON).unwrap().pending;
    with_workers(&[&host], 1, || {
        wait_until("the others are done", || waiting() == [(Action::Relay, 1)]);
        provider.clock.advance(60);
        wait_until("it is tried again", || is_empty(&store));
    });
    let errors: Vec<String> = (host.status(None).unwrap().iter())
        .flat_map(|message| &message.items)
        .filter(|item| item.attempts == 1)
        .map(|item| format!("{:?}", item.state))
        .collect();
    assert_eq!(errors, ["Done"]);
}

/// A relay that takes longer than the lease is still ours alone.
#[test]
fn the_claim_of_a_living_host_is_renewed() {
    fn story() {
        let folder = tempfile::tempdir().unwrap();
        let mut provider = Provider::at(folder.path());
        provider.options.lease = 2;
        let noting = Arc::new(Noting {
            takes: Duration::from_secs(5),
            ..Noting::default()
        });
        let mut start = || {
            provider.relay = Some(Box::new(NotingRelay(Arc::clone(&noting))));
            provider.start()
        };
        let (one, two) = (start(), start());
        let store = provider.open_store().unwrap();
        let _ = one.submit(submission(&[CARLA], b"found by a worker"));
        with_workers(&[&one, &two], 2, || {
            wait_until("it is relayed", || is_empty(&store));
            let _ = one.submit(submission(&[CARLA], b"given to a worker"));
            wait_until("it is relayed", || is_empty(&store));
        });
        assert_eq!(noting.relayed.lock().unwrap().len(), 2);
    }
    on_postgres(story);
}

/// The store goes away between a mailbox's answer and its note: the answer is kept until it is back,
/// and the mailbox is not asked a second time, when it might say the opposite.
#[test]
fn what_a_mailbox_has_said_outlives_an_absence_of_the_store() {
    /// Envelopes wait at the gate; receipts are taken at once.
    struct EnvelopesWait(Arc<Gate>);
    impl Depot for EnvelopesWait {
        fn deposit(&self, item: &DepositItem<'_>) -> DepositOutcome {
            if *item.kind == pec::MessageKind::TransportEnvelope {
                return GatedDepot(Arc::clone(&self.0)).deposit(item);
            }
            DepositOutcome::Stored
        }
    }
    fn story() {
        let folder = tempfile::tempdir().unwrap();
        let mut provider = Provider::at(folder.path());
        let gate = Arc::new(Gate::default());
        provider.depot = Some(Box::new(EnvelopesWait(Arc::clone(&gate))));
        let host = provider.start();
        let store = provider.open_store().unwrap();
        let committed = host.submit(submission(&[BRUNO], b"x"));
        with_workers(&[&host], 1, || {
            let _open = End(&gate.open);
            wait_until("it is in hand", || !gate.seen.lock().unwrap().is_empty());
            with_server(|server| server.stop("INT"));
            gate.open.request();
            // Longer than all tries to write what it said.
            thread::sleep(Duration::from_secs(3));
            with_server(PostgresServer::run);
            wait_until("it is confirmed", || is_empty(&store));
        });
        assert_eq!(gate.seen.lock().unwrap().len(), 1);
        let pec_id = committed.messages[0].pec_id.as_deref();
        let items = &host.status(pec_id).unwrap()[0].items;
        let confirmed = items.iter().find(|item| item.action == Action::Confirm);
        assert_eq!(confirmed.unwrap().state, ItemState::Done);
    }
    on_postgres(story);
}

on_both! {
    a_deposit_that_another_host_had_in_hand_is_a_repetition;
    a_panic_costs_its_item_a_try;
    conflicts_are_tried_again_at_once;
    two_hosts_share_the_work;
    what_a_dead_host_had_in_hand_is_taken_over;
    what_is_made_while_the_workers_keep_up_is_claimed_from_its_beginning;
    what_no_worker_has_begun_is_given_back_at_the_stop;
    who_does_not_keep_up_leaves_items_to_others;
    who_lost_a_claim_writes_nothing;
    workers_are_woken_by_a_commit;
}
