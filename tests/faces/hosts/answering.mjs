// Answers calls with something that has the functions of wit/transactions.wit, and times them; for every
// runtime of JavaScript.
import { read, write } from "../../../examples/node-extism/frame.mjs";
import { Conversations } from "./conversations.mjs";

/**
 * Makes instances of a module that was compiled beforehand, with a short conversation in each, and leads
 * another several times in the last of them. `fresh` makes an instance, `memory` says how large its memory
 * has become; `ready` makes all that can be made beforehand of a call in the conversation of this number
 * in its instance, and `call` makes the call. `clock` says the time, in milliseconds; what it takes to ask it
 * is taken off.
 */
export async function time({ repeat, first, calls }, { fresh, memory, ready, call, clock = () => performance.now() }) {
  const measured = async (deed) => {
    const start = await clock();
    await deed();
    return ((await clock()) - start) / 1000;
  };
  const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];
  const asking = [];
  while (asking.length < 101) asking.push(await measured(() => {}));
  const asked = median(asking);
  const instantiate = [];
  for (let i = 0; i < 21; i += 1) {
    const begin = ready(first, 1);
    instantiate.push(await measured(async () => (await fresh(), await call(begin))));
  }
  const converse = (number) => {
    const all = calls.map((call) => ready(call, number));
    return measured(async () => {
      for (const one of all) await call(one);
    });
  };
  const seconds = [await converse(2)];
  const peak = memory();
  while (seconds.length < repeat) seconds.push(await converse(seconds.length + 2));
  return { instantiate: median(instantiate) - asked, seconds: median(seconds) - asked, memory: peak };
}

/**
 * What answers one call after the other: a function's name and a frame become a frame. `load` makes an
 * instance, of that many pages of memory at most where it is told; `fault` makes of what a call threw what
 * the frame says; the rest is that of {@link time}, `fresh` and `memory` of the instance they are given.
 */
export async function answering(load, fault, { fresh, memory, clock }) {
  let conversations = new Conversations(await load());
  const answer = async (name, asked) => {
    if (name === "renew") {
      conversations = new Conversations(await load(asked.pages));
      return undefined;
    }
    if (name === "time") {
      return time(asked, {
        fresh: async () => {
          const { plugin } = conversations;
          conversations = new Conversations((await fresh(plugin)) ?? plugin);
        },
        memory: () => memory(conversations.plugin),
        clock,
        ready: ({ function: name, frame }, transaction) => [name, { ...read(frame), transaction }],
        call: ([name, asked]) => conversations.call(name, asked),
      });
    }
    return conversations.call(name, asked);
  };
  return async (name, frame) => {
    const said = await answer(name, read(frame)).then(
      (val) => ({ tag: "ok", val }),
      (thrown) => ({ tag: "err", val: fault(thrown) }),
    );
    return write(said);
  };
}
