//! Certification paths: leaf, AgID CA with its name constraints, root (PRACTICE 7).
//!
//! `certval` validates paths (RFC 5280 §6) and revocation lists; here the path is put together
//! from the few certificates at hand, and the answer is put into our words.

use std::fmt;

use certval::{
    CertificationPath, CertificationPathResults, CertificationPathSettings, Error, PDVCertificate,
    PDVTrustAnchorChoice, PathValidationStatus, PkiEnvironment, TimeOfInterest,
};
use const_oid::db::rfc5280::{ANY_EXTENDED_KEY_USAGE, ID_KP_EMAIL_PROTECTION};
use der::Encode;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, CrlDistributionPoints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier,
};

use super::facts::certificate_facts;
use super::revocation;
use crate::finding::{CertificateFacts, RevocationFacts};
use crate::instant::Instant;
use crate::limits::Limits;
use crate::question::RevocationQuery;

/// Certificates that follow each other by name and key up to a trust anchor; nothing else is
/// known of them yet.
pub(crate) struct CandidatePath {
    target: PDVCertificate,
    /// From the one that the anchor issued down to the target's issuer.
    intermediates: Vec<PDVCertificate>,
    anchor: PDVCertificate,
}

/// Why a path is not good. The facts are those of the certificate that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PathError {
    /// A certificate that cannot be read.
    Malformed,
    /// Nobody at hand issued the last certificate; its issuer's name.
    NoIssuer(String),
    /// Not valid yet, or no longer: subject, judged at, from, to.
    Expired(String, Instant, Instant, Instant),
    /// The signer's certificate is not for signing mail, and why.
    Purpose(&'static str),
    /// RFC 5280 says no, in `certval`'s word.
    Invalid(String),
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("a certificate cannot be read"),
            Self::NoIssuer(name) => write!(f, "the issuer “{name}” is neither included nor a root"),
            Self::Expired(subject, at, from, to) => {
                write!(
                    f,
                    "“{subject}” is valid from {from} to {to}, judged at {at}"
                )
            }
            Self::Purpose(why) => write!(f, "the certificate is not for signing mail: {why}"),
            Self::Invalid(why) => write!(f, "the certification path is not valid: {why}"),
        }
    }
}

impl PathError {
    /// Stable name for findings.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "certificate-unreadable",
            Self::NoIssuer(_) => "path-incomplete",
            Self::Expired(..) => "certificate-expired",
            Self::Purpose(_) => "certificate-purpose",
            Self::Invalid(_) => "path-invalid",
        }
    }
}

impl CandidatePath {
    /// Every way, within the limit, to follow issuers from `leaf` through `others` to one of
    /// `anchors` (all DER); at least one. Issuers are told by name and key, and AgID CA1 was issued
    /// several times with one key: which of its certificates fits shows only when each is tried.
    ///
    /// # Errors
    /// [`PathError::NoIssuer`] names the issuer at which the search ended, the first time it did.
    pub fn find(
        leaf: &[u8],
        others: &[Vec<u8>],
        anchors: &[Vec<u8>],
        limits: &Limits,
    ) -> Result<Vec<Self>, PathError> {
        let read = |der: &[u8]| PDVCertificate::try_from(der).map_err(|_| PathError::Malformed);
        let target = read(leaf)?;
        let pool: Vec<_> = others.iter().filter_map(|der| read(der).ok()).collect();
        let roots: Vec<_> = anchors.iter().filter_map(|der| read(der).ok()).collect();
        let mut found = Vec::new();
        let mut dead_end = None;
        let mut partial: Vec<Vec<&PDVCertificate>> = vec![Vec::new()];
        // Depth first. Each step takes one partial path, so their number bounds the work.
        for _ in 0..limits.path_steps {
            let Some(upwards) = partial.pop() else {
                break;
            };
            let last = upwards.last().copied().unwrap_or(&target);
            let mut issuers = 0;
            for anchor in roots.iter().filter(|root| issued(root, last)) {
                issuers += 1;
                found.push(Self {
                    target: target.clone(),
                    intermediates: upwards.iter().rev().map(|&c| c.clone()).collect(),
                    anchor: anchor.clone(),
                });
            }
            let above = pool.iter().filter(|candidate| issued(candidate, last));
            // The same certificate twice would be a circle.
            for issuer in above.filter(|issuer| !upwards.contains(issuer) && **issuer != target) {
                issuers += 1;
                let mut longer = upwards.clone();
                longer.push(issuer);
                partial.push(longer);
            }
            if issuers == 0 && dead_end.is_none() {
                dead_end = Some(last.decoded().tbs_certificate().issuer().to_string());
            }
        }
        if found.is_empty() {
            Err(PathError::NoIssuer(dead_end.unwrap_or_default()))
        } else {
            Ok(found)
        }
    }

    /// Which revocation lists are wanted, the signer's first.
    pub fn revocation_queries(&self) -> Vec<RevocationQuery> {
        self.below_anchor()
            .filter_map(|(certificate, issuer)| {
                let name = certificate.decoded().tbs_certificate().issuer();
                let key = issuer.decoded().tbs_certificate().subject_public_key_info();
                Some(RevocationQuery {
                    issuer: name.to_der().ok()?,
                    issuer_key: key.to_der().ok()?,
                    urls: distribution_points(certificate),
                })
            })
            .collect()
    }

    /// Is the path good at `at` (RFC 5280 §6.1), and its end for signing mail?
    pub fn validate(&self, at: Instant) -> Result<(), PathError> {
        let environment = environment();
        let mut results = CertificationPathResults::new();
        environment
            .validate_path(&environment, &settings(at)?, &self.path()?, &mut results)
            .map_err(|error| self.explain(error, at))?;
        signs_mail(&self.target)
    }

