// The page: files come in, the worker judges them one after another, results stand in a list.

import { el } from "./dom.js";
import { begin, choose, language, words } from "./language.js";
import { holdings } from "./panel.js";
import { failure, message, release, waiting } from "./show.js";
import { alone, onChange } from "./store.js";
import { Trust, kindOf } from "./trust.js";

const $ = (selector) => document.querySelector(selector);
const trust = new Trust();
/** What the worker said of the directory. */
let directory;
/** What could not be taken in, by kind: in words, in whatever language. */
const troubles = {};
/** Files in the list: `{ id?, file, judged?, failed?, open? }`; without an id the worker does not know of
 * it yet. */
let entries = [];
let next = 1;

const worker = startWorker();
/** What is sent before the worker's modules have loaded is lost. */
let hasLoaded;
let isLost = false;
const ready = new Promise((resolve) => (hasLoaded = resolve));
const tell = (job) => ready.then(() => worker.postMessage(job));
/** Takes what the worker says of trust. */
let heard = () => {};
/** What concerns trust waits for each other. */
let turn = Promise.resolve();
const inTurn = (act) => (turn = turn.catch(() => {}).then(act));
/** Changes of it do so in all tabs: what the plug-in makes of one is kept before the next, which begins
 * with it. A tab whose plug-in is yet to come keeps no other waiting. */
const alter = (change) => inTurn(() => ready.then(() => alone(async () => {
  await refresh();
  await change();
})));
/** What another tab has changed holds here as well. */
const refresh = async () => (await trust.restore()) && judgeAnew();
worker.onmessage = ({ data }) => HEARD[data.do](data);
worker.onerror = () => {
  isLost = true;
  $("#drop").hidden = true;
  $("#progress").hidden = true;
  // Whoever waits for it need not wait longer.
  for (const { id, judged, failed } of entries) if (id && !judged && !failed) settle(id, { failed: LOST });
  announce(words.errors.lost);
  heard(NOTHING);
  hasLoaded();
};

/** Where the worker has nothing to say of a directory. */
const NOTHING = { fresh: {} };
/** Why a message is not judged where there is no worker. */
const LOST = { code: "lost" };

const HEARD = {
  ready: () => hasLoaded(),
  trust: (said) => heard(said),
  progress({ id, share }) {
    const entry = entries.find((entry) => entry.id === id);
    if (entry) showProgress(entry, share);
  },
  judged: ({ id, judged }) => settle(id, { judged }),
  failed({ id, of, code, text }) {
    // For these the page has words; others are for whoever mends them.
    if (code === "bug" || !(code in words.errors)) console.warn(`ceralacca: ${code}: ${text}`);
    if (of === "trust") heard({ ...NOTHING, refused: text });
    else settle(id, { failed: { code, text } });
  },
};

/** The browser lets this script name no other worker (Trusted Types in the page's policy). */
function startWorker() {
  const rules = { createScriptURL: (url) => url };
  const policy = globalThis.trustedTypes?.createPolicy("ceralacca-worker", rules) ?? rules;
  return new Worker(policy.createScriptURL("worker.js"), { type: "module" });
}

/** Files were chosen or dropped: messages, or what trust rests on. */
async function take(files) {
  const messages = [];
  const certificates = [];
  for (const file of files) {
    const kind = await kindOf(file).catch(() => undefined);
    if (kind === "certificates") certificates.push(file);
    else if (kind) await ACTS.hold(kind, [file]);
    else messages.push(file);
  }
  if (certificates.length > 0) refuse("roots", certificates.map(({ name }) => () => words.trust.whose(name)));
  if (messages.length === 0) return;
  const fresh = messages.map((file) => ({ file }));
  entries = [...entries, ...fresh];
  // One is read at once; of several people choose.
  if (entries.length === 1) fresh[0].open = true;
  showList();
  await inTurn(ask);
}

/** Has those judged that the worker does not know of. */
function ask() {
  for (const entry of entries) {
    if (entry.id) continue;
    entry.id = next++;
    if (isLost) settle(entry.id, { failed: LOST });
    else tell({ do: "judge", id: entry.id, file: entry.file });
  }
}

async function hold(kind, files) {
  const lost = [() => words.trust.refused(words.errors.lost)];
  if (isLost) return refuse(kind, lost);
  const before = trust.holdings[kind];
  const inForce = kind === "directory" && directory?.domains;
  troubles[kind] = [];
  for (const file of files) {
    const taken = await trust.add(kind, file).catch(() => undefined);
    if (taken) announce(words.trust.added(words.trust.kinds[kind].title, file.name));
    else troubles[kind].push(() => (taken === false ? words.trust.nothing[kind](file.name) : words.errors.unread));
  }
  // Nothing has changed for messages where nothing was taken.
  if (troubles[kind].length === files.length) return showTrust();
  const said = await trusted();
  if (isLost || (inForce && said.refused)) {
    // The one before stays, here as everywhere.
    trust.holdings[kind] = before;
    announce("");
    refuse(kind, isLost ? lost : [() => words.trust.refused(said.refused)]);
    return judgeAnew();
  }
  // Kept before it is shown, and judged by: whoever leaves the page then has lost nothing.
  await trust.save(kind);
  await trust.keep(said.fresh);
  conclude(said);
}

/** Says why things were not taken, where others of the kind are. */
function refuse(kind, why) {
  troubles[kind] = why;
  showTrust();
}

