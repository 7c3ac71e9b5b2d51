"""The Extism face in Python: answers each call of a folder. Usage: TOOLS MODULE CALLS"""

import functools
import pathlib
import sys

import extism
import frame
import timing
from extism.extism import CompiledPlugin

_, _tools, module, calls = sys.argv
wasm = [{"data": pathlib.Path(module).read_bytes()}]


def load(bounds=None):
    # Of the module and of what Extism keeps beside it.
    memory = {"memory": {"max_pages": bounds["extism"] + bounds["beside"]}} if bounds else {}
    return extism.Plugin({"wasm": wasm, **memory}, wasi=False)


@functools.cache
def compiled():
    return CompiledPlugin({"wasm": wasm}, wasi=False)


def fresh():
    global plugin
    plugin = extism.Plugin(compiled())


def ready(asked, transaction):
    function, octets = asked["function"], asked["frame"]
    if function == "advance":
        octets = frame.write({**frame.read(octets), "transaction": transaction})
    return function, octets


def converse(asked):
    answer = frame.read(plugin.call(*asked))
    if answer["tag"] == "err":
        raise RuntimeError(answer["val"])


plugin = load()
for call in sorted(pathlib.Path(calls).iterdir()):
    name, asked = call.suffix[1:], call.read_bytes()
    if name == "renew":
        plugin = load(frame.read(asked))
        answer = frame.write({"tag": "ok"})
    elif name == "time":
        answer = frame.write({"tag": "ok", "val": timing.time(frame.read(asked), fresh, ready, converse)})
    else:
        try:
            answer = plugin.call(name, asked)
        except extism.Error as error:
            # The SDK has one class for all that goes wrong. A trap by which memory ends has this text; what
            # is said of it later is an answer of the module.
            if str(error) != "oom":
                raise
            answer = frame.write({"tag": "err", "val": {"code": "trap", "text": str(error)}})
    call.with_suffix(".answer").write_bytes(answer)
