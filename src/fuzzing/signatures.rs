//! Promises of what reads signatures, certificates and revocation lists: bounded, no panic, and
//! no verdict in favour of garbage.

use super::host::{CA, LEAF, NOW, ROOT};
use crate::instant::Instant;
use crate::limits::Limits;
use crate::smime::path::CandidatePath;
use crate::smime::{Signature, certificate_facts};

/// A signature that can be read names certificates that can be read.
pub(super) fn cms(octets: &[u8]) {
    let Ok(signature) = Signature::read(octets, &Limits::DEFAULT) else {
        return;
    };
    assert!(signature.others.len() < Limits::DEFAULT.certificates);
    for certificate in std::iter::once(&signature.signer).chain(&signature.others) {
        certificate_facts(certificate);
    }
    // Whatever it says, it says so.
    signature.bare_check().holds();
}

/// Any octets as leaf, as issuer and as root, against certificates that are good.
pub(super) fn certificate(octets: &[u8]) {
    certificate_facts(octets);
    let own = octets.to_vec();
    let (leaf, ca, root) = (LEAF.to_vec(), CA.to_vec(), ROOT.to_vec());
    let is_ours = [&leaf, &ca, &root].contains(&&own);
    for (target, others, anchors) in [
        (&own, vec![ca.clone()], vec![root.clone()]),
        (&leaf, vec![own.clone()], vec![root.clone()]),
        (&leaf, vec![own.clone(), ca], vec![own.clone(), root]),
        (&own, vec![own.clone()], vec![own.clone()]),
    ] {
        let found = CandidatePath::find(target, &others, &anchors, &Limits::DEFAULT);
        for path in found.unwrap_or_default() {
            let good = path.validate(now()).is_ok();
            path.revocation_queries();
            path.facts();
            // Nobody but our CA makes a path from a stranger to our root.
            let strange = !is_ours && *target == own && !anchors.contains(&own);
            assert!(!(good && strange), "a forged certificate has a good path");
        }
    }
}

/// Any octets as revocation list of a good path: there is an answer for each certificate below the
/// root.
pub(super) fn crl(octets: &[u8]) {
    let (others, anchors) = ([CA.to_vec()], [ROOT.to_vec()]);
    let paths = CandidatePath::find(LEAF, &others, &anchors, &Limits::DEFAULT);
    for path in paths.expect("a good path") {
        // Our seeds are genuine lists, so every answer is possible.
        let answers = path.revocation(&[octets.to_vec()], now(), now());
        assert_eq!(answers.len(), 2);
    }
}

fn now() -> Instant {
    Instant::from_unix(NOW).expect("a legal instant")
}
