// Runs consumer.ts, compiled. Usage: CONSUMER.js KEY.pem CALLS FIRST LAST
//
// The calls from FIRST to LAST are a recorded submission.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { write } from "../../../examples/node-extism/frame.mjs";
import { calls, signingKey, submission } from "./recorded.mjs";

const [consumer, pem, folder, first, last] = process.argv.slice(2);
const { send, mistakes } = await import(pathToFileURL(consumer));

const { context, event, usage, nextProviders } = submission(await calls(folder, first, last));
const store = { get: async (key) => (key === event.account ? usage : nextProviders()) };
const { outcome, made } = await send(context, event, await signingKey(pem), store);
await writeFile(join(folder, "consumer.answer"), write({ outcome, made, caught: mistakes(context, event) }));