async function remove(kind) {
  troubles[kind] = [];
  await trust.remove(kind);
  announce(words.trust.removed(words.trust.kinds[kind].title));
  const judged = judgeAnew();
  $(`#trust-${kind}`)?.focus();
  await judged;
}

/** Trust has changed: so may every verdict. */
const judgeAnew = async () => conclude(await trusted());

/** What the worker says of what trust rests on now. Until then there are no verdicts. */
async function trusted() {
  forget();
  for (const entry of entries) {
    if (entry.judged) release(entry.judged);
    // Without its number late answers to the old question are strangers.
    entry.judged = entry.failed = entry.id = undefined;
  }
  showList();
  showTrust();
  if (isLost) return NOTHING;
  const answer = new Promise((resolve) => (heard = resolve));
  tell(trust.message());
  return answer;
}

/** Shows it, and judges by it. */
function conclude(said) {
  directory = said;
  showTrust();
  ask();
}

/** The worker need not judge what it knows of. */
const forget = () => tell({ do: "forget", before: next });

function settle(id, result) {
  const entry = entries.find((entry) => entry.id === id);
  if (!entry) return;
  Object.assign(entry, result);
  entry.item.replaceChildren(...shown(entry));
  if (entries.some((entry) => !entry.judged && !entry.failed)) return;
  $("#progress").hidden = true;
  if (isLost) announce(words.errors.lost);
  else if (entries.length === 1) announce(entry.item.querySelector("h3").textContent, false);
  else announce(tally());
}

function tally() {
  const of = (verdict) => entries.filter((e) => (e.failed ? "failed" : e.judged.verdict) === verdict).length;
  const counts = Object.entries(words.tallied).flatMap(([verdict, say]) => of(verdict) ? [say(of(verdict))] : []);
  return words.tally(entries.length, counts);
}

function showList() {
  $("#results").hidden = entries.length === 0;
  document.body.classList.toggle("judging", entries.length > 0);
  for (const entry of entries) {
    entry.item ??= el("li");
    entry.item.replaceChildren(...shown(entry));
  }
  $("#results ol").replaceChildren(...entries.map((entry) => entry.item));
}

function shown(entry) {
  const { file, judged, failed } = entry;
  if (failed) return [failure(file.name, failed)];
  if (!judged) return [waiting(file.name)];
  const details = message(file.name, judged, missing(), entry.open);
  details.addEventListener("toggle", () => (entry.open = details.open));
  return [details];
}

/** What trust lacks for a proof. */
function missing() {
  const { roots } = trust.holdings;
  return [...(directory?.domains ? [] : ["directory"]), ...(roots.length ? [] : ["roots"])];
}

function showProgress({ file }, share) {
  const bar = $("#progress progress");
  $("#progress").hidden = false;
  const percent = Math.floor((share ?? 1) * 100);
  $("#progress-what").textContent = share === undefined ? words.judging(file.name) : words.reading(file.name, percent);
  if (share === undefined) bar.removeAttribute("value");
  else bar.value = share;
}

/** Complaints about what was brought, by kind. */
function said() {
  const all = Object.fromEntries(Object.entries(troubles).map(([kind, list]) => [kind, list.map((say) => say())]));
  if (directory?.refused) all.directory = [words.trust.refused(directory.refused), ...(all.directory ?? [])];
  return { directory, complaints: all };
}

/** What people do with it. */
const ACTS = {
  hold: (kind, files) => alter(() => hold(kind, files)),
  remove: (kind) => alter(() => remove(kind)),
};

function showTrust() {
  $("#trust").hidden = false;
  const list = $("#trust .holdings");
  const focused = list.contains(document.activeElement) && document.activeElement.id;
  list.replaceChildren(...holdings(trust, said(), ACTS));
  // Whoever uses the keyboard stays where they were.
  if (focused) $(`#${focused}`)?.focus();
  const lacks = missing().map((name) => words.missing[name]);
  $("#unproven").hidden = lacks.length === 0;
  $("#unproven").textContent = lacks.length ? words.trust.unproven(lacks) : "";
}

/** `seen` is false for what stands on the page anyway, for those who hear it. */
function announce(text, seen = true) {
  $("#status").textContent = text;
  $("#status").classList.toggle("unseen", !seen);
}

function speak(tag) {
  choose(tag);
  showList();
  showTrust();
  const settled = entries.length > 0 && entries.every((entry) => entry.judged || entry.failed);
  if (isLost) announce(words.errors.lost);
  else announce(settled && entries.length > 1 ? tally() : "");
}

function listen() {
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => speak(button.dataset.language));
  }
  $("#files").addEventListener("change", ({ target }) => {
    take([...target.files]);
    // The same file may be chosen again.
    target.value = "";
  });
  $("#clear").addEventListener("click", () => {
    entries.forEach(({ judged }) => judged && release(judged));
    entries = [];
    forget();
    $("#progress").hidden = true;
    showList();
    announce("");
    $("#files").focus();
  });
  addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.dataset.drop = words.dropHere;
  });
  addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || delete document.body.dataset.drop);
  addEventListener("drop", (event) => {
    event.preventDefault();
    delete document.body.dataset.drop;
    take([...event.dataTransfer.files]);
  });
  onChange(() => inTurn(refresh));
}

begin();
const restored = inTurn(() => trust.restore());
inTurn(judgeAnew);
listen();
await restored;
$("#not-running").remove();
$("#drop").hidden = isLost;
