//! A message through all points, with our real key, certificate, roots, directory and settings, in a
//! store in memory and with mailboxes that only remember: nothing leaves.
//!
//! What comes out is examined as another provider would, so whatever would make others refuse our
//! mail shows here.

use std::sync::{Arc, Mutex, PoisonError};

use ceralacca_host::provider::{Fields, Identity, load_plug_in, pec_settings, startup};
use ceralacca_host::{
    DepositItem, DepositOutcome, Depot, Host, HostError, HostParts, MailboxTable, NoPublisher,
    NoRevocationData, NoScanner, OsEntropy, Policy, Relay, RelayItem, RelayOutcome, Store,
    SystemClock, pec,
};

use super::Look;
use super::finding::Finding;
use super::servers::is_to_come;
use crate::service::assemble;

pub(super) fn check(look: &Look<'_>) -> Vec<Finding> {
    let remembered = Remembered::default();
    let host = match stage(look, &remembered) {
        Ok(host) => host,
        Err(finding) => return vec![finding],
    };
    let mut found = vec![Finding::ok(
        "the plug-in takes the settings and the provider directory",
    )];
    let file = look.folder.file(&look.config.provider.files.directory);
    if is_to_come(look.config, &file) {
        // What others know of us stands in it; who looks at the clock says so.
        return found;
    }
    found.extend(directory(look, &host));
    match receipt(look, &host, &remembered) {
        Ok(message) => found.extend(examine(&host, message)),
        Err(reason) => found.push(Finding::fail(
            format!("a message to ourselves got no receipt: {reason}"),
            "mend what it says",
        )),
    }
    found
}

/// A host that could be ours.
fn stage(look: &Look<'_>, remembered: &Remembered) -> Result<Host, Finding> {
    let fail = |what: &str| {
        let what = what.to_owned();
        move |error: ceralacca_host::provider::Error| Finding::fail(what, error.to_string())
    };
    let provider = &look.config.provider;
    let plug_in = load_plug_in(look.config.plug_in.as_deref()).map_err(fail("plug-in"))?;
    let store = Store::in_memory()
        .map_err(|error| Finding::fail("a store in memory", error.to_string()))?;
    let directory = look.folder.file(&provider.files.directory);
    let parts = HostParts {
        engine: Box::new(plug_in),
        settings: pec_settings(look.folder, provider).map_err(fail("certificates"))?,
        store,
        signer: assemble::signer(look.config, look.folder).map_err(fail("signing key"))?,
        scanner: Some(Box::new(NoScanner)),
        mailboxes: Box::new(MailboxTable::new([pec::Mailbox {
            address: provider.service_mailbox.as_str().to_owned(),
            ordinary_mail: None,
            certified_only: false,
        }])),
        revocation: Box::new(NoRevocationData),
        depot: Box::new(remembered.clone()),
        relay: Box::new(remembered.clone()),
        publisher: Box::new(NoPublisher),
        clock: Box::new(SystemClock),
        entropy: Box::new(OsEntropy),
        directory_file: Some(directory).filter(|file| !is_to_come(look.config, file)),
        policy: Policy::default(),
    };
    Host::new(parts).map_err(|error| {
        let fields = Fields::under(look.path, "provider");
        let what = match error {
            HostError::DirectoryFile { .. } | HostError::DirectoryRefused { .. } => {
                "provider directory"
            }
            _ => "settings",
        };
        fail(what)(startup(look.folder, provider, fields, &error))
    })
}

/// Do others know us by this certificate, and for these domains?
fn directory(look: &Look<'_>, host: &Host) -> Vec<Finding> {
    let provider = &look.config.provider;
    let Ok(Identity { sha1, .. }) = assemble::identity(look.config, look.folder) else {
        // Told before.
        return Vec::new();
    };
    let ours = host.providers_of_certificate(&sha1);
    let mut found = vec![match ours.first() {
        Some(record)
            if record
                .mail_receipt
                .eq_ignore_ascii_case(provider.service_mailbox.as_str()) =>
        {
            Finding::ok(format!(
                "the directory has our certificate, under “{}”",
                record.name
            ))
        }
        Some(record) => Finding::fail(
            format!(
                "the directory has our certificate under “{}”, whose mailReceipt is {} and not {}",
                record.name, record.mail_receipt, provider.service_mailbox
            ),
            "set provider.service-mailbox to it, or have the record changed",
        ),
        None => Finding::fail(
            format!("the directory does not have our certificate (SHA-1 {sha1})"),
            "have our record published (`ceralacca directory record`), or load the newer directory",
        ),
    }];
    for domain in &provider.domains {
        let listed = host.providers_of_domain(domain.as_str());
        if !listed.iter().any(|record| {
            record
                .certificate_hashes
                .iter()
                .any(|h| h.eq_ignore_ascii_case(&sha1))
        }) {
            found.push(Finding::fail(
                format!("the directory does not have {domain} as ours: to others it is ordinary"),
                "have it added to managedDomains of our record, or remove it from provider.domains",
            ));
        }
    }
    found
}

