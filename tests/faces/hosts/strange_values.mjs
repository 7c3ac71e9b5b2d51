// What hosts hand over to the npm package and did not mean to. Usage: PACKAGE CALLS FIRST LAST
//
// Each mistake is refused by name while another transaction stands, which then goes on: the calls from
// FIRST to LAST are a recorded submission, made again beside every mistake. Its outcomes are the answer.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import vm from "node:vm";
import { write } from "../../../examples/node-extism/frame.mjs";
import { calls } from "./recorded.mjs";

const [entry, folder, first, last] = process.argv.slice(2);
const { submit, checkSettings, audit, Transaction, EventError, WrongAnswersError, TooLargeError } = await import(
  pathToFileURL(entry)
);
const [{ context, event }, ...rest] = await calls(folder, first, last);

/** To be refused: as an event, and as the answer to a question. */
const NO_DATA = {
  "octets whose memory was transferred": () => {
    const octets = new Uint8Array(event.message);
    structuredClone(octets.buffer, { transfer: [octets.buffer] });
    return octets;
  },
  "a revoked proxy": () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  "a revoked proxy of a list": () => {
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    return proxy;
  },
  "a proxy of octets": () => new Proxy(new Uint8Array(event.message), {}),
  "a list that says no length": () => listOf(Symbol("many")),
  "a list of a negative length": () => listOf(-1),
  "a list that will not say its length": () => new Proxy([], { get: () => { throw new Error("no"); } }),
  "an object that will not say its fields": () => new Proxy({}, { ownKeys: () => { throw new Error("no"); } }),
  "an error that says too much": () => unreadable("x".repeat(1e8)),
  "an error that cannot be read": () => unreadable(new Proxy({}, { get: () => { throw new Error("no"); } })),
  "4,000,000,000 items": () => new Array(4e9),
  "2,100,000 items": () => new Array(2.1e6).fill(1),
  "2,100,000 fields": () => Object.fromEntries(Array.from({ length: 2.1e6 }, (_, n) => [n, undefined])),
  "many items in all": () => new Array(2e3).fill(new Array(2e3).fill(1)),
  "800 MB of numbers": () => new Float64Array(1e8),
  "octets that are clamped": () => new Uint8ClampedArray(event.message),
  "memory, not a view of it": () => new Uint8Array(event.message).buffer,
  "a view of no type": () => new DataView(new Uint8Array(event.message).buffer),
  "a symbol": () => Symbol("octets"),
  "a function": () => () => event.message,
};
const TOO_LARGE = { "300 MB of text": () => "x".repeat(3e8) };

const listOf = (length) => new Proxy([], { get: (list, name) => (name === "length" ? length : list[name]) });
const unreadable = (thrown) => Object.defineProperty({}, "x", { enumerable: true, get: () => { throw thrown; } });

const outcomes = [];

/** A transaction stands while this is done, and ends as if nothing had been. */
function beside(deed) {
  const bystander = submit(context, event);
  let step = bystander.advance([]);
  deed(bystander);
  for (const { answers } of rest) step = bystander.advance(answers);
  outcomes.push(step.val);
}

function refused(what, kind, call) {
  assert.throws(call, (error) => error.constructor === kind, what);
}

for (const [table, asEvent, asAnswer] of [
  [NO_DATA, EventError, WrongAnswersError],
  [TOO_LARGE, TooLargeError, TooLargeError],
]) {
  for (const [what, make] of Object.entries(table)) {
    const value = make();
    beside((bystander) => {
      refused(what, asEvent, () => submit(context, { ...event, message: value }));
      refused(what, asEvent, () => submit({ ...context, settings: value }, event));
      refused(what, asEvent, () => audit(value, {}));
      refused(what, asAnswer, () => bystander.advance([{ tag: "signature", val: value }]));
      refused(what, asAnswer, () => bystander.advance(value));
    });
  }
}

// How many octets text has is known late where it is not ASCII.
beside(() => refused("270 MB of text", TooLargeError, () => submit(context, { ...event, message: "€".repeat(9e7) })));

// Who calls the plug-in while it reads is refused, and so is what was read unless that goes well.
const entering = (call) => Object.defineProperty({ ...event }, "message", { enumerable: true, get: call });
const enteringAnswer = (call) => [Object.defineProperty({ tag: "usage" }, "val", { enumerable: true, get: call })];
const inside = {
  advance: [WrongAnswersError, (bystander) => bystander.advance([])],
  submit: [EventError, () => submit(context, event)],
  checkSettings: [EventError, () => checkSettings(context.settings)],
};
for (const [what, [kind, call]] of Object.entries(inside)) {
  beside((bystander) => {
    refused(what, EventError, () => submit(context, entering(() => call(bystander))));
    refused(what, WrongAnswersError, () => bystander.advance(enteringAnswer(() => call(bystander))));
  });
  beside((bystander) => {
    const caught = entering(() => {
      refused(what, kind, () => call(bystander));
      return event.message;
    });
    const patient = submit(context, caught);
    patient.advance([]);
    for (const { answers } of rest.slice(0, -1)) patient.advance(answers);
    outcomes.push(patient.advance(rest.at(-1).answers).val);
  });
}

// Nobody else makes transactions.
for (const begin of [undefined, () => { throw new Error("no"); }, {}]) {
  beside(() => refused("new Transaction", TypeError, () => new Transaction(begin)));
}
beside(() => refused("a method of nothing", TypeError, () => Transaction.prototype.advance.call({}, [])));

// No mistakes: values of another realm, and octets that call themselves something else.
const other = vm.createContext({});
const foreign = (value) => {
  if (value instanceof Uint8Array) return vm.runInContext("(octets) => Uint8Array.from(octets)", other)(value);
  if (Array.isArray(value)) return vm.runInContext("Array", other).from(value, foreign);
  if (typeof value !== "object") return value;
  const fields = Object.entries(value).map(([name, field]) => [name, foreign(field)]);
  return vm.runInContext("Object", other).fromEntries(fields);
};
const named = Object.defineProperty(new Uint8Array(event.message), "length", { value: 3 });
for (const [{ context: own, event: given }, ...answered] of [
  foreign([{ context, event }, ...rest]),
  [{ context, event: { ...event, message: named } }, ...rest],
  [{ context, event: { ...event, message: Buffer.from(event.message) } }, ...rest],
]) {
  const transaction = submit(own, given);
  let step = transaction.advance([]);
  for (const { answers } of answered) step = transaction.advance(answers);
  outcomes.push(step.val);
}

await writeFile(join(folder, "strange.answer"), write({ outcomes }));
