// Seals and verifies certified mail: a provider's folder, Node's cryptography, and the plug-in in Extism.
//
//   pec.mjs verify PLUGIN PROVIDER-FOLDER MESSAGE...
//   pec.mjs seal PLUGIN PROVIDER-FOLDER ACCOUNT MESSAGE OUT-FOLDER RECIPIENT...
//
// Exit codes: 0 all hold, or sealed; 1 one does not hold, or is refused; 2 it failed, or wrong use.
import { X509Certificate, createPrivateKey, randomBytes, sign } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import createPlugin from "@extism/extism";
import { read, write } from "./frame.mjs";

// What the plug-in takes at a time, less some room for all that is not the message.
const LARGEST = 250_000_000;

/** A provider as its folder describes it, and the answers that it has. */
class Provider {
  constructor(plugin, folder) {
    const text = (name) => readFileSync(join(folder, name), "utf8");
    const setting = (name) => RegExp(`^${name} = "(.+)"$`, "m").exec(text("provider.toml"))[1];
    this.plugin = plugin;
    this.key = createPrivateKey(text("key.pem"));
    this.records = [];
    this.settings = {
      providerName: setting("name"),
      mailDomain: setting("mail-domain"),
      serviceAddress: setting("service-address"),
      serviceMailbox: setting("service-mailbox"),
      certificates: ders(text("certificate.pem")),
      trustAnchors: ders(text("roots.pem")),
      directorySigners: [],
      limits: { maxSize: 30e6, hardSize: 30e6, maxRecipients: 50, maxProduct: 1.5e9 },
      ordinaryMail: { tag: "refuse" },
      revocation: "accept-and-log",
      forbiddenAttachments: [],
      internalServerServerAcceptance: false,
      englishCopy: true,
      texts: [],
    };
  }

  /** From an event to its outcome. */
  async converse(name, event) {
    const now = Math.floor(Date.now() / 1000);
    const context = { now, entropy: randomBytes(32), settings: this.settings };
    let { step, transaction } = await this.call(name, { context, event });
    while (step.tag === "ask") {
      const answers = step.val.map((question) => this.answer(question));
      ({ step } = await this.call("advance", { transaction, answers }));
    }
    return step.val;
  }

  async call(name, value) {
    const { tag, val } = read((await this.plugin.call(name, write(value))).bytes());
    if (tag === "err") throw new Error(`${val.code}: ${val.text}`);
    return val;
  }

  answer({ tag, val }) {
    const known = (fits) => ({ tag: "providers", val: this.records.filter(fits).map((r) => r.provider) });
    switch (tag) {
      case "provider-of-domain":
        return known((record) => record.managedDomains.includes(val));
      case "provider-of-certificate":
        return known((record) => record.provider.certificateHashes.includes(val));
      case "sign":
        return { tag: "signature", val: sign("sha256", val, this.key) };
      case "mailbox":
        return { tag: "mailbox", val: { address: val, certifiedOnly: false } };
      case "scan":
        return { tag: "scanned", val: { tag: "clean" } }; // a provider has a scanner
      case "recall":
        return { tag: "recalled" };
      case "verify-signature":
        return { tag: "declined" }; // the plug-in does it itself
      case "revocation-data":
        return { tag: "revocation", val: [] }; // lists could be fetched here
      default:
        return { tag: "unavailable", val: `this program does not answer ${tag}` };
    }
  }
}

const COMMANDS = {
  async verify(provider, files) {
    let well = true;
    for (const file of files) {
      const { finding, reply } = await provider.converse("examine", { message: message(file), contents: {} });
      if (!finding) throw new Error(`${file}: ${reply.text}`);
      const { kind, holds, issuer, defects, contents } = finding;
      const certified = kind.tag !== "ordinary";
      const reasons = defects.map(({ text }) => text).join("; ") || "not all could be checked";
      const verdict = holds ? ` of ${issuer.name}: holds` : `: does not hold: ${reasons}`;
      console.log(`${file}: ${certified ? `${kind.tag}${verdict}` : contents ? "ordinary mail" : "no mail"}`);
      well &&= holds || !certified;
    }
    return well;
  },

  async seal(provider, [account, file, out, ...recipients]) {
    const original = message(file);
    const event = { account, addresses: [account], reversePath: account, recipients, message: original };
    const { reply, messages } = await provider.converse("submit", event);
    console.log(`${reply.code} ${reply.status} ${reply.text}`);
    for (const { kind, segments } of messages) {
      const pieces = segments.map(({ tag, val }) =>
        tag === "bytes" ? val : original.subarray(val.start, val.start + val.length),
      );
      writeFileSync(join(out, `${kind.tag}.eml`), Buffer.concat(pieces));
    }
    return reply.code === 250;
  },
};

/** A message as it travels: with CRLF line ends. */
function message(file) {
  const octets = readFileSync(file);
  if (octets.length > LARGEST) throw new Error(`${file}: at most ${LARGEST} octets are taken`);
  return octets.includes("\r\n") ? octets : Buffer.from(octets.toString("latin1").replaceAll("\n", "\r\n"), "latin1");
}

function ders(pem) {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  return blocks.map((block) => new X509Certificate(block).raw);
}

const [command, wasm, folder, ...rest] = process.argv.slice(2);
if (!COMMANDS[command] || rest.length === 0) {
  console.error("usage: pec.mjs verify|seal PLUGIN PROVIDER-FOLDER ...: see the top of this file");
  process.exit(2);
}
try {
  const plugin = await createPlugin({ wasm: [{ data: readFileSync(wasm) }] }, { useWasi: false });
  const provider = new Provider(plugin, folder);
  const content = readFileSync(join(folder, "directory.ldif"));
  const { reply, effects } = await provider.converse("load_directory", { content });
  if (reply.code !== 250) throw new Error(`directory.ldif: ${reply.text}`);
  provider.records = effects.find(({ tag }) => tag === "install-directory").val;
  process.exitCode = (await COMMANDS[command](provider, rest)) ? 0 : 1;
  await plugin.close();
} catch (error) {
  console.error(`pec.mjs: ${error.message}`);
  process.exitCode = 2;
}
