//! `ceralacca verify`

use std::fs;
use std::path::{Path, PathBuf};

use ceralacca_host::{
    CrlFolder, DepositItem, DepositOutcome, Depot, Host, HostParts, MailboxTable, NoPublisher,
    NoRevocationData, NoScanner, OsEntropy, Policy, Relay, RelayItem, RelayOutcome, Signer, Store,
    Unavailable, kind_name, pec,
};
use clap::Args;
use serde_json::{Value, json};

use super::read_message;
use crate::cli::PlugInArgs;
use crate::component;
use crate::error::{Error, Exit};
use crate::kind::phrase;
use crate::moment::Moment;
use crate::narrate::say;
use crate::provider::Folder;
use crate::provider::pki::stand_in_certificate;
use crate::running::{certificates, clock};

/// Judge a message: what it is, who issued it and when, and whether it holds.
///
/// It holds if the signature is good, the certificate belongs to a provider of the directory and
/// goes back to a root at the time in question, the provider manages the domain in From, and the
/// format is right. Nothing is stored, and no network is used.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Verify {
    /// The message, or - for stdin. If no line of it ends in CRLF, line ends become CRLF.
    #[arg(value_name = "FILE.eml")]
    pub file: PathBuf,
    /// The provider directory. Without it everything else is judged, but no message holds: nobody
    /// says that its signer is a provider.
    #[arg(long, value_name = "LDIF")]
    pub directory: Option<PathBuf>,
    /// The roots to trust, PEM. Without it: those that the system trusts.
    #[arg(long, value_name = "PEM", default_value = SYSTEM_ROOTS)]
    pub roots: PathBuf,
    /// A folder with revocation lists (*.crl, *.der, *.pem). Without it revocation is not checked,
    /// and a remark says so where a certificate names a list.
    #[arg(long, value_name = "DIR")]
    pub crls: Option<PathBuf>,
    /// Judge certificates at this time: RFC 3339 or seconds since 1970. Without it: when the
    /// signature says it was made.
    #[arg(long, value_name = "T")]
    pub at: Option<Moment>,
    /// Print one JSON document instead of lines.
    #[arg(long)]
    pub json: bool,
    /// With which plug-in.
    #[command(flatten)]
    pub plug_in: PlugInArgs,
}

impl Verify {
    /// Judges the message.
    pub fn run(self) -> Result<Exit, Error> {
        let message = read_message(&self.file)?;
        let host = self.host()?;
        // The directory first: without it every signer would be a stranger.
        if let Some(path) = &self.directory {
            let directory =
                fs::read(path).map_err(|error| Error::file(path, error, "name an LDIF file"))?;
            host.load_directory(directory).map_err(|error| {
                Error::file(path, error, "name a provider directory (RFC 6109 §4.5)")
            })?;
        }
        let examination = pec::Examination {
            message,
            at: self.at.map(|moment| moment.0),
        };
        let mut finding = host.examine(examination).map_err(|error| {
            Error::file(
                &self.file,
                error,
                "if this is mail, please report it as a bug",
            )
        })?;
        if self.directory.is_none() {
            without_directory(&mut finding);
        }
        if self.json {
            say(&format!("{:#}", json(&finding)));
        } else {
            lines(&finding).iter().for_each(|line| say(line));
        }
        Ok(if finding.holds {
            Exit::Done
        } else {
            Exit::DoesNotHold
        })
    }

    /// A host that can only look: nothing to sign with, nowhere to put anything.
    fn host(&self) -> Result<Host, Error> {
        let roots = certificates(&Folder::at(Path::new("")), &self.roots)?;
        let in_memory = |error: &dyn std::fmt::Display| {
            Error::argument("verify", error, "make memory available and try again")
        };
        let parts = HostParts {
            engine: Box::new(component::load(&self.plug_in)?),
            settings: bystander(roots).map_err(|error| in_memory(&error))?,
            store: Store::in_memory().map_err(|error| in_memory(&error))?,
            signer: Box::new(Nothing),
            // Nothing is let through, so none is missed.
            scanner: Some(Box::new(NoScanner)),
            mailboxes: Box::new(MailboxTable::default()),
            revocation: match &self.crls {
                Some(folder) => Box::new(CrlFolder::new(folder)),
                None => Box::new(NoRevocationData),
            },
            depot: Box::new(Nothing),
            relay: Box::new(Nothing),
            publisher: Box::new(NoPublisher),
            clock: clock(None),
            entropy: Box::new(OsEntropy),
            directory_file: None,
            policy: Policy::default(),
        };
        Host::new(parts)
            .map_err(|error| Error::file(&self.roots, error, "name root certificates in PEM form"))
    }
}

