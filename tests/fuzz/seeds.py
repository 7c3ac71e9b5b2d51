#!/usr/bin/env python3
"""Makes the seeds of the fuzz corpora and the certificates of their world, with OpenSSL and
Python's own library: nothing here was written by what it tests.

    seeds.py            writes pki/ and adds seed-* files to corpus/

Keys are thrown away, so a second run makes new certificates; the committed ones stay valid until
2046. `make fuzz-corpus` minimises afterwards.
"""

import base64
import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
DAYS = "7200"


def main():
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        make_pki()
        signatures()
        revocation_lists()
        certificates()
        directories()
    addresses()
    certification_data()
    templates()
    messages()
    milter_sessions()


def seed(target, name, octets):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    octets = octets.encode() if isinstance(octets, str) else octets
    (folder / f"seed-{name}").write_bytes(octets)


def openssl(*arguments, **options):
    run = subprocess.run(["openssl", *arguments], check=True, capture_output=True, **options)
    return run.stdout


def make_pki():
    """Root, constrained intermediate and provider leaf, shaped like the real ones (PRACTICE 7)."""
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "root.key", "-out",
            "root.pem", "-days", DAYS, "-subj", "/C=IT/O=Radice/CN=Radice di prova",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    issue("ca", "root", "/C=IT/L=Roma/O=AgID di prova/CN=CA1 di prova", """
basicConstraints=critical,CA:TRUE,pathlen:0
keyUsage=critical,keyCertSign,cRLSign
extendedKeyUsage=clientAuth,emailProtection
certificatePolicies=1.3.76.16.3.1
nameConstraints=permitted;email:pec.alfa.example,permitted;dirName:dn,excluded;IP:0.0.0.0/0.0.0.0
crlDistributionPoints=URI:http://crl.radice.example/root.crl
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
[dn]
C=IT
O=Alfa S.p.A.
""")
    issue("leaf", "ca", "/C=IT/O=Alfa S.p.A./CN=Posta Certificata", """
keyUsage=critical,digitalSignature
extendedKeyUsage=emailProtection
subjectAltName=email:posta-certificata@pec.alfa.example
certificatePolicies=1.3.76.16.3.1.1
crlDistributionPoints=URI:http://crl.agid.example/ca1.crl
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
""")
    (HERE / "pki").mkdir(exist_ok=True)
    for name in ["root", "ca", "leaf"]:
        openssl("x509", "-in", f"{name}.pem", "-outform", "DER",
                "-out", str(HERE / "pki" / f"{name}.der"))


def issue(name, issuer, subject, extensions):
    Path("extensions").write_text(extensions)
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key",
            "-out", "request", "-subj", subject)
    openssl("x509", "-req", "-in", "request", "-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key",
            "-CAcreateserial", "-days", DAYS, "-extfile", "extensions", "-out", f"{name}.pem")


def signatures():
    """DER and BER, the digests, both ways to name the signer (case I24)."""
    Path("content").write_bytes(b"Content-Type: text/plain\r\n\r\nBuongiorno.\r\n")
    variants = {
        "der-sha256": ["-md", "sha256"],
        "ber-stream": ["-md", "sha256", "-stream"],
        "sha1": ["-md", "sha1", "-nosmimecap"],
        "sha512": ["-md", "sha512", "-nosmimecap"],
        "keyid": ["-keyid"],
        "no-certificates": ["-nocerts"],
        "no-attributes": ["-noattr"],
        "opaque": ["-nodetach", "-nosmimecap"],
    }
    for name, options in variants.items():
        seed("cms", name, openssl(
            "cms", "-sign", "-binary", "-in", "content", "-signer", "leaf.pem",
            "-inkey", "leaf.key", "-certfile", "ca.pem", "-outform", "DER", *options))
    seed("cms", "two-signers", openssl(
        "cms", "-sign", "-binary", "-in", "content", "-signer", "leaf.pem", "-inkey", "leaf.key",
        "-signer", "ca.pem", "-inkey", "ca.key", "-nosmimecap", "-outform", "DER"))


def revocation_lists():
    Path("empty").write_text("")
    Path("ca.conf").write_text(
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\n"
        "[crl]\nauthorityKeyIdentifier=keyid\n")
    serial = openssl("x509", "-in", "leaf.pem", "-noout", "-serial").decode().split("=")[1].strip()
    revoked = f"R\t460101000000Z\t261101000000Z,keyCompromise\t{serial}\tunknown\t/CN=x\n"
    for name, index, signer in [("good", "", "ca"), ("revoked", revoked, "ca"),
                                ("root", "", "root")]:
        Path("index").write_text(index)
        Path("index.attr").write_text("")
        Path("number").write_text("01\n")
        openssl("ca", "-gencrl", "-config", "ca.conf", "-crlexts", "crl", "-crldays", DAYS,
                "-cert", f"{signer}.pem", "-keyfile", f"{signer}.key", "-out", "list.pem")
        seed("crl", name, openssl("crl", "-in", "list.pem", "-outform", "DER"))


