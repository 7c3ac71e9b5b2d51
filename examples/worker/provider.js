// Who we are and whom we know, and the answers to what the plug-in asks.
import { drive, loadDirectory, onlooker } from "ceralacca";

const RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };

/** Whose credentials are these? The store knows hashes, so neither a thief nor a stopwatch finds tokens. */
export async function accountOf(credentials, env) {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(credentials));
  return env.STATE.get(`account:${new Uint8Array(hash).toHex()}`);
}

/** What the plug-in is told, and by whom it is answered; read from the store each time. */
export async function provider({ STATE, KEY, PROVIDER_NAME, MAIL_DOMAIN }) {
  const settings = {
    ...onlooker(ders(await STATE.get("roots.pem"))),
    certificates: ders(await STATE.get("certificate.pem")),
    providerName: PROVIDER_NAME,
    mailDomain: MAIL_DOMAIN,
    serviceAddress: `posta-certificata@${MAIL_DOMAIN}`,
    serviceMailbox: `ricevute@${MAIL_DOMAIN}`,
    limits: { maxSize: 30e6, hardSize: 30e6, maxRecipients: 50, maxProduct: 1.5e9 },
  };
  const entropy = () => crypto.getRandomValues(new Uint8Array(32));
  const context = () => ({ now: Math.floor(Date.now() / 1000), entropy: entropy(), settings });
  const content = new TextEncoder().encode(await STATE.get("directory.ldif"));
  const { reply, effects } = await drive(loadDirectory(context(), { content }), {});
  if (reply.code !== 250) throw new Error(`directory.ldif: ${reply.text}`);
  const records = effects.find(({ tag }) => tag === "install-directory").val;
  const which = (test) => records.filter(test).map(({ provider }) => provider);
  const key = await crypto.subtle.importKey("pkcs8", ders(KEY)[0], RSA, false, ["sign"]);
  const answers = {
    providerOfDomain: (domain) => which((record) => record.managedDomains.includes(domain)),
    providerOfCertificate: (sha1) => which(({ provider }) => provider.certificateHashes.includes(sha1)),
    revocationData: () => [], // lists could be fetched here
    mailbox: (address) => ({ address, certifiedOnly: false }),
    sign: async (octets) => new Uint8Array(await crypto.subtle.sign(RSA.name, key, octets)),
    scan: () => ({ tag: "clean" }), // a provider has a scanner
    recall: () => undefined,
    unavailable: ({ tag }, reason) => console.error(tag, reason),
  };
  return { answers, context };
}

/** The DER inside PEM. */
function ders(pem) {
  const blocks = pem.matchAll(/-----BEGIN [^-]+-----([^-]+)-----END/g);
  return [...blocks].map(([, base64]) => Uint8Array.fromBase64(base64));
}
