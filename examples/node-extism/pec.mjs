// Seals and verifies certified mail: a provider's folder, Node's cryptography, and the plug-in in Extism.
//
//   pec.mjs verify PLUGIN PROVIDER-FOLDER MESSAGE...
//   pec.mjs seal PLUGIN PROVIDER-FOLDER ACCOUNT MESSAGE OUT-FOLDER RECIPIENT...
//
// Exit codes: 0 all hold, or sealed; 1 one does not hold, or is refused; 2 it failed, or wrong use.
import { randomBytes, sign } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import createPlugin from "@extism/extism";
import { read, write } from "./frame.mjs";

const COMMANDS = { verify, seal };
const [command, wasm, folder, ...rest] = process.argv.slice(2);
const text = (name) => readFileSync(join(folder, name), "utf8");
try {
  if (!COMMANDS[command] || rest.length === 0) throw new Error("wrong use: see the top of this file");
  const plugin = await createPlugin({ wasm: [{ data: readFileSync(wasm) }] }, { useWasi: false });
  process.exitCode = (await COMMANDS[command](await provider(plugin), ...rest)) ? 0 : 1;
  await plugin.close();
} catch (error) {
  console.error(`pec.mjs: ${error.message}`);
  process.exitCode = 2;
}

async function verify(converse, ...files) {
  let well = true;
  for (const file of files) {
    const { finding } = await converse("examine", { message: message(file), contents: {} });
    console.log(`${file}: ${sentence(finding)}`);
    well &&= finding.holds || finding.kind.tag === "ordinary";
  }
  return well;
}

function sentence({ kind, holds, issuer, defects, contents }) {
  if (kind.tag === "ordinary") return contents ? "ordinary mail" : "no mail";
  if (holds) return `${kind.tag} of ${issuer.name}: holds`;
  const reasons = defects.map(({ text }) => text).join("; ");
  return `${kind.tag}: does not hold: ${reasons || "not all could be checked"}`;
}

async function seal(converse, account, file, out, ...recipients) {
  const original = message(file);
  const event = { account, addresses: [account], reversePath: account, recipients, message: original };
  const { reply, messages } = await converse("submit", event);
  console.log(`${reply.code} ${reply.status} ${reply.text}`);
  for (const { kind, segments } of messages) {
    const octets = ({ tag, val }) => (tag === "bytes" ? val : original.subarray(val.start, val.start + val.length));
    writeFileSync(join(out, `${kind.tag}.eml`), Buffer.concat(segments.map(octets)));
  }
  return messages.some(({ kind }) => kind.tag === "transport-envelope");
}

/** What leads an event to its outcome, for the provider of the folder. */
async function provider(plugin) {
  const settings = readSettings();
  let records = [];
  const known = (fits) => ({ tag: "providers", val: records.filter(fits).map((record) => record.provider) });
  const answers = {
    "provider-of-domain": (domain) => known((record) => record.managedDomains.includes(domain)),
    "provider-of-certificate": (sha1) => known((record) => record.provider.certificateHashes.includes(sha1)),
    "revocation-data": () => ({ tag: "revocation", val: [] }), // lists could be fetched here
    "verify-signature": () => ({ tag: "declined" }), // the plug-in does it itself
    mailbox: (address) => ({ tag: "mailbox", val: { address, certifiedOnly: false } }),
    sign: (octets) => ({ tag: "signature", val: sign("sha256", octets, text("key.pem")) }),
    scan: () => ({ tag: "scanned", val: { tag: "clean" } }), // a provider has a scanner
    recall: () => ({ tag: "recalled" }),
  };
  const advance = async (name, value) => {
    const { tag, val } = read((await plugin.call(name, write(value))).bytes());
    if (tag === "err") throw new Error(`${val.code}: ${val.text}`);
    const { step, transaction } = val;
    if (step.tag === "done") return step.val;
    return advance("advance", { transaction, answers: step.val.map(({ tag, val }) => answers[tag](val)) });
  };
  const converse = (name, event) => {
    const context = { now: Math.floor(Date.now() / 1000), entropy: randomBytes(32), settings };
    return advance(name, { context, event });
  };
  const { reply, effects } = await converse("load_directory", { content: Buffer.from(text("directory.ldif")) });
  if (reply.code !== 250) throw new Error(`directory.ldif: ${reply.text}`);
  records = effects.find(({ tag }) => tag === "install-directory").val;
  return converse;
}

function readSettings() {
  const setting = (name) => RegExp(`^${name} = "(.+)"$`, "m").exec(text("provider.toml"))[1];
  const blocks = (name) => text(name).matchAll(/-----BEGIN [^-]+-----([^-]+)-----END/g);
  const ders = (name) => [...blocks(name)].map(([, base64]) => Buffer.from(base64, "base64"));
  return {
    providerName: setting("name"),
    mailDomain: setting("mail-domain"),
    serviceAddress: setting("service-address"),
    serviceMailbox: setting("service-mailbox"),
    certificates: ders("certificate.pem"),
    trustAnchors: ders("roots.pem"),
    limits: { maxSize: 30e6, hardSize: 30e6, maxRecipients: 50, maxProduct: 1.5e9 },
    ordinaryMail: { tag: "refuse" },
    revocation: "accept-and-log",
    internalServerServerAcceptance: false,
    englishCopy: false,
    directorySigners: [],
    forbiddenAttachments: [],
    texts: [],
  };
}

/** A message as it travels: with CRLF line ends. */
function message(file) {
  const octets = readFileSync(file);
  return octets.includes("\r\n") ? octets : Buffer.from(octets.toString("latin1").replaceAll("\n", "\r\n"), "latin1");
}
