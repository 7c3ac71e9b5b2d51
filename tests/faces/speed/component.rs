//! Submissions and examinations in the types of `wit/`, as far as they need them.

use ceralacca::event::{Context, Examination, Submission};
use ceralacca::instant::Instant;
use ceralacca::question::{Answer, OrdinaryMailPolicy, Provider, ScanVerdict};
use ceralacca::settings::{RevocationPolicy, Settings};
use ceralacca_host::pec;

pub fn context(context: &Context) -> pec::Context {
    pec::Context {
        now: context.now.unix(),
        entropy: context.entropy.clone(),
        settings: settings(&context.settings),
        largest: context.largest,
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
        trust_anchors: s.trust_anchors.clone(),
        directory_signers: s.directory_signers.clone(),
        ordinary_mail: match &s.ordinary_mail {
            OrdinaryMailPolicy::Accept => pec::OrdinaryMailPolicy::Accept,
            OrdinaryMailPolicy::Refuse => pec::OrdinaryMailPolicy::Refuse,
            other => panic!("no story here has {other:?}"),
        },
        revocation: match s.revocation {
            RevocationPolicy::AcceptAndLog => pec::RevocationPolicy::AcceptAndLog,
            RevocationPolicy::Defer => pec::RevocationPolicy::Defer,
        },
        texts: s
            .texts
            .iter()
            .map(|text| pec::TextOverride {
                key: text.key.clone(),
                template: text.template.clone(),
            })
            .collect(),
    }
}

pub fn submission(e: &Submission) -> ceralacca_host::Event {
    ceralacca_host::Event::Submit(pec::Submission {
        account: e.account.clone(),
        addresses: e.addresses.iter().map(ToString::to_string).collect(),
        reverse_path: e.reverse_path.clone(),
        recipients: e.recipients.clone(),
        message: e.message.clone(),
    })
}

pub fn examination(e: &Examination) -> ceralacca_host::Event {
    ceralacca_host::Event::Examine(pec::Examination {
        message: e.message.clone(),
        at: e.at.map(Instant::unix),
        contents: e.contents.as_ref().map(|query| pec::ContentQuery {
            original: query.original.clone(),
        }),
    })
}

pub fn answers(answers: &[Answer]) -> Vec<pec::Answer> {
    answers.iter().map(answer).collect()
}

fn answer(answer: &Answer) -> pec::Answer {
    match answer {
        Answer::Providers(list) => pec::Answer::Providers(list.iter().map(provider).collect()),
        Answer::Revocation(lists) => pec::Answer::Revocation(lists.clone()),
        Answer::Mailbox(None) => pec::Answer::Mailbox(None),
        Answer::Mailbox(Some(mailbox)) => pec::Answer::Mailbox(Some(pec::Mailbox {
            address: mailbox.address.to_string(),
            ordinary_mail: None,
            certified_only: mailbox.certified_only,
        })),
        Answer::Signature(octets) => pec::Answer::Signature(octets.clone()),
        Answer::Declined => pec::Answer::Declined,
        Answer::Scanned(ScanVerdict::Clean) => pec::Answer::Scanned(pec::ScanVerdict::Clean),
        Answer::Scanned(ScanVerdict::Infected(virus)) => {
            pec::Answer::Scanned(pec::ScanVerdict::Infected(virus.clone()))
        }
        Answer::Recalled(value) => pec::Answer::Recalled(value.clone()),
        Answer::Usage(count) => pec::Answer::Usage(*count),
        Answer::Tracked(None) => pec::Answer::Tracked(None),
        Answer::Recipients(list) => {
            pec::Answer::Recipients(list.iter().map(ToString::to_string).collect())
        }
        Answer::Unavailable(why) => pec::Answer::Unavailable(why.clone()),
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
