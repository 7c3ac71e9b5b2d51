// The signature: its times and digests, and the certificates from the signer to the root.

import { el } from "./dom.js";
import { language, words } from "./language.js";
import { code, facts, time } from "./pieces.js";
import { legalDay } from "./times.js";

/** A section; none where there is no signature. */
export function signature(finding) {
  const { signature: signed, judgedAt } = finding;
  if (!signed) return [];
  const name = words.signature;
  const source = signed.signingTime === undefined ? name.asNow : name.asSigned;
  const digest = signed.digestAlgorithm;
  return [el("section", {},
    el("h4", {}, name.title),
    facts([
      [name.signedAt, signed.signingTime === undefined ? name.noTime : time(signed.signingTime)],
      [name.judgedAt, judgedAt === undefined ? "" : [time(judgedAt), ` (${source})`]],
      // Both are shown: where they differ, the content was changed after signing.
      [name.digest(digest), code(signed.messageDigest)],
      [name.computed(digest), code(signed.computedDigest)],
    ]),
    el("ol.chain", {}, ...signed.chain.map((certificate, place) => link(certificate, place, signed))))];
}

function link(certificate, place, { chain, anchored, revocation }) {
  const name = words.signature;
  const root = anchored && place === chain.length - 1;
  const role = place === 0 ? name.signer : root ? `${name.root}, ${name.trusted}` : name.issuer;
  const revoked = revocation.find(({ subject }) => subject === certificate.subject);
  const period = name.period(legalDay(certificate.notBefore, language), legalDay(certificate.notAfter, language));
  return el("li", {},
    el("p.eyebrow", {}, role),
    el("p.subject", {}, certificate.subject),
    facts([
      [name.address, certificate.address],
      [name.issuedBy, certificate.issuer],
      [name.valid, period],
      [name.revocation, root ? "" : revoked && name.revocations[revoked.verdict]],
      [name.serial, code(certificate.serial)],
      ["SHA-256", code(certificate.sha256)],
      ["SHA-1", code(certificate.sha1)],
    ]));
}
