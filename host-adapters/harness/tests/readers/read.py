"""What two readers of mail that are not ours see in stored messages, as one JSON object a line.

`pec` is Python's PEC client `mayai-pec-cli` (PyPI), at the point where a message has come over IMAP;
`mail` is the standard library's `email`, with everything it objects to.
"""

import email
import email.policy
import json
import sys

from pec_cli.imap.client import IMAPClient


class Fetched:
    """An IMAP session that has one message."""

    def __init__(self, octets):
        self.octets = octets

    def uid(self, *_):
        return "OK", [(b"1 (UID 1 BODY[] {%d}" % len(self.octets), self.octets), b")"]


class Client(IMAPClient):
    def __init__(self, octets):
        super().__init__(creds=None)
        self._imap = Fetched(octets)


def pec(octets):
    message = Client(octets).fetch_message("1")
    return message.to_dict(include_cert=True, include_cert_xml=True)


def mail(octets):
    message = email.message_from_bytes(octets, policy=email.policy.default)
    return {
        "defects": [repr(d) for part in message.walk() for d in part.defects],
        "field_defects": [
            f"{name}: {d!r}" for name, value in message.items() for d in value.defects
        ],
        "from": message["From"].addresses[0].addr_spec,
        "to": [a.addr_spec for a in message["To"].addresses] if message["To"] else [],
        "date": int(message["Date"].datetime.timestamp()),
        "message_id": message["Message-ID"],
        "reference": message["X-Riferimento-Message-ID"],
    }


for file in sys.argv[1:]:
    with open(file, "rb") as stored:
        octets = stored.read()
    print(json.dumps({"file": file, "pec": pec(octets), "mail": mail(octets)}))
