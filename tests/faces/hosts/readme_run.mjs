// Runs the package's README as somebody who pastes it. Usage: README KEY.pem CALLS DIRECTORY EXAMINATION FIRST LAST
//
// The other four are numbers of calls: a directory, an envelope to examine, a submission from FIRST to LAST.
// What the README takes as given is global; what a block has found is exported at its end.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { write } from "../../../examples/node-extism/frame.mjs";
import { calls, signingKey, submission } from "./recorded.mjs";

const [readme, pem, folder, directory, examination, first, last] = process.argv.slice(2);
const blocks = [...(await readFile(readme, "utf8")).matchAll(/^```js\n(.*?)^```$/gms)];
let number = 0;

/** Runs the next block. */
async function paste(given, found) {
  Object.assign(globalThis, given);
  const file = join(folder, `../block-${(number += 1)}.mjs`);
  await writeFile(file, `${blocks.shift()[1]}\nexport { ${found} };\n`);
  return import(pathToFileURL(file));
}

const [{ event: update }] = await calls(folder, directory, directory);
const [{ context, event }] = await calls(folder, examination, examination);
const clock = Date.now;
Date.now = () => context.now * 1000;
const { finding } = await paste(
  { message: event.message, ldif: update.content, roots: context.settings.trustAnchors },
  "finding",
);
Date.now = clock;

const sent = submission(await calls(folder, first, last));
const { outcome, messages } = await paste({
  context: sent.context,
  submission: sent.event,
  key: await signingKey(pem),
  kv: { get: async () => sent.nextProviders() },
  mailbox: (address) => ({ address, certifiedOnly: false }),
  scan: () => ({ tag: "clean" }),
  usage: () => sent.usage,
  recall: () => undefined,
}, "outcome, messages");
if (blocks.length > 0) throw new Error(`nothing runs the block ${blocks[0][1]}`);

const { kind, holds, issuer, data } = finding;
await writeFile(join(folder, "readme.answer"), write({ finding: { kind, holds, issuer, data }, outcome, made: messages }));
