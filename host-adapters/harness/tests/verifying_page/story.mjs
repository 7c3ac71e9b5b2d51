// The page in a browser: usage TOOLS PAGE PLAN.json. Says what it did; stops at the first surprise.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { accessible, download, drop, eavesdrop, picture, settled, slowMemory, until } from "./acts.mjs";
import { begin, serve } from "./browser.mjs";
import { shows } from "./facts.mjs";
import { odds, words } from "./modules.mjs";

const [tools, site, planned] = process.argv.slice(2);
const plan = JSON.parse(await readFile(planned, "utf8"));
const require = createRequire(join(tools, "package.json"));
const axe = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");
const sha256 = (octets) => createHash("sha256").update(octets).digest("hex");

const server = await serve(site);
const browser = await begin(tools, server.address);
try {
  await words(site, plan.sources);
  await odds(site);
  await alone();
  await asTheCommandLine();
  await saves();
  await hostile();
  await languages();
  await keyboard();
  await signedDirectory();
  await tabs();
  await cleared();
  await sizes();
  await incomplete();
  browser.judge();
  console.log(`${browser.requests.size} requests, all of them to get the page's own files`);
} finally {
  await browser.end();
  server.end();
}

/** Without directory and roots nothing is proven, nothing is called false, and the page says why. */
async function alone() {
  const page = await browser.page();
  await page.setInputFiles("#files", plan.receipt);
  await page.waitForSelector("[data-verdict]");
  assert.equal(await page.getAttribute("[data-verdict]", "data-verdict"), "unproven");
  const text = await page.innerText("#results h3");
  assert.match(text, /^Cannot be proven\. .*without the provider directory and trusted roots/);
  assert.match(await page.innerText("#unproven"), /Without the provider directory and trusted roots/);
  await picture(page, plan.screenshots, "unproven");
  // With one of the two as well: the other one is still wanting.
  await page.setInputFiles("#trust-roots", plan.roots);
  await until(page, "#results h3", /without the provider directory it is/);
  assert.equal(await page.getAttribute("[data-verdict]", "data-verdict"), "unproven");
  // What was brought stays, and says what it proves.
  await page.setInputFiles("#trust-directory", plan.directory);
  await page.waitForSelector("[data-verdict=holds]");
  await picture(page, plan.screenshots, "holds");
  await page.reload();
  await page.setInputFiles("#files", plan.receipt);
  await page.waitForSelector("[data-verdict=holds]");
  await page.getByRole("button", { name: "Remove: Provider directory" }).click();
  await page.waitForSelector("[data-verdict=unproven]");
  await page.reload();
  await page.setInputFiles("#files", plan.receipt);
  await page.waitForSelector("[data-verdict=unproven]");
  await page.context().close();
  console.log("without a directory nothing is proven; what is brought is remembered until it is removed");
}

/** Every message of a long list, dropped at once. */
async function asTheCommandLine() {
  const page = await trusting();
  await drop(page, plan.messages.map(({ file }) => file));
  await settled(page, plan.messages.length);
  const found = await page.$$eval("#results > ol > li", (items) => items.map((item) => {
    const judged = item.querySelector("[data-verdict]");
    const own = (selector) => [...judged.querySelectorAll(`:scope > section > ${selector}`)];
    return {
      verdict: judged.dataset.verdict,
      checks: own("ul.checks > li:not(.remark)").map((check) => [check.className, check.dataset.code,
        check.querySelector(".evidence").firstChild.data, check.querySelector(".clause").textContent]),
      enclosed: own("details").map((inner) => inner.dataset.verdict),
      digest: [...judged.querySelectorAll(":scope > section:last-child code")].at(-1)?.textContent,
    };
  }));
  for (const [at, said] of plan.messages.entries()) {
    const checks = said.checks.map(({ verdict, code, text, clause }) => [verdict, code, text, clause]);
    const expected = {
      verdict: said.verdict,
      // Of what is no message the command line says why, too; the page says it in words.
      checks: said.verdict === "not-mail" ? [] : checks,
      enclosed: said.enclosed.map(({ verdict }) => verdict),
      digest: said.sha256,
    };
    assert.deepEqual(found[at], expected, said.file);
  }
  const verdicts = new Set(found.map(({ verdict }) => verdict));
  assert.deepEqual([...verdicts].sort(), ["does-not-hold", "holds", "not-mail", "not-pec"]);
  const holding = found.filter(({ verdict }) => verdict === "holds").length;
  assert.match(await page.textContent("#status"), new RegExp(`^${found.length} messages: ${holding} hold, `));
  await accessible(page, axe, "a long list");
  await picture(page, plan.screenshots, "list");
  await page.context().close();
  console.log(`${found.length} messages: verdicts, checks and evidence are those of ceralacca verify`);
}

