// Who we are and whom we know, and the answers to what the plug-in asks.
import { drive, loadDirectory } from "ceralacca";

const RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const HOUR = 3_600_000;
let known;

/** Read from the store, once an hour. */
export async function provider(env) {
  if (!(known?.until > Date.now())) known = { ...(await read(env)), until: Date.now() + HOUR };
  return known;
}

/** Whose token is it? The store knows its hash, so neither a thief nor a stopwatch finds tokens. */
export async function accountOf(token, env) {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  const hex = [...new Uint8Array(hash)].map((octet) => octet.toString(16).padStart(2, "0"));
  return env.STATE.get(`account:${hex.join("")}`);
}

async function read(env) {
  const stored = async (name) => {
    const text = await env.STATE.get(name);
    if (text === null) throw new Error(`the store lacks ${name}`);
    return text;
  };
  const settings = {
    providerName: env.PROVIDER_NAME,
    mailDomain: env.MAIL_DOMAIN,
    serviceAddress: `posta-certificata@${env.MAIL_DOMAIN}`,
    serviceMailbox: `ricevute@${env.MAIL_DOMAIN}`,
    certificates: pem(await stored("certificate.pem")),
    trustAnchors: pem(await stored("roots.pem")),
    directorySigners: [],
    limits: { maxSize: 30e6, hardSize: 30e6, maxRecipients: 50, maxProduct: 1.5e9 },
    ordinaryMail: { tag: "refuse" },
    revocation: "accept-and-log",
    forbiddenAttachments: [],
    internalServerServerAcceptance: false,
    englishCopy: true,
    texts: [],
  };
  const context = () => ({
    now: Math.floor(Date.now() / 1000),
    entropy: crypto.getRandomValues(new Uint8Array(32)),
    settings,
  });
  const content = new TextEncoder().encode(await stored("directory.ldif"));
  const { reply, effects } = await drive(loadDirectory(context(), { content }), {});
  if (reply.code !== 250) throw new Error(`directory.ldif: ${reply.text}`);
  const records = effects.find(({ tag }) => tag === "install-directory").val;
  const which = (test) => records.filter(test).map(({ provider }) => provider);
  const key = await crypto.subtle.importKey("pkcs8", pem(env.KEY)[0], RSA, false, ["sign"]);
  const answers = {
    providerOfDomain: (domain) => which((record) => record.managedDomains.includes(domain)),
    providerOfCertificate: (sha1) => which(({ provider }) => provider.certificateHashes.includes(sha1)),
    revocationData: ({ urls }) => Promise.all(urls.map(download)),
    mailbox: (address) => ({ address, certifiedOnly: false }),
    sign: async (octets) => new Uint8Array(await crypto.subtle.sign(RSA.name, key, octets)),
    // There is no scanner: README.md says so.
    scan: () => ({ tag: "clean" }),
    recall: () => undefined,
    unavailable: ({ tag }, reason) => console.error(tag, reason),
  };
  return { answers, context };
}

/** The DER inside PEM. */
function pem(text) {
  const blocks = text.matchAll(/-----BEGIN [^-]+-----([^-]+)-----END/g);
  return [...blocks].map(([, base64]) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));
}

async function download(url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
