"""The Extism face in Python: answers each call of a folder. Usage: TOOLS MODULE CALLS"""

import pathlib
import sys

import extism
import frame

_, _tools, module, calls = sys.argv
wasm = [{"data": pathlib.Path(module).read_bytes()}]


def load(pages=None):
    memory = {"memory": {"max_pages": pages}} if pages else {}
    return extism.Plugin({"wasm": wasm, **memory}, wasi=False)


plugin = load()
for call in sorted(pathlib.Path(calls).iterdir()):
    name, asked = call.suffix[1:], call.read_bytes()
    if name == "renew":
        plugin = load(frame.read(asked).get("pages"))
        answer = frame.write({"tag": "ok"})
    else:
        try:
            answer = plugin.call(name, asked)
        except extism.Error as error:
            # A trap is an error of the SDK.
            answer = frame.write({"tag": "err", "val": {"code": "broken", "text": str(error)}})
    call.with_suffix(".answer").write_bytes(answer)
