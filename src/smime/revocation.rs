//! Was a certificate revoked at an instant? (RFC 5280 §5.3, §6.3; PRACTICE 7, case I05)
//!
//! `certval` says whether a list is its issuer's, covers the certificate, and names it. *When* is
//! decided here, because old mail is judged at its signingTime with the lists of today:
//!
//! - revocation counts from its revocationDate on, or from its invalidityDate where that is earlier
//!   (RFC 5280 §5.3.2: since then the key is known or suspected to be in other hands, and whoever
//!   has it can write any signingTime before the revocation);
//! - a list that is current at the instant decides it; so does a later one, as long as the
//!   certificate had not ended when it was made, for ended ones may be left out (§5);
//! - revocation is final even on a list that is out of date, except for a hold.

use certval::{
    CertificationPath, CertificationPathResults, CertificationPathSettings, Error, MemoryCrlSource,
    PDVCertificate, PDVTrustAnchorChoice, PathValidationStatus, TimeOfInterest,
    check_revocation_local,
};
use der::Decode;
use der::asn1::{GeneralizedTime, ObjectIdentifier};
use x509_cert::certificate::Raw;
use x509_cert::crl::{CertificateList, RevokedCert};
use x509_cert::ext::pkix::CrlReason;
use x509_cert::time::Time;

use super::path::environment;
use crate::finding::{RevocationFacts, RevocationList, RevocationVerdict};
use crate::instant::Instant;

/// What `lists` (DER; anybody's) say of a certificate at `at`, which is not after `now`.
pub(super) fn judge(
    certificate: &PDVCertificate,
    issuer: &PDVCertificate,
    lists: &[Vec<u8>],
    published: bool,
    (at, now): (Instant, Instant),
) -> RevocationFacts {
    let mut usable = Vec::new();
    let mut reasons = Vec::new();
    for list in lists {
        match Statement::read(certificate, issuer, list) {
            Ok(statement) => usable.push(statement),
            Err(Some(reason)) => reasons.push(reason),
            // Of another issuer: nothing to do with this certificate.
            Err(None) => {}
        }
    }
    // The newest first: it knows the most.
    usable.sort_by_key(|statement| std::cmp::Reverse(statement.list.this_update));
    let ends = ends(certificate);
    let verdict = final_revocation(&usable, at).or_else(|| {
        usable.iter().find_map(|statement| {
            statement
                .decides(at, now, ends)
                .map_err(|why| reasons.push(why))
                .ok()
        })
    });
    let subject = certificate.decoded().tbs_certificate().subject();
    let subject = subject.to_string();
    let (verdict, text, list, revoked_at) = verdict.unwrap_or_else(|| {
        if !published && reasons.is_empty() {
            let text = "the certificate names no revocation list".to_owned();
            return (RevocationVerdict::NotPublished, text, None, None);
        }
        if reasons.is_empty() {
            reasons.push("no list of its issuer could be had".to_owned());
        }
        (RevocationVerdict::Unknown, reasons.join("; "), None, None)
    });
    RevocationFacts {
        subject,
        verdict,
        text,
        list,
        revoked_at,
    }
}

type Verdict = (
    RevocationVerdict,
    String,
    Option<RevocationList>,
    Option<Instant>,
);

/// What a list of the right issuer says of the certificate.
struct Statement {
    list: RevocationList,
    entry: Option<Entry>,
}

/// The certificate's own entry.
struct Entry {
    /// From when on it counts as revoked.
    effective: Instant,
    reason: Option<CrlReason>,
}

impl Statement {
    /// # Errors
    /// Why the list cannot be used; no reason where it is simply another issuer's.
    fn read(
        certificate: &PDVCertificate,
        issuer: &PDVCertificate,
        octets: &[u8],
    ) -> Result<Self, Option<String>> {
        let list = CertificateList::<Raw>::from_der(octets)
            .map_err(|_| Some("a list cannot be read".to_owned()))?;
        let tbs = &list.tbs_cert_list;
        if tbs.issuer != *certificate.decoded().tbs_certificate().issuer() {
            return Err(None);
        }
        let listed = listed(certificate, issuer, octets).map_err(Some)?;
        let unreadable = || Some("a list has dates beyond the calendar".to_owned());
        let serial = certificate.decoded().tbs_certificate().serial_number();
        let entry = tbs
            .revoked_certificates
            .iter()
            .flatten()
            .find(|entry| entry.serial_number.as_bytes() == serial.as_bytes());
        Ok(Self {
            list: RevocationList {
                issuer: tbs.issuer.to_string(),
                this_update: instant(&tbs.this_update).ok_or_else(unreadable)?,
                next_update: tbs.next_update.as_ref().and_then(instant),
            },
            entry: match entry {
                Some(entry) => Some(Entry::read(entry).ok_or_else(unreadable)?),
                None if listed => return Err(Some("a list contradicts itself".to_owned())),
                None => None,
            },
        })
    }

