// Frames of the Extism face: `src/extism/manual.md` describes them.

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
  // Not as JSON.stringify's replacer, which sees a Buffer only when that has made JSON of itself.
  const pointing = (value) => {
    if (value instanceof Uint8Array) {
      octets.push(value);
      size += value.length;
      return { octets: [size - value.length, value.length] };
    }
    if (Array.isArray(value)) return value.map(pointing);
    if (value instanceof Object) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, pointing(v)]));
    return typeof value === "bigint" ? Number(value) : value;
  };
  const text = new TextEncoder().encode(JSON.stringify(pointing(value)));
  // With a memory of its own: Extism reads all that lies behind an array, pools included.
  const frame = new Uint8Array(4 + text.length + size);
  new DataView(frame.buffer).setUint32(0, text.length);
  frame.set(text, 4);
  octets.reduce((at, piece) => (frame.set(piece, at), at + piece.length), 4 + text.length);
  return frame;
}
