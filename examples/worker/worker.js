// Certified mail at the edge. The plug-in knows the law, provider.js what it asks for; here are the
// ways in: HTTP and mail.
//
//   POST /verify                 a message → what it is and whether it holds
//   POST /seal?to=a@b&to=c@d     a message → its transport envelope and acceptance receipt
import { drive, examine, splice, submit } from "ceralacca";
import { accountOf, provider } from "./provider.js";

// A worker has 128 MB for all that it serves at a time; what a message costs of it, in times its size, at
// most, measured in README.md. Verified (4.2) it lies there once here and once in the plug-in, and once more
// in each if all of it is encoded and certified mail. Sealed (13.9) it may also be recoded, and ends as
// JSON. The rest is for what the plug-in does not give back: memory that it has once taken.
const MEMORY = 96_000_000;
const COST = { "/verify": 4.8, "/seal": 24 };

export default {
  async fetch(request, env) {
    try {
      const { pathname, searchParams } = new URL(request.url);
      if (!(pathname in COST)) throw new Refusal(404, "there are POST /verify and POST /seal");
      if (request.method !== "POST") throw new Refusal(405, `${pathname} takes POST`, { allow: "POST" });
      const account = pathname === "/seal" ? await authenticate(request, env) : undefined;
      const size = Number(request.headers.get("content-length"));
      return await withMessage(request.body, size, COST[pathname], (message) =>
        account ? seal(message, account, searchParams.getAll("to"), env) : verify(message, env),
      );
    } catch (error) {
      if (error instanceof Refusal) return json(error.status, { error: error.message }, error.headers);
      console.error(error);
      return json(503, { error: "it failed here, not with you; try again later" });
    }
  },

  /** Mail that claims to be certified and does not hold is refused, all other mail forwarded. */
  async email(mail, env) {
    try {
      // Whoever reads the mailbox relies on what we write there.
      if (mail.headers.has("X-Ceralacca")) throw new Refusal(422, "X-Ceralacca is for us to write");
      const { kind, holds, defects } = await withMessage(
        mail.raw, mail.rawSize, COST["/verify"], (message) => judge(message, env),
      );
      const claims = kind.tag !== "ordinary";
      if (claims && !holds) {
        throw new Refusal(422, `${kind.tag} that does not hold: ${defects[0]?.text ?? "unproven"}`);
      }
      await mail.forward(env.MAILBOX, new Headers({ "X-Ceralacca": claims ? `${kind.tag} holds` : kind.tag }));
    } catch (error) {
      // What is not the sender's fault ends as an error: the sending server tries again.
      if (!(error instanceof Refusal) || error.status === 503) throw error;
      mail.setReject(error.message.replace(/[^ -~]/g, "?"));
    }
  },
};

async function verify(message, env) {
  const finding = await judge(message, env);
  // Certificates and the like are no matter for JSON.
  const brief = (_, value) => (value instanceof Uint8Array ? `${value.length} octets` : value);
  return json(200, finding, {}, brief);
}

async function judge(message, env) {
  const { answers, context } = await provider(env);
  const { finding, reply } = await drive(examine(context(), { message, contents: {} }), answers);
  if (!finding) throw new Error(reply.text);
  if (!finding.contents) throw new Refusal(422, "this is no mail message");
  return finding;
}

async function seal(message, account, recipients, env) {
  const { answers, context } = await provider(env);
  const event = { account, addresses: [account], reversePath: account, recipients, message };
  const { reply, effects, messages } = await drive(submit(context(), event), answers);
  // First into the store, then to the client: nobody holds a receipt that we know nothing of.
  for (const [number, { tag, val }] of effects.entries()) {
    if (tag === "track") await env.STATE.put(`tracked:${val.pecId}`, JSON.stringify(val));
    if (tag === "log") await env.STATE.put(`log:${val.at}:${val.pecId}:${number}`, JSON.stringify(val));
  }
  const post = effects.filter(({ tag }) => tag === "relay" || tag === "deposit").map(({ tag, val }) => ({
    [tag]: messages[val.message].kind.tag,
    reversePath: val.reversePath,
    recipients: val.recipients ?? [val.recipient],
    // 7-bit, as everything that is signed.
    message: new TextDecoder().decode(splice(messages[val.message], message)),
  }));
  return json(reply.code < 400 ? 200 : reply.code < 500 ? 503 : 422, { reply, post });
}

async function authenticate(request, env) {
  const [, token] = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
  const account = token && (await accountOf(token, env));
  if (account) return account;
  throw new Refusal(401, "whose message is it? Authorization: Bearer TOKEN", { "www-authenticate": "Bearer" });
}

/** Reads a message, as far as there is room for it, and keeps the room until `use` is done. */
async function withMessage(stream, size, cost, use) {
  const most = MEMORY / cost;
  const tooLarge = () => new Refusal(413, `messages of at most ${most / 1e6} MB are taken here`);
  if (size > most) throw tooLarge();
  const pieces = [];
  let read = 0;
  try {
    for await (const piece of stream ?? []) {
      read += piece.length;
      taken += piece.length * cost;
      if (read > most) throw tooLarge();
      if (taken > MEMORY) throw new Refusal(503, "too much at a time; try again", { "retry-after": "5" });
      pieces.push(piece);
    }
    if (read === 0) throw new Refusal(400, "the body is empty; it must be a message, with CRLF line ends");
    const message = new Uint8Array(read);
    pieces.splice(0).reduce((at, piece) => (message.set(piece, at), at + piece.length), 0);
    return await use(message);
  } finally {
    taken -= read * cost;
  }
}
let taken = 0;

class Refusal extends Error {
  constructor(status, message, headers = {}) {
    super(message);
    Object.assign(this, { status, headers });
  }
}

function json(status, body, headers = {}, replacer = undefined) {
  return new Response(JSON.stringify(body, replacer, 1) + "\n", {
    status,
    headers: { "content-type": "application/json; charset=utf-8", ...headers },
  });
}
