"""The Extism face in Python: answers each call of a folder. Usage: TOOLS MODULE CALLS"""

import pathlib
import sys

import extism

_, _tools, module, calls = sys.argv
plugin = extism.Plugin(pathlib.Path(module).read_bytes(), wasi=False)
for call in sorted(pathlib.Path(calls).iterdir()):
    answer = plugin.call(call.suffix[1:], call.read_bytes())
    call.with_suffix(".answer").write_bytes(answer)
