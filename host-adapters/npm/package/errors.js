// One class for each way in which a host can be wrong; the mail is never to blame for one.

export class PecError extends Error {
  constructor(code, message, options) {
    super(message, options);
    this.code = code;
  }
}
PecError.prototype.name = "PecError";

// The name is written out: those of classes do not survive a minifier.
const coded = (name, code) => {
  class Coded extends PecError {
    constructor(message, options) {
      super(code, message, options);
    }
  }
  Coded.prototype.name = name;
  return Coded;
};

export class SettingsError extends coded("SettingsError", "settings") {}
export class WrongAnswersError extends coded("WrongAnswersError", "wrong-answers") {}
export class FinishedError extends coded("FinishedError", "finished") {}
export class EntropyError extends coded("EntropyError", "entropy") {}
export class EventError extends coded("EventError", "event") {}
export class TooLargeError extends coded("TooLargeError", "too-large") {}

export class BrokenError extends coded("BrokenError", "broken") {
  constructor(options) {
    super("the transaction ended in a trap, or another one did while it stood: begin anew", options);
  }
}

const CLASSES = {
  settings: SettingsError,
  "wrong-answers": WrongAnswersError,
  finished: FinishedError,
  entropy: EntropyError,
  event: EventError,
  "too-large": TooLargeError,
};

/** The error of a refusal. */
export function errorOf({ code, text }) {
  const known = CLASSES[code];
  return known ? new known(text) : new PecError(code, text);
}
