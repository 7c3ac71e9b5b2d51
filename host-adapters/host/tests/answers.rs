//! What the host answers to each question.

mod support;

use std::io::Read;
use std::path::Path;

use ceralacca_host::pec::{self, Answer, Effect, Question};
use ceralacca_host::{Host, Scanner, Unavailable};
use support::*;

/// Has the plug-in ask, and gives what it heard. Every call submits another message.
fn ask(provider: &Provider, host: &Host, questions: Vec<Question>) -> Vec<Answer> {
    ask_and_do(provider, host, questions, vec![])
}

fn ask_and_do(
    provider: &Provider,
    host: &Host,
    questions: Vec<Question>,
    effects: Vec<Effect>,
) -> Vec<Answer> {
    provider.toy.heard();
    let end = outcome(250, vec![], effects);
    provider.toy.push(Rule::Script(questions, Box::new(end)));
    provider.clock.advance(1);
    let now = ceralacca_host::Clock::now(&*provider.clock);
    let _ = host.submit(submission(
        &["x@there.example"],
        format!("{now}").as_bytes(),
    ));
    provider.toy.heard()
}

fn started() -> (tempfile::TempDir, Provider, Host) {
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    let host = provider.start();
    (folder, provider, host)
}

#[test]
fn questions_are_answered_in_their_order() {
    let (_folder, provider, host) = started();
    let revocation = pec::RevocationQuery {
        issuer: vec![],
        issuer_key: vec![],
        urls: vec![],
    };
    let questions = vec![
        Question::Sign(b"abc".to_vec()),
        Question::Mailbox("BRUNO@here.EXAMPLE".to_owned()),
        Question::Mailbox("nobody@here.example".to_owned()),
        Question::RevocationData(revocation),
        Question::TrackedMessage("unknown".to_owned()),
        Question::TakenInCharge(pec::EnvelopeKey {
            pec_id: "unknown".to_owned(),
            provider: "o=Alfa".to_owned(),
        }),
        Question::ProviderOfDomain("there.example".to_owned()),
        Question::Scan,
        Question::Recall("key".to_owned()),
    ];
    let bruno = pec::Mailbox {
        address: "Bruno@here.example".to_owned(),
        ordinary_mail: None,
        certified_only: false,
    };
    let expected = [
        Answer::Signature(b"abc".to_vec()),
        Answer::Mailbox(Some(bruno)),
        Answer::Mailbox(None),
        Answer::Revocation(vec![]),
        Answer::Tracked(None),
        Answer::Recipients(vec![]),
        Answer::Providers(vec![]),
        Answer::Scanned(pec::ScanVerdict::Clean),
        Answer::Recalled(None),
    ];
    assert_eq!(ask(&provider, &host, questions), expected);
}

#[test]
fn signatures_made_by_openssl_are_verified() {
    let (_folder, provider, host) = started();
    let data = |name: &str| {
        std::fs::read(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/data")
                .join(name),
        )
        .unwrap()
    };
    let digest = |hex: &str| -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
            .collect()
    };
    // printf attributes | sha256sum
    let good = pec::SignatureCheck {
        public_key: data("public-key.der"),
        digest_algorithm: "sha256".to_owned(),
        digest: digest("f1b4db36f908e557e2321176b6d345f5a700d4fba979381605327fdc1c8adbf7"),
        signature: data("signature-sha256.bin"),
    };
    // printf attributes | sha512sum
    let sha512 = "dd48df2bcc5b642e9bfac7d72452fd48c585c08ccb722aaa43a33eb5a46b47fd\
                  2eb8b138146588a326e9cad0f4447097945204176eadd4cf9cf94bb06d7f98b9";
    let long = pec::SignatureCheck {
        digest_algorithm: "sha512".to_owned(),
        digest: digest(sha512),
        signature: data("signature-sha512.bin"),
        ..good.clone()
    };
    let mut other_digest = good.clone();
    other_digest.digest[0] ^= 1;
    let mut other_signature = good.clone();
    other_signature.signature.truncate(255);
    let small_key = pec::SignatureCheck {
        public_key: data("public-key-1024.der"),
        ..good.clone()
    };
    let sha1 = pec::SignatureCheck {
        digest_algorithm: "sha1".to_owned(),
        ..good.clone()
    };
    let short = pec::SignatureCheck {
        digest: vec![1],
        ..good.clone()
    };
    let no_key = pec::SignatureCheck {
        public_key: b"key".to_vec(),
        ..good.clone()
    };
    let checks = [
        good,
        long,
        other_digest,
        other_signature,
        small_key,
        sha1,
        short,
        no_key,
    ];
    let expected = [
        Answer::Verified(true),
        Answer::Verified(true),
        Answer::Verified(false),
        Answer::Verified(false),
        Answer::Declined,
        Answer::Declined,
        Answer::Declined,
        Answer::Declined,
    ];
    let questions = checks.map(Question::VerifySignature).to_vec();
    assert_eq!(ask(&provider, &host, questions), expected);
}

