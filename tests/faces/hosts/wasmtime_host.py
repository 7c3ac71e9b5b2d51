"""The component on wasmtime in Python: answers each call of a folder. Usage: TOOLS MODULE CALLS"""

import pathlib
import sys

import frame
from wasmtime import Engine, Store
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
        engine = Engine()
        self.store = Store(engine)
        component = Component.from_file(engine, module)
        # The component imports nothing, so the linker stays empty.
        self.instance = Linker(engine).instantiate(self.store, component)
        self.begun = 0
        self.standing = None

    def call(self, name, asked):
        if name != "advance":
            begin = self.function(name.replace("_", "-"))
            types = [ty for _, ty in begin.type(self.store).params]
            event = [lower(ty, asked[field]) for ty, field in zip(types, ("context", "event"))]
            self.standing = begin(self.store, *event)
            self.begun += 1
            asked = {"transaction": self.begun, "answers": []}
        return self.advance(asked["answers"])

    def advance(self, answers):
        advance = self.function("[method]transaction.advance")
        types = advance.type(self.store)
        answers = lower(types.params[1][1], answers)
        result = advance(self.store, self.standing, answers)
        # Steps are lists or records, faults are variants.
        if isinstance(result, Variant):
            return {"tag": "err", "val": lift(types.result.err, result)}
        step = lift(types.result.ok, result)
        return {"tag": "ok", "val": {"step": step, "transaction": self.begun}}

    def function(self, name):
        interface = self.instance.get_export_index(self.store, TRANSACTIONS)
        index = self.instance.get_export_index(self.store, name, interface)
        return self.instance.get_func(self.store, index)


_, _tools, module, calls = sys.argv
plugin = Plugin(module)
for call in sorted(pathlib.Path(calls).iterdir()):
    answer = plugin.call(call.suffix[1:], frame.read(call.read_bytes()))
    call.with_suffix(".answer").write_bytes(frame.write(answer))
