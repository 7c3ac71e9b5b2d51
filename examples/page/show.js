// One judgement as people read it: the verdict, the facts, every check with its evidence, what is
// inside, the signature.

import { safeName } from "./content.js";
import { el, seal } from "./dom.js";
import { words } from "./language.js";
import { code, facts, time } from "./pieces.js";
import { signature } from "./signature.js";
import { kindOf, meaning, sentence } from "./verdict.js";

/** A file that was judged, to open and close. */
export function message(name, judged, missing, open) {
  const summary = el("summary", {}, ...headline(name, judged, missing));
  return el("details", { "data-verdict": judged.verdict, open }, summary, ...body(judged, missing));
}

/** A file that could not be judged. */
export const failure = (name, { code }) =>
  el("div.failure", { "data-verdict": "failed" },
    ...verdict("failed", name, words.errors[code] ?? words.errors.bug));

/** A file whose turn has not come. */
export const waiting = (name) => el("div.waiting", {}, el("p", {}, el("bdi", {}, name), ` · ${words.waiting}`));

const headline = (name, judged, missing) =>
  verdict(judged.verdict, name, sentence(judged, missing), about(judged));

const verdict = (word, name, text, about = "") => [
  seal(word),
  el("div.verdict", {},
    el("p.name", {}, el("bdi", {}, name)),
    el("h3", {}, el("strong", {}, words.verdicts[word]), " ", text),
    about),
];

/** Which message it is about, for whoever looks for one in a list. */
function about({ finding }) {
  const data = finding?.data;
  const original = finding?.contents?.original;
  if (!data && !original) return "";
  const [subject, from, to] = data
    ? [data.subject, data.sender, data.delivery ?? data.recipients.map(({ address }) => address).join(", ")]
    : [original.subject, original.from, original.to];
  return el("p.about", {},
    subject && el("span", {}, el("bdi", {}, words.quoted(subject))), " ",
    el("span", {}, el("bdi", {}, from), to && " → ", to && el("bdi", {}, to)));
}

function body(judged, missing) {
  const { finding } = judged;
  const file = el("section", {},
    el("h4", {}, words.facts.file),
    facts([
      [words.facts.size, words.facts.octets(judged.size)],
      [words.facts.sha256, judged.sha256 && code(judged.sha256)],
    ]),
    ...judged.notes.map((note) => el("p.note", {}, words.notes[note.code](note))));
  if (!finding) return [file];
  return [
    statements(judged),
    checks(finding, missing),
    ...content(judged),
    ...inside(judged, missing),
    ...signature(finding),
    file,
  ];
}

function statements({ finding, verdict: word }) {
  const { data, issuer } = finding;
  const name = words.facts;
  const kind = kindOf(finding);
  const provider = issuer ? [issuer.name, " ", el("small", {}, issuer.dn)] : data && name.provider_claimed(data.provider);
  const pairs = [
    [name.kind, [el("b", {}, kind.name), kind.meaning && `: ${kind.meaning}`].filter(Boolean)],
    [name.provider, provider],
    ...(data ? certified(data, finding.kind.tag) : [[name.from, word === "not-pec" ? "" : finding.from]]),
  ];
  return el("section", {}, el("h4", {}, words.says[word]), facts(pairs));
}

function certified(data, kind) {
  const name = words.facts;
  const recipient = ({ address, certified }) =>
    el("li", {}, el("bdi", {}, address), " ", el("small", {}, certified ? name.certified : name.notCertified));
  return [
    [name.sender, data.sender],
    [name.recipients, data.recipients.length ? el("ul", {}, ...data.recipients.map(recipient)) : ""],
    [name.subject, data.subject],
    [name.at, time(data.at)],
    [kind === "delivery" ? name.delivery : name.delivery_failed, data.delivery],
    [name.takenInCharge, data.takenInCharge.join(", ")],
    [name.replyTo, data.replyTo],
    [name.receiptType, name.receiptTypes[data.receiptType] ?? data.receiptType],
    [name.error, data.error === "nessuno" ? "" : code(data.error)],
    [name.extendedError, data.extendedError],
    [name.pecId, code(data.pecId)],
    [name.messageId, data.messageId && code(data.messageId)],
  ];
}

