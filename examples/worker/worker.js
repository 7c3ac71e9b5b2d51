// Certified mail at the edge: the ways in, by HTTP and by mail. provider.js answers what the plug-in asks.
//
//   POST /verify                 a message → what it is and whether it holds
//   POST /seal?to=a@b&to=c@d     a message → its transport envelope and acceptance receipt
import { drive, examine, splice, submit, withCrlf } from "ceralacca";
import { accountOf, provider } from "./provider.js";

// The 128 MB of a worker have room for so many octets of messages being verified. One being sealed takes as
// much as five. README.md says what was measured.
const ROOM = 10_000_000;
const COST = { "/verify": 1, "/seal": 5 };
let taken = 0;

export default {
  async fetch(request, env, ctx) {
    const { pathname, searchParams } = new URL(request.url);
    const cost = request.method === "POST" && COST[pathname];
    if (!cost) return json(404, { error: "there are POST /verify and POST /seal" });
    const account = pathname === "/seal" ? await accountOf(request.headers.get("authorization"), env) : undefined;
    if (account === null) return json(401, { error: "whose is the message?" }, { "www-authenticate": "Bearer" });
    const size = Number(request.headers.get("content-length"));
    if (!size) return json(411, { error: "there must be a message, with its Content-Length" });
    if (size * cost > ROOM) return json(413, { error: `at most ${ROOM / cost / 1e6} MB are taken here` });
    if (taken + size * cost > ROOM) return json(503, { error: "too much at a time" }, { "retry-after": "5" });
    return withMessage(request.body, size * cost, ctx, async (message) =>
      account ? seal(message, account, searchParams.getAll("to"), env) : json(200, await judge(withCrlf(message), env)),
    );
  },

  /** Mail that claims to be certified and does not hold is refused, all other mail forwarded. */
  async email(mail, env, ctx) {
    if (mail.rawSize > ROOM) return mail.setReject("the message is too large");
    // An error makes the sending server try again.
    if (taken + mail.rawSize > ROOM) throw new Error("too much at a time");
    const { kind, holds, defects } = await withMessage(mail.raw, mail.rawSize, ctx, (message) => judge(message, env));
    if (holds || kind.tag === "ordinary") return mail.forward(env.MAILBOX);
    const reason = defects[0]?.text ?? "not all could be checked";
    mail.setReject(`${kind.tag} that does not hold: ${reason}`.replace(/[^ -~]/g, "?"));
  },
};

async function judge(message, env) {
  const { answers, context } = await provider(env);
  const { finding, reply } = await drive(examine(context(), { message, contents: {} }), answers);
  if (!finding) throw new Error(reply.text);
  return finding;
}

async function seal(message, account, recipients, env) {
  const { answers, context } = await provider(env);
  const event = { account, addresses: [account], reversePath: account, recipients, message };
  const { reply, effects, messages } = await drive(submit(context(), event), answers);
  const { track = [], log = [], deposit = [], relay = [] } = Object.groupBy(effects, ({ tag }) => tag);
  // First into the store, then to the client: nobody holds a receipt that we know nothing of.
  await env.STATE.put(`sealed:${crypto.randomUUID()}`, JSON.stringify([...track, ...log]));
  const post = [...deposit, ...relay].map(({ tag, val }) => ({
    ...val,
    [tag]: messages[val.message].kind.tag,
    // 7-bit, as everything that is signed.
    message: new TextDecoder().decode(splice(messages[val.message], message)),
  }));
  return json(reply.code < 400 ? 200 : reply.code < 500 ? 503 : 422, { reply, post });
}

/** Reads a message, and keeps room for it until `use` is done, whether or not somebody still waits for that. */
function withMessage(body, room, ctx, use) {
  taken += room;
  const work = async () => use(new Uint8Array(await new Response(body).arrayBuffer()));
  const done = work().finally(() => (taken -= room));
  // workerd ends what a client has left, without any `finally`, unless it is told. Others have no `ctx`.
  ctx?.waitUntil(done.catch(() => {}));
  return done;
}

function json(status, body, headers = {}) {
  // Certificates and the like are no matter for JSON.
  const brief = (_, value) => (value instanceof Uint8Array ? `${value.length} octets` : value);
  const text = JSON.stringify(body, brief, 1);
  return new Response(`${text}\n`, { status, headers: { "content-type": "application/json", ...headers } });
}
