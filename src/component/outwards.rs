//! From the core's types to the interface's.

use std::ops::Range;

use super::wit;
use crate::address::EmailAddress;
use crate::daticert::CertificationData;
use crate::directory::ProviderRecord;
use crate::examination::{Contents, EnclosedMessage, MailFacts, PartFacts, TransferEncoding};
use crate::fault::Fault;
use crate::finding::{
    CertificateFacts, Check, CheckVerdict, Defect, Finding, RevocationFacts, RevocationVerdict,
    SignatureFacts,
};
use crate::log_register::{LogFinding, LogRule};
use crate::outcome::{Effect, LogEntry, Message, MessageKind, Outcome, Route, Segment};
use crate::question::{EnvelopeKey, Provider, Question, RecipientState, TrackedMessage};

impl From<Fault> for wit::Fault {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Settings(what) => Self::Settings(what),
            Fault::WrongAnswers(what) => Self::WrongAnswers(what),
            Fault::Finished => Self::Finished,
            Fault::Entropy => Self::Entropy,
            Fault::Event(what) => Self::Event(what),
            Fault::TooLarge(excess) => Self::TooLarge(excess.to_string()),
        }
    }
}

impl From<Question> for wit::Question {
    fn from(question: Question) -> Self {
        match question {
            Question::ProviderOfDomain(domain) => Self::ProviderOfDomain(domain.to_string()),
            Question::ProviderOfCertificate(hash) => Self::ProviderOfCertificate(hash),
            Question::RevocationData(query) => Self::RevocationData(wit::RevocationQuery {
                issuer: query.issuer,
                issuer_key: query.issuer_key,
                urls: query.urls,
            }),
            Question::TrackedMessage(id) => Self::TrackedMessage(id.to_string()),
            Question::TakenInCharge(envelope) => Self::TakenInCharge(envelope.into()),
            Question::Mailbox(address) => Self::Mailbox(address.to_string()),
            Question::Sign(octets) => Self::Sign(octets),
            Question::VerifySignature(check) => Self::VerifySignature(wit::SignatureCheck {
                public_key: check.public_key,
                digest_algorithm: check.digest_algorithm.name().to_owned(),
                digest: check.digest,
                signature: check.signature,
            }),
            Question::Scan => Self::Scan,
            Question::Recall(key) => Self::Recall(key),
            Question::Usage(query) => Self::Usage(wit::UsageQuery {
                account: query.account,
                since: query.since.unix(),
            }),
        }
    }
}

impl From<Outcome> for wit::Outcome {
    fn from(outcome: Outcome) -> Self {
        Self {
            reply: wit::Reply {
                code: outcome.reply.code,
                status: outcome.reply.status,
                text: outcome.reply.text,
            },
            messages: outcome.messages.into_iter().map(Into::into).collect(),
            effects: outcome.effects.into_iter().map(Into::into).collect(),
            finding: outcome.finding.map(Into::into),
        }
    }
}

