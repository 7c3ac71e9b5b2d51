"""The component on wasmtime in Python: answers each call of a folder. Usage: TOOLS MODULE CALLS"""

import pathlib
import sys

import frame
import timing
from wasmtime import Engine, Store, WasmtimeError
from wasmtime.component import (
    Component,
    EnumType,
    Linker,
    ListType,
    OptionType,
    Record,
    RecordType,
    U8,
    Variant,
    VariantType,
)

TRANSACTIONS = "ceralacca:pec/transactions@0.1.0"


def camel(name):
    first, *rest = name.split("-")
    return first + "".join(word.capitalize() for word in rest)


def lower(ty, value):
    """A plain value as this package wants a component's."""
    if isinstance(ty, RecordType):
        record = Record()
        for name, field in ty.fields:
            setattr(record, name, lower(field, value.get(camel(name))))
        return record
    if isinstance(ty, ListType):
        octets = isinstance(ty.element, U8)
        return bytes(value) if octets else [lower(ty.element, item) for item in value]
    if isinstance(ty, OptionType):
        return None if value is None else lower(ty.payload, value)
    if isinstance(ty, VariantType):
        case = dict(ty.cases)[value["tag"]]
        payload = None if case is None else lower(case, value.get("val"))
        return Variant(value["tag"], payload) if ty._tagged() else payload
    return value


def lift(ty, value):
    """The plain value of a component's."""
    if isinstance(ty, RecordType):
        return {camel(name): lift(field, getattr(value, name)) for name, field in ty.fields}
    if isinstance(ty, ListType):
        octets = isinstance(ty.element, U8)
        return bytes(value) if octets else [lift(ty.element, item) for item in value]
    if isinstance(ty, OptionType):
        return None if value is None else lift(ty.payload, value)
    if isinstance(ty, VariantType):
        tag, payload = (value.tag, value.payload) if ty._tagged() else untagged(ty.cases, value)
        case = dict(ty.cases)[tag]
        return {"tag": tag, "val": None if case is None else lift(case, payload)}
    return value


def untagged(cases, value):
    """Where the classes of the cases tell them apart, this package leaves the tag out."""
    for name, ty in cases:
        classes = set()
        if ty is not None:
            ty.add_classes(classes)
        if value is None if ty is None else isinstance(value, tuple(classes)):
            return name, value
    raise ValueError(value)


class Plugin:
    def __init__(self, module):
        self.engine = Engine()
        self.component = Component.from_file(self.engine, module)
        self.renew()

    def renew(self, pages=None):
        self.store = Store(self.engine)
        if pages:
            self.store.set_limits(memory_size=pages * 65_536)
        # The component imports nothing, so the linker stays empty.
        self.instance = Linker(self.engine).instantiate(self.store, self.component)
        self.standing = []

    def call(self, name, asked):
        if name == "renew":
            self.renew(asked.get("pages"))
            return {"tag": "ok"}
        if name == "time":
            try:
                return {"tag": "ok", "val": timing.time(asked, self.renew, self.ready, self.converse)}
            except WasmtimeError as error:
                # What the bench is to say; the message's size is not the plug-in's fault.
                if "too much data is being copied" not in str(error):
                    raise
                return {"tag": "err", "val": str(error)}
        if name == "advance":
            return self.advance(self.standing[asked["transaction"] - 1], asked)
        function = self.function(name.replace("_", "-"))
        types = function.type(self.store)
        values = [lower(ty, asked[camel(field)]) for field, ty in types.params]
        result = function(self.store, *values)
        if name in ("check_settings", "audit"):
            return self.result(types.result, result)
        self.standing.append(result)
        begun = {"transaction": len(self.standing)}
        said = self.advance(result, {**begun, "answers": asked.get("first", [])})
        if said["tag"] == "err" and asked.get("again"):
            said = self.advance(result, {**begun, "answers": []})
        if said["tag"] == "err":
            # It did not begin.
            self.standing.pop()
        return said

    def ready(self, asked, transaction):
        return asked["function"], {**frame.read(asked["frame"]), "transaction": transaction}

    def converse(self, asked):
        answer = self.call(*asked)
        if answer["tag"] == "err":
            raise RuntimeError(answer["val"])

    def advance(self, transaction, asked):
        advance = self.function("[method]transaction.advance")
        types = advance.type(self.store)
        answers = lower(types.params[1][1], asked["answers"])
        said = self.result(types.result, advance(self.store, transaction, answers))
        if said["tag"] == "ok":
            said["val"] = {"step": said["val"], "transaction": asked["transaction"]}
        return said

    def result(self, ty, value):
        # Of what succeeds nothing is a variant; faults are.
        if isinstance(value, Variant):
            return {"tag": "err", "val": lift(ty.err, value)}
        return {"tag": "ok", "val": None if ty.ok is None else lift(ty.ok, value)}

    def function(self, name):
        interface = self.instance.get_export_index(self.store, TRANSACTIONS)
        index = self.instance.get_export_index(self.store, name, interface)
        return self.instance.get_func(self.store, index)


_, _tools, module, calls = sys.argv
plugin = Plugin(module)
for call in sorted(pathlib.Path(calls).iterdir()):
    try:
        answer = plugin.call(call.suffix[1:], frame.read(call.read_bytes()))
    except WasmtimeError as error:
        # Of components this package has one class for all that goes wrong; a trap says which it is.
        _, _, trap = str(error).partition("wasm trap: ")
        if not trap:
            raise
        # What has trapped is not entered again.
        dead = trap.startswith("cannot enter component instance")
        answer = {"tag": "err", "val": {"tag": "broken" if dead else "trap", "val": str(error)}}
    call.with_suffix(".answer").write_bytes(frame.write(answer))