    /// # Errors
    /// Why this list does not decide it.
    fn decides(&self, at: Instant, now: Instant, ends: Option<Instant>) -> Result<Verdict, String> {
        let RevocationList {
            this_update,
            next_update,
            ..
        } = self.list;
        if this_update > now {
            return Err(format!(
                "the list is of {this_update}, which is yet to come"
            ));
        }
        if this_update <= at {
            match next_update {
                None => return Err("the list does not say when the next one is due".to_owned()),
                Some(next) if next < at => {
                    return Err(format!("the list is out of date since {next}"));
                }
                Some(_) => {}
            }
        } else if ends.is_none_or(|ends| this_update > ends) && self.entry.is_none() {
            return Err(format!(
                "the list of {this_update} may no longer name a certificate that has ended"
            ));
        }
        let list = Some(self.list.clone());
        Ok(match &self.entry {
            Some(entry) if entry.effective > at => {
                let text = format!("revoked since, with effect from {}", entry.text());
                let effective = Some(entry.effective);
                (RevocationVerdict::RevokedLater, text, list, effective)
            }
            Some(entry) => entry.revoked(self),
            None => {
                let text = format!("not on the list of {this_update}");
                (RevocationVerdict::Good, text, list, None)
            }
        })
    }
}

impl Entry {
    fn read(entry: &RevokedCert<Raw>) -> Option<Self> {
        let extension = |oid: ObjectIdentifier| {
            let extensions = entry.crl_entry_extensions.iter().flatten();
            extensions
                .filter(move |extension| extension.extn_id == oid)
                .map(|extension| extension.extn_value.as_bytes())
                .next()
        };
        let revoked = instant(&entry.revocation_date)?;
        let invalid = extension(INVALIDITY_DATE)
            .and_then(|octets| GeneralizedTime::from_der(octets).ok())
            .and_then(|time| Instant::from_unix(time.to_unix_duration().as_secs()));
        let reason = extension(REASON_CODE).and_then(|octets| CrlReason::from_der(octets).ok());
        Some(Self {
            effective: invalid.map_or(revoked, |invalid| invalid.min(revoked)),
            reason,
        })
    }

    fn revoked(&self, statement: &Statement) -> Verdict {
        (
            RevocationVerdict::Revoked,
            format!("revoked with effect from {}", self.text()),
            Some(statement.list.clone()),
            Some(self.effective),
        )
    }

    fn text(&self) -> String {
        match self.reason {
            Some(reason) => format!("{} ({reason:?})", self.effective),
            None => self.effective.to_string(),
        }
    }
}

/// A list that says "revoked" is believed whatever its age; a hold may have been lifted.
fn final_revocation(statements: &[Statement], at: Instant) -> Option<Verdict> {
    statements.iter().find_map(|statement| {
        let entry = statement.entry.as_ref()?;
        let is_final = entry.reason != Some(CrlReason::CertificateHold);
        (is_final && entry.effective <= at).then(|| entry.revoked(statement))
    })
}

/// Does the list name the certificate? Signature, scope and extensions are `certval`'s to judge;
/// time is not, so it is told none.
fn listed(
    certificate: &PDVCertificate,
    issuer: &PDVCertificate,
    list: &[u8],
) -> Result<bool, String> {
    let malformed = |_| "the issuer's certificate cannot be read".to_owned();
    let source = MemoryCrlSource::new();
    source.add(list);
    let mut environment = environment();
    environment.add_crl_source(Box::new(source));
    let mut settings = CertificationPathSettings::new();
    settings.set_time_of_interest(TimeOfInterest::disabled());
    // The path is known to be good by now, or about to be refused; what matters here is only
    // whose key signs lists.
    let anchor = PDVTrustAnchorChoice::create(issuer.as_bytes(), "issuer").map_err(malformed)?;
    let path = CertificationPath::new(anchor, Vec::new(), certificate.clone());
    let mut results = CertificationPathResults::new();
    match check_revocation_local(&environment, &settings, &path, &mut results) {
        Ok(()) => Ok(false),
        Err(Error::PathValidation(
            PathValidationStatus::CertificateRevoked
            | PathValidationStatus::CertificateRevokedEndEntity
            | PathValidationStatus::CertificateRevokedIntermediateCa,
        )) => Ok(true),
        // It keeps lists that it refuses, but not those with a wrong signature.
        Err(_) => {
            let refused = results.get_failed_crls().unwrap_or_default();
            Err(if refused.iter().all(Vec::is_empty) {
                "a list in the issuer's name is not signed with its key".to_owned()
            } else {
                "a list of the issuer is not for this certificate".to_owned()
            })
        }
    }
}

fn ends(certificate: &PDVCertificate) -> Option<Instant> {
    instant(&certificate.decoded().tbs_certificate().validity().not_after)
}

fn instant(time: &Time) -> Option<Instant> {
    Instant::from_unix(time.to_unix_duration().as_secs())
}

/// RFC 5280 §5.3.1.
const REASON_CODE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.21");
/// RFC 5280 §5.3.2.
const INVALIDITY_DATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.24");
