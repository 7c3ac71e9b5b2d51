// Runs the package's README as somebody who pastes it. Usage: README PROVIDER-FOLDER CALLS DIRECTORY EXAMINATION SUBMISSION
//
// The other three are numbers of calls: a directory, an envelope to examine, something to submit. What the
// README takes as given is global; it is the day of the story.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { write } from "../../../examples/node-extism/frame.mjs";
import { calls, signingKey } from "./recorded.mjs";

const [readme, provider, folder, ...numbers] = process.argv.slice(2);
const [update, examination, submitted] = await Promise.all(
  numbers.map(async (number) => (await calls(folder, number, number))[0]),
);
const { now, settings } = examination.context;
Date.now = () => now * 1000;

const { account, recipients, message: letter } = submitted.event;
const stored = { [`sent-today:${account}`]: "3" };
for (const address of [account, ...recipients]) {
  stored[`mailbox:${address}`] = JSON.stringify({ address, certifiedOnly: false });
}
Object.assign(globalThis, {
  message: examination.event.message,
  ldif: update.event.content,
  roots: settings.trustAnchors,
  certificate: submitted.context.settings.certificates[0],
  key: await signingKey(join(provider, "key.pem")),
  kv: {
    get: async (name, as) => (as === "json" ? JSON.parse(stored[name] ?? "null") : (stored[name] ?? null)),
  },
  account,
  recipients,
  letter,
});
const blocks = [...(await readFile(readme, "utf8")).matchAll(/^```js\n(.*?)^```$/gms)];
const found = "export { finding, submission, outcome, messages }; export const sealing = context(provider);";
const file = join(folder, "../pasted.mjs");
// Each time the same octets of chance, so that the core can be given them too.
crypto.getRandomValues = (octets) => octets.fill(7);
await writeFile(file, [...blocks.map(([, code]) => code), found].join("\n"));
const { finding, sealing, submission, outcome, messages } = await import(pathToFileURL(file));

const { kind, holds, issuer, data } = finding;
await writeFile(
  join(folder, "readme.answer"),
  write({ finding: { kind, holds, issuer, data }, context: sealing, event: submission, outcome, made: messages }),
);
