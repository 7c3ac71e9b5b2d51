//! One message from hand-in to mailbox, and what may go wrong on the way.

mod support;

use std::sync::Arc;

use ceralacca_host::pec::{self, Effect, RecipientState};
use ceralacca_host::{
    Action, DepositOutcome, EventKind, Host, HostError, ItemState, ItemStatus, MessageStatus,
    PluginError, Progress, Refusal, RelayOutcome,
};
use support::*;

const BRUNO: &str = "bruno@here.example";
const CARLA: &str = "carla@there.example";

/// How it stands with each recipient.
fn states(status: &MessageStatus) -> Vec<RecipientState> {
    let states = status.recipients.iter().map(|r| r.recipient.state);
    states.collect()
}

/// Anna writes to Bruno, who is ours, and to Carla, who is not. Bruno has the envelope with
/// Anna's very octets; it went to the network for Carla; Anna holds acceptance and delivery.
fn whole_story(original: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let committed = host.submit(submission(&[BRUNO, CARLA], original));
    assert_eq!(committed.reply.code, 250);
    assert!(!committed.repeated);
    let id = committed.messages[0].pec_id.clone().unwrap();
    assert!(
        provider.world().is_empty(),
        "nothing happens before the outbox runs"
    );

    let (report, _) = run(&host);
    assert_eq!(
        (report.postponed, report.failed, report.next_at),
        (0, 0, None)
    );
    let mut envelope = format!("envelope {id}\r\n").into_bytes();
    envelope.extend_from_slice(original);
    envelope.extend_from_slice(b"end\r\n");
    let world = provider.world();
    assert_eq!(world["outbox/000001-transport-envelope.eml"], envelope);
    let in_mailbox: Vec<_> = world
        .iter()
        .filter(|(name, _)| name.contains(BRUNO))
        .collect();
    assert_eq!(in_mailbox.len(), 1);
    assert_eq!(*in_mailbox[0].1, envelope);
    assert_eq!(
        provider.mailbox("anna@here.example"),
        [format!("acceptance {id}"), format!("delivery {id} {BRUNO}")]
    );

    let status = &host.status(Some(&id)).unwrap()[0];
    assert_eq!(
        states(status),
        [RecipientState::Delivered, RecipientState::Accepted]
    );
    assert_eq!(status.sender, "anna@here.example");
    assert_eq!(status.taken_in_charge, [(BRUNO.to_owned(), NOON)]);
    assert!(
        status
            .items
            .iter()
            .all(|item| item.state == ItemState::Done)
    );

    let (again, _) = run(&host);
    assert_eq!(again.done, 0, "done is done");
}

fn a_small_message_reaches_everyone() {
    whole_story(b"Subject: ciao\r\n\r\nCiao.\r\n");
}

fn a_large_message_reaches_everyone() {
    whole_story(&large());
}

/// The 300 kB lie in the spool once, whatever is made of them, and go when all is carried out.
fn a_large_message_is_on_disk_once_and_then_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let _ = host.submit(submission(&[BRUNO, CARLA], &large()));
    assert_eq!(provider.spool().len(), 1);
    assert!(
        provider.octets_in_rows() < large().len() as i64,
        "the rows do not hold it"
    );
    run(&host);
    assert_eq!(provider.spool().len(), 1);
    host.tick(&mut |_| {}).unwrap();
    assert_eq!(provider.spool().len(), 0);
}

/// The client did not hear us and tries again, even through another process: same reply, and
/// nothing twice. A day later the same octets are a new message.
fn a_client_that_tries_again_is_answered_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let first = provider.start().submit(submission(&[CARLA], b"x"));
    let host = provider.start();
    provider.clock.advance(24 * 3600);
    let second = host.submit(submission(&[CARLA], b"x"));
    assert!(second.repeated);
    assert_eq!(second.reply, first.reply);
    let other = host.submit(submission(&[CARLA, BRUNO], b"x"));
    assert!(!other.repeated, "another envelope is another message");
    run(&host);
    assert_eq!(provider.sent().len(), 2);
    provider.clock.advance(1);
    // Seeded entropy gives the same PEC id again, which the store refuses: proof enough that it
    // is a new transaction.
    assert_eq!(host.submit(submission(&[CARLA], b"x")).reply.code, 451);
}