/// That nobody is in a directory that is not there says nothing about the signer; that it was not
/// compared does. It keeps the code: to programs it is the same lack of proof.
fn without_directory(finding: &mut pec::Finding) {
    for defect in &mut finding.defects {
        if defect.code == "signer-not-in-directory" {
            defect.text = "not compared with a provider directory: name one with --directory, \
                           or nobody says that the signer is a provider"
                .to_owned();
        }
    }
}

/// Settings of somebody who is no provider. The plug-in wants a signing certificate even of those
/// who never sign, so it gets one that nobody will see.
pub(super) fn bystander(
    trust_anchors: Vec<Vec<u8>>,
) -> Result<pec::Settings, crate::provider::pki::PkiError> {
    let service = "posta-certificata@verify.example";
    let limits = crate::provider::settings::Limits::default();
    Ok(pec::Settings {
        provider_name: "verify".to_owned(),
        mail_domain: "verify.example".to_owned(),
        service_address: service.to_owned(),
        service_mailbox: service.to_owned(),
        certificates: vec![stand_in_certificate(service)?],
        trust_anchors,
        directory_signers: Vec::new(),
        limits: pec::MessageLimits {
            max_size: limits.max_size,
            hard_size: limits.hard_size,
            max_recipients: limits.max_recipients,
            max_product: limits.max_product,
            daily_recipients: None,
        },
        ordinary_mail: pec::OrdinaryMailPolicy::Refuse,
        revocation: pec::RevocationPolicy::AcceptAndLog,
        forbidden_attachments: Vec::new(),
        internal_server_server_acceptance: false,
        english_copy: false,
        texts: Vec::new(),
    })
}

/// Stands where a host that only looks has nothing.
struct Nothing;

impl Signer for Nothing {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Unavailable> {
        Err(Unavailable("there is no key to sign with".to_owned()))
    }
}

impl Depot for Nothing {
    fn deposit(&self, _: &DepositItem<'_>) -> DepositOutcome {
        DepositOutcome::Later("there are no mailboxes".to_owned())
    }
}

impl Relay for Nothing {
    fn relay(&self, _: &RelayItem<'_>) -> RelayOutcome {
        RelayOutcome::Later("there is no network".to_owned())
    }
}

// ---- what was found --------------------------------------------------------------------------

/// The finding for people: the facts, then what is wrong, then the verdict as the last line.
fn lines(finding: &pec::Finding) -> Vec<String> {
    let mut lines = vec![format!("kind:      {}", phrase(&finding.kind))];
    // What is not known is not mentioned.
    let mut fact = |name: &str, value: String| {
        if !value.is_empty() {
            lines.push(format!("{name:<11}{value}"));
        }
    };
    fact("from:", finding.from.clone());
    let issuer = finding.issuer.as_ref();
    fact(
        "issuer:",
        issuer.map_or("nobody in the directory".to_owned(), |p| p.name.clone()),
    );
    if let Some(data) = &finding.data {
        fact("PEC id:", data.pec_id.clone());
        fact("time:", Moment(data.at).in_italy());
        fact("sender:", data.sender.clone());
        for recipient in &data.recipients {
            let certified = if recipient.certified {
                "certified"
            } else {
                "ordinary"
            };
            fact("recipient:", format!("{} ({certified})", recipient.address));
        }
        fact("subject:", data.subject.clone().unwrap_or_default());
        fact("delivered:", data.delivery.clone().unwrap_or_default());
        fact("error:", data.extended_error.clone().unwrap_or_default());
    }
    if let Some(signature) = &finding.signature {
        // Both digests are shown: where they differ, the content was changed after signing.
        let time = signature.signing_time.map(|at| Moment(at).in_italy());
        fact(
            "signed:",
            time.unwrap_or_else(|| "at no stated time".to_owned()),
        );
        let algorithm = &signature.digest_algorithm;
        fact(
            "digest:",
            format!("{algorithm} {} signed", signature.message_digest),
        );
        fact(
            "",
            format!("{algorithm} {} of what is here", signature.computed_digest),
        );
        for certificate in &signature.chain {
            fact("by:", certificate.subject.clone());
            fact("", certificate.address.clone().unwrap_or_default());
            fact(
                "",
                format!(
                    "valid {} to {}",
                    Moment(certificate.not_before),
                    Moment(certificate.not_after)
                ),
            );
            fact(
                "",
                format!("serial {}, SHA-1 {}", certificate.serial, certificate.sha1),
            );
        }
    }
    if let Some(at) = finding.judged_at {
        fact("judged at:", Moment(at).in_italy());
    }
    for revocation in finding.signature.iter().flat_map(|s| &s.revocation) {
        let word = verdict_word(revocation.verdict);
        let (subject, text) = (&revocation.subject, &revocation.text);
        fact("revoked?", format!("{word}: {subject}: {text}"));
    }
    for (name, reasons) in [("defect:", &finding.defects), ("remark:", &finding.remarks)] {
        for reason in reasons {
            let (text, clause, code) = (&reason.text, &reason.clause, &reason.code);
            fact(name, format!("{text} [{clause}, {code}]"));
        }
    }
    lines.push(
        if finding.holds {
            "HOLDS"
        } else {
            "DOES NOT HOLD"
        }
        .to_owned(),
    );
    lines
}