/// The scanner reads the message itself, from memory or from the spool.
#[test]
fn the_scanner_is_given_the_message() {
    struct Suspicious;
    impl Scanner for Suspicious {
        fn scan(&self, message: &mut dyn Read) -> Result<pec::ScanVerdict, Unavailable> {
            let mut octets = Vec::new();
            message.read_to_end(&mut octets).unwrap();
            Ok(pec::ScanVerdict::Infected(octets.len().to_string()))
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    provider.scanner = Some(Box::new(Suspicious));
    let host = provider.start();
    for message in [b"x".to_vec(), large()] {
        provider.toy.push(Rule::Script(
            vec![Question::Scan],
            Box::new(outcome(250, vec![], vec![])),
        ));
        let _ = host.submit(submission(&["x@there.example"], &message));
        let verdict = pec::ScanVerdict::Infected(message.len().to_string());
        assert_eq!(provider.toy.heard(), [Answer::Scanned(verdict)]);
    }
    assert!(
        provider.spool().is_empty(),
        "nothing refers to the large one"
    );
}

/// A part that is down: the plug-in hears it, the client is asked to come again.
#[test]
fn what_cannot_be_had_is_said() {
    struct Down;
    impl Scanner for Down {
        fn scan(&self, _: &mut dyn Read) -> Result<pec::ScanVerdict, Unavailable> {
            Err(Unavailable("clamd does not answer".to_owned()))
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut provider = Provider::at(folder.path());
    provider.scanner = Some(Box::new(Down));
    let host = provider.start();
    let heard = ask(&provider, &host, vec![Question::Scan]);
    assert_eq!(
        heard,
        [Answer::Unavailable("clamd does not answer".to_owned())]
    );
}

#[test]
fn what_was_remembered_is_recalled_until_its_time() {
    let (_folder, provider, host) = started();
    let until = NOON + 100;
    let memo = |value: &str| {
        Effect::Remember(pec::Memo {
            key: "k".into(),
            value: value.into(),
            until,
        })
    };
    ask_and_do(&provider, &host, vec![], vec![memo("one"), memo("two")]);
    let recall = || vec![Question::Recall("k".to_owned())];
    assert_eq!(
        ask(&provider, &host, recall()),
        [Answer::Recalled(Some(b"two".to_vec()))]
    );
    provider.clock.set(until);
    assert_eq!(ask(&provider, &host, recall()), [Answer::Recalled(None)]);
}

/// Recipients are counted where a message was accepted, by account and time.
#[test]
fn recipients_of_accepted_messages_are_counted() {
    let (_folder, provider, host) = started();
    let _ = host.submit(submission(&["a@there.example", "b@there.example"], b"1"));
    let _ = host.submit(submission(&["a@there.example", "b@there.example"], b"1"));
    ask(&provider, &host, vec![]);
    provider.clock.set(NOON + 10);
    let _ = host.submit(submission(&["c@there.example"], b"2"));
    let usage = |account: &str, since| {
        Question::Usage(pec::UsageQuery {
            account: account.into(),
            since,
        })
    };
    let questions = vec![
        usage("anna", NOON),
        usage("anna", NOON + 10),
        usage("bruno", 0),
    ];
    assert_eq!(
        ask(&provider, &host, questions),
        [Answer::Usage(3), Answer::Usage(1), Answer::Usage(0)]
    );
}