/// A transaction that others were quicker than leaves no large message behind, also where a unique
/// key would have refused it in any case.
fn what_conflicts_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    assert_eq!(host.submit(submission(&[CARLA], &large())).reply.code, 250);
    assert_eq!(provider.spool().len(), 1);
    // A new transaction, for which seeded entropy makes the same PEC id.
    provider.clock.advance(24 * 3600 + 1);
    assert_eq!(host.submit(submission(&[CARLA], &large())).reply.code, 451);
    assert_eq!(provider.spool().len(), 1, "that of the first");
}

/// A refusal is not remembered: what was in its way may have gone.
fn a_refusal_is_not_a_reply_to_repeat() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    provider
        .toy
        .push(Rule::Script(vec![], Box::new(outcome(550, vec![], vec![]))));
    assert_eq!(host.submit(submission(&[CARLA], b"x")).reply.code, 550);
    assert_eq!(host.submit(submission(&[CARLA], b"x")).reply.code, 250);
}

/// Whatever the plug-in does wrong costs one transaction: 451, nothing committed, and the same
/// message is taken the next time.
fn a_failing_plug_in_costs_one_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let beyond = pec::Segment::Original(pec::Span {
        start: 1,
        length: 1,
    });
    let beyond = message(pec::MessageKind::Ordinary, "id", vec![beyond]);
    let script = |outcome| Rule::Script(vec![], Box::new(outcome));
    let line_end = pec::Outcome {
        reply: pec::Reply {
            code: 250,
            status: "2.0.0".into(),
            text: "a\r\n250 b".into(),
        },
        ..outcome(250, vec![], vec![])
    };
    let bad = [
        Rule::Fail(PluginError::Trap {
            reason: "unreachable".into(),
        }),
        Rule::Fail(PluginError::Fault(pec::Fault::Entropy)),
        Rule::AskForEver,
        script(outcome(250, vec![beyond], vec![deposit(0, BRUNO, false)])),
        script(outcome(250, vec![], vec![deposit(7, BRUNO, false)])),
        script(outcome(
            250,
            vec![],
            vec![settle("nobody", "knows", RecipientState::Delivered)],
        )),
        script(outcome(250, vec![], vec![Effect::InstallDirectory(vec![])])),
        script(outcome(200, vec![], vec![])),
        script(line_end),
    ];
    for rule in bad {
        provider.toy.push(rule);
        let committed = host.submit(submission(&[CARLA], b"x"));
        assert_eq!(committed.reply.code, 451);
        assert_eq!(committed.reply.status, "4.3.0");
    }
    assert_eq!(run(&host).0.done, 0);
    assert_eq!(host.submit(submission(&[CARLA], b"x")).reply.code, 250);
    assert!(host.status(None).unwrap().len() == 1);
}

/// Two sessions bring the same envelope at once (I20). Both asked before either committed; the
/// second finds that the first was quicker, writes nothing, and sees it when it comes again.
fn one_of_two_sessions_takes_charge() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let charge = |recipient: &str| {
        let effect = Effect::TakeInCharge(pec::TakeInCharge {
            envelope: envelope_key("id"),
            recipients: vec!["Other@here.example".into(), recipient.into()],
        });
        let envelope = message(
            pec::MessageKind::TransportEnvelope,
            "id",
            vec![text("envelope id\r\n".into())],
        );
        Rule::Script(
            vec![],
            Box::new(outcome(
                250,
                vec![envelope],
                vec![deposit(0, recipient, false), effect],
            )),
        )
    };
    provider.toy.push(charge(BRUNO));
    assert_eq!(
        host.arrive(arrival(&[BRUNO], b"envelope id\r\n1"))
            .reply
            .code,
        250
    );
    provider.toy.push(charge("BRUNO@here.example"));
    assert_eq!(
        host.arrive(arrival(&[BRUNO], b"envelope id\r\n2"))
            .reply
            .code,
        451
    );
    run(&host);
    assert_eq!(provider.mailbox(BRUNO), ["envelope id"]);
}

