//! The judgement for programs. The members are those of `wit/types.wit`, in snake case, and what a
//! file adds to them; `ceralacca verify --help` lists them. Members may be added, none will change.

use ceralacca_host::{kind_name, pec};
use serde_json::{Map, Value, json};

use super::judge::Judged;
use super::verdict::sentence;

/// One object with everything the text has.
pub fn document(name: &str, judged: &Judged) -> Value {
    let mut object = judgement(judged);
    object.insert("file".to_owned(), json!(name));
    Value::Object(object)
}

fn judgement(judged: &Judged) -> Map<String, Value> {
    let finding = judged.finding.as_ref();
    let contents = finding.and_then(|finding| finding.contents.as_ref());
    let value = json!({
        "size": judged.size,
        "sha256": judged.sha256,
        "verdict": judged.verdict.word(),
        "sentence": sentence(judged),
        "notes": judged.notes,
        "kind": finding.map(|f| kind_name(&f.kind)),
        "holds": finding.is_some_and(|f| f.holds),
        "from_provider": finding.is_some_and(|f| f.from_provider),
        "from": finding.map(|f| &f.from),
        "issuer": finding.and_then(|f| f.issuer.as_ref()).map(issuer),
        "signature": finding.and_then(|f| f.signature.as_ref()).map(signature),
        "data": finding.and_then(|f| f.data.as_ref()).map(data),
        "judged_at": finding.and_then(|f| f.judged_at),
        "checks": finding.map_or_else(Vec::new, |f| checks(&f.checks)),
        "defects": finding.map_or_else(Vec::new, |f| reasons(&f.defects)),
        "remarks": finding.map_or_else(Vec::new, |f| reasons(&f.remarks)),
        "original": contents.and_then(|c| c.original.as_ref()).map(mail),
        "comparison": contents.map_or_else(Vec::new, |c| checks(&c.comparison)),
        "enclosed": judged.enclosed.iter().map(|(place, inner)| {
            let mut object = judgement(inner);
            object.insert("path".to_owned(), json!(place.path));
            object.insert("name".to_owned(), json!(place.name));
            Value::Object(object)
        }).collect::<Vec<_>>(),
    });
    match value {
        Value::Object(members) => members,
        // The macro above makes an object.
        _ => Map::new(),
    }
}

fn issuer(provider: &pec::Provider) -> Value {
    json!({
        "dn": provider.dn, "name": provider.name, "unit": provider.unit,
        "mail_receipt": provider.mail_receipt,
        "certificate_hashes": provider.certificate_hashes,
    })
}

fn reasons(list: &[pec::Defect]) -> Vec<Value> {
    list.iter()
        .map(|reason| json!({"code": reason.code, "clause": reason.clause, "text": reason.text}))
        .collect()
}

fn checks(list: &[pec::Check]) -> Vec<Value> {
    list.iter()
        .map(|check| {
            let verdict = match check.verdict {
                pec::CheckVerdict::Passed => "passed",
                pec::CheckVerdict::Failed => "failed",
                pec::CheckVerdict::NotChecked => "not-checked",
            };
            json!({
                "verdict": verdict, "code": check.code, "clause": check.clause, "text": check.text,
            })
        })
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

fn mail(facts: &pec::MailFacts) -> Value {
    json!({
        "from": facts.from, "to": facts.to, "cc": facts.cc, "subject": facts.subject,
        "date": facts.date, "message_id": facts.message_id,
        "parts": facts.parts.iter().map(|part| json!({
            "path": part.path, "content_type": part.content_type, "name": part.name,
            "size": part.size, "sha256": part.sha256, "hash": part.hash,
        })).collect::<Vec<_>>(),
        "unlisted": facts.unlisted,
    })
}
