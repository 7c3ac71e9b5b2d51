// What somebody writes who embeds the npm package: compiled by `tsc --strict`, then run.
import {
  type Answer, type Answers, type Context, type MessageKind, type Outcome, type Provider, type Question,
  type LogFinding, type Settings, type Submission, BrokenError, EntropyError, EventError, FinishedError, PecError,
  SettingsError, TooLargeError, WrongAnswersError, audit, checkSettings, drive, onlooker, splice, submit, withCrlf,
} from "ceralacca";

/** A key-value store as edge runtimes have them. */
export interface Store {
  get(key: string): Promise<unknown>;
}

/** Submits a message; WebCrypto signs, a server knows the providers, a store the rest. */
export async function send(
  context: Context,
  event: Submission,
  key: CryptoKey,
  directory: string,
  store: Store,
): Promise<{ outcome: Outcome; made: Uint8Array[] }> {
  const unanswered: Question[] = [];
  const answers: Answers = {
    sign: async (octets) => new Uint8Array(await crypto.subtle.sign("RSASSA-PKCS1-v1_5", key, octets)),
    providerOfDomain: async (domain) => (await (await fetch(`${directory}${domain}`)).json()) as Provider[],
    mailbox: (address) => ({ address, certifiedOnly: false }),
    scan: () => ({ tag: "clean" }),
    recall: () => undefined,
    usage: async ({ account }) => Number(await store.get(account)),
    unavailable: (question) => unanswered.push(question),
  };
  const message = withCrlf(event.message);
  const outcome = await drive(submit(context, { ...event, message }), answers);
  if (unanswered.length > 0) throw new Error(`nobody answered ${unanswered[0]?.tag}`);
  return { outcome, made: outcome.messages.map((made) => splice(made, message)) };
}

/** The class that an error has by its code. */
function classOf({ code }: PecError) {
  switch (code) {
    case "settings": return SettingsError;
    case "wrong-answers": return WrongAnswersError;
    case "finished": return FinishedError;
    case "entropy": return EntropyError;
    case "event": return EventError;
    case "too-large": return TooLargeError;
    case "broken": return BrokenError;
    default: return PecError;
  }
}

/** Errors are told apart by class and by code. */
export function mistakes(context: Context, event: Submission): string[] {
  const caught: string[] = [];
  const attempt = (call: () => unknown) => {
    try {
      call();
    } catch (error) {
      if (!(error instanceof PecError && error instanceof classOf(error))) throw error;
      caught.push(`${error.name} ${error.code}`);
    }
  };
  attempt(() => checkSettings({ ...context.settings, mailDomain: "" }));
  attempt(() => submit({ ...context, entropy: new Uint8Array(31) }, event).advance([]));
  // @ts-expect-error A submission has a message.
  attempt(() => submit(context, { ...event, message: undefined }));
  // @ts-expect-error Nor has it fields of other names.
  attempt(() => submit(context, { ...event, surplus: true }));
  const endless: { again?: unknown } = {};
  endless.again = endless;
  attempt(() => submit(context, endless as unknown as Submission));
  const standing = submit(context, event);
  const asked = standing.advance([]);
  const unreadable = (thrown: unknown) => Object.defineProperty({}, "tag", { enumerable: true, get: () => { throw thrown; } });
  attempt(() => submit(context, { ...event, source: unreadable(new Error("gone")) } as unknown as Submission));
  attempt(() => submit(context, unreadable("gone") as Submission));
  attempt(() => standing.advance([]));
  // @ts-expect-error There is no such answer.
  attempt(() => standing.advance([{ tag: "perhaps" }]));
  attempt(() => standing.advance([{ tag: "usage", val: -1 }]));
  // @ts-expect-error Nor can it be a bigint, least of all a negative one.
  attempt(() => standing.advance([{ tag: "usage", val: -1n }]));
  // @ts-expect-error Functions are no data.
  attempt(() => standing.advance([() => 1]));
  attempt(() => standing.advance([unreadable(new Error("gone")) as Answer]));
  attempt(() => standing.advance([{ tag: "signature", val: new Uint8Array(300_000_000) }]));
  // It stands nevertheless.
  if (asked.tag !== "ask") throw new Error("a submission asks for something");
  standing.advance(asked.val.map(() => ({ tag: "unavailable", val: "closed" })));
  attempt(() => standing.advance([]));
  const large = new Uint8Array(300_000_000);
  attempt(() => submit(context, { ...event, message: large }));
  attempt(() => submit({ ...context, largest: 1 }, event));
  const findings: LogFinding[] = audit(context.now, { pecId: "", entries: [] });
  const abandoned = submit(context, event);
  abandoned.free();
  attempt(() => abandoned.advance([]));
  if (findings.length > 0) throw new Error("nothing happened, and a rule is broken");
  // @ts-expect-error A dossier has rows.
  attempt(() => audit(context.now, { pecId: "" }));
  const settings: Settings = onlooker(context.settings.trustAnchors);
  attempt(() => checkSettings(settings));
  return caught;
}

/** Hosts may throw errors of their own in the same classes. */
export function made(): [string, string, string, boolean][] {
  const options = { cause: "ours" };
  const errors = [
    new PecError("newer", "why", options), new SettingsError("why", options), new WrongAnswersError("why", options),
    new FinishedError("why", options), new EntropyError("why", options), new EventError("why", options),
    new TooLargeError("why", options), new BrokenError(options),
  ];
  // @ts-expect-error Its code is not for others to choose.
  new SettingsError("settings", "why", options);
  return errors.map((error) => [error.name, error.code, error.message, error.cause === "ours" && error instanceof classOf(error)]);
}

/** Unions narrow, and nothing is `any`: each of these lines would compile if it were. */
export function types(outcome: Outcome, error: SettingsError | WrongAnswersError): string {
  // @ts-expect-error
  const number: number = outcome.reply.text;
  // @ts-expect-error
  outcome.finding.holds;
  // @ts-expect-error
  const kind: MessageKind = { tag: "perhaps" };
  if (error.code === "settings") error satisfies SettingsError;
  return outcome.effects
    .map((effect) => (effect.tag === "relay" ? effect.val.recipients.join() : effect.tag))
    .concat(String(number), kind.tag)
    .join();
}
