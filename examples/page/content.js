// From the span of a part to the file in it. The plug-in has said where it is and what its digest
// must be; nothing is offered that does not have it.

/** The content of a part (`PartFacts`); undefined where it is not what the plug-in saw. */
export async function contentOf(part, message) {
  const { start, length } = part.body;
  const content = undo(part.encoding, message.subarray(start, start + length));
  if (content.length !== part.size) return undefined;
  const digest = await sha256(content);
  return digest === undefined || digest === part.sha256 ? content : undefined;
}

/** Hex; undefined where the browser has no WebCrypto: pages that came neither by https nor from
 * this machine. */
export async function sha256(octets) {
  if (!globalThis.crypto?.subtle) return undefined;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", octets));
  return Array.from(digest, (octet) => octet.toString(16).padStart(2, "0")).join("");
}

function undo(encoding, body) {
  if (encoding === "base64") return base64(body);
  return encoding === "quoted-printable" ? quotedPrintable(body) : body;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PAD = 64;
const OTHER = 65;
const VALUES = new Uint8Array(256).fill(OTHER);
Array.from(ALPHABET).forEach((letter, value) => (VALUES[letter.charCodeAt(0)] = value));
VALUES["=".charCodeAt(0)] = PAD;

/** What is outside the alphabet is passed over (RFC 2045 §6.8). */
export function base64(body) {
  const out = new Uint8Array(Math.ceil((body.length * 3) / 4));
  let to = 0;
  let bits = 0;
  let count = 0;
  for (const octet of body) {
    const value = VALUES[octet];
    if (value === OTHER) continue;
    if (value === PAD) {
      count = 0;
      continue;
    }
    bits = (bits << 6) | value;
    count += 6;
    if (count >= 8) {
      count -= 8;
      out[to++] = bits >> count;
      bits &= 0xff;
    }
  }
  return out.subarray(0, to);
}

const hexDigit = (octet) => parseInt(String.fromCharCode(octet), 16);
const isBlank = (octet) => octet === 32 || octet === 9;

/** An escape that is none stands for itself; blanks before a line end were added on the way
 * (RFC 2045 §6.7). */
export function quotedPrintable(body) {
  const out = new Uint8Array(body.length);
  let to = 0;
  for (let at = 0; at < body.length; at++) {
    const octet = body[at];
    if (octet === 61) {
      let end = at + 1;
      while (isBlank(body[end])) end++;
      if (body[end] === 13 && body[end + 1] === 10) {
        at = end + 1;
        continue;
      }
      const [high, low] = [hexDigit(body[at + 1] ?? 0), hexDigit(body[at + 2] ?? 0)];
      if (!Number.isNaN(high) && !Number.isNaN(low)) {
        out[to++] = high * 16 + low;
        at += 2;
        continue;
      }
    } else if (isBlank(octet)) {
      let end = at;
      while (isBlank(body[end])) end++;
      if (end === body.length || (body[end] === 13 && body[end + 1] === 10)) {
        at = end - 1;
        continue;
      }
    }
    out[to++] = octet;
  }
  return out.subarray(0, to);
}

/** The words of a text part, whatever it is written in. HTML loses its layout, and its links. */
export function textOf(part, content) {
  const text = decoder(part.charset, content).decode(content.subarray(0, LONGEST));
  const cut = content.length > LONGEST;
  return { text: part.contentType === "text/html" ? withoutTags(text) : text, cut };
}

function decoder(charset, content) {
  try {
    // US-ASCII is what programs write that do not care; what is in it then is mostly UTF-8.
    if (charset && !/^us-ascii$/i.test(charset)) return new TextDecoder(charset);
  } catch {
    // A name that no browser knows: as if it had none.
  }
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(content);
    return new TextDecoder("utf-8");
  } catch {
    return new TextDecoder("windows-1252");
  }
}

/** Each pattern passes over its text once, whatever is in it. */
function withoutTags(html) {
  const entities = { amp: "&", lt: "<", gt: ">", quot: '"', nbsp: " ", apos: "'" };
  return html
    .replace(/<!--[^]*?(-->|$)|<(style|script|title)\b[^]*?(<\/\2\s*>|$)/gi, "")
    .replace(/\s+/g, " ")
    .replace(/<(br|\/p|\/div|\/tr|\/li|\/h\d)\b[^<>]*>/gi, "\n")
    .replace(/<[^<>]*>/g, "")
    .replace(/ +/g, " ")
    .replace(/ ?\n ?/g, "\n")
    .replace(/&#(\d{1,7});/g, (all, code) => (code < 0x110000 ? String.fromCodePoint(code) : all))
    .replace(/&(amp|lt|gt|quot|nbsp|apos);/g, (_, name) => entities[name])
    .trim();
}

/** A name under which nothing can go wrong, whatever a stranger called the file. */
export function safeName(name, fallback) {
  const plain = shortened(name ?? "", 2 * LONGEST_NAME)
    .normalize("NFC")
    .replace(/[\p{C}"*/:<>?\\|]/gu, "_")
    .replace(/^[\s.]+|[\s.]+$/gu, "");
  const reserved = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(plain);
  const whole = reserved ? `_${plain}` : plain || fallback;
  return shortened(whole, LONGEST_NAME);
}

/** The middle goes: names differ at the beginning, and end in what they are. */
const shortened = (name, most) =>
  name.length <= most ? name : `${name.slice(0, most - 21)}…${name.slice(-20)}`;

/** Octets of text that are shown; the rest is there to save. */
const LONGEST = 200_000;
/** Letters; file systems take 255 octets. */
const LONGEST_NAME = 120;