function checks(finding, missing) {
  const wanting = (check) => check.code === "path-incomplete" && missing.includes("roots");
  const all = finding.checks.map((check) => (wanting(check) ? { ...check, verdict: "not-checked" } : check));
  const count = (verdict) => all.filter((check) => check.verdict === verdict).length;
  // What was not checked is a remark to programs; here it stands among the checks.
  const remarks = finding.remarks.filter(({ code }) => !all.some((check) => check.code === code));
  const made = [
    el("h4", {}, words.checks.title),
    el("p.tally", {}, words.checks.tally(count("passed"), count("failed"), count("not-checked"))),
    el("ul.checks", {}, ...all.map((check) => line(check, check.verdict))),
    el("p.note", {}, words.checks.evidence),
  ];
  const known = [
    el("h4", {}, words.checks.remarks),
    el("ul.checks", {}, ...remarks.map((remark) => line(remark, "remark"))),
  ];
  const shown = [...(all.length ? made : []), ...(remarks.length ? known : [])];
  return shown.length ? el("section", {}, ...shown) : "";
}

const line = ({ code, clause, text }, verdict) =>
  el(`li.${verdict}`, { "data-code": code },
    verdict === "remark" ? "" : el("span.unseen", {}, `${words.checks.verdicts[verdict]}: `),
    el("span.what", {}, meaning(code)),
    el("span.evidence", { lang: "en" }, text, " ", el("span.clause", {}, clause)));

function content(judged) {
  const { contents } = judged.finding;
  const { original } = contents;
  if (!original) return [];
  const name = words.facts;
  const ordinary = judged.verdict === "not-pec";
  const files = original.parts.filter((part) => part.name || part.hash || !isText(part));
  const rows = [
    ...(ordinary ? [] : [row("postacert.eml", original.whole.length, words.content.whole, judged.whole, judged)]),
    ...files.map((part) => fileRow(part)),
  ];
  return [el("section.original", {},
    el("h4", {}, ordinary ? words.content.ordinary : words.content.original),
    facts([
      [name.from, original.from], [name.to, original.to], [name.cc, original.cc],
      [name.subject, original.subject], [name.date, original.date],
      [name.ownMessageId, original.messageId && code(original.messageId)],
    ]),
    ...textOfMail(judged.text),
    rows.length ? el("h5", {}, words.content.files) : "",
    rows.length ? el("ul.files", {}, ...rows) : "",
    original.unlisted ? el("p.note", {}, words.content.unlisted(original.unlisted)) : "")];
}

const isText = (part) => ["text/plain", "text/html"].includes(part.contentType);

function textOfMail(text) {
  if (!text) return [el("p.note", {}, words.content.noText)];
  return [
    text.contentType === "text/html" ? el("p.note", {}, words.content.html) : "",
    el("pre.text", { tabindex: 0, dir: "auto" }, text.text.replaceAll("\r\n", "\n").trimEnd()),
    text.cut ? el("p.note", {}, words.content.cut) : "",
  ];
}

function fileRow(part) {
  const name = safeName(part.name, `${words.content.unnamed}-${part.path}`);
  if (part.hash) return row(name, part.size, words.content.hash(part.hash));
  const about = part.content ? part.contentType : words.content.unsaved;
  return row(name, part.size, about, part.content, part, part.sha256);
}

/** A file to save; `owner` keeps its address, so that it is made once. */
function row(name, size, about, blob, owner, sha256) {
  if (blob) owner.url ??= URL.createObjectURL(blob);
  const link = blob && el("a.button", { href: owner.url, download: name, "aria-label": words.content.save(name) },
    words.content.saveWord);
  return el("li", {},
    el("div", {},
      el("b", {}, el("bdi", {}, name)), " ",
      el("small", {}, `${about} · ${words.facts.octets(size)}`),
      sha256 ? el("small.digest", {}, "SHA-256 ", code(sha256)) : ""),
    link || "");
}

function inside({ enclosed }, missing) {
  if (enclosed.length === 0) return [];
  const title = ({ path, name }) => [name, words.content.part(path)].filter(Boolean).join(" · ");
  return [el("section.inside", {},
    el("h4", {}, words.content.inside),
    ...enclosed.map((inner) => message(title(inner), inner.judged, missing, enclosed.length === 1)))];
}

/** Lets go of the files that were offered. */
export function release(judged) {
  const parts = judged.finding?.contents?.original?.parts ?? [];
  for (const { url } of [judged, ...parts]) if (url) URL.revokeObjectURL(url);
  judged.enclosed.forEach((inner) => release(inner.judged));
}
