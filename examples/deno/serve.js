// The worker of examples/worker, unchanged, under Deno or Bun: what a platform gives it (bindings, a
// store) comes from here. Usage: serve.js PROVIDER-FOLDER ACCOUNT
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import process from "node:process";
import worker from "../worker/worker.js";

const [folder, account] = process.argv.slice(2);
if (!account) {
  console.error("usage: serve.js PROVIDER-FOLDER ACCOUNT");
  process.exit(2);
}
const text = (name) => readFileSync(`${folder}/${name}`, "utf8");
const token = randomBytes(16).toString("hex");

// In memory: what is tracked and logged is forgotten at the end. See the README.
const store = new Map([
  [`account:${createHash("sha256").update(`Bearer ${token}`).digest("hex")}`, account],
  ...["certificate.pem", "roots.pem", "directory.ldif"].map((name) => [name, text(name)]),
]);
const env = {
  KEY: text("key.pem"),
  PROVIDER_NAME: /^name = "(.+)"$/m.exec(text("provider.toml"))[1],
  MAIL_DOMAIN: /^mail-domain = "(.+)"$/m.exec(text("provider.toml"))[1],
  STATE: {
    get: async (name) => store.get(name) ?? null,
    put: async (name, value) => void store.set(name, value),
  },
};

const address = { hostname: "127.0.0.1", port: Number(process.env.PORT ?? 8787) };
const fetch = (request) => worker.fetch(request, env);
const { port } = globalThis.Bun
  ? Bun.serve({ ...address, fetch })
  : Deno.serve({ ...address, onListen() {} }, fetch).addr;
console.log(`token of ${account}: ${token}`);
console.log(`Ready on http://${address.hostname}:${port}`);
