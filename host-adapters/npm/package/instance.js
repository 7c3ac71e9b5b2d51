// The module's one instance, and what becomes of it.
import load, * as glue from "./wasm/ceralacca.js";
import { BrokenError, errorOf } from "./errors.js";

/** Told by those who have the module, or its octets; they may say it twice. */
export function start(module) {
  if (state !== "missing") return;
  glue.initSync({ module });
  state = "idle";
}

/** Told by those who know where it is. */
export async function fetched(url) {
  await load({ module_or_path: url });
  state = "idle";
}

/** The number of the instance: what belongs to an earlier one is lost. */
export let generation = 0;

/** Busy is what getters of the host's find that call the plug-in while it reads. */
let state = "missing";

/** Calls the module. `Refusal` is what a call is refused with that comes inside another. */
export function guarded(call, Refusal) {
  if (state === "missing") throw new TypeError("the module is not there yet: give it to init");
  if (state === "busy") throw new Refusal("the plug-in was called by what it was reading for another call");
  const broken = state === "broken";
  state = "busy";
  try {
    if (broken) glue.__wbg_reset_state();
    const value = call(glue);
    state = "idle";
    return value;
  } catch (thrown) {
    // The module throws these itself; of the host's errors it makes them.
    if (typeof thrown?.code === "string" && !(thrown instanceof Error)) {
      state = "idle";
      throw errorOf(thrown);
    }
    // A trap, a stack that overflowed, no memory: what the instance holds is worth nothing now. The
    // next call starts it anew, when the stack is short again.
    state = "broken";
    generation += 1;
    throw new BrokenError({ cause: thrown });
  }
}
