/**
 * Italian certified e-mail (PEC) as a plug-in: it decides, and does nothing. A host tells it what
 * happened, answers its questions, and carries out what it decides.
 */
import type {
  Answer, Arrival, Context, DepositResult, DirectoryUpdate, Dossier, EnvelopeKey, Examination, Instant,
  LogFinding, Mailbox, Message, Outcome, Provider, Question, RecordRequest, RelayFailure, RevocationQuery,
  ScanVerdict, Settings, SignatureCheck, Step, Submission, Tick, TrackedMessage, UsageQuery,
} from "./types.js";

export type * from "./types.js";

/**
 * A conversation that has begun. Forgetting it abandons it without any effect, but the module keeps its
 * message until the garbage collector has found it, if the runtime tells of that at all: whoever does not
 * lead it to its end calls `free`. The functions below begin transactions, `new` does not.
 */
export declare class Transaction {
  private constructor();
  /**
   * Gives the answers to the last questions (none in the first call) and gets the next questions or
   * the outcome.
   *
   * @throws {WrongAnswersError} The same questions still stand.
   * @throws {TooLargeError} The answers bring more than 256 MiB: the same questions still stand.
   * @throws {PecError} After any other the transaction is over.
   */
  advance(answers: readonly Answer[]): Step;
  /** Gives its memory back now; it is over then. Does nothing where that has been done. */
  free(): void;
}

/** Access point: a user hands in a message. */
export declare function submit(context: Context, event: Submission): Transaction;
/** Incoming point: a message arrives. */
export declare function arrive(context: Context, event: Arrival): Transaction;
/** Delivery point: a deposit that was to be confirmed has ended. */
export declare function finishDeposit(context: Context, event: DepositResult): Transaction;
/** A relay has failed for good. */
export declare function failRelay(context: Context, event: RelayFailure): Transaction;
/** Timers: deadlines have come. */
export declare function passTime(context: Context, event: Tick): Transaction;
/** Provider directory: a new one is to be loaded. */
export declare function loadDirectory(context: Context, event: DirectoryUpdate): Transaction;
/** Provider directory: our own record is to be made, plain and signed. */
export declare function composeRecord(context: Context, event: RecordRequest): Transaction;
/** Judges a message, with no effect. */
export declare function examine(context: Context, event: Examination): Transaction;
/**
 * Tests settings as a host should at its start.
 *
 * @throws {SettingsError} Names the first mistake and the remedy.
 */
export declare function checkSettings(settings: Settings): void;
/**
 * The rules that the log's rows about one PEC id keep among themselves: every one that is broken at
 * `now`. What has a time limit that is not over yet is not broken.
 *
 * @throws {EventError} A field that no host may pass; the message says which.
 */
export declare function audit(now: Instant, dossier: Dossier): LogFinding[];
/** Settings of somebody who is no provider and only examines messages, or reads a directory. */
export declare function onlooker(trustAnchors: Uint8Array[]): Settings;

/**
 * Answers, each a value or a promise of one. What throws, and what is left out, is answered
 * `unavailable`: the transaction then ends with a 4xx reply and no effect. Without `verifySignature`
 * the plug-in checks signatures itself. Each question is described at {@link Question}.
 */
export interface Answers {
  providerOfDomain?(domain: string): Answered<Provider[]>;
  providerOfCertificate?(sha1: string): Answered<Provider[]>;
  revocationData?(query: RevocationQuery): Answered<Uint8Array[]>;
  trackedMessage?(pecId: string): Answered<TrackedMessage | undefined>;
  takenInCharge?(envelope: EnvelopeKey): Answered<string[]>;
  mailbox?(address: string): Answered<Mailbox | undefined>;
  sign?(octets: Uint8Array<ArrayBuffer>): Answered<Uint8Array>;
  verifySignature?(check: SignatureCheck): Answered<boolean>;
  scan?(): Answered<ScanVerdict>;
  recall?(key: string): Answered<Uint8Array | undefined>;
  usage?(query: UsageQuery): Answered<number>;
  /**
   * Told of each question that could not be answered, and why. A promise is waited for; what becomes of
   * it is its own affair.
   */
  unavailable?(question: Question, reason: unknown): unknown;
}

/** Now or later. */
export type Answered<T> = T | Promise<T>;

/** Leads a transaction to its outcome; whether that succeeds or not, it is over then, and freed. */
export declare function drive(transaction: Transaction, answers: Answers): Promise<Outcome>;

/** The octets of a message; `original` is the message that the event carried. */
export declare function splice(message: Message, original: Uint8Array): Uint8Array<ArrayBuffer>;

/**
 * A message from a file as it travels and was signed: with CRLF line ends, where it has none but LF. One that
 * has CRLF is given back itself.
 */
export declare function withCrlf(octets: Uint8Array): Uint8Array;

/** A mistake of the host. The mail is not to blame: reply 451 and tell the operators. */
export declare class PecError extends Error {
  /** Stable name for programs, the same on all faces of the plug-in. */
  readonly code: string;
  constructor(code: string, message?: string, options?: { cause?: unknown });
}
/** A setting is wrong; the message names it and the remedy. */
export declare class SettingsError extends PecError {
  readonly code: "settings";
  constructor(message?: string, options?: { cause?: unknown });
}
/**
 * Too few or too many answers, or what is none of that kind, or cannot be read; or a getter of the host's
 * advanced while another call was reading. The same questions still stand.
 */
export declare class WrongAnswersError extends PecError {
  readonly code: "wrong-answers";
  constructor(message?: string, options?: { cause?: unknown });
}
/** The transaction has ended. */
export declare class FinishedError extends PecError {
  readonly code: "finished";
  constructor(message?: string, options?: { cause?: unknown });
}
/** Less than 32 octets of entropy. */
export declare class EntropyError extends PecError {
  readonly code: "entropy";
  constructor(message?: string, options?: { cause?: unknown });
}
/**
 * The context or the event, the settings or the dossier has a field that no host may pass, or cannot be
 * read; the message says which, or why. Or a getter of the host's made this call while another was reading.
 */
export declare class EventError extends PecError {
  readonly code: "event";
  constructor(message?: string, options?: { cause?: unknown });
}
/**
 * The event brings more octets than `context.largest`, the answers more than 256 MiB, or either more
 * than memory has room for; said before they are copied.
 */
export declare class TooLargeError extends PecError {
  readonly code: "too-large";
  constructor(message?: string, options?: { cause?: unknown });
}
/**
 * The module has trapped: a bug of ours, or no memory left; `cause` is the trap. Transactions that stood
 * are lost, and throw this too; new ones may begin, for which the module starts anew. What a host hands
 * over is never the reason, but by its size.
 */
export declare class BrokenError extends PecError {
  readonly code: "broken";
  constructor(options?: { cause?: unknown });
}
