// What can be told of the page's modules without a browser.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** Both languages say the same things, and have words for all that the plug-in says. */
export async function words(site, sources) {
  const load = async (name) => (await import(pathToFileURL(join(site, "words", name)))).default;
  const [en, it] = [await load("en.js"), await load("it.js")];
  assert.deepEqual(keys(it).sort(), keys(en).sort());
  const codes = new Set();
  for (const source of sources) {
    const text = await readFile(source, "utf8");
    for (const [, code] of text.matchAll(/\.(?:defect|remark|passed|unchecked)\(\s*"([a-z0-9-]+)"/g)) codes.add(code);
    // What agrees or differs; what makes an anomaly; what is wrong with a path.
    for (const [, agrees, differs] of text.matchAll(/"([a-z-]+)",\s+"([a-z-]+)",\s+"(?:PRACTICE|RFC)/g)) {
      codes.add(agrees).add(differs);
    }
    for (const [, code] of text.matchAll(/"([a-z]+-[a-z-]+)" => [{"]/g)) codes.add(code);
    for (const [, code] of text.matchAll(/Self::\w+(?:\(.*\))? => "([a-z]+-[a-z-]+)"/g)) codes.add(code);
  }
  assert.ok(codes.size > 50, `${codes.size} codes`);
  assert.deepEqual([...codes].filter((code) => !(code in en.codes)), []);
}

/** What the page does with octets that no message of the story has. */
export async function odds(site) {
  const { safeName, textOf, quotedPrintable, base64 } = await import(pathToFileURL(join(site, "content.js")));
  const octets = (text) => new TextEncoder().encode(text);
  const text = (octets) => new TextDecoder().decode(octets);
  const names = [
    ["../../etc/passwd", "_.._etc_passwd"], ["con.txt", "_con.txt"], ["a\u202efdp.exe", "a_fdp.exe"],
    ["  .hidden. ", "hidden"], ["", "part-2"], [undefined, "part-2"],
    ["a\r\nb:c", "a__b_c"], ["perché è.pdf", "perché è.pdf"],
  ];
  for (const [name, safe] of names) assert.equal(safeName(name, "part-2"), safe);
  const long = safeName(`${"n".repeat(60_000)}.pdf`, "");
  assert.ok(long.length <= 120 && long.endsWith(".pdf"));
  // Work without end would be a stranger's means to stop the page.
  const html = (content) => textOf({ contentType: "text/html" }, octets(content)).text;
  const began = Date.now();
  for (const evil of ["<", "<b> ", "&", "<script>", "<!--", " \n"]) html(evil.repeat(200_000));
  safeName(" .".repeat(100_000), "");
  assert.ok(Date.now() - began < 10_000, `${Date.now() - began} ms`);
  assert.equal(html("<title>no</title><p>Perch&#233; <b>s&igrave;</b></p><br>&lt;b&gt;"), "Perché s&igrave;\n\n<b>");
  // RFC 2045 §6.7, §6.8.
  assert.equal(text(quotedPrintable(octets("a=3Db=\r\nc=Zd  \r\n=  \r\ne"))), "a=bc=Zd\r\ne");
  assert.equal(text(base64(octets("UG!Vy\r\n%Y2g=*"))), "Perch");
  const latin = Uint8Array.of(0x70, 0x65, 0x72, 0x63, 0x68, 0xe9);
  for (const charset of ["iso-8859-1", "us-ascii", "no-such-set", undefined]) {
    assert.equal(textOf({ contentType: "text/plain", charset }, latin).text, "perché", charset);
  }
}

/** The names of all words. Nouns have genders in one of the languages only. */
function keys(of, at = "") {
  return Object.entries(of)
    .filter(([key]) => key !== "ending")
    .flatMap(([key, value]) => (typeof value === "object" ? keys(value, `${at}${key}.`) : [at + key]));
}
