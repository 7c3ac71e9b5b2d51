//! The same conversations in the types of `wit/`, as far as they need them.

use std::time::Instant;

use ceralacca::event::Context;
use ceralacca::question::{Answer, Provider};
use ceralacca::settings::Settings;
use ceralacca_host::{Engine as _, Plugin, pec};

use super::Event;

/// A fresh instance in which as good as nothing happens: a tick for which nothing is due.
pub fn instantiate(plugin: &Plugin) -> f64 {
    let context = pec::Context {
        now: super::START,
        entropy: Vec::new(),
        settings: ceralacca_host::onlooker(Vec::new()),
        largest: None,
    };
    let event = ceralacca_host::Event::PassTime(pec::Tick { due: Vec::new() });
    let start = Instant::now();
    let _ = plugin.begin(&context, event).expect("a beginning");
    start.elapsed().as_secs_f64()
}

pub fn context(context: &Context) -> pec::Context {
    pec::Context {
        now: context.now.unix(),
        entropy: context.entropy.clone(),
        settings: settings(&context.settings),
        largest: None,
    }
}

fn settings(s: &Settings) -> pec::Settings {
    pec::Settings {
        provider_name: s.provider_name.clone(),
        mail_domain: s.mail_domain.clone(),
        service_address: s.service_address.clone(),
        service_mailbox: s.service_mailbox.clone(),
        certificates: s.certificates.clone(),
        limits: pec::MessageLimits {
            max_size: s.limits.max_size,
            hard_size: s.limits.hard_size,
            max_recipients: s.limits.max_recipients,
            max_product: s.limits.max_product,
            daily_recipients: s.limits.daily_recipients,
        },
        forbidden_attachments: s.forbidden_attachments.clone(),
        internal_server_server_acceptance: s.internal_server_server_acceptance,
        english_copy: s.english_copy,
        ..ceralacca_host::onlooker(s.trust_anchors.clone())
    }
}

pub fn event(event: &Event) -> ceralacca_host::Event {
    match event {
        Event::Seal(e) => ceralacca_host::Event::Submit(pec::Submission {
            account: e.account.clone(),
            addresses: e.addresses.iter().map(ToString::to_string).collect(),
            reverse_path: e.reverse_path.clone(),
            recipients: e.recipients.clone(),
            message: e.message.clone(),
        }),
        Event::Verify(e) => ceralacca_host::Event::Examine(pec::Examination {
            message: e.message.clone(),
            at: None,
            contents: Some(pec::ContentQuery { original: None }),
        }),
    }
}

pub fn answers(answers: &[Answer]) -> Vec<pec::Answer> {
    answers.iter().map(answer).collect()
}

fn answer(answer: &Answer) -> pec::Answer {
    match answer {
        Answer::Providers(list) => pec::Answer::Providers(list.iter().map(provider).collect()),
        Answer::Revocation(lists) => pec::Answer::Revocation(lists.clone()),
        Answer::Mailbox(Some(mailbox)) => pec::Answer::Mailbox(Some(pec::Mailbox {
            address: mailbox.address.to_string(),
            ordinary_mail: None,
            certified_only: mailbox.certified_only,
        })),
        Answer::Signature(octets) => pec::Answer::Signature(octets.clone()),
        Answer::Declined => pec::Answer::Declined,
        Answer::Scanned(_) => pec::Answer::Scanned(pec::ScanVerdict::Clean),
        Answer::Recalled(value) => pec::Answer::Recalled(value.clone()),
        Answer::Usage(count) => pec::Answer::Usage(*count),
        other => panic!("neither sealing nor verifying asks for {other:?}"),
    }
}

fn provider(provider: &Provider) -> pec::Provider {
    pec::Provider {
        dn: provider.dn.clone(),
        name: provider.name.clone(),
        unit: provider.unit.clone(),
        mail_receipt: provider.mail_receipt.to_string(),
        certificate_hashes: provider.certificate_hashes.clone(),
        certificates: provider.certificates.clone(),
    }
}