/// A host whose next event is shown a message to two, and decides that one of them has not got it, while
/// another host takes Carla's receipt in. With the message's PEC id.
fn overtaken(provider: &mut Provider, settled: &str) -> (Host, String) {
    let host = provider.start();
    let committed = host.submit(submission(&[BRUNO, CARLA], b"x"));
    let id = committed.messages[0].pec_id.clone().unwrap();
    let receipt = format!("delivery {id} {CARLA}\r\n");
    provider.scanner = Meanwhile::scanner(move || {
        let receipt = arrival(&["anna@here.example"], receipt.as_bytes());
        assert_eq!(host.arrive(receipt).reply.code, 250);
    });
    let slow = provider.start();
    let questions = vec![
        pec::Question::TrackedMessage(id.clone()),
        pec::Question::Scan,
    ];
    let effects = vec![settle(&id, settled, RecipientState::NotDelivered)];
    let end = Box::new(outcome(250, vec![], effects));
    provider.toy.push(Rule::Script(questions, end));
    (slow, id)
}

/// A receipt settles a recipient while a tick is being thought about: the tick must not
/// overwrite it with what it saw before.
fn a_settlement_that_rests_on_an_old_state_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let (slow, id) = overtaken(&mut provider, CARLA);
    assert_eq!(
        slow.arrive(arrival(&["anna@here.example"], b"something"))
            .reply
            .code,
        451
    );
    let status = &slow.status(Some(&id)).unwrap()[0];
    assert_eq!(
        status.recipients[1].recipient.state,
        RecipientState::Delivered
    );
}

/// Two sessions bring the same at once, and the other is quicker: its reply is the reply, whatever this
/// one has decided, and nothing of that happens.
fn who_comes_second_gets_the_first_reply() {
    for code in [250, 550] {
        let folder = tempfile::tempdir().unwrap();
        let mut provider = Provider::at(folder.path());
        let quick = provider.start();
        let octets = large();
        let same = submission(&[CARLA], &octets);
        let other = same.clone();
        provider.scanner = Meanwhile::scanner(move || {
            let first = quick.submit(other);
            assert_eq!((first.reply.code, first.repeated), (250, false));
        });
        let slow = provider.start();
        let effects = vec![
            Effect::Track(tracked(NOON, "two", &same)),
            Effect::KeepInfected(pec::InfectedMessage {
                pec_id: None,
                name: "two".to_owned(),
                until: NOON + 1,
            }),
        ];
        provider.toy.push(Rule::Script(
            vec![pec::Question::Scan],
            Box::new(outcome(code, vec![], effects)),
        ));
        let second = slow.submit(same);
        assert_eq!((second.reply.code, second.repeated), (250, true), "{code}");
        let status = slow.status(None).unwrap();
        assert_eq!(status.len(), 1, "{status:?}");
        assert_ne!(status[0].pec_id, "two");
        // The one that its envelope is made of.
        assert_eq!(provider.spool().len(), 1);
    }
}

/// The states that the outcome of an item rests on have changed meanwhile: it is decided once more, at
/// once.
fn an_item_that_rests_on_an_old_state_is_decided_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let (slow, id) = overtaken(&mut provider, BRUNO);
    run(&slow);
    let status = &slow.status(Some(&id)).unwrap()[0];
    for recipient in &status.recipients {
        assert_eq!(recipient.recipient.state, RecipientState::Delivered);
    }
    for item in &status.items {
        assert_eq!((item.state, item.attempts), (ItemState::Done, 0));
    }
}

/// Somebody else has taken an item over while its event was thought about: nothing of the outcome
/// happens, and the item is theirs.
fn an_item_that_was_taken_over_has_no_outcome_here() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let others = Provider::at(folder.path());
    provider.scanner = Meanwhile::scanner(move || {
        others.tamper(
            "UPDATE outbox SET claimed_by = 'other:1', claimed_until = unixepoch() + 60
             WHERE action = 'loop'",
        );
    });
    let host = provider.start();
    let given = submission(&[BRUNO], &large());
    let id = host.submit(given.clone()).messages[0].pec_id.clone();
    provider.toy.push(Rule::Script(
        vec![pec::Question::Scan],
        Box::new(outcome(
            250,
            vec![],
            vec![Effect::Track(tracked(NOON, "two", &given))],
        )),
    ));
    run(&host);
    let looped = || {
        let status = host.status(id.as_deref()).unwrap().remove(0);
        let item = status.items.into_iter().find(|i| i.action == Action::Loop);
        let item = item.unwrap();
        (item.state, item.attempts)
    };
    assert_eq!(looped(), (ItemState::Pending, 0));
    assert!(host.status(Some("two")).unwrap().is_empty());
    // They die, and it comes back.
    provider.tamper("UPDATE outbox SET claimed_by = NULL, claimed_until = 0");
    run(&host);
    assert_eq!(looped(), (ItemState::Done, 0));
    assert_eq!(provider.mailbox(BRUNO).len(), 1);
}