    /// What `lists` (CertificateLists, DER; in any order) say of each certificate at `at`, the
    /// signer's first.
    pub fn revocation(&self, lists: &[Vec<u8>], at: Instant, now: Instant) -> Vec<RevocationFacts> {
        self.below_anchor()
            .map(|(certificate, issuer)| {
                let published = !distribution_points(certificate).is_empty();
                revocation::judge(certificate, issuer, lists, published, (at, now))
            })
            .collect()
    }

    /// Each certificate below the anchor, the signer's first, with its issuer.
    fn below_anchor(&self) -> impl Iterator<Item = (&PDVCertificate, &PDVCertificate)> {
        let certificates = std::iter::once(&self.target).chain(self.intermediates.iter().rev());
        let issuers = self.intermediates.iter().rev().chain([&self.anchor]);
        certificates.zip(issuers)
    }

    /// The certificates, leaf first.
    pub fn facts(&self) -> Vec<CertificateFacts> {
        std::iter::once(&self.target)
            .chain(self.intermediates.iter().rev())
            .chain([&self.anchor])
            .filter_map(|certificate| certificate_facts(certificate.as_bytes()))
            .collect()
    }

    fn path(&self) -> Result<CertificationPath, PathError> {
        let anchor = PDVTrustAnchorChoice::create(self.anchor.as_bytes(), "trust-anchors")
            .map_err(|_| PathError::Malformed)?;
        let intermediates = self.intermediates.clone();
        Ok(CertificationPath::new(
            anchor,
            intermediates,
            self.target.clone(),
        ))
    }

    fn explain(&self, error: Error, at: Instant) -> PathError {
        use PathValidationStatus::{InvalidNotAfterDate, InvalidNotBeforeDate};
        let outside =
            |facts: &CertificateFacts| !(facts.not_before..=facts.not_after).contains(&at);
        match error {
            Error::PathValidation(InvalidNotAfterDate | InvalidNotBeforeDate) => self
                .facts()
                .into_iter()
                .find(outside)
                .map_or(PathError::Malformed, |facts| {
                    PathError::Expired(facts.subject, at, facts.not_before, facts.not_after)
                }),
            Error::PathValidation(status) => PathError::Invalid(format!("{status:?}")),
            other => PathError::Invalid(format!("{other:?}")),
        }
    }
}

/// RFC 5750 §4.4.2, §4.4.4: where the extensions are there, they must allow it. Every real leaf has
/// both (PRACTICE 7); one without could be used for anything, so its absence is no fault.
fn signs_mail(certificate: &PDVCertificate) -> Result<(), PathError> {
    let tbs = certificate.decoded().tbs_certificate();
    let unreadable = |_| PathError::Malformed;
    let usage = tbs.get_extension::<KeyUsage>().map_err(unreadable)?;
    if usage.is_some_and(|(_, usage)| !usage.digital_signature() && !usage.non_repudiation()) {
        return Err(PathError::Purpose("its keyUsage has no digitalSignature"));
    }
    let purposes = tbs
        .get_extension::<ExtendedKeyUsage>()
        .map_err(unreadable)?;
    let for_mail = |usage: &ExtendedKeyUsage| {
        usage.0.contains(&ID_KP_EMAIL_PROTECTION) || usage.0.contains(&ANY_EXTENDED_KEY_USAGE)
    };
    if purposes.is_some_and(|(_, purposes)| !for_mail(&purposes)) {
        return Err(PathError::Purpose("its extKeyUsage has no emailProtection"));
    }
    Ok(())
}

pub(super) fn environment() -> PkiEnvironment {
    let mut environment = PkiEnvironment::new();
    environment.populate_5280_pki_environment();
    environment
}

fn settings(at: Instant) -> Result<CertificationPathSettings, PathError> {
    let mut settings = CertificationPathSettings::new();
    // The anchor comes from the settings of the provider: there is no store to look it up in.
    settings.set_require_ta_store(false);
    let at = TimeOfInterest::from_unix_secs(at.unix()).map_err(|_| PathError::Malformed)?;
    settings.set_time_of_interest(at);
    Ok(settings)
}

/// By name, and by key identifier where both have one: `AgID CA1` was issued several times.
fn issued(issuer: &PDVCertificate, subject: &PDVCertificate) -> bool {
    let (above, below) = (
        issuer.decoded().tbs_certificate(),
        subject.decoded().tbs_certificate(),
    );
    if above.subject() != below.issuer() {
        return false;
    }
    let own = above.get_extension::<SubjectKeyIdentifier>().ok().flatten();
    let wanted = below
        .get_extension::<AuthorityKeyIdentifier>()
        .ok()
        .flatten();
    match (own, wanted.and_then(|(_, id)| id.key_identifier)) {
        (Some((_, own)), Some(wanted)) => own.0 == wanted,
        _ => true,
    }
}

/// The URLs of cRLDistributionPoints, in their order.
fn distribution_points(certificate: &PDVCertificate) -> Vec<String> {
    let tbs = certificate.decoded().tbs_certificate();
    let Ok(Some((_, points))) = tbs.get_extension::<CrlDistributionPoints>() else {
        return Vec::new();
    };
    points
        .0
        .iter()
        .filter_map(|point| match &point.distribution_point {
            Some(DistributionPointName::FullName(names)) => Some(names),
            _ => None,
        })
        .flatten()
        .filter_map(|name| match name {
            GeneralName::UniformResourceIdentifier(url) => Some(url.as_str().to_owned()),
            _ => None,
        })
        .collect()
}