/// The same for machines; members are named as in `wit/types.wit`.
fn json(finding: &pec::Finding) -> Value {
    json!({
        "kind": kind_name(&finding.kind),
        "holds": finding.holds,
        "from_provider": finding.from_provider,
        "from": finding.from,
        "issuer": finding.issuer.as_ref().map(|provider| json!({
            "dn": provider.dn, "name": provider.name, "unit": provider.unit,
            "mail_receipt": provider.mail_receipt,
            "certificate_hashes": provider.certificate_hashes,
        })),
        "signature": finding.signature.as_ref().map(signature),
        "data": finding.data.as_ref().map(data),
        "judged_at": finding.judged_at,
        "defects": reasons(&finding.defects),
        "remarks": reasons(&finding.remarks),
    })
}

fn reasons(list: &[pec::Defect]) -> Vec<Value> {
    list.iter()
        .map(|reason| json!({"code": reason.code, "clause": reason.clause, "text": reason.text}))
        .collect()
}

fn verdict_word(verdict: pec::RevocationVerdict) -> &'static str {
    match verdict {
        pec::RevocationVerdict::Good => "good",
        pec::RevocationVerdict::Revoked => "revoked",
        pec::RevocationVerdict::RevokedLater => "revoked-later",
        pec::RevocationVerdict::Unknown => "unknown",
        pec::RevocationVerdict::NotPublished => "not-published",
    }
}

/// Instants are seconds since 1970.
fn signature(facts: &pec::SignatureFacts) -> Value {
    json!({
        "digest_algorithm": facts.digest_algorithm,
        "message_digest": facts.message_digest,
        "computed_digest": facts.computed_digest,
        "signing_time": facts.signing_time,
        "chain": facts.chain.iter().map(|certificate| json!({
            "subject": certificate.subject, "issuer": certificate.issuer,
            "serial": certificate.serial, "address": certificate.address,
            "not_before": certificate.not_before, "not_after": certificate.not_after,
            "sha1": certificate.sha1, "sha256": certificate.sha256,
        })).collect::<Vec<_>>(),
        "anchored": facts.anchored,
        "revocation": facts.revocation.iter().map(|revocation| json!({
            "subject": revocation.subject, "verdict": verdict_word(revocation.verdict),
            "text": revocation.text, "list_issuer": revocation.list_issuer,
            "this_update": revocation.this_update, "next_update": revocation.next_update,
            "revoked_at": revocation.revoked_at,
        })).collect::<Vec<_>>(),
    })
}

/// `daticert.xml`, with its Italian words as they stand there.
fn data(data: &pec::CertificationData) -> Value {
    json!({
        "kind": data.kind, "error": data.error, "sender": data.sender,
        "recipients": data.recipients.iter().map(|recipient| json!({
            "address": recipient.address, "certified": recipient.certified,
        })).collect::<Vec<_>>(),
        "reply_to": data.reply_to, "subject": data.subject, "provider": data.provider,
        "at": data.at, "zone": data.zone, "pec_id": data.pec_id, "message_id": data.message_id,
        "receipt_type": data.receipt_type, "delivery": data.delivery,
        "taken_in_charge": data.taken_in_charge, "extended_error": data.extended_error,
    })
}

/// Where Debian and its children keep them; among them is the root of real PEC (PRACTICE 7).
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

const AFTER_HELP: &str = "\
Example:
  ceralacca verify receipt.eml --directory alfa/directory.ldif --roots alfa/roots.pem
  ceralacca verify receipt.eml --crls lists            against the system's roots

Exit codes: 0 it holds, 6 it does not hold, 1 something could not be read.";
