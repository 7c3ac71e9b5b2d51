// Where the work is done, so that the page stays alive: reads files, puts them to the plug-in.
// Keeps what trust rests on; knows nothing of the page.

import { drive, examine, loadDirectory, onlooker } from "./ceralacca/web.js";
import { judge } from "./judge.js";

/** What trust rests on, as `trust` messages brought it. */
let trust = { roots: [], lists: [], directory: undefined };

/** Jobs are done one after another, in the order in which they came. */
let queue = Promise.resolve();
/** Messages of lower numbers need not be judged any more. */
let current = 0;
onmessage = ({ data: job }) => {
  if (job.do === "forget") return void (current = job.before);
  queue = queue.then(() => JOBS[job.do](job)).catch((error) => report(job, error));
};

const JOBS = {
  /** Other roots, lists or another directory: files of octets. `memos` is what was to be remembered
   * the last time. */
  async trust({ roots, lists, signers, directory, memos }) {
    trust = { roots, lists, directory: undefined };
    const said = directory ? await load(directory, signers, memos) : { fresh: {} };
    postMessage({ do: "trust", ...said });
  },
  async judge({ id, file }) {
    if (id < current) return;
    if (file.size > MOST) throw new TooLarge();
    const octets = await read(file, (share) => postMessage({ do: "progress", id, share }));
    postMessage({ do: "progress", id });
    const judged = await judge(octets, { examine: examineOne, roots: trust.roots.length });
    postMessage({ do: "judged", id, judged });
  },
};

/** Puts a provider directory in force; it is checked by the plug-in, which remembers how old it is:
 * an older one may not follow. */
async function load(content, signers, memos) {
  const event = loadDirectory(context({ directorySigners: signers }), { content });
  const { effects, reply } = await drive(event, { recall: (key) => memos[key] });
  const of = (tag) => effects.filter((effect) => effect.tag === tag).map(({ val }) => val);
  const [installed] = of("install-directory");
  if (!installed) return { refused: reply.text, fresh: {} };
  const directory = { domains: new Map(), certificates: new Map() };
  const file = (table, key, provider) => {
    const records = table.get(key.toLowerCase()) ?? [];
    table.set(key.toLowerCase(), [...records, provider]);
  };
  for (const { provider, managedDomains } of installed) {
    managedDomains.forEach((domain) => file(directory.domains, domain, provider));
    provider.certificateHashes.forEach((sha1) => file(directory.certificates, sha1, provider));
  }
  trust.directory = directory;
  const fresh = Object.fromEntries(of("remember").map(({ key, value }) => [key, value]));
  return { providers: installed.length, domains: directory.domains.size, fresh };
}

async function examineOne(message) {
  const transaction = examine(context({ trustAnchors: trust.roots }), { message, contents: {} });
  const asked = (table, key) => {
    if (!trust.directory) throw new Error("no provider directory was given");
    return trust.directory[table].get(key.toLowerCase()) ?? [];
  };
  const { finding } = await drive(transaction, {
    providerOfDomain: (domain) => asked("domains", domain),
    providerOfCertificate: (sha1) => asked("certificates", sha1),
    // The plug-in knows whose they are.
    revocationData: () => trust.lists,
  });
  return finding;
}

/** What trust rests on, and nothing else. */
function context(rests) {
  const settings = { ...onlooker([]), ...rests };
  // Nothing is made here that an identifier could belong to.
  return { now: Math.floor(Date.now() / 1000), entropy: new Uint8Array(0), settings };
}

async function read(file, progress) {
  const octets = new Uint8Array(file.size);
  const reader = file.stream().getReader();
  for (let at = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return octets;
    octets.set(value, at);
    at += value.length;
    progress(at / file.size);
  }
}

function report(job, error) {
  const code = error.code ?? (error instanceof DOMException ? "unread" : "bug");
  postMessage({ do: "failed", id: job.id, of: job.do, code, text: String(error.message ?? error) });
}

class TooLarge extends Error {
  code = "too-large";
}

/** As much as `ceralacca verify` takes, and more than any provider. The plug-in would take 256 MiB. */
const MOST = 120_000_000;

postMessage({ do: "ready" });
