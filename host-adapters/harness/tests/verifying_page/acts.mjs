// What a person does with the page, and sees.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Until the text of an element is as expected. */
export function until(page, selector, pattern) {
  const fits = ([selector, source]) => new RegExp(source).test(document.querySelector(selector)?.textContent);
  return page.waitForFunction(fits, [selector, pattern.source]);
}

/** Drags files over the page and lets go of them: the browser gets what a file manager gives it. */
export async function drop(page, files) {
  const browser = await page.context().newCDPSession(page);
  const data = { items: [], files, dragOperationsMask: 1 };
  const drag = (type) => browser.send("Input.dispatchDragEvent", { type, x: 600, y: 450, data });
  await drag("dragEnter");
  await drag("dragOver");
  await page.waitForSelector("body[data-drop]");
  await drag("drop");
  await page.waitForSelector("body:not([data-drop])");
  await browser.detach();
}

/** Until so many files are judged. */
export function settled(page, count) {
  const done = (count) =>
    document.querySelectorAll("#results > ol > li > [data-verdict]").length === count &&
    document.querySelector("#progress").hidden;
  return page.waitForFunction(done, count, { timeout: 120_000 });
}

/** What is saved when this is done. */
export async function download(page, folder, act) {
  const [download] = await Promise.all([page.waitForEvent("download"), act()]);
  const file = join(folder, `${Date.now()}`);
  await download.saveAs(file);
  return { name: download.suggestedFilename(), octets: await readFile(file) };
}

/** axe-core finds nothing to complain of, in the light and in the dark. */
export async function accessible(page, axe, what) {
  await page.evaluate(() => document.querySelectorAll("details").forEach((one, at) => (one.open = at < 3)));
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => axe.run());
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html)}`);
    assert.deepEqual(found, [], `${what}, ${colorScheme}`);
  }
}

/** On a desk and on a phone, by day and by night. */
export async function picture(page, folder, name) {
  if (!folder) return;
  for (const [device, width] of [["desk", 1200], ["phone", 390]]) {
    for (const colorScheme of ["light", "dark"]) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(folder, `${name}-${device}-${colorScheme}.png`), fullPage: true });
    }
  }
  await page.setViewportSize({ width: 1200, height: 900 });
}

/** For a page that is yet to be opened: whatever it remembers takes the browser a while, and
 * `globalThis.unwritten` counts what is on its way. */
export function slowMemory() {
  globalThis.unwritten = 0;
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (...what) {
    globalThis.unwritten += 1;
    this.transaction.addEventListener("complete", () => (globalThis.unwritten -= 1));
    const end = performance.now() + 1_000;
    // A transaction lasts as long as it is asked for something.
    const again = () => performance.now() < end && (this.get("nothing").onsuccess = again);
    again();
    return put.apply(this, what);
  };
}

/** For a page that is yet to be opened: `globalThis.said` counts what its worker has to say, by kind;
 * `globalThis.workers` has it. */
export function eavesdrop() {
  globalThis.said = {};
  globalThis.workers = [];
  globalThis.Worker = class extends Worker {
    constructor(...what) {
      super(...what);
      workers.push(this);
      this.addEventListener("message", ({ data }) => (said[data.do] = (said[data.do] ?? 0) + 1));
    }
  };
}
