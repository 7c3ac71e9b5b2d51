// The verdict in words: what a message is, whether it holds, and why not.

import { language, words } from "./language.js";
import { legalTime } from "./times.js";

/** One honest sentence or two, after the word of the verdict. `missing` names what trust lacks. */
export function sentence(judged, missing) {
  const { finding, verdict } = judged;
  if (verdict === "not-mail") return words.strangers[judged.stranger];
  if (verdict === "not-pec") return ordinary(judged);
  const kind = kindOf(finding);
  if (verdict === "unproven") return words.unproven(kind, missing.map((name) => words.missing[name]));
  if (verdict === "does-not-hold") {
    const [first, ...more] = finding.defects;
    return words.claims(kind, words.codes[first.code] ?? first.text, more.length);
  }
  const signed = finding.signature?.signingTime;
  return [
    words.holds(kind, finding.issuer.name, signed === undefined ? "" : legalTime(signed, language)),
    finding.kind.tag === "anomaly-envelope" && words.certifiesNothing,
    has(finding.checks, "revocation-unchecked") && words.notCheckedForRevocation,
  ].filter(Boolean).join(" ");
}

/** Names of a kind of message, and what it is good for. */
export const kindOf = (finding) => words.kinds[finding.kind.tag];

/** What a code of the plug-in means, as a sentence of its own; a new one stands for itself. */
export function meaning(code) {
  const text = words.codes[code] ?? code;
  return text.charAt(0).toLocaleUpperCase(language) + text.slice(1);
}

function ordinary({ finding, enclosed }) {
  const signed = finding.signature || has(finding.remarks, "smime-opaque");
  const holding = enclosed.filter(({ judged }) => judged.verdict === "holds").length;
  return [
    words.ordinary,
    signed && words.signedByAnybody,
    has(finding.remarks, "looks-like-pec") && words.looksLikePec,
    enclosed.length > 0 && words.inside(enclosed.length, holding),
  ].filter(Boolean).join(" ");
}

const has = (list, code) => list.some((item) => item.code === code);