/// A small message to one of ours passes our incoming point before its client hears anything: what that
/// decides is committed with the rest, and is told of.
fn mail_within_the_provider_is_taken_in_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let committed = host.submit(submission(&[BRUNO, CARLA], b"x"));
    assert_eq!(committed.reply.code, 250);
    let [acceptance, envelope] = &committed.messages[..] else {
        panic!("{committed:?}")
    };
    let [
        Progress::Looped {
            message,
            recipients,
            reply,
        },
        Progress::Transaction {
            event: EventKind::Arrive,
            ..
        },
    ] = &committed.at_once[..]
    else {
        panic!("{:?}", committed.at_once)
    };
    assert_eq!(
        (message, &recipients[..]),
        (envelope, &[BRUNO.to_owned()][..])
    );
    assert_eq!(reply.code, 250);
    let id = acceptance.pec_id.as_deref().unwrap();
    let tracked = provider
        .toy
        .heard()
        .into_iter()
        .find_map(|answer| match answer {
            pec::Answer::Tracked(tracked) => tracked,
            _ => None,
        });
    assert_eq!(
        tracked.unwrap().pec_id,
        id,
        "it is shown what is not committed yet"
    );

    let status = &host.status(Some(id)).unwrap()[0];
    assert_eq!(status.taken_in_charge, [(BRUNO.to_owned(), NOON)]);
    let count = |action| {
        status
            .items
            .iter()
            .filter(|item| item.action == action)
            .count()
    };
    assert_eq!(
        Action::ALL.map(count),
        [1, 0, 2, 0, 0],
        "a relay, and the deposits of acceptance and envelope"
    );
    let lengths = format!("acceptance {id}\r\nenvelope {id}\r\nxend\r\n").len();
    assert_eq!(
        provider.octets_in_rows(),
        lengths as i64,
        "each is there once"
    );

    // So does the receipt, when its time has come.
    run(&host);
    let status = &host.status(Some(id)).unwrap()[0];
    let bruno = &status.recipients[0].recipient;
    assert_eq!(bruno.state, RecipientState::Delivered);
    let looped = |item: &ItemStatus| item.action == Action::Loop;
    assert!(!status.items.iter().any(looped), "{status:?}");
    assert_eq!(provider.mailbox("anna@here.example").len(), 2);
}

/// Somebody waits meanwhile, so a large message is left to the outbox: one that is large itself, and one
/// whose envelope is.
fn what_is_large_is_not_taken_in_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    // What the toy puts around it.
    let around = "envelope 0123456789abcdef\r\nend\r\n".len();
    let limit = 64 * 1024;
    for (length, at_once) in [
        (limit - around, true),
        (limit - around + 1, false),
        (limit + 1, false),
    ] {
        let committed = host.submit(submission(&[BRUNO], &vec![b'x'; length]));
        assert_eq!(committed.reply.code, 250);
        assert_eq!(!committed.at_once.is_empty(), at_once, "{length}");
    }
    run(&host);
    assert_eq!(provider.mailbox(BRUNO).len(), 3);
}

/// The server of a revocation list may be slow, and nobody is to wait for it: the outbox asks it.
fn a_revocation_list_is_had_at_leisure() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let list = pec::Question::RevocationData(pec::RevocationQuery {
        issuer: vec![],
        issuer_key: vec![],
        urls: vec![],
    });
    provider.toy.push(Rule::Usual);
    provider.toy.push(Rule::Script(
        vec![list],
        Box::new(outcome(250, vec![], vec![])),
    ));
    let committed = host.submit(submission(&[BRUNO], b"x"));
    assert_eq!((committed.reply.code, committed.at_once.len()), (250, 0));
    let heard = provider.toy.heard();
    let list = |answer: &pec::Answer| matches!(answer, pec::Answer::Revocation(_));
    assert!(!heard.iter().any(list), "{heard:?}");
    run(&host);
    assert_eq!(provider.mailbox(BRUNO).len(), 1);
}

