// What a file is before anybody judges it: mail with one kind of line ends or another, or something
// that is no mail at all, by its first octets. As `ceralacca verify` reads files.

const LF = 10;
const CR = 13;

/** What programs put above a message when they store it, taken off; and what that was. */
export function beginning(octets) {
  let rest = octets;
  const notes = [];
  if (startsWith(rest, [0xef, 0xbb, 0xbf])) {
    rest = rest.subarray(3);
    notes.push({ code: "byte-order-mark" });
  }
  const start = rest.findIndex((octet) => octet !== LF && octet !== CR);
  if (start > 0) {
    rest = rest.subarray(start);
    notes.push({ code: "blank-lines" });
  }
  const end = rest.indexOf(LF);
  if (startsWith(rest, ascii("From ")) && end >= 0) {
    rest = rest.subarray(end + 1);
    notes.push({ code: "mbox-line" });
  }
  return { message: rest, notes };
}

/** The way in which a message is meant, and the other way where there are two (RFC 8551 §3.1.1). */
export function readings(octets) {
  const { all, bare } = lineFeeds(octets);
  if (all === 0 && octets.includes(CR)) {
    const lines = octets.map((octet) => (octet === CR ? LF : octet));
    return [{ octets: withCrlf(lines, lineFeeds(lines).bare), note: { code: "bare-cr" } }];
  }
  const left = { octets, note: bare && { code: "bare-lf-left", count: bare } };
  if (bare === 0) return [left];
  const changed = { octets: withCrlf(octets, bare), note: { code: "bare-lf-changed", count: bare } };
  // Some among many are more likely to have been sent that way.
  return bare === all ? [changed, left] : [left, changed];
}

function lineFeeds(octets) {
  let all = 0;
  let bare = 0;
  for (let at = octets.indexOf(LF); at >= 0; at = octets.indexOf(LF, at + 1)) {
    all += 1;
    if (octets[at - 1] !== CR) bare += 1;
  }
  return { all, bare };
}

function withCrlf(octets, bare) {
  const out = new Uint8Array(octets.length + bare);
  let to = 0;
  let from = 0;
  for (let at = octets.indexOf(LF); at >= 0; at = octets.indexOf(LF, at + 1)) {
    if (octets[at - 1] === CR) continue;
    out.set(octets.subarray(from, at), to);
    to += at - from;
    out[to++] = CR;
    from = at;
  }
  out.set(octets.subarray(from), to);
  return out;
}

/** What a file is that cannot be mail: a name in `words.strangers`; undefined if it may be mail. */
export function stranger(octets) {
  if (octets.length === 0) return "empty";
  return SIGNATURES.find(([magic]) => startsWith(octets, magic))?.[1];
}

/** What a file is that turned out to be no mail. */
export function unreadable(octets) {
  const first = octets.subarray(0, 4096);
  const odd = first.filter((o) => o >= 0x80 || (o < 0x20 && ![9, 10, 12, 13].includes(o)));
  return odd.length * 10 > first.length ? "binary" : "text";
}

export const ascii = (text) => Array.from(text, (letter) => letter.charCodeAt(0));
export const startsWith = (octets, magic) => magic.every((octet, at) => octets[at] === octet);

/** First octets, and what has them. None of them can begin a header field. */
const SIGNATURES = [
  [[0x1f, 0x8b], "archive"],
  [ascii("PK\x03\x04"), "archive"],
  [ascii("Rar!"), "archive"],
  [[0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], "archive"],
  [[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1], "outlook"],
  [[0x78, 0x9f, 0x3e, 0x22], "tnef"],
  [ascii("%PDF-"), "attachment"],
  [[0x89, 0x50, 0x4e, 0x47], "image"],
  [[0xff, 0xd8, 0xff], "image"],
  [[0x30, 0x80], "cms"],
  [[0x30, 0x82], "cms"],
  [[0x30, 0x83], "cms"],
  [ascii("-----BEGIN "), "pem"],
  [ascii("<?xml"), "xml"],
  [[0xff, 0xfe], "utf16"],
  [[0xfe, 0xff], "utf16"],
];
