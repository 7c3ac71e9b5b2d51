// Leads a transaction to its outcome; questions are answered by async functions.

/** Question → the function that answers it, and the kind of its answer. */
const ANSWERED_BY = {
  "provider-of-domain": ["providerOfDomain", "providers"],
  "provider-of-certificate": ["providerOfCertificate", "providers"],
  "revocation-data": ["revocationData", "revocation"],
  "tracked-message": ["trackedMessage", "tracked"],
  "taken-in-charge": ["takenInCharge", "recipients"],
  mailbox: ["mailbox", "mailbox"],
  sign: ["sign", "signature"],
  "verify-signature": ["verifySignature", "verified"],
  scan: ["scan", "scanned"],
  recall: ["recall", "recalled"],
  usage: ["usage", "usage"],
};

export async function drive(transaction, answers) {
  try {
    let step = transaction.advance([]);
    while (step.tag === "ask") {
      step = transaction.advance(await Promise.all(step.val.map((q) => answer(q, answers))));
    }
    return step.val;
  } finally {
    transaction.free();
  }
}

async function answer(question, answers) {
  const [name, tag] = ANSWERED_BY[question.tag];
  // The plug-in can do this one itself.
  if (name === "verifySignature" && !answers[name]) return { tag: "declined" };
  try {
    if (!answers[name]) throw new Error(`nobody answers ${question.tag}`);
    return { tag, val: await answers[name](question.val) };
  } catch (error) {
    // That it is told is no part of the transaction, nor is how that ends.
    await (async () => answers.unavailable?.(question, error))().catch(() => {});
    return { tag: "unavailable", val: String(error?.message ?? error) };
  }
}

export function splice(message, original) {
  const pieces = message.segments.map(({ tag, val }) =>
    tag === "bytes" ? val : original.subarray(val.start, val.start + val.length),
  );
  const whole = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  pieces.reduce((at, piece) => (whole.set(piece, at), at + piece.length), 0);
  return whole;
}
