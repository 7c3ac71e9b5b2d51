//! The face of the WebAssembly component: translates types, holds no rule.
//!
//! Everything foreign is checked on the way in (`TryFrom` in the core's own types); what cannot
//! be translated is a mistake of the host and becomes a fault that names the field.

use std::cell::RefCell;

use crate::address::{DomainName, EmailAddress};
use crate::conversation::{Step, Transaction};
use crate::event;
use crate::fault::Fault;
use crate::ids::PecId;
use crate::instant::Instant;
use crate::log_register::{Dossier, LogRow};
use crate::question as core_question;
use crate::settings as core_settings;

mod outwards;

#[allow(unsafe_code, missing_docs, reason = "generated bindings")]
mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "plugin",
        pub_export_macro: false,
        export_macro_name: "export_plugin",
    });
    use super::Plugin;
    export_plugin!(Plugin with_types_in self);
}

use bindings::exports::ceralacca::pec::transactions as face;
use bindings::exports::ceralacca::pec::types as wit;

struct Plugin;

impl face::Guest for Plugin {
    type Transaction = Conversation;

    fn submit(context: wit::Context, e: wit::Submission) -> face::Transaction {
        begin(context, |context| {
            let addresses = addresses("submission.addresses", e.addresses)?;
            let event = event::Submission {
                account: e.account,
                addresses,
                reverse_path: e.reverse_path,
                recipients: e.recipients,
                message: e.message,
            };
            Ok(crate::submit(context, event))
        })
    }

    fn arrive(context: wit::Context, e: wit::Arrival) -> face::Transaction {
        begin(context, |context| {
            let recipients = addresses("arrival.recipients", e.recipients)?;
            let event = event::Arrival {
                reverse_path: e.reverse_path,
                recipients,
                source: match e.source {
                    wit::ArrivalSource::Encrypted => event::ArrivalSource::Encrypted,
                    wit::ArrivalSource::Plaintext => event::ArrivalSource::Plaintext,
                    wit::ArrivalSource::OwnOutbox => event::ArrivalSource::OwnOutbox,
                    wit::ArrivalSource::OwnMailServer => event::ArrivalSource::OwnMailServer,
                },
                message: e.message,
            };
            Ok(crate::arrive(context, event))
        })
    }

    fn finish_deposit(context: wit::Context, e: wit::DepositResult) -> face::Transaction {
        begin(context, |context| {
            let verdict = match e.verdict {
                wit::DepositVerdict::Deposited => event::DepositVerdict::Deposited,
                wit::DepositVerdict::Failed(f) => event::DepositVerdict::Failed(failure(f)),
            };
            let event = event::DepositResult {
                recipient: address("deposit-result.recipient", &e.recipient)?,
                reverse_path: e.reverse_path,
                message: e.message,
                verdict,
            };
            Ok(crate::finish_deposit(context, event))
        })
    }

    fn fail_relay(context: wit::Context, e: wit::RelayFailure) -> face::Transaction {
        begin(context, |context| {
            let event = event::RelayFailure {
                kind: e.kind.into(),
                pec_id: e.pec_id,
                recipient: address("relay-failure.recipient", &e.recipient)?,
                failure: failure(e.failure),
            };
            Ok(crate::fail_relay(context, event))
        })
    }

    fn pass_time(context: wit::Context, e: wit::Tick) -> face::Transaction {
        begin(context, |context| {
            let due = e.due.into_iter().map(|due| {
                Ok(event::DueRecipient {
                    message: tracked_message(due.message)?,
                    recipient: address("tick.due.recipient", &due.recipient)?,
                })
            });
            Ok(crate::pass_time(
                context,
                event::Tick {
                    due: due.collect::<Result<_, Fault>>()?,
                },
            ))
        })
    }

    fn load_directory(context: wit::Context, e: wit::DirectoryUpdate) -> face::Transaction {
        begin(context, |context| {
            Ok(crate::load_directory(
                context,
                event::DirectoryUpdate { content: e.content },
            ))
        })
    }

    fn compose_record(context: wit::Context, e: wit::RecordRequest) -> face::Transaction {
        begin(context, |context| {
            let units = e.units.into_iter().map(secondary_environment);
            let event = event::RecordRequest {
                managed_domains: domains("record-request.managed-domains", &e.managed_domains)?,
                further_certificates: e.further_certificates,
                location: e.location,
                description: e.description,
                units: units.collect::<Result<_, Fault>>()?,
            };
            Ok(crate::compose_record(context, event))
        })
    }

    fn examine(context: wit::Context, e: wit::Examination) -> face::Transaction {
        begin(context, |context| {
            let at = e.at.map(|at| instant("examination.at", at)).transpose()?;
            Ok(crate::examine(
                context,
                event::Examination {
                    message: e.message,
                    at,
                    contents: e.contents.map(|query| event::ContentQuery {
                        original: query.original,
                    }),
                },
            ))
        })
    }

