// Frames of the Extism face, as src/extism/manual.md describes them.

/** The value in a frame; octet strings are Uint8Arrays. */
export function read(frame) {
  const size = new DataView(frame.buffer, frame.byteOffset).getUint32(0);
  const octets = frame.subarray(4 + size);
  const header = new TextDecoder().decode(frame.subarray(4, 4 + size));
  return JSON.parse(header, (_name, value) => {
    const place = value?.octets;
    return Array.isArray(place) ? octets.slice(place[0], place[0] + place[1]) : value;
  });
}

/** The frame of a value; what is undefined is left out. */
export function write(value) {
  const octets = [];
  let size = 0;
  const header = JSON.stringify(value, (_name, value) => {
    if (typeof value === "bigint") return Number(value);
    if (!(value instanceof Uint8Array)) return value;
    octets.push(value);
    size += value.length;
    return { octets: [size - value.length, value.length] };
  });
  const prefix = new Uint8Array(4);
  const text = new TextEncoder().encode(header);
  new DataView(prefix.buffer).setUint32(0, text.length);
  return Buffer.concat([prefix, text, ...octets]);
}
