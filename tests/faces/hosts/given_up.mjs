// Transactions that are not led to their end give back their memory. Usage: PACKAGE CALLS FIRST LAST
//
// The runtime tells nobody what the garbage collector has found, as some do not.
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { calls } from "./recorded.mjs";

delete globalThis.FinalizationRegistry;
const [entry, folder, first, last] = process.argv.slice(2);
const url = pathToFileURL(entry);
const { drive, submit, FinishedError, WrongAnswersError } = await import(url);
const { memory } = (await import(new URL("wasm/ceralacca.js", url))).initSync({});
const [{ context, event }] = await calls(folder, first, last);
const long = Buffer.from(`${"x".repeat(74)}\r\n`.repeat(100_000));
const large = { ...event, message: new Uint8Array([...event.message, ...long]) };

/** How many octets the module grows by when this is done again and again. */
async function growth(deed) {
  await deed();
  const before = memory.buffer.byteLength;
  for (let n = 0; n < 20; n += 1) await deed();
  return memory.buffer.byteLength - before;
}

const begun = () => {
  const transaction = submit(context, large);
  transaction.advance([]);
  return transaction;
};

assert.equal(await growth(() => begun().free()), 0, "given up");
const wrong = { mailbox: () => 3, usage: () => -1, providerOfDomain: () => "none" };
assert.equal(
  await growth(() => assert.rejects(drive(submit(context, large), wrong), WrongAnswersError)),
  0,
  "a host's mistake",
);
const kept = [];
assert.ok((await growth(() => kept.push(begun()))) > 20 * long.length, "what stands is kept");

const transaction = begun();
const own = Object.defineProperty({ tag: "usage" }, "val", { enumerable: true, get: () => transaction.free() });
assert.throws(() => transaction.advance([own]), WrongAnswersError);
transaction.free();
transaction.free();
assert.throws(() => transaction.advance([]), FinishedError);

// Who is told that nobody answers may fail as well.
for (const unavailable of [
  () => { throw new Error("no log"); },
  async () => { throw new Error("no log"); },
]) {
  const { reply } = await drive(submit(context, event), { unavailable });
  assert.equal(reply.code, 451);
}