def certificates():
    for name in ["root", "ca", "leaf"]:
        seed("certificate", name, (HERE / "pki" / f"{name}.der").read_bytes())
    issue("forged", "leaf", "/C=IT/O=Alfa S.p.A./CN=Forged",
          "subjectAltName=email:posta-certificata@pec.alfa.example\n")
    seed("certificate", "issued-by-a-leaf", openssl("x509", "-in", "forged.pem", "-outform", "DER"))


def directories():
    der = (HERE / "pki" / "leaf.der").read_bytes()
    text = base64.b64encode(der).decode()
    folded = "\n ".join(text[i:i + 70] for i in range(0, len(text), 70))
    record = (
        "dn: providerName=Alfa S.p.A.,o=postacert\nobjectClass: top\nobjectClass: provider\n"
        "providerName: Alfa S.p.A.\n"
        f"providerCertificateHash: {hashlib.sha1(der).hexdigest()}\n"
        f"providerCertificate;binary:: {folded}\n"
        "mailReceipt: ricevute@pec.alfa.example\n"
        "managedDomains: pec.alfa.example\nmanagedDomains: altro.alfa.example\n")
    whole = "version: 1\n# a comment\n#  folded\n\ndn: o=postacert\nobjectClass: top\n\n" + record
    seed("ldif", "one", whole)
    seed("ldif", "crlf", whole.replace("\n", "\r\n"))
    seed("ldif", "units", whole + "\n" + record.replace(
        "dn: ", "dn: providerUnit=due,").replace("mailReceipt", "providerUnit: due\nmailReceipt"))
    seed("ldif", "base64", whole.replace("providerName: Alfa S.p.A.",
                                         "providerName:: QWxmYSBTLnAuQS4="))
    Path("directory.ldif").write_text(whole)
    seed("directory", "plain", whole)
    for name, how in {"der": [], "ber-stream": ["-stream"]}.items():
        seed("directory", name, openssl(
            "cms", "-sign", "-binary", "-nodetach", "-outform", "DER", *how, "-signer", "leaf.pem",
            "-inkey", "leaf.key", "-in", "directory.ldif"))
    seed("ldif", "changes", whole.replace("objectClass: provider", "changetype: add"))
    seed("ldif", "run-together", whole + record)
    seed("ldif", "url", "dn: x\nproviderCertificate:< file:///etc/passwd\n")


def addresses():
    lists = {
        "plain": "anna@pec.alfa.example",
        "named": "\"Rossi, Anna\" <anna@pec.alfa.example>, Bruno <bruno@pec.beta.example>",
        "comments": "anna (la) @ pec.alfa.example (fine), <bruno@pec.beta.example>",
        "encoded": "=?utf-8?Q?Nicol=C3=B2?= <n@pec.alfa.example>, =?utf-8?B?w6A=?= <b@x.example>",
        "group": "ufficio: a@pec.alfa.example, b@pec.beta.example;, c@pec.beta.example",
        "undisclosed": "undisclosed-recipients:;",
        "quoted": "\"a b\"@pec.alfa.example, \"a\\\"b\"@pec.alfa.example",
        "route": "<@relay.example:anna@pec.alfa.example>",
        "broken": "anna@, @x, <, >, a@b@c, \"",
        "folded": "a@pec.alfa.example,\r\n\tb@pec.beta.example,\r\n c@pec.beta.example\r\n",
    }
    for name, text in lists.items():
        seed("address_list", name, text)


def data(kind, error="nessuno", extra="", subject="Perché &lt;no&gt; &amp; &#233;"):
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<postacert tipo="{kind}" errore="{error}">\n    <intestazione>\n'
        "        <mittente>anna@pec.alfa.example</mittente>\n"
        '        <destinatari tipo="certificato">bruno@pec.beta.example</destinatari>\n'
        '        <destinatari tipo="esterno">dario@posta.example</destinatari>\n'
        "        <risposte>anna@pec.alfa.example</risposte>\n"
        f"        <oggetto>{subject}</oggetto>\n    </intestazione>\n    <dati>\n"
        "        <gestore-emittente>Alfa S.p.A.</gestore-emittente>\n"
        '        <data zona="+0200"><giorno>19/09/2026</giorno><ora>15:41:19</ora></data>\n'
        "        <identificativo>1@pec.alfa.example</identificativo>\n"
        f"        <msgid>&lt;client-1@mua.example&gt;</msgid>\n{extra}    </dati>\n</postacert>\n")


