// The plug-in as people import it: errors become classes, a trap costs one transaction.
import * as glue from "./wasm/ceralacca.js";
import { BrokenError, errorOf } from "./errors.js";

export * from "./drive.js";
export * from "./errors.js";

/** How often the module had to be started anew. */
let generation = 0;

export class Transaction {
  #inner;
  #generation = generation;

  /** For the functions below. */
  constructor(begin) {
    this.#inner = guarded(begin);
  }

  advance(answers) {
    if (this.#generation !== generation) throw new BrokenError();
    return guarded(() => this.#inner.advance(answers));
  }
}

const beginning = (name) => (context, event) =>
  new Transaction(() => glue[name](context, event));

export const submit = beginning("submit");
export const arrive = beginning("arrive");
export const finishDeposit = beginning("finishDeposit");
export const failRelay = beginning("failRelay");
export const passTime = beginning("passTime");
export const loadDirectory = beginning("loadDirectory");
export const composeRecord = beginning("composeRecord");
export const examine = beginning("examine");

export const checkSettings = (settings) => guarded(() => glue.checkSettings(settings));
export const audit = (now, dossier) => guarded(() => glue.audit(now, dossier));
export const onlooker = (trustAnchors) => ({ ...guarded(() => glue.onlooker()), trustAnchors });

function guarded(call) {
  try {
    return call();
  } catch (thrown) {
    if (typeof thrown?.code === "string" && !(thrown instanceof Error)) throw errorOf(thrown);
    // A trap, or a stack that overflowed: what the instance holds is worth nothing now.
    glue.__wbg_reset_state();
    generation += 1;
    throw new BrokenError({ cause: thrown });
  }
}