/// While our incoming point thinks about a receipt that we have just made, another host changes what its
/// decision rests on: the receipt stands, and goes its way by the outbox.
fn a_decision_at_once_that_rests_on_an_old_state_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    // The submission, Bruno's envelope, and the receipt that is made when he has it.
    for _ in 0..3 {
        provider.toy.push(Rule::Usual);
    }
    let (slow, id) = overtaken(&mut provider, CARLA);
    let (report, _) = run(&slow);
    assert_eq!((report.postponed, report.failed), (0, 0));
    let status = &slow.status(Some(&id)).unwrap()[0];
    for recipient in &status.recipients {
        assert_eq!(recipient.recipient.state, RecipientState::Delivered);
    }
    let looped = status.items.iter().filter(|i| i.action == Action::Loop);
    let looped: Vec<_> = looped.map(|item| (item.state, item.attempts)).collect();
    assert_eq!(looped, [(ItemState::Done, 0)]);
    assert_eq!(provider.mailbox("anna@here.example").len(), 3);
}

/// What our incoming point does not take at once the outbox brings to it again, and what comes of it is
/// the same, octet for octet.
fn at_once_or_later_comes_to_the_same() {
    let trap = || {
        Rule::Fail(PluginError::Trap {
            reason: "unreachable".into(),
        })
    };
    let reply = |code| Rule::Script(vec![], Box::new(outcome(code, vec![], vec![])));
    let split = || {
        let mut split = outcome(250, vec![], vec![]);
        split.reply.text = "two\r\n250 lines".to_owned();
        Rule::Script(vec![], Box::new(split))
    };
    let first_tries = [
        None,
        Some(trap()),
        Some(reply(451)),
        Some(reply(550)),
        Some(split()),
    ];
    let mut stories = Vec::new();
    for (n, first_try) in first_tries.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let mut provider = Provider::at(folder.path());
        let host = provider.start();
        let later = first_try.is_some();
        provider.toy.push(Rule::Usual);
        provider.toy.push(first_try.unwrap_or(Rule::Usual));
        let committed = host.submit(submission(&[BRUNO, CARLA], b"x"));
        assert_eq!(
            (committed.reply.code, committed.at_once.is_empty()),
            (250, later),
            "{n}"
        );
        let looped = |item: &ItemStatus| item.action == Action::Loop;
        let waiting = host.status(None).unwrap().remove(0);
        assert_eq!(waiting.items.iter().any(looped), later, "{n}");
        run(&host);
        let mut status = host.status(None).unwrap().remove(0);
        status.items.retain(|item| !looped(item));
        let mut keys: Vec<_> = status.items.iter().map(|item| item.key.clone()).collect();
        keys.sort();
        let events: Vec<_> = status.log.iter().map(|row| row.event.clone()).collect();
        let states = format!("{:?} {:?}", status.recipients, status.taken_in_charge);
        stories.push((provider.world(), keys, events, states));
    }
    for (n, story) in stories.iter().enumerate() {
        assert!(*story == stories[0], "{n}: {story:#?}");
    }
}