TO = "<consegna>bruno@pec.beta.example</consegna>\n"
KINDS = {
    "accettazione": data("accettazione"),
    "non-accettazione": data("non-accettazione", "altro", "<errore-esteso>x</errore-esteso>\n"),
    "presa-in-carico": data("presa-in-carico", extra="<ricezione>b@x.example</ricezione>\n"),
    "avvenuta-consegna": data("avvenuta-consegna", extra='<ricevuta tipo="breve"/>\n' + TO),
    "posta-certificata": data("posta-certificata", extra='<ricevuta tipo="breve"/>\n'),
    "errore-consegna": data("errore-consegna", "no-dest",
                            TO + "<errore-esteso>5.1.1 - Beta - no</errore-esteso>\n"),
    "preavviso-errore-consegna": data("preavviso-errore-consegna", "altro", TO),
    "rilevazione-virus": data("rilevazione-virus", "virus", TO),
}


def certification_data():
    for name, xml in KINDS.items():
        seed("daticert", name, xml)
    seed("daticert", "cdata", data("accettazione", subject="<![CDATA[<b> & ]]>"))
    seed("daticert", "doctype", "<!DOCTYPE postacert [<!ENTITY a 'b'>]>" + data("accettazione"))
    seed("daticert", "bom", b"\xef\xbb\xbf" + data("accettazione").encode())


def templates():
    facts = "{day} {time} {zone} {subject} {sender} {recipient} {reason}"
    seed("text_template", "short", f"Avviso\n\n{facts}\nIdentificativo: {{id}}\n")
    seed("text_template", "hostile", f"<b>&\n{facts}{{id}}\n{{{{day}}}} {{ }}\n<script>\n")