    fn check_settings(settings: wit::Settings) -> Result<(), wit::Fault> {
        let checked = settings_in(settings).and_then(crate::check_settings);
        checked.map_err(Into::into)
    }

    fn audit(now: wit::Instant, dossier: wit::Dossier) -> Result<Vec<wit::LogFinding>, wit::Fault> {
        let audited = instant("now", now)
            .and_then(|now| Ok((now, dossier_in(dossier)?)))
            .map(|(now, dossier)| crate::audit(now, &dossier));
        let findings = audited.map_err(wit::Fault::from)?;
        Ok(findings.into_iter().map(Into::into).collect())
    }
}

/// A transaction behind the interface.
struct Conversation(RefCell<Transaction>);

impl face::GuestTransaction for Conversation {
    fn advance(&self, answers: Vec<wit::Answer>) -> Result<wit::Step, wit::Fault> {
        let answers = answers
            .into_iter()
            .map(answer)
            .collect::<Result<Vec<_>, Fault>>()
            .map_err(wrong_answer)?;
        match self.0.borrow_mut().advance(answers)? {
            Step::Ask(questions) => Ok(wit::Step::Ask(
                questions.into_iter().map(Into::into).collect(),
            )),
            Step::Done(outcome) => Ok(wit::Step::Done((*outcome).into())),
        }
    }
}

/// An answer with a field that no host may pass is a wrong answer: the right one is still awaited.
fn wrong_answer(fault: Fault) -> Fault {
    match fault {
        Fault::Event(what) => Fault::WrongAnswers(what),
        other => other,
    }
}

fn begin(
    context: wit::Context,
    run: impl FnOnce(event::Context) -> Result<Transaction, Fault>,
) -> face::Transaction {
    // A fault met before it began waits for the first `advance`.
    let begun = context_in(context).and_then(run);
    let transaction = begun.unwrap_or_else(Transaction::refused);
    face::Transaction::new(Conversation(RefCell::new(transaction)))
}

fn context_in(context: wit::Context) -> Result<event::Context, Fault> {
    Ok(event::Context {
        now: instant("context.now", context.now)?,
        entropy: context.entropy,
        settings: settings_in(context.settings)?,
        largest: context.largest,
    })
}

fn settings_in(s: wit::Settings) -> Result<core_settings::Settings, Fault> {
    Ok(core_settings::Settings {
        provider_name: s.provider_name,
        mail_domain: s.mail_domain,
        service_address: s.service_address,
        service_mailbox: s.service_mailbox,
        certificates: s.certificates,
        trust_anchors: s.trust_anchors,
        directory_signers: s.directory_signers,
        limits: core_settings::MessageLimits {
            max_size: s.limits.max_size,
            hard_size: s.limits.hard_size,
            max_recipients: s.limits.max_recipients,
            max_product: s.limits.max_product,
            daily_recipients: s.limits.daily_recipients,
        },
        ordinary_mail: policy("settings.ordinary-mail", s.ordinary_mail)?,
        revocation: match s.revocation {
            wit::RevocationPolicy::AcceptAndLog => core_settings::RevocationPolicy::AcceptAndLog,
            wit::RevocationPolicy::Defer => core_settings::RevocationPolicy::Defer,
        },
        forbidden_attachments: s.forbidden_attachments,
        internal_server_server_acceptance: s.internal_server_server_acceptance,
        english_copy: s.english_copy,
        texts: s
            .texts
            .into_iter()
            .map(|t| core_settings::TextOverride {
                key: t.key,
                template: t.template,
            })
            .collect(),
    })
}

fn answer(answer: wit::Answer) -> Result<core_question::Answer, Fault> {
    use core_question::Answer;
    Ok(match answer {
        wit::Answer::Providers(list) => Answer::Providers(
            list.into_iter()
                .map(provider)
                .collect::<Result<_, Fault>>()?,
        ),
        wit::Answer::Revocation(lists) => Answer::Revocation(lists),
        wit::Answer::Tracked(message) => Answer::Tracked(message.map(tracked_message).transpose()?),
        wit::Answer::Recipients(list) => Answer::Recipients(addresses("answer.recipients", list)?),
        wit::Answer::Mailbox(found) => Answer::Mailbox(found.map(mailbox).transpose()?),
        wit::Answer::Signature(octets) => Answer::Signature(octets),
        wit::Answer::Verified(holds) => Answer::Verified(holds),
        wit::Answer::Declined => Answer::Declined,
        wit::Answer::Scanned(wit::ScanVerdict::Clean) => {
            Answer::Scanned(core_question::ScanVerdict::Clean)
        }
        wit::Answer::Scanned(wit::ScanVerdict::Infected(name)) => {
            Answer::Scanned(core_question::ScanVerdict::Infected(name))
        }
        wit::Answer::Recalled(value) => Answer::Recalled(value),
        wit::Answer::Usage(count) => Answer::Usage(count),
        wit::Answer::Unavailable(why) => Answer::Unavailable(why),
    })
}

