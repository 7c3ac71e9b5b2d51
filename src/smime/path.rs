//! Certification paths: leaf, AgID CA with its name constraints, root (PRACTICE 7).
//!
//! `certval` validates paths (RFC 5280 §6) and revocation lists; here the path is put together
//! from the few certificates at hand, and the answer is put into our words.

use std::fmt;

use certval::{
    CertificationPath, CertificationPathResults, CertificationPathSettings, Error, MemoryCrlSource,
    PDVCertificate, PDVTrustAnchorChoice, PathValidationStatus, PkiEnvironment, RevocationSource,
    TimeOfInterest, check_revocation_local,
};
use der::{Decode, Encode};
use x509_cert::certificate::Rfc5280;
use x509_cert::crl::CertificateList;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, CrlDistributionPoints, SubjectKeyIdentifier};

use super::facts::certificate_facts;
use crate::finding::CertificateFacts;
use crate::instant::Instant;
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
    /// On its issuer's revocation list.
    Revoked,
    /// The lists at hand are missing, stale or not for these certificates.
    RevocationUnknown,
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
            Self::Revoked => f.write_str("a certificate of the path was revoked"),
            Self::RevocationUnknown => f.write_str("no current revocation list could be had"),
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
            Self::Revoked => "certificate-revoked",
            Self::RevocationUnknown => "revocation-unknown",
            Self::Invalid(_) => "path-invalid",
        }
    }
}

impl CandidatePath {
    /// Follows issuers from `leaf` through `others` to one of `anchors`; all DER.
    pub fn find(leaf: &[u8], others: &[Vec<u8>], anchors: &[Vec<u8>]) -> Result<Self, PathError> {
        let read = |der: &[u8]| PDVCertificate::try_from(der).map_err(|_| PathError::Malformed);
        let target = read(leaf)?;
        let pool: Vec<_> = others.iter().filter_map(|der| read(der).ok()).collect();
        let roots: Vec<_> = anchors.iter().filter_map(|der| read(der).ok()).collect();
        let mut upwards: Vec<PDVCertificate> = Vec::new();
        loop {
            let last = upwards.last().unwrap_or(&target);
            if let Some(anchor) = roots.iter().find(|root| issued(root, last)) {
                let anchor = anchor.clone();
                upwards.reverse();
                return Ok(Self {
                    target,
                    intermediates: upwards,
                    anchor,
                });
            }
            let issuer = pool.iter().find(|candidate| issued(candidate, last));
            match issuer {
                // A path longer than the pool runs in a circle.
                Some(issuer) if upwards.len() < pool.len() => upwards.push(issuer.clone()),
                _ => {
                    let name = last.decoded().tbs_certificate().issuer().to_string();
                    return Err(PathError::NoIssuer(name));
                }
            }
        }
    }

    /// For which certificates there should be revocation lists: those that say where. Positions
    /// count from the one that the anchor issued.
    pub fn revocation_queries(&self) -> Vec<(usize, RevocationQuery)> {
        let mut queries = Vec::new();
        for (position, certificate) in self.intermediates.iter().chain([&self.target]).enumerate() {
            let urls = distribution_points(certificate);
            let issuer = certificate.decoded().tbs_certificate().issuer().to_der();
            if let (false, Ok(issuer)) = (urls.is_empty(), issuer) {
                queries.push((position, RevocationQuery { issuer, urls }));
            }
        }
        queries
    }

    /// Is the path good at `at` (RFC 5280 §6.1)?
    pub fn validate(&self, at: Instant) -> Result<(), PathError> {
        let environment = environment();
        let mut results = CertificationPathResults::new();
        environment
            .validate_path(&environment, &settings(at)?, &self.path()?, &mut results)
            .map_err(|error| self.explain(error, at))
    }

    /// Is none of it revoked at `at` (RFC 5280 §6.3)? `lists` are CertificateLists, DER, for any
    /// of the certificates that [`Self::revocation_queries`] names.
    ///
    /// # Errors
    /// [`PathError::RevocationUnknown`] where the lists do not decide it: for the policy.
    pub fn check_revocation(&self, lists: &[Vec<u8>], at: Instant) -> Result<(), PathError> {
        let source = MemoryCrlSource::new();
        for list in lists {
            source.add(list);
        }
        let mut environment = environment();
        environment.add_crl_source(Box::new(source));
        let mut results = CertificationPathResults::new();
        let checked =
            check_revocation_local(&environment, &settings(at)?, &self.path()?, &mut results);
        if let Err(Error::PathValidation(
            PathValidationStatus::CertificateRevoked
            | PathValidationStatus::CertificateRevokedEndEntity
            | PathValidationStatus::CertificateRevokedIntermediateCa,
        )) = checked
        {
            return Err(PathError::Revoked);
        }
        // Certificates that name no list are not expected to be on one.
        let sources = results.get_revocation_source().unwrap_or_default();
        let decided = |position: usize| {
            sources
                .get(position)
                .is_some_and(|source| *source != RevocationSource::None)
        };
        if self
            .revocation_queries()
            .iter()
            .all(|(position, _)| decided(*position))
        {
            Ok(())
        } else {
            Err(PathError::RevocationUnknown)
        }
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

/// When a newer list is due (nextUpdate). None if the octets are no list or do not say.
pub(crate) fn next_update(list: &[u8]) -> Option<Instant> {
    let list = CertificateList::<Rfc5280>::from_der(list).ok()?;
    Instant::from_unix(list.tbs_cert_list.next_update?.to_unix_duration().as_secs())
}

fn environment() -> PkiEnvironment {
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
