// Runtimes for JavaScript set no limit to a module's memory; the module can.

const MEMORY = 5;

/** The module with a memory of at most so many pages of 64 KiB. */
export function bounded(module, pages) {
  let at = 8;
  for (;;) {
    const id = module[at];
    const [size, start] = number(module, at + 1);
    if (id === MEMORY) {
      // One memory, with a minimum and no maximum.
      const [least] = number(module, start + 2);
      if (module[start] !== 1 || module[start + 1] !== 0) throw new Error("another memory than ours");
      const body = [1, 1, ...leb(least), ...leb(pages)];
      const section = [MEMORY, ...leb(body.length), ...body];
      return Buffer.concat([module.subarray(0, at), Buffer.from(section), module.subarray(start + size)]);
    }
    at = start + size;
  }
}

/** An unsigned LEB128 number, and where it ends. */
function number(octets, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const octet = octets[at++];
    value += (octet & 0x7f) * 2 ** shift;
    if (octet < 0x80) return [value, at];
  }
}

function leb(value) {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >> 7)];
}