/** What is saved is what was sent. */
async function saves() {
  const page = await trusting();
  await page.setInputFiles("#files", plan.receipt);
  const saved = await download(page, plan.downloads, () => page.click("text=Save >> nth=1"));
  assert.equal(saved.name, "offerta-12-2026.pdf");
  assert.equal(sha256(saved.octets), sha256(await readFile(plan.sent)));
  const whole = await download(page, plan.downloads, () => page.click("text=Save >> nth=0"));
  assert.equal(whole.name, "postacert.eml");
  const receipt = await readFile(plan.receipt, "latin1");
  const start = receipt.indexOf("\r\n\r\n", receipt.search(/\r\nContent-Type: message\/rfc822/i)) + 4;
  assert.ok(receipt.startsWith(whole.octets.toString("latin1"), start) && whole.octets.length > 1000);
  await page.context().close();
  console.log("an attachment and the whole original are saved, octet for octet");
}

/** Markup in a subject, a script in a text, a file name that wants to be elsewhere. */
async function hostile() {
  const page = await trusting();
  page.on("dialog", () => assert.fail("a script of the message ran"));
  await page.setInputFiles("#files", plan.hostile.file);
  await page.waitForSelector("[data-verdict=holds]");
  const text = await page.innerText("#results");
  assert.ok(text.includes("<img src=x onerror=alert(1)>"), text);
  assert.equal(await page.locator("#results :is(img, script, b[onclick], iframe)").count(), 0);
  assert.equal(await page.innerText("pre.text"), "Perché no <i>");
  assert.notEqual(await page.title(), "taken");
  const saved = await download(page, plan.downloads, () => page.getByRole("link", { name: /exe/ }).click());
  assert.match(saved.name, /^[^/\\<>"\u202e]+$/);
  assert.equal(saved.octets.toString("base64"), plan.hostile.attachment);
  // The browser itself would refuse what the page never tries.
  const refused = await page.evaluate(() => {
    try {
      document.createElement("div").innerHTML = "<b>";
      return false;
    } catch (error) {
      return error instanceof TypeError;
    }
  });
  assert.ok(refused, "the page's policy forbids HTML");
  assert.match(browser.complaints.splice(0).join(), /^[^,]*TrustedHTML[^,]*$/);
  await page.context().close();
  console.log("what a message says is text");
}

async function languages() {
  const page = await browser.page({ locale: "it-IT" });
  assert.equal(await page.getAttribute("html", "lang"), "it");
  await page.setInputFiles("#trust-roots", plan.roots);
  await page.setInputFiles("#trust-directory", plan.directory);
  await page.setInputFiles("#files", plan.receipt);
  await page.waitForSelector("[data-verdict=holds]");
  const text = await page.innerText("#results h3");
  assert.match(text, /^Valido\. È una ricevuta di avvenuta consegna, firmata dal gestore .* \(\+0[12]00\)\.$/);
  const said = plan.messages.find(({ file }) => file === plan.receipt);
  await shows(page, "it", said);
  await picture(page, plan.screenshots, "italiano");
  await accessible(page, axe, "in Italian");
  await page.click("button[lang=en]");
  assert.equal(await page.getAttribute("html", "lang"), "en");
  assert.match(await page.innerText("#results h3"), /^Holds\. This is a delivery receipt/);
  assert.match(await page.title(), /^Is this certified mail/);
  await shows(page, "en", said);
  await page.reload();
  assert.equal(await page.getAttribute("html", "lang"), "en", "the choice is remembered");
  await page.context().close();
  console.log("Italian and English");
}

/** Everything can be reached and done with the keyboard, and is seen when it has the focus. */
async function keyboard() {
  const page = await browser.page();
  const key = (name) => page.keyboard.press(name);
  const to = async (selector) => {
    for (let presses = 0; presses < 40; presses++) {
      await key("Tab");
      if (await page.evaluate((selector) => document.activeElement.matches(selector), selector)) return;
    }
    assert.fail(`no way to ${selector}`);
  };
  // Asked for early: until then a chooser would be the browser's own.
  const chooser = page.waitForEvent("filechooser", { timeout: 120_000 });
  await to("[data-language=it]");
  await key("Enter");
  assert.equal(await page.getAttribute("html", "lang"), "it");
  await to("#files");
  const ring = await page.$eval("#drop .button", (label) => getComputedStyle(label).outlineStyle);
  assert.equal(ring, "solid", "the focus is seen");
  await key("Enter");
  await (await chooser).setFiles([plan.receipt, plan.hostile.file]);
  await settled(page, 2);
  await to("summary");
  await key("Enter");
  assert.equal(await page.$eval("#results details", (details) => details.open), true);
  await to("a[download]");
  const saved = await download(page, plan.downloads, () => key("Enter"));
  assert.equal(saved.name, "postacert.eml");
  await to("#clear");
  await key("Enter");
  assert.equal(await page.isVisible("#results"), false);
  assert.equal(await page.evaluate(() => document.activeElement.id), "files");
  await page.context().close();
  console.log("all of it with the keyboard");
}

/** A signed directory counts for those who named its signer. */
async function signedDirectory() {
  const page = await browser.page({}, { first: slowMemory });
  await page.setInputFiles("#trust-directory", plan.signed.file);
  await page.waitForSelector("[data-kind=directory] .refused");
  assert.match(await page.innerText("[data-kind=directory]"), /Not taken: /);
  await page.setInputFiles("#trust-signers", plan.signed.signer);
  await until(page, "[data-kind=directory]", /2 provider records/);
  assert.equal(await page.evaluate(() => globalThis.unwritten), 0, "what is shown has been remembered");
  // Nobody brings back a provider with a genuine directory of old, not even another day.
  await page.reload();
  await page.setInputFiles("#trust-directory", plan.signed.old);
  await page.waitForSelector("[data-kind=directory] .refused");
  // The one before stays, also for the next time.
  const stays = async () => {
    await until(page, "[data-kind=directory]", /directory\.ldif\.p7m.*2 provider records.*has been in force: fetch the current one/);
    await page.reload();
    await until(page, "[data-kind=directory]", /directory\.ldif\.p7m.*2 provider records/);
  };
  await stays();
  // Nor when it comes right behind the newer one, to a page that knew neither.
  for (const kind of ["Provider directory", "Directory signers"]) {
    await page.getByRole("button", { name: `Remove: ${kind}` }).click();
    await until(page, "#status", new RegExp(`${kind}: removed`));
  }
  await page.setInputFiles("#trust-signers", plan.signed.signer);
  await until(page, "[data-kind=signers]", /1 entry/);
  await drop(page, [plan.signed.file, plan.signed.old]);
  await stays();
  // What certificates are for is for people to say: dropped, they become nothing.
  await drop(page, [plan.signed.signer, plan.signed.file, plan.roots]);
  const whose = (name) => `${name} holds certificates: choose it here if they are roots[^:]*`;
  await until(page, "[data-kind=roots]", new RegExp(`None.*${whose("agency\\.pem")}${whose("roots\\.pem")}`));
  await page.setInputFiles("#trust-roots", plan.roots);
  await until(page, "[data-kind=roots]", /roots\.pem/);
  await page.setInputFiles("#files", plan.receipt);
  await page.waitForSelector("[data-verdict=holds]");
  await page.getByRole("button", { name: "Remove: Directory signers" }).click();
  await page.waitForSelector("[data-verdict=unproven]");
  await page.setInputFiles("#trust-signers", plan.signed.signer);
  await page.waitForSelector("[data-verdict=holds]");
  assert.equal(await page.evaluate(() => globalThis.unwritten), 0, "what is judged by has been remembered");
  await page.setInputFiles("#trust-lists", plan.receipt);
  await page.waitForSelector("[data-kind=lists] .refused");
  assert.match(await page.innerText("[data-kind=lists]"), /05-delivery.eml holds no revocation list/);
  // Whoever uses the keyboard stays where they were.
  await page.focus("#remove-directory");
  await page.setInputFiles("#trust-lists", plan.signed.file);
  await until(page, "[data-kind=lists]", /directory\.ldif\.p7m, loaded/);
  assert.equal(await page.evaluate(() => document.activeElement.id), "remove-directory");
  await page.context().close();
  console.log("a signed directory is taken from its signer only, and no older one after it");
}

/** What one tab remembers another does not forget, and goes by. */
async function tabs() {
  const page = await browser.page({}, { first: slowMemory });
  const other = await page.context().newPage();
  await other.goto(page.url());
  await page.setInputFiles("#trust-roots", plan.roots);
  await until(page, "[data-kind=roots]", /roots\.pem/);
  await page.setInputFiles("#files", plan.receipt);
  await page.waitForSelector("[data-verdict=unproven]");
  await other.setInputFiles("#trust-signers", plan.signed.signer);
  // The newer one and one of old at the same time, in two tabs.
  await Promise.all([
    other.setInputFiles("#trust-directory", plan.signed.file),
    until(other, "[data-kind=directory]", /directory\.ldif\.p7m/).then(() =>
      page.setInputFiles("#trust-directory", plan.signed.old)),
  ]);
  const stays = /directory\.ldif\.p7m.*2 provider records/;
  await until(page, "[data-kind=directory]", new RegExp(`${stays.source}.*has been in force: fetch the current one`));
  await page.waitForSelector("[data-verdict=holds]");
  await other.bringToFront();
  await other.reload();
  await until(other, "[data-kind=roots]", /roots\.pem/);
  await until(other, "[data-kind=directory]", stays);
  // Removed there, it proves nothing here.
  await other.getByRole("button", { name: "Remove: Provider directory" }).click();
  await until(other, "#status", /Provider directory: removed/);
  await page.waitForSelector("[data-verdict=unproven]");
  await page.setInputFiles("#trust-directory", plan.signed.old);
  await until(page, "[data-kind=directory]", /has been in force: fetch the current one/);
  await page.context().close();
  console.log("what a directory leaves to remember holds for all tabs");
}

/** A list that is cleared is judged no further. */
async function cleared() {
  const page = await browser.page({}, { first: eavesdrop });
  await page.setInputFiles("#files", [plan.big, plan.big, plan.big, plan.receipt]);
  await page.waitForSelector("#progress:not([hidden])");
  await page.click("#clear");
  assert.equal(await page.isVisible("#progress"), false);
  await page.setInputFiles("#files", plan.receipt);
  await settled(page, 1);
  // One was under way; another may have been begun before the worker heard of it, or ended before.
  const judged = await page.evaluate(() => globalThis.said.judged);
  assert.ok(judged <= 3, `${judged} of 5 were judged`);
  assert.match(await page.innerText("#results h3"), /^Cannot be proven/);
  await page.context().close();
  console.log("what is cleared is judged no further");
}

/** 30 MB leave the page alive; what is too large is refused before it is read. */
async function sizes() {
  const page = await browser.page();
  await page.evaluate(() => {
    globalThis.seen = new Set();
    globalThis.ticks = 0;
    const look = () => {
      if (!document.querySelector("#progress").hidden) {
        seen.add(document.querySelector("#progress-what").textContent.replace(/\d+/, "N"));
        ticks += 1;
      }
    };
    setInterval(look, 10);
    new MutationObserver(look).observe(document.querySelector("#progress"), { subtree: true, childList: true });
  });
  await page.setInputFiles("#files", [plan.big, plan.tooBig]);
  await settled(page, 2);
  const [seen, ticks] = await page.evaluate(() => [[...seen], ticks]);
  assert.deepEqual(seen, ["Reading big.eml: N %", "Judging big.eml…"]);
  assert.ok(ticks > 10, `the page lived: ${ticks} ticks`);
  const verdicts = await page.$$eval("[data-verdict]", (all) => all.map((one) => one.dataset.verdict));
  assert.deepEqual(verdicts, ["not-pec", "failed"]);
  assert.match(await page.innerText(".failure"), /larger than 120 MB/);
  await page.context().close();
  console.log(`30 MB: the page went on (${ticks} ticks); 120 MB are refused`);
}

/** Where the plug-in cannot be had, the page says so and judges nothing; nor does it forget anything. */
async function incomplete() {
  const page = await trusting();
  const refuses = async () => {
    await until(page, "#status", /The plug-in is not running/);
    assert.equal(await page.isVisible("#drop"), false);
    await drop(page, [plan.receipt]);
    await until(page, "#results > ol > li:last-child .failure", /05-delivery\.eml.*Not judged\. The plug-in is not running/);
    // The directory of before stays, since nobody can say whether this one is any better.
    await page.setInputFiles("#trust-directory", plan.signed.file);
    await until(page, "[data-kind=directory]", /directory\.ldif, .*Not taken: The plug-in is not running/);
  };
  await page.route("**/*.wasm", (route) => route.abort());
  await page.reload();
  await refuses();
  assert.ok(browser.complaints.splice(0).length > 0);
  await page.unroute("**/*.wasm");
  await page.reload();
  await page.setInputFiles("#files", plan.receipt);
  await page.waitForSelector("[data-verdict=holds]");
  // Nor where it ends later, in the middle of something.
  await page.setInputFiles("#files", plan.big);
  await page.evaluate(() => {
    globalThis.workers[0].terminate();
    globalThis.workers[0].dispatchEvent(new Event("error"));
  });
  await until(page, "#results > ol > li:last-child .failure", /Not judged\. The plug-in is not running/);
  assert.equal(await page.isVisible("#progress"), false);
  await refuses();
  assert.equal(await page.locator("[data-verdict=holds]").count(), 1, "what was judged before is judged");
  // What was remembered can be removed nevertheless.
  await page.getByRole("button", { name: "Remove: Roots" }).click();
  await until(page, "[data-kind=roots]", /None/);
  await page.context().close();
  console.log("without its plug-in the page says so");
}

/** A page that has directory and roots. */
async function trusting() {
  const page = await browser.page({}, { first: eavesdrop });
  await page.setInputFiles("#trust-roots", plan.roots);
  await page.setInputFiles("#trust-directory", plan.directory);
  await page.waitForFunction(() => document.querySelector("#unproven").hidden);
  return page;
}