impl From<Message> for wit::Message {
    fn from(message: Message) -> Self {
        Self {
            kind: message.kind.into(),
            pec_id: message.pec_id.map(|id| id.to_string()),
            message_id: message.message_id,
            segments: message.segments.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<EnvelopeKey> for wit::EnvelopeKey {
    fn from(envelope: EnvelopeKey) -> Self {
        Self {
            pec_id: envelope.pec_id.to_string(),
            provider: envelope.provider,
        }
    }
}

impl From<Effect> for wit::Effect {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Relay {
                message,
                route,
                reverse_path,
                recipients,
            } => Self::Relay(wit::Relay {
                message: message as u32,
                route: match route {
                    Route::Network => wit::Route::Network,
                    Route::OwnIncomingPoint => wit::Route::OwnIncomingPoint,
                },
                reverse_path,
                recipients: texts(&recipients),
            }),
            Effect::Deposit {
                message,
                reverse_path,
                recipient,
                confirm,
            } => Self::Deposit(wit::Deposit {
                message: message as u32,
                reverse_path,
                recipient: recipient.to_string(),
                confirm,
            }),
            Effect::Track(message) => Self::Track(message.into()),
            Effect::TakeInCharge {
                envelope,
                recipients,
            } => Self::TakeInCharge(wit::TakeInCharge {
                envelope: envelope.into(),
                recipients: texts(&recipients),
            }),
            Effect::Settle {
                pec_id,
                recipient,
                state,
                warned,
                deadline,
            } => Self::Settle(wit::Settlement {
                pec_id: pec_id.to_string(),
                recipient: recipient.to_string(),
                state: state.into(),
                warned,
                deadline: deadline.map(|at| at.unix()),
            }),
            Effect::Log(entry) => Self::Log(entry.into()),
            Effect::KeepInfected {
                pec_id,
                name,
                until,
            } => Self::KeepInfected(wit::InfectedMessage {
                pec_id: pec_id.map(|id| id.to_string()),
                name,
                until: until.unix(),
            }),
            Effect::Notify { recipient, text } => Self::Notify(wit::Notice {
                recipient: recipient.map(|r| r.to_string()).unwrap_or_default(),
                text,
            }),
            Effect::Remember { key, value, until } => Self::Remember(wit::Memo {
                key,
                value,
                until: until.unix(),
            }),
            Effect::InstallDirectory(records) => {
                Self::InstallDirectory(records.into_iter().map(Into::into).collect())
            }
            Effect::Publish { name, content } => Self::Publish(wit::Publication {
                name: name.to_owned(),
                content,
            }),
        }
    }
}

impl From<LogEntry> for wit::LogEntry {
    fn from(entry: LogEntry) -> Self {
        Self {
            event: entry.event.to_owned(),
            pec_id: entry.pec_id.map(|id| id.to_string()),
            message_id: entry.message_id,
            at: entry.at.unix(),
            sender: entry.sender,
            recipients: entry.recipients,
            subject: entry.subject,
            generated: entry.generated,
            provider: entry.provider,
            error: entry.error,
        }
    }
}

impl From<LogFinding> for wit::LogFinding {
    fn from(finding: LogFinding) -> Self {
        let rule = match finding.rule {
            LogRule::OneStory => wit::LogRule::OneStory,
            LogRule::SentOnce => wit::LogRule::SentOnce,
            LogRule::ReceivedOnce => wit::LogRule::ReceivedOnce,
            LogRule::OneEnd => wit::LogRule::OneEnd,
            LogRule::OrdinaryRecipient => wit::LogRule::OrdinaryRecipient,
            LogRule::VirusTold => wit::LogRule::VirusTold,
            LogRule::Stranger => wit::LogRule::Stranger,
        };
        Self {
            rule,
            text: finding.text,
        }
    }
}

impl From<TrackedMessage> for wit::TrackedMessage {
    fn from(message: TrackedMessage) -> Self {
        let recipients = message
            .recipients
            .into_iter()
            .map(|r| wit::TrackedRecipient {
                address: r.address.to_string(),
                certified: r.certified,
                state: r.state.into(),
                warned: r.warned,
                deadline: r.deadline.map(|at| at.unix()),
            });
        Self {
            pec_id: message.pec_id.to_string(),
            message_id: message.message_id,
            sender: message.sender.to_string(),
            reply_to: message.reply_to,
            subject: message.subject,
            accepted_at: message.accepted_at.unix(),
            recipients: recipients.collect(),
        }
    }
}

impl From<ProviderRecord> for wit::ProviderRecord {
    fn from(record: ProviderRecord) -> Self {
        Self {
            provider: record.provider.into(),
            managed_domains: record
                .managed_domains
                .iter()
                .map(ToString::to_string)
                .collect(),
        }
    }
}

impl From<Provider> for wit::Provider {
    fn from(provider: Provider) -> Self {
        Self {
            dn: provider.dn,
            name: provider.name,
            unit: provider.unit,
            mail_receipt: provider.mail_receipt.to_string(),
            certificate_hashes: provider.certificate_hashes,
            certificates: provider.certificates,
        }
    }
}

impl From<Finding> for wit::Finding {
    fn from(finding: Finding) -> Self {
        Self {
            holds: finding.holds(),
            kind: finding.kind.into(),
            from_provider: finding.from_provider,
            issuer: finding.issuer.map(Into::into),
            from: finding.from,
            signature: finding.signature.map(Into::into),
            data: finding.data.map(Into::into),
            judged_at: finding.judged_at.map(|at| at.unix()),
            defects: finding.defects.into_iter().map(Into::into).collect(),
            remarks: finding.remarks.into_iter().map(Into::into).collect(),
            checks: finding.checks.into_iter().map(Into::into).collect(),
            contents: finding.contents.map(Into::into),
        }
    }
}

impl From<Check> for wit::Check {
    fn from(check: Check) -> Self {
        Self {
            verdict: match check.verdict {
                CheckVerdict::Passed => wit::CheckVerdict::Passed,
                CheckVerdict::Failed => wit::CheckVerdict::Failed,
                CheckVerdict::NotChecked => wit::CheckVerdict::NotChecked,
            },
            code: check.code.to_owned(),
            clause: check.clause.to_owned(),
            text: check.text,
        }
    }
}

impl From<Contents> for wit::Contents {
    fn from(contents: Contents) -> Self {
        Self {
            original: contents.original.map(Into::into),
            enclosed: contents.enclosed.into_iter().map(Into::into).collect(),
            comparison: contents.comparison.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<MailFacts> for wit::MailFacts {
    fn from(facts: MailFacts) -> Self {
        Self {
            from: facts.from,
            to: facts.to,
            cc: facts.cc,
            subject: facts.subject,
            date: facts.date,
            message_id: facts.message_id,
            parts: facts.parts.into_iter().map(Into::into).collect(),
            unlisted: facts.unlisted as u32,
            whole: facts.whole.into(),
        }
    }
}

impl From<PartFacts> for wit::PartFacts {
    fn from(facts: PartFacts) -> Self {
        Self {
            path: facts.path,
            content_type: facts.content_type,
            name: facts.name,
            size: facts.size as u64,
            sha256: facts.sha256,
            hash: facts.hash,
            charset: facts.charset,
            body: facts.body.into(),
            encoding: match facts.encoding {
                TransferEncoding::Identity => wit::TransferEncoding::Identity,
                TransferEncoding::Base64 => wit::TransferEncoding::Base64,
                TransferEncoding::QuotedPrintable => wit::TransferEncoding::QuotedPrintable,
            },
        }
    }
}

impl From<EnclosedMessage> for wit::EnclosedMessage {
    fn from(enclosed: EnclosedMessage) -> Self {
        Self {
            path: enclosed.path,
            name: enclosed.name,
            kind: enclosed.kind.into(),
            content: enclosed.content.into(),
        }
    }
}

impl From<Segment> for wit::Segment {
    fn from(segment: Segment) -> Self {
        match segment {
            Segment::Bytes(octets) => Self::Bytes(octets),
            Segment::Original(span) => Self::Original(span.into()),
        }
    }
}

impl From<Range<usize>> for wit::Span {
    fn from(span: Range<usize>) -> Self {
        Self {
            start: span.start as u64,
            length: span.len() as u64,
        }
    }
}

impl From<Defect> for wit::Defect {
    fn from(defect: Defect) -> Self {
        Self {
            code: defect.code.to_owned(),
            clause: defect.clause.to_owned(),
            text: defect.text,
        }
    }
}

impl From<SignatureFacts> for wit::SignatureFacts {
    fn from(facts: SignatureFacts) -> Self {
        Self {
            digest_algorithm: facts.digest_algorithm,
            message_digest: facts.message_digest,
            computed_digest: facts.computed_digest,
            signing_time: facts.signing_time.map(|at| at.unix()),
            chain: facts.chain.into_iter().map(Into::into).collect(),
            anchored: facts.anchored,
            revocation: facts.revocation.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<RevocationFacts> for wit::RevocationFacts {
    fn from(facts: RevocationFacts) -> Self {
        let list = facts.list.as_ref();
        Self {
            subject: facts.subject,
            verdict: match facts.verdict {
                RevocationVerdict::Good => wit::RevocationVerdict::Good,
                RevocationVerdict::Revoked => wit::RevocationVerdict::Revoked,
                RevocationVerdict::RevokedLater => wit::RevocationVerdict::RevokedLater,
                RevocationVerdict::Unknown => wit::RevocationVerdict::Unknown,
                RevocationVerdict::NotPublished => wit::RevocationVerdict::NotPublished,
            },
            text: facts.text,
            list_issuer: list.map(|list| list.issuer.clone()),
            this_update: list.map(|list| list.this_update.unix()),
            next_update: list.and_then(|list| Some(list.next_update?.unix())),
            revoked_at: facts.revoked_at.map(|at| at.unix()),
        }
    }
}

impl From<CertificateFacts> for wit::CertificateFacts {
    fn from(facts: CertificateFacts) -> Self {
        Self {
            subject: facts.subject,
            issuer: facts.issuer,
            serial: facts.serial,
            address: facts.address,
            not_before: facts.not_before.unix(),
            not_after: facts.not_after.unix(),
            sha1: facts.sha1,
            sha256: facts.sha256,
        }
    }
}

impl From<CertificationData> for wit::CertificationData {
    fn from(data: CertificationData) -> Self {
        let recipients = data
            .recipients
            .into_iter()
            .map(|r| wit::CertifiedRecipient {
                address: r.address,
                certified: r.certified,
            });
        Self {
            kind: data.kind.word().to_owned(),
            error: data.error.word().to_owned(),
            sender: data.sender,
            recipients: recipients.collect(),
            reply_to: data.reply_to,
            subject: data.subject,
            provider: data.provider,
            at: data.at.unix(),
            zone: data.zone,
            pec_id: data.pec_id,
            message_id: data.message_id,
            receipt_type: data.receipt_type.map(|kind| kind.word().to_owned()),
            delivery: data.delivery,
            taken_in_charge: data.taken_in_charge,
            extended_error: data.extended_error,
        }
    }
}

/// Enumerations that are the same on both sides, in both directions.
macro_rules! same {
    ($core:ident { $($case:ident),+ $(,)? } $(, $open:ident)?) => {
        impl From<$core> for wit::$core {
            fn from(value: $core) -> Self {
                match value {
                    $($core::$case => Self::$case,)+
                    $($core::$open(name) => Self::$open(name),)?
                }
            }
        }
        impl From<wit::$core> for $core {
            fn from(value: wit::$core) -> Self {
                match value {
                    $(wit::$core::$case => Self::$case,)+
                    $(wit::$core::$open(name) => Self::$open(name),)?
                }
            }
        }
    };
}

same!(RecipientState {
    Untracked,
    Accepted,
    TakenInCharge,
    Delivered,
    NotDelivered,
    Infected,
    Expired
});
same!(
    MessageKind {
        TransportEnvelope,
        AnomalyEnvelope,
        ServerUserAcceptance,
        NonAcceptance,
        VirusNonAcceptance,
        ServerServerAcceptance,
        Delivery,
        NonDelivery,
        VirusNonDelivery,
        Timeout,
        VirusDetection,
        Ordinary,
    },
    Other
);

fn texts(addresses: &[EmailAddress]) -> Vec<String> {
    addresses.iter().map(ToString::to_string).collect()
}
