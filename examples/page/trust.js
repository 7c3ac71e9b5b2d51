// What trust rests on: the provider directory, roots, who signs the directory, revocation lists.
// Whoever looks at the page brings them; the browser remembers them.

import { base64 } from "./content.js";
import { ascii, startsWith } from "./reading.js";
import { enrich, remember, remembered } from "./store.js";

/** Which holdings there are. */
export const KINDS = ["directory", "roots", "signers", "lists"];

/** PEM labels of what each holds; the directory is taken as it is. */
const LABELS = {
  roots: ["CERTIFICATE", "TRUSTED CERTIFICATE"],
  signers: ["CERTIFICATE", "TRUSTED CERTIFICATE"],
  lists: ["X509 CRL"],
};

/** Of each kind files: their name, their items (octets), and when they were brought (milliseconds). */
export class Trust {
  holdings = Object.fromEntries(KINDS.map((kind) => [kind, []]));
  /** What the plug-in wants to have remembered of directories, by key. */
  memos = {};
  /** False where the browser keeps no data. */
  lasts = true;
  /** What is held only for now. */
  #unsaved = new Set();

  /** Takes what is remembered, but for what could not be. True if that is something else than what was
   * held: another tab's. */
  async restore() {
    const held = this.#outline();
    await this.#lasting(async () => {
      const found = await remembered();
      for (const kind of KINDS) if (!this.#unsaved.has(kind)) this.holdings[kind] = found[kind] ?? [];
      if (!this.#unsaved.has("memos")) this.memos = found.memos ?? {};
    });
    return this.#outline() !== held;
  }

  /** What holdings there are, without their octets. */
  #outline() {
    const files = KINDS.map((kind) => this.holdings[kind].map(({ name, at }) => [name, at]));
    return JSON.stringify([files, this.memos]);
  }

  /** Takes a file in, until {@link save} only for now; a new directory replaces the old one. False if
   * nothing of the kind is in it. */
  async add(kind, file) {
    const octets = new Uint8Array(await file.arrayBuffer());
    const items = kind === "directory" ? [octets] : derOf(octets, LABELS[kind]);
    if (items.length === 0) return false;
    const others = kind === "directory" ? [] : this.holdings[kind].filter(({ name }) => name !== file.name);
    this.holdings[kind] = [...others, { name: file.name, items, at: Date.now() }];
    return true;
  }

  async save(kind) {
    const files = this.holdings[kind];
    await this.#saving(kind, () => remember(kind, files.length ? files : undefined));
  }

  async remove(kind) {
    this.holdings[kind] = [];
    await this.save(kind);
    if (kind !== "signers") return;
    // Whose directory was the newest no longer matters.
    this.memos = {};
    await this.#saving("memos", () => remember("memos", undefined));
  }

  /** Keeps what is new of what the plug-in wants to have remembered. */
  async keep(fresh) {
    this.memos = { ...this.memos, ...fresh };
    if (Object.keys(fresh).length > 0) await this.#saving("memos", () => enrich("memos", fresh));
  }

  /** As the worker wants it. */
  message() {
    const items = (kind) => this.holdings[kind].flatMap((file) => file.items);
    return {
      do: "trust",
      roots: items("roots"),
      signers: items("signers"),
      lists: items("lists"),
      directory: items("directory")[0],
      memos: this.memos,
    };
  }

  async #saving(name, act) {
    this.#unsaved.add(name);
    await this.#lasting(async () => {
      await act();
      this.#unsaved.delete(name);
    });
  }

  async #lasting(act) {
    try {
      await act();
    } catch {
      this.lasts = false;
    }
  }
}

/** Of which kind a file is that was dropped; undefined: a message, or something to be told about. What
 * certificates are for, nobody can tell from them: `certificates`. */
export async function kindOf(file) {
  if (/\.ldif(\.p7m)?$/i.test(file.name)) return "directory";
  if (/\.crl$/i.test(file.name)) return "lists";
  const head = latin1(new Uint8Array(await file.slice(0, 4096).arrayBuffer()));
  if (/^(version: *1\r?\n|#.*\r?\n|\r?\n)*dn:/.test(head)) return "directory";
  const certificates = /\.(cer|crt|der|pem)$/i.test(file.name);
  // `openssl x509 -text` writes words above.
  const begins = (label) => head.startsWith(label) || (certificates && head.includes(label));
  if (begins("-----BEGIN X509 CRL-----")) return "lists";
  if (begins("-----BEGIN CERTIFICATE-----") || begins("-----BEGIN TRUSTED CERTIFICATE-----")) return "certificates";
  return certificates && head.startsWith("0\x82") ? "certificates" : undefined;
}

/** The items of a file, PEM or DER. Whether they are what they should be, the plug-in sees. */
function derOf(octets, labels) {
  // DER begins with a SEQUENCE, which is no PEM text.
  if (octets[0] === 0x30) return [octets];
  const blocks = latin1(octets).matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g);
  return Array.from(blocks)
    .filter(([, label]) => labels.includes(label))
    .map(([, , body]) => base64(Uint8Array.from(ascii(body))))
    .filter((der) => startsWith(der, [0x30]));
}

const latin1 = (octets) => new TextDecoder("latin1").decode(octets);
