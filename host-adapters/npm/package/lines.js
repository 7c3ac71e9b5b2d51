// Line ends: mail travels with CRLF, and signatures depend on it; files often have LF.
const [LF, CR] = [10, 13];

export function withCrlf(octets) {
  if (octets.some((octet, at) => octet === LF && octets[at - 1] === CR)) return octets;
  const message = new Uint8Array(octets.reduce((size, octet) => size + (octet === LF), octets.length));
  let end = 0;
  for (const octet of octets) {
    if (octet === LF) message[end++] = CR;
    message[end++] = octet;
  }
  return message;
}
