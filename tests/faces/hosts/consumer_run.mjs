// Runs consumer.ts, compiled. Usage: CONSUMER.js KEY.pem CALLS FIRST LAST
//
// The calls from FIRST to LAST are a recorded submission: its answers are what the store knows.
import { webcrypto } from "node:crypto";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { read, write } from "../../../examples/node-extism/frame.mjs";

const [consumer, pem, calls, first, last] = process.argv.slice(2);
const { send, mistakes } = await import(pathToFileURL(consumer));

const files = (await readdir(calls)).sort().slice(Number(first), Number(last) + 1);
const frames = await Promise.all(files.map(async (f) => read(await readFile(join(calls, f)))));
const [{ context, event }, ...rest] = frames;
const answers = rest.flatMap((frame) => frame.answers);
// Domains are asked for in the order of the recipients.
const providers = answers.filter(({ tag }) => tag === "providers").map(({ val }) => val);
const usage = answers.find(({ tag }) => tag === "usage").val;
const store = { get: async (key) => (key === event.account ? usage : providers.shift()) };

const der = Buffer.from((await readFile(pem, "utf8")).replace(/-----[^-]+-----|\s/g, ""), "base64");
const rsa = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const key = await webcrypto.subtle.importKey("pkcs8", der, rsa, false, ["sign"]);

const { outcome, made } = await send(context, event, key, store);
await writeFile(join(calls, "consumer.answer"), write({ outcome, made, caught: mistakes(context, event) }));