/// The service mailbox writes to itself.
fn receipt(look: &Look<'_>, host: &Host, remembered: &Remembered) -> Result<Vec<u8>, String> {
    let address = look.config.provider.service_mailbox.as_str().to_owned();
    let committed = host.submit(pec::Submission {
        account: Some(address.clone()),
        addresses: vec![address.clone()],
        reverse_path: address.clone(),
        recipients: vec![address.clone()],
        message: format!(
            "From: <{address}>\r\nTo: <{address}>\r\nSubject: check-config\r\n\
             Date: Thu, 1 Jan 2026 00:00:00 +0000\r\n\
             Message-ID: <check-config@{}>\r\n\r\nNothing leaves.\r\n",
            look.config.provider.mail_domain
        )
        .into_bytes(),
    });
    if committed.reply.code != 250 {
        return Err(format!("{} {}", committed.reply.code, committed.reply.text));
    }
    host.run_outbox(&mut |_| {})
        .map_err(|error| error.to_string())?;
    let remembered = remembered.0.lock().unwrap_or_else(PoisonError::into_inner);
    let receipt = remembered
        .iter()
        .find(|(kind, _)| *kind == pec::MessageKind::ServerUserAcceptance);
    let Some((_, octets)) = receipt else {
        let kinds = remembered
            .iter()
            .map(|(kind, _)| ceralacca_host::kind_name(kind));
        return Err(format!(
            "what came was [{}]",
            kinds.collect::<Vec<_>>().join(", ")
        ));
    };
    Ok(octets.clone())
}

/// As another provider would.
fn examine(host: &Host, message: Vec<u8>) -> Vec<Finding> {
    let finding = match host.examine(pec::Examination {
        message,
        at: None,
        contents: None,
    }) {
        Ok(finding) => finding,
        Err(error) => {
            return vec![Finding::fail(
                format!("our receipt cannot be examined: {error}"),
                "mend what it says",
            )];
        }
    };
    if finding.holds {
        let what = "a receipt of ours holds: signature, certificate chain up to the roots, \
                    directory, From";
        return vec![Finding::ok(what)];
    }
    let of = |verdict| {
        let checks = finding.checks.iter();
        checks.filter(move |check| check.verdict == verdict)
    };
    // What was not checked is the reason only where nothing is against a rule.
    let reason = match of(pec::CheckVerdict::Failed).next() {
        Some(_) => pec::CheckVerdict::Failed,
        None => pec::CheckVerdict::NotChecked,
    };
    let told = |check: &pec::Check| {
        Finding::fail(
            format!(
                "others would refuse what we sign: {} [{}]",
                check.text, check.clause
            ),
            "compare provider.files.certificate (leaf first, intermediates after it), \
             provider.files.roots and the directory",
        )
    };
    of(reason).map(told).collect()
}

/// Mailboxes and a network that remember what they were given.
#[derive(Clone, Default)]
struct Remembered(Arc<Mutex<Vec<Deposited>>>);

/// What was put into a mailbox, and its octets.
type Deposited = (pec::MessageKind, Vec<u8>);

impl Depot for Remembered {
    fn deposit(&self, item: &DepositItem<'_>) -> DepositOutcome {
        match item.body.read_whole() {
            Ok(octets) => {
                let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                remembered.push((item.kind.clone(), octets));
                DepositOutcome::Stored
            }
            Err(error) => DepositOutcome::Later(error.to_string()),
        }
    }
}

impl Relay for Remembered {
    fn relay(&self, _item: &RelayItem<'_>) -> RelayOutcome {
        RelayOutcome::Handed
    }
}
