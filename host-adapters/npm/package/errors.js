// One class for each way in which a host can be wrong; the mail is never to blame for one.

export class PecError extends Error {
  constructor(code, message, options) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

const coded = (code) =>
  class extends PecError {
    constructor(message, options) {
      super(code, message, options);
    }
  };

export class SettingsError extends coded("settings") {}
export class WrongAnswersError extends coded("wrong-answers") {}
export class FinishedError extends coded("finished") {}
export class EntropyError extends coded("entropy") {}
export class EventError extends coded("event") {}
export class TooLargeError extends coded("too-large") {}

export class BrokenError extends coded("broken") {
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