/// What our incoming point settles of a message that is tracked by the same commit is settled in it. Where
/// it settles what is not there, or takes charge of what has been taken, nothing of what it decided
/// happens; what was decided before stands, and it is asked again.
fn what_is_decided_at_once_happens_whole_or_not_at_all() {
    let given = || submission(&[BRUNO, CARLA], b"x");
    let id = {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = Provider::at(folder.path()).start();
        let committed = elsewhere.submit(given());
        committed.messages[0].pec_id.clone().unwrap()
    };
    let taken = |recipient: &str| settle(&id, recipient, RecipientState::TakenInCharge);
    let charge = || {
        Effect::TakeInCharge(pec::TakeInCharge {
            envelope: envelope_key("id"),
            recipients: vec![BRUNO.to_owned()],
        })
    };
    let accepted = (RecipientState::Accepted, Some(NOON + DEADLINE));
    for (effects, at_once, bruno) in [
        (
            vec![taken(BRUNO)],
            true,
            (RecipientState::TakenInCharge, None),
        ),
        (
            vec![taken(BRUNO), taken("nobody@here.example")],
            false,
            accepted,
        ),
        (vec![taken(BRUNO), charge()], false, accepted),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut provider = Provider::at(folder.path());
        let host = provider.start();
        let decides = |effects| Rule::Script(vec![], Box::new(outcome(250, vec![], effects)));
        provider.toy.push(decides(vec![charge()]));
        assert_eq!(host.arrive(arrival(&[BRUNO], b"other")).reply.code, 250);
        provider.toy.push(Rule::Usual);
        provider.toy.push(decides(effects));
        let committed = host.submit(given());
        assert_eq!(committed.reply.code, 250);
        assert_eq!(!committed.at_once.is_empty(), at_once);
        let state = |n: usize| {
            let recipient = &host.status(Some(&id)).unwrap()[0].recipients[n];
            (recipient.recipient.state, recipient.recipient.deadline)
        };
        assert_eq!((state(0), state(1)), (bruno, accepted));
        run(&host);
        if !at_once {
            let status = &host.status(Some(&id)).unwrap()[0];
            assert_eq!(status.taken_in_charge, [(BRUNO.to_owned(), NOON)]);
            assert_eq!(provider.mailbox(BRUNO).len(), 1);
        }
        // From now on it is as any other.
        let receipt = format!("delivery {id} {CARLA}\r\n");
        let receipt = arrival(&["anna@here.example"], receipt.as_bytes());
        assert_eq!(host.arrive(receipt).reply.code, 250);
        assert_eq!(state(1).0, RecipientState::Delivered);
    }
}

/// What an outcome settles must be there when our incoming point is asked about it, so the outbox brings
/// what comes with a settlement.
fn what_rests_on_a_settlement_comes_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let committed = host.submit(submission(&[BRUNO, CARLA], b"x"));
    let id = committed.messages[0].pec_id.clone().unwrap();
    let receipt = text(format!("delivery {id} {BRUNO}\r\n"));
    let receipt = message(pec::MessageKind::Delivery, &id, vec![receipt]);
    let anna = vec!["anna@here.example".to_owned()];
    let effects = vec![
        settle(&id, CARLA, RecipientState::NotDelivered),
        relay(0, pec::Route::OwnIncomingPoint, "", anna),
    ];
    provider.toy.push(Rule::Script(
        vec![pec::Question::TrackedMessage(id.clone())],
        Box::new(outcome(250, vec![receipt], effects)),
    ));
    let news = host.arrive(arrival(&[BRUNO], b"news"));
    assert_eq!((news.reply.code, news.at_once.len()), (250, 0));
    let (report, _) = run(&host);
    assert_eq!((report.postponed, report.failed), (0, 0));
    let status = &host.status(Some(&id)).unwrap()[0];
    assert_eq!(
        states(status),
        [RecipientState::Delivered, RecipientState::NotDelivered]
    );
}

/// The network is away for a while: back-off doubles, attempts are counted, nothing is lost, and
/// other mail goes on.
fn what_does_not_work_now_works_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let told = Arc::new(Told::default());
    *told.relays.lock().unwrap() = vec![RelayOutcome::Later("away".into()); 3];
    provider.relay = Some(Box::new(ToldParts(told.clone())));
    let host = provider.start();
    let id = host.submit(submission(&[CARLA], b"x")).messages[0]
        .pec_id
        .clone()
        .unwrap();
    for pause in [60, 120, 240] {
        let (report, story) = run(&host);
        let due = provider.clock.as_ref();
        let due = ceralacca_host::Clock::now(due) + pause;
        assert_eq!((report.postponed, report.next_at), (1, Some(due)));
        assert!(
            matches!(story.last(), Some(Progress::Postponed { reason, .. }) if reason == "away")
        );
        provider.clock.advance(pause - 1);
        assert_eq!(run(&host).0.postponed, 0, "not yet");
        provider.clock.advance(1);
    }
    assert_eq!(
        provider.mailbox("anna@here.example").len(),
        1,
        "the acceptance did not wait"
    );
    let (report, _) = run(&host);
    assert_eq!((report.done, report.next_at), (1, None));
    let keys = told.keys.lock().unwrap();
    assert!(
        keys.len() == 4 && keys.iter().all(|key| *key == keys[0]),
        "one item, one key"
    );
    let items = &host.status(Some(&id)).unwrap()[0].items;
    assert_eq!(items.iter().map(|item| item.attempts).max(), Some(3));
}