fn provider(p: wit::Provider) -> Result<core_question::Provider, Fault> {
    Ok(core_question::Provider {
        mail_receipt: address("provider.mail-receipt", &p.mail_receipt)?,
        dn: p.dn,
        name: p.name,
        unit: p.unit,
        certificate_hashes: p.certificate_hashes,
        certificates: p.certificates,
    })
}

fn mailbox(m: wit::Mailbox) -> Result<core_question::Mailbox, Fault> {
    let own = m
        .ordinary_mail
        .map(|own| policy("mailbox.ordinary-mail", own))
        .transpose()?;
    Ok(core_question::Mailbox {
        address: address("mailbox.address", &m.address)?,
        ordinary_mail: own,
        certified_only: m.certified_only,
    })
}

fn tracked_message(m: wit::TrackedMessage) -> Result<core_question::TrackedMessage, Fault> {
    let recipients = m.recipients.into_iter().map(|r| {
        let deadline = r
            .deadline
            .map(|d| instant("tracked-recipient.deadline", d))
            .transpose()?;
        Ok(core_question::TrackedRecipient {
            address: address("tracked-recipient.address", &r.address)?,
            certified: r.certified,
            state: r.state.into(),
            warned: r.warned,
            deadline,
        })
    });
    Ok(core_question::TrackedMessage {
        pec_id: PecId::try_from(m.pec_id.as_str())
            .map_err(|_| Fault::Event(format!("tracked-message.pec-id: “{}”", m.pec_id)))?,
        message_id: m.message_id,
        sender: address("tracked-message.sender", &m.sender)?,
        reply_to: m.reply_to,
        subject: m.subject,
        accepted_at: instant("tracked-message.accepted-at", m.accepted_at)?,
        recipients: recipients.collect::<Result<_, Fault>>()?,
    })
}

fn dossier_in(dossier: wit::Dossier) -> Result<Dossier, Fault> {
    let entries = dossier.entries.into_iter().map(|entry| {
        Ok(LogRow {
            event: entry.event,
            pec_id: entry.pec_id,
            message_id: entry.message_id,
            at: instant("dossier.entries.at", entry.at)?,
            sender: entry.sender,
            recipients: entry.recipients,
            subject: entry.subject,
            generated: entry.generated,
            provider: entry.provider,
            error: entry.error,
        })
    });
    Ok(Dossier {
        pec_id: dossier.pec_id,
        entries: entries.collect::<Result<_, Fault>>()?,
        tracked: dossier.tracked.map(tracked_message).transpose()?,
    })
}

fn policy(
    field: &str,
    policy: wit::OrdinaryMailPolicy,
) -> Result<core_question::OrdinaryMailPolicy, Fault> {
    Ok(match policy {
        wit::OrdinaryMailPolicy::Refuse => core_question::OrdinaryMailPolicy::Refuse,
        wit::OrdinaryMailPolicy::Accept => core_question::OrdinaryMailPolicy::Accept,
        wit::OrdinaryMailPolicy::Redirect(to) => {
            core_question::OrdinaryMailPolicy::Redirect(address(field, &to)?)
        }
    })
}

fn secondary_environment(
    e: wit::SecondaryEnvironment,
) -> Result<event::SecondaryEnvironment, Fault> {
    Ok(event::SecondaryEnvironment {
        mail_receipt: address("secondary-environment.mail-receipt", &e.mail_receipt)?,
        managed_domains: domains("secondary-environment.managed-domains", &e.managed_domains)?,
        name: e.name,
        certificates: e.certificates,
        description: e.description,
    })
}

fn failure(f: wit::Failure) -> event::Failure {
    event::Failure {
        status: f.status,
        code: f.code,
        text: f.text,
        no_such_domain: f.no_such_domain,
    }
}

fn address(field: &str, text: &str) -> Result<EmailAddress, Fault> {
    EmailAddress::try_from(text).map_err(|error| Fault::Event(format!("{field}: {error}")))
}

fn addresses(field: &str, texts: Vec<String>) -> Result<Vec<EmailAddress>, Fault> {
    texts.iter().map(|text| address(field, text)).collect()
}

fn domains(field: &str, texts: &[String]) -> Result<Vec<DomainName>, Fault> {
    let domain = |text: &String| {
        DomainName::try_from(text.as_str()).map_err(|e| Fault::Event(format!("{field}: {e}")))
    };
    texts.iter().map(domain).collect()
}

fn instant(field: &str, seconds: u64) -> Result<Instant, Fault> {
    Instant::from_unix(seconds).ok_or_else(|| Fault::Event(format!("{field}: after year 9999")))
}
