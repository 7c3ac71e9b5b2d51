"""Verifies a folder of messages, *.eml, with the component on wasmtime.

Usage: verify.py COMPONENT LDIF ROOTS FOLDER

Prints a line for each file. Ends with 0 if all certified messages hold, 1 if one does not, 2 if it failed.
"""

import base64
import re
import sys
import time
from pathlib import Path

from wasmtime import Engine, Store
from wasmtime.component import Component, Linker, Record, Variant

TRANSACTIONS = "ceralacca:pec/transactions@0.1.0"
# wasmtime's Python package hands a message over octet by octet: README.md says what that takes.
LARGEST = 10_000_000


class Examiner:
    """Trusts roots, knows a directory, judges messages."""

    def __init__(self, component, ldif, roots):
        self.engine = Engine()
        self.component = Component.from_file(self.engine, component)
        blocks = re.findall("-----BEGIN CERTIFICATE-----([^-]+)-----END", roots)
        self.settings = onlooker([base64.b64decode(block) for block in blocks])
        outcome = self.converse("load-directory", record(content=ldif))
        if outcome.reply.code != 250:
            raise ValueError(f"the directory is not taken: {outcome.reply.text}")
        self.directory = outcome.effects[0].payload

    def examine(self, message):
        """What is it, and does it hold? Without contents it is no mail."""
        event = record(message=message, at=None, contents=record(original=None))
        outcome = self.converse("examine", event)
        if outcome.finding is None:
            raise RuntimeError(outcome.reply.text)
        return outcome.finding

    def converse(self, function, event):
        """From an event to its outcome, in an instance of its own: nothing is left over."""
        store = Store(self.engine)
        # The component imports nothing, so there is nothing to link.
        instance = Linker(self.engine).instantiate(store, self.component)
        interface = instance.get_export_index(store, TRANSACTIONS)

        def call(name, *arguments):
            index = instance.get_export_index(store, name, interface)
            return instance.get_func(store, index)(store, *arguments)

        # Entropy is for identifiers of what is made; nothing is.
        context = record(now=int(time.time()), entropy=b"", settings=self.settings, largest=None)
        transaction = call(function, context, event)
        step = call("[method]transaction.advance", transaction, [])
        while isinstance(step, list):
            answers = [self.answer(question) for question in step]
            step = call("[method]transaction.advance", transaction, answers)
        if isinstance(step, Variant):
            raise RuntimeError(f"{step.tag}: {step.payload}")
        return step

    def answer(self, question):
        """Of all that can be asked, what examinations ask."""
        wanted = question.payload
        match question.tag:
            case "provider-of-domain":
                return self.providers(lambda it: wanted in getattr(it, "managed-domains"))
            case "provider-of-certificate":
                return self.providers(lambda it: wanted in getattr(it.provider, "certificate-hashes"))
            case "revocation-data":
                # Lists could be fetched here; without them the finding says what is not known.
                return Variant("revocation", [])
            case "verify-signature":
                return Variant("declined")  # the plug-in does it itself
            case other:
                return Variant("unavailable", f"this program does not answer {other}")

    def providers(self, fits):
        return Variant("providers", [entry.provider for entry in self.directory if fits(entry)])


def onlooker(trust_anchors):
    """Settings of somebody who is no provider."""
    sizes = dict(max_size=0, hard_size=0, max_recipients=0, max_product=0, daily_recipients=None)
    names = dict(provider_name="", mail_domain="", service_address="", service_mailbox="")
    lists = dict(certificates=[], directory_signers=[], forbidden_attachments=[], texts=[])
    return record(
        **names,
        **lists,
        trust_anchors=trust_anchors,
        limits=record(**sizes),
        ordinary_mail=Variant("refuse"),
        revocation="accept-and-log",
        internal_server_server_acceptance=False,
        english_copy=False,
    )


def record(**fields):
    """A WIT record: names have hyphens there."""
    value = Record()
    for name, field in fields.items():
        setattr(value, name.replace("_", "-"), field)
    return value


def judge(examiner, file):
    """What to print about a file, and the exit code that it asks for."""
    size = file.stat().st_size
    if size > LARGEST:
        return f"too large: {size} octets, at most {LARGEST} are taken", 2
    message = file.read_bytes()
    if b"\r\n" not in message:
        # Mail travels with CRLF, and signatures depend on it; files often have LF.
        message = message.replace(b"\n", b"\r\n")
    finding = examiner.examine(message)
    kind = finding.kind.tag
    if kind == "ordinary":
        return "ordinary mail" if finding.contents else "no mail", 0
    if finding.holds:
        return f"{kind} of {finding.issuer.name}: holds", 0
    reasons = "; ".join(defect.text for defect in finding.defects) or "not all could be checked"
    return f"{kind}: does not hold: {reasons}", 1


def main(component, ldif, roots, folder):
    examiner = Examiner(component, Path(ldif).read_bytes(), Path(roots).read_text())
    worst = 0
    for file in sorted(file for file in Path(folder).iterdir() if file.suffix == ".eml"):
        text, code = judge(examiner, file)
        print(f"{file.name}: {text}")
        worst = max(worst, code)
    return worst


if __name__ == "__main__":
    if len(sys.argv) != 5:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    try:
        sys.exit(main(*sys.argv[1:]))
    except Exception as error:  # what nobody catches ends with 1, which means something else
        print(f"verify.py: {error}", file=sys.stderr)
        sys.exit(2)