/// The next server refuses one of two recipients: the plug-in hears of that one.
fn a_refused_relay_becomes_an_event() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let told = Arc::new(Told::default());
    let failure = pec::Failure {
        status: "5.1.1".into(),
        code: 550,
        text: "no such user".into(),
        no_such_domain: false,
    };
    let refusal = Refusal {
        recipient: CARLA.into(),
        failure,
    };
    told.relays
        .lock()
        .unwrap()
        .push(RelayOutcome::Failed(vec![refusal]));
    provider.relay = Some(Box::new(ToldParts(told)));
    let host = provider.start();
    let id = host
        .submit(submission(&["dino@there.example", CARLA], b"x"))
        .messages[0]
        .pec_id
        .clone()
        .unwrap();
    let (_, story) = run(&host);
    assert!(
        story
            .iter()
            .any(|p| matches!(p, Progress::RelayFailed { recipient, .. } if recipient == CARLA))
    );
    let status = &host.status(Some(&id)).unwrap()[0];
    assert_eq!(
        states(status),
        [RecipientState::Accepted, RecipientState::NotDelivered]
    );
}

/// The next server takes the message for one of three recipients, refuses another and wants to be
/// asked again about the third: each gets it once, or a word about it.
fn a_relay_that_half_worked_is_finished_for_the_rest_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let told = Arc::new(Told::default());
    let refusal = Refusal {
        recipient: CARLA.into(),
        failure: pec::Failure {
            status: "5.1.1".into(),
            code: 550,
            text: "no such user".into(),
            no_such_domain: false,
        },
    };
    let (dino, enea) = ("dino@there.example", "enea@there.example");
    told.relays.lock().unwrap().push(RelayOutcome::Partly {
        refusals: vec![refusal],
        later: vec![enea.into(), "stranger@there.example".into()],
        reason: "452 4.2.1 try again".into(),
    });
    provider.relay = Some(Box::new(ToldParts(told.clone())));
    let host = provider.start();
    let id = host.submit(submission(&[dino, CARLA, enea], b"x")).messages[0]
        .pec_id
        .clone()
        .unwrap();
    let (report, story) = run(&host);
    assert_eq!(report.postponed, 1);
    let relayed =
        |p: &Progress| matches!(p, Progress::Relayed { recipients, .. } if *recipients == [dino]);
    let failed =
        |p: &Progress| matches!(p, Progress::RelayFailed { recipient, .. } if recipient == CARLA);
    let waits = |p: &Progress| {
        matches!(p, Progress::Postponed { recipients, reason, .. }
            if *recipients == [enea] && reason.starts_with("452"))
    };
    assert!(story.iter().any(relayed) && story.iter().any(failed) && story.iter().any(waits));

    // Nothing of it is forgotten by a restart.
    drop(host);
    provider.relay = Some(Box::new(ToldParts(told.clone())));
    let host = provider.start();
    provider.clock.advance(60);
    assert_eq!(run(&host).0.next_at, None);
    assert_eq!(
        *told.addressed.lock().unwrap(),
        [vec![dino, CARLA, enea], vec![enea]]
    );
    assert_eq!(
        states(&host.status(Some(&id)).unwrap()[0]),
        [
            RecipientState::Accepted,
            RecipientState::NotDelivered,
            RecipientState::Accepted
        ]
    );
}

/// Bruno's mailbox refuses for good: the delivery point hears of it and says so.
fn a_failed_deposit_becomes_a_notice() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let told = Arc::new(Told::default());
    let failure = pec::Failure {
        status: "5.2.2".into(),
        code: 552,
        text: "mailbox full".into(),
        no_such_domain: false,
    };
    *told.deposits.lock().unwrap() = vec![
        DepositOutcome::Failed(failure),
        DepositOutcome::Later("busy".into()),
        DepositOutcome::Stored,
    ];
    provider.depot = Some(Box::new(ToldParts(told)));
    let host = provider.start();
    let _ = host.submit(submission(&[BRUNO], b"x"));
    run(&host);
    assert!(provider.sent().is_empty(), "the depot was busy");
    provider.clock.advance(60);
    run(&host);
    assert!(provider.sent()[0].starts_with("non-delivery"));
}

