// What the page shows of a message besides its verdict: parties, times, the chain of its signature.
import assert from "node:assert/strict";

/** What stands there for the judgement that `ceralacca verify --json` has of the same receipt. */
export async function shows(page, language, { data, issuer, signature }) {
  const say = SAYS[language];
  const [says, checks, ...rest] = await page.$$eval("#results > ol > li > details > section", (sections) => {
    const rows = (of) => [...of.querySelectorAll(":scope > dl > div")].map((row) => [
      row.querySelector("dt").textContent,
      [...row.querySelector("dd").childNodes].flatMap((node) =>
        node.nodeName === "UL" ? [...node.children].map((item) => item.innerText) : [node.textContent]),
      row.querySelector("time")?.dateTime,
    ]);
    return sections.map((section) => ({
      title: section.querySelector("h4").textContent,
      rows: rows(section),
      chain: [...section.querySelectorAll("ol.chain > li")].map((link) => ({
        role: link.querySelector(".eyebrow").textContent,
        subject: link.querySelector(".subject").textContent,
        rows: rows(link),
      })),
    }));
  });
  const row = ({ rows }, name) => rows.find(([given]) => given === name)?.slice(1);
  const at = (seconds) => [[legalTime(seconds, say.month)], new Date(seconds * 1000).toISOString()];

  assert.equal(says.title, say.certified);
  assert.equal(checks.title, say.checks);
  assert.deepEqual(row(says, say.provider)[0], [issuer.name, " ", issuer.dn]);
  assert.deepEqual(row(says, say.sender)[0], [data.sender]);
  const recipients = data.recipients.map(({ address, certified }) => `${address} ${say.mail[Number(certified)]}`);
  assert.deepEqual(row(says, say.recipients)[0].map((item) => item.replace(/\s+/g, " ")), recipients);
  assert.deepEqual(row(says, say.delivery)[0], [data.delivery]);
  assert.deepEqual(row(says, say.at), at(data.at));

  const signed = rest.find(({ title }) => title === say.signature);
  assert.deepEqual(row(signed, say.signed), at(signature.signing_time));
  assert.equal(signed.chain.length, signature.chain.length);
  assert.deepEqual(signed.chain.map(({ role }) => role), [say.signer, ...signed.chain.slice(2).map(() => say.issuer), say.root]);
  for (const [place, certificate] of signature.chain.entries()) {
    const link = signed.chain[place];
    assert.equal(link.subject, certificate.subject);
    assert.deepEqual(row(link, say.issuedBy)[0], [certificate.issuer]);
    const [[period]] = row(link, say.valid);
    for (const day of [certificate.not_before, certificate.not_after]) assert.ok(period.includes(legalDay(day, language)), period);
    assert.deepEqual(row(link, say.serial)[0], [certificate.serial]);
    assert.deepEqual(row(link, "SHA-256")[0], [certificate.sha256]);
  }
}

function legalDay(seconds, language) {
  const options = { timeZone: "Europe/Rome", day: "numeric", month: "long", year: "numeric" };
  return new Date(seconds * 1000).toLocaleDateString(language === "it" ? "it-IT" : "en-GB", options);
}

/** It is September: legal time is two hours before UTC. */
function legalTime(seconds, month) {
  const [date, time] = new Date((seconds + 7200) * 1000).toISOString().split(/[TZ.]/);
  const [year, september, day] = date.split("-").map(Number);
  assert.equal(september, 9);
  return `${day} ${month} ${year}, ${time} (+0200)`;
}

const SAYS = {
  it: {
    certified: "Che cosa è certificato", checks: "Le verifiche, nell’ordine", provider: "Gestore", sender: "Mittente",
    recipients: "Destinatari", mail: ["posta ordinaria", "posta certificata"], delivery: "Consegnato a",
    at: "Data certificata", month: "settembre", signature: "Firma", signed: "Apposta il", signer: "Firmatario",
    issuer: "Autorità", root: "Radice, attendibile qui", issuedBy: "Rilasciato da", valid: "Validità",
    serial: "Numero di serie",
  },
  en: {
    certified: "What is certified", checks: "Checks, in their order", provider: "Provider", sender: "Sender",
    recipients: "Recipients", mail: ["ordinary mail", "certified"], delivery: "Delivered to", at: "Certified at",
    month: "September", signature: "Signature", signed: "Made at", signer: "Signer", issuer: "Issuer",
    root: "Root, trusted here", issuedBy: "Issued by", valid: "Valid", serial: "Serial number",
  },
};
