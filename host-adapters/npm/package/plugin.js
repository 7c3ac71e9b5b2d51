// The plug-in as people import it, once it has its module.
import { BrokenError, EventError, FinishedError, WrongAnswersError } from "./errors.js";
import { generation, guarded } from "./instance.js";
import { Transaction as Inner } from "./wasm/ceralacca.js";

export * from "./drive.js";
export * from "./errors.js";
export * from "./lines.js";

export class Transaction {
  #inner;
  #generation = generation;

  /** For the functions below. */
  constructor(inner) {
    if (!(inner instanceof Inner)) throw new TypeError("transactions begin with an event: submit, arrive …");
    this.#inner = inner;
  }

  advance(answers) {
    if (this.#generation !== generation) throw new BrokenError();
    if (!this.#inner) throw new FinishedError("the transaction was given up");
    return guarded(() => this.#inner.advance(answers), WrongAnswersError);
  }

  free() {
    // With its instance its memory is gone as well.
    if (this.#inner && this.#generation === generation) guarded(() => this.#inner.free(), WrongAnswersError);
    this.#inner = undefined;
  }
}

const beginning = (name) => (context, event) =>
  new Transaction(guarded((glue) => glue[name](context, event), EventError));

export const submit = beginning("submit");
export const arrive = beginning("arrive");
export const finishDeposit = beginning("finishDeposit");
export const failRelay = beginning("failRelay");
export const passTime = beginning("passTime");
export const loadDirectory = beginning("loadDirectory");
export const composeRecord = beginning("composeRecord");
export const examine = beginning("examine");

export const checkSettings = (settings) => guarded((glue) => glue.checkSettings(settings), EventError);
export const audit = (now, dossier) => guarded((glue) => glue.audit(now, dossier), EventError);
export const onlooker = (trustAnchors) => ({ ...guarded((glue) => glue.onlooker(), EventError), trustAnchors });