def messages():
    plain = (
        "Received: from a.example by b.example; Sat, 19 Sep 2026 15:41:18 +0200\r\n"
        "Date: Sat, 19 Sep 2026 15:41:17 +0200\r\nFrom: \"Rossi, Anna\" <anna@pec.alfa.example>\r\n"
        "To: Bruno <bruno@pec.beta.example>,\r\n dario@posta.example\r\n"
        "Cc: carla@pec.beta.example\r\n"
        "Subject: =?utf-8?Q?Offerta_per_la_citt=C3=A0?=\r\n"
        "Message-ID: <client-1@mua.example>\r\nX-TipoRicevuta: breve\r\nMIME-Version: 1.0\r\n")
    parts = {
        "text": "Content-Type: text/plain; charset=utf-8\r\n"
                "Content-Transfer-Encoding: quoted-printable\r\n\r\nGentile citt=C3=A0, =\r\nciao\r\n",
        "eight-bit": "Content-Type: text/plain; charset=utf-8\r\n"
                     "Content-Transfer-Encoding: 8bit\r\n\r\nperché no\r\n",
        "pdf": "Content-Type: application/pdf; name=\"offerta.pdf\"\r\n"
               "Content-Transfer-Encoding: base64\r\n"
               "Content-Disposition: attachment;\r\n filename*0=\"off\"; filename*1=\"erta.pdf\"\r\n"
               "\r\nJVBERi0xLjQK\r\n",
        "message": "Content-Type: message/rfc822; name=\"dentro.eml\"\r\n\r\n"
                   "Subject: dentro\r\n\r\ncorpo\r\n",
    }

    def mixed(*bodies, boundary="mua", kind="mixed"):
        joined = "".join(f"--{boundary}\r\n{body}" for body in bodies)
        return (f"Content-Type: multipart/{kind}; boundary=\"{boundary}\"\r\n\r\nprologo\r\n"
                f"{joined}--{boundary}--\r\nepilogo\r\n")

    signature = ("Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n"
                 "Content-Transfer-Encoding: base64\r\n\r\nMAA=\r\n")
    all_parts = list(parts.values())
    originals = {
        "short": plain + parts["text"],
        "eight-bit": plain + parts["eight-bit"],
        "mixed": plain + mixed(*all_parts),
        "nested": plain + mixed(mixed(parts["text"], boundary="in", kind="alternative"),
                                *all_parts),
        "signed": plain + mixed(parts["text"], signature, kind="signed"),
        "opaque": plain + "Content-Type: application/pkcs7-mime; name=\"smime.p7m\"\r\n"
                          "Content-Transfer-Encoding: base64\r\n\r\nMAA=\r\n",
        "unterminated": plain + mixed(*all_parts)[:-60],
        "bare": "Subject: a\r\n\r\nperché\r\n",
        "long-line": plain + "Content-Type: text/plain\r\n\r\n" + "x" * 1100 + "\r\n",
        "virus": plain + "\r\nEICAR-STANDARD-ANTIVIRUS-TEST-FILE\r\n",
        "no-body": "From: anna@pec.alfa.example\r\nTo: bruno@pec.beta.example\r\n",
    }
    for name, text in originals.items():
        for target in ["mime_scan", "recode", "brief", "submission"]:
            seed(target, name, text)
    seed("arrival", "ordinary", originals["mixed"])

    def system(header, xml, original=None):
        body = mixed(parts["text"], boundary="alt", kind="alternative")
        attached = [
            "Content-Type: application/xml; name=\"daticert.xml\"\r\n"
            "Content-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes(xml.encode()).decode().replace("\n", "\r\n")]
        if original is not None:
            attached.append("Content-Type: message/rfc822; name=\"postacert.eml\"\r\n\r\n" + original)
        signed = mixed(body, *attached, boundary="mix")
        return (f"{header}To: bruno@pec.beta.example\r\nSubject: x\r\n"
                "From: posta-certificata@pec.alfa.example\r\n"
                "Date: Sat, 19 Sep 2026 15:41:17 +0200\r\nMessage-ID: <1@pec.alfa.example>\r\n"
                "MIME-Version: 1.0\r\n" + mixed(signed, signature, boundary="out", kind="signed"))

    for name, xml in KINDS.items():
        header = f"X-Ricevuta: {name}\r\nX-Riferimento-Message-ID: <client-1@mua.example>\r\n"
        original = originals["mixed"] if name == "avvenuta-consegna" else None
        if name == "posta-certificata":
            header = f"X-Trasporto: {name}\r\nX-TipoRicevuta: breve\r\n"
            original = originals["nested"]
        seed("arrival", name, system(header, xml, original))
    seed("arrival", "anomaly", system("X-Trasporto: errore\r\n", KINDS["accettazione"],
                                      originals["short"]))
    seed("arrival", "virus", system("X-Trasporto: posta-certificata\r\n",
                                    KINDS["posta-certificata"], originals["virus"]))


def milter_sessions():
    """What a mail server says to a milter (libmilter's mfdef.h); the first octet is the target's."""

    def packet(command, data=b""):
        return (len(data) + 1).to_bytes(4, "big") + command + data

    def words(*numbers):
        return b"".join(number.to_bytes(4, "big") for number in numbers)

    def strings(*texts):
        return b"".join(text.encode() + b"\0" for text in texts)

    options = packet(b"O", words(6, 0x1FF, 0x1FFFFF))
    client = packet(b"D", b"C" + strings("{daemon_name}", "PEC-ACCESS", "j", "mx.example"))
    client += packet(b"C", b"client.example\x004\x04\x01192.0.2.1\0")
    mail = packet(b"D", b"M" + strings("{auth_authen}", "anna", "{mail_addr}", "anna@x.example"))
    mail += packet(b"M", strings("<anna@x.example>", "SIZE=100", "RET=HDRS"))
    to = packet(b"D", b"R" + strings("i", "3F2A", "{rcpt_addr}", "b@y.example"))
    to += packet(b"R", strings("<b@y.example>", "NOTIFY=NEVER"))
    stranger = packet(b"R", strings("<x@y.example>"))
    headers = packet(b"L", strings("Subject", " Prova\n di piega"))
    headers += packet(b"L", strings("To", " b@y.example")) + packet(b"N")
    body = packet(b"B", b"ciao\r\n.\r\n") + packet(b"E")
    end = packet(b"A") + packet(b"Q")
    whole = mail + to + stranger + headers + body
    for name, octets in {
        "one": b"\x00" + options + client + whole + end,
        "tcp": b"\x03" + options + client + packet(b"H", strings("x")) + whole + end,
        "several": b"\x06" + options + client + whole + mail + packet(b"A") + whole + packet(b"K")
        + client + whole + end,
        "long": b"\x08" + options + client + mail + to + headers
        + 3 * packet(b"B", b"x" * 900) + packet(b"E", b"x") + whole + end,
        "cut-header": b"\x02" + options + client + mail + to
        + packet(b"L", strings("Subject", "x" * 300)) + body + end,
        "crowd": b"\x02" + options + client + mail + 5 * to + headers + body + end,
        "old": b"\x00" + packet(b"O", words(2, 0x3F, 0x7F)) + client,
        "poor": b"\x00" + packet(b"O", words(6, 0x3F, 0x7F)) + client + whole + end,
        "six": b"\x00" + options + packet(b"C", b"h\x006\x04\x01IPv6:::1\0") + end,
    }.items():
        seed("milter", name, octets)


main()
