// Runs consumer.ts, compiled. Usage: CONSUMER.js KEY.pem DIRECTORY CALLS FIRST LAST
//
// The calls from FIRST to LAST are a recorded submission. DIRECTORY is a file that names the providers of
// each domain; a web server says them.
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { read, write } from "../../../examples/node-extism/frame.mjs";
import { calls, signingKey, submission } from "./recorded.mjs";

const [consumer, pem, directory, folder, first, last] = process.argv.slice(2);
const { send, made: errors, mistakes } = await import(pathToFileURL(consumer));

const { context, event, usage } = submission(await calls(folder, first, last));
const providers = read(await readFile(directory));
const fetched = [];
const server = createServer(({ url }, response) => {
  fetched.push(url.slice(1));
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(providers[url.slice(1)]));
});
await once(server.listen(0, "127.0.0.1"), "listening");
const address = `http://127.0.0.1:${server.address().port}/`;
const store = { get: async () => usage };
const { outcome, made } = await send(context, event, await signingKey(pem), address, store);
server.close();
const caught = mistakes(context, event);
const answer = { outcome, made, fetched: fetched.sort(), caught, errors: errors() };
await writeFile(join(folder, "consumer.answer"), write(answer));
