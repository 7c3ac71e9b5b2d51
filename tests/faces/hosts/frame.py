"""Frames of the Extism face, as src/extism/manual.md describes them."""

import json
import struct


def read(frame):
    """The value in a frame; octet strings are bytes."""
    (size,) = struct.unpack(">I", frame[:4])
    octets = frame[4 + size :]

    def cut(fields):
        if fields.keys() == {"octets"}:
            start, length = fields["octets"]
            return octets[start : start + length]
        return fields

    return json.loads(frame[4 : 4 + size], object_hook=cut)


def write(value):
    """The frame of a value; what is None is left out."""
    octets = bytearray()

    def plain(value):
        if isinstance(value, (bytes, bytearray)):
            start = len(octets)
            octets.extend(value)
            return {"octets": [start, len(value)]}
        if isinstance(value, dict):
            return {name: plain(v) for name, v in value.items() if v is not None}
        if isinstance(value, list):
            return [plain(v) for v in value]
        return value

    header = json.dumps(plain(value)).encode()
    return struct.pack(">I", len(header)) + header + octets