/// A plug-in in trouble while the outbox runs: the item waits and is tried again.
fn a_failing_plug_in_postpones_the_item() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let _ = host.submit(submission(&[BRUNO], &large()));
    provider.toy.push(Rule::Fail(PluginError::Trap {
        reason: "unreachable".into(),
    }));
    assert_eq!(run(&host).0.postponed, 1);
    assert!(provider.mailbox(BRUNO).is_empty());
    provider.clock.advance(60);
    provider
        .toy
        .push(Rule::Script(vec![], Box::new(outcome(451, vec![], vec![]))));
    assert_eq!(run(&host).0.postponed, 1, "a 4xx reply is no end either");
    provider.clock.advance(120);
    run(&host);
    assert_eq!(provider.mailbox(BRUNO).len(), 1);
    assert_eq!(provider.mailbox("anna@here.example").len(), 2);
}

/// Our own incoming point refuses an envelope for good: as if another server had.
fn a_refusal_of_our_own_is_a_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    let id = host.submit(submission(&[BRUNO], &large())).messages[0]
        .pec_id
        .clone()
        .unwrap();
    provider
        .toy
        .push(Rule::Script(vec![], Box::new(outcome(550, vec![], vec![]))));
    run(&host);
    let status = &host.status(Some(&id)).unwrap()[0];
    assert_eq!(
        status.recipients[0].recipient.state,
        RecipientState::NotDelivered
    );
}

/// With the same seed, clock and mail, two fresh stores leave the very same files.
fn the_same_input_gives_the_same_bytes() {
    let worlds: Vec<_> = (0..2)
        .map(|_| {
            let folder = tempfile::tempdir().unwrap();
            let mut provider = Provider::at(folder.path());
            let host = provider.start();
            let _ = host.submit(submission(&[BRUNO, CARLA], b"one"));
            let _ = host.submit(submission(&[CARLA], &large()));
            run(&host);
            provider.world()
        })
        .collect();
    assert_eq!(
        worlds[0].len(),
        8,
        "two messages of two files, four deposits"
    );
    assert_eq!(worlds[0], worlds[1]);
}

#[test]
fn wrong_settings_are_refused_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    provider.directory_file = Some(folder.path().join("missing.ldif"));
    let error = provider.try_start().err().unwrap();
    assert!(matches!(error, HostError::DirectoryFile { .. }));
    assert!(error.to_string().contains("missing.ldif"), "{error}");
}

on_both! {
    a_small_message_reaches_everyone;
    a_large_message_reaches_everyone;
    a_large_message_is_on_disk_once_and_then_not_at_all;
    a_client_that_tries_again_is_answered_again;
    a_refusal_is_not_a_reply_to_repeat;
    what_conflicts_leaves_nothing_behind;
    a_failing_plug_in_costs_one_transaction;
    one_of_two_sessions_takes_charge;
    a_settlement_that_rests_on_an_old_state_is_refused;
    who_comes_second_gets_the_first_reply;
    an_item_that_rests_on_an_old_state_is_decided_again;
    an_item_that_was_taken_over_has_no_outcome_here;
    mail_within_the_provider_is_taken_in_at_once;
    at_once_or_later_comes_to_the_same;
    what_is_decided_at_once_happens_whole_or_not_at_all;
    what_is_large_is_not_taken_in_at_once;
    a_revocation_list_is_had_at_leisure;
    a_decision_at_once_that_rests_on_an_old_state_is_made_again;
    what_rests_on_a_settlement_comes_after_it;
    what_does_not_work_now_works_later;
    a_refused_relay_becomes_an_event;
    a_relay_that_half_worked_is_finished_for_the_rest_alone;
    a_failed_deposit_becomes_a_notice;
    a_failing_plug_in_postpones_the_item;
    a_refusal_of_our_own_is_a_refusal;
    the_same_input_gives_the_same_bytes;
}
