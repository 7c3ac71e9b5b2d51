//! The same transaction by the core itself, linked natively: what the component costs.

use ceralacca::event::{Context, Submission};
use ceralacca::outcome::Outcome;
use ceralacca::question::{Answer, Provider, Question, ScanVerdict};
use ceralacca::settings::{MessageLimits, Settings};
use ceralacca::{Step, Transaction};
use ceralacca_host::{Signer as _, pec};

use super::world::{NOW, RECIPIENT, SENDER, World};

/// One submission, answered as [`World::submit`] answers it.
pub fn submit(world: &World, message: Vec<u8>) -> Outcome {
    let context = Context {
        now: ceralacca::instant::Instant::from_unix(NOW).expect("an instant"),
        entropy: (0..32).collect(),
        settings: settings(&world.settings),
        largest: None,
    };
    let sender = SENDER.try_into().expect("an address");
    let event = Submission {
        account: Some(SENDER.to_owned()),
        addresses: vec![sender],
        reverse_path: SENDER.to_owned(),
        recipients: vec![RECIPIENT.to_owned()],
        message,
    };
    let mut transaction: Transaction = ceralacca::submit(context, event);
    let mut answers = Vec::new();
    loop {
        match transaction.advance(answers).expect("no fault") {
            Step::Done(outcome) => return *outcome,
            Step::Ask(questions) => {
                answers = questions
                    .into_iter()
                    .map(|question| answer(world, question))
                    .collect();
            }
        }
    }
}

fn answer(world: &World, question: Question) -> Answer {
    match question {
        Question::ProviderOfDomain(domain) => {
            let found = world.providers.get(&domain.as_str().to_ascii_lowercase());
            Answer::Providers(found.into_iter().flatten().map(provider).collect())
        }
        Question::Sign(octets) => {
            Answer::Signature(world.signer.sign(&octets).expect("a signature"))
        }
        Question::Scan => Answer::Scanned(ScanVerdict::Clean),
        Question::Usage(_) => Answer::Usage(0),
        Question::Recall(_) => Answer::Recalled(None),
        Question::Mailbox(address) => Answer::Mailbox(Some(ceralacca::question::Mailbox {
            address,
            ordinary_mail: None,
            certified_only: false,
        })),
        other => panic!("a submission does not ask {other:?}"),
    }
}

fn provider(provider: &pec::Provider) -> Provider {
    Provider {
        dn: provider.dn.clone(),
        name: provider.name.clone(),
        unit: provider.unit.clone(),
        mail_receipt: provider
            .mail_receipt
            .as_str()
            .try_into()
            .expect("an address"),
        certificate_hashes: provider.certificate_hashes.clone(),
        certificates: provider.certificates.clone(),
    }
}

fn settings(settings: &pec::Settings) -> Settings {
    Settings {
        provider_name: settings.provider_name.clone(),
        mail_domain: settings.mail_domain.clone(),
        service_address: settings.service_address.clone(),
        service_mailbox: settings.service_mailbox.clone(),
        certificates: settings.certificates.clone(),
        directory_signers: settings.directory_signers.clone(),
        limits: MessageLimits {
            max_size: settings.limits.max_size,
            hard_size: settings.limits.hard_size,
            max_recipients: settings.limits.max_recipients,
            max_product: settings.limits.max_product,
            daily_recipients: settings.limits.daily_recipients,
        },
        ..Settings::onlooker(settings.trust_anchors.clone())
    }
}
