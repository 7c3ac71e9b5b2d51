// The npm package in Chromium: answers each call of a folder. Usage: TOOLS PACKAGE CALLS
import { readFile, readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { bounded } from "./bounded.mjs";
import { launch } from "./chromium.mjs";

const [tools, folder, calls] = process.argv.slice(2);
const project = new URL("../../../", import.meta.url);
const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };
const PAGE = '<!doctype html><script type="module" src="/tests/faces/hosts/in_browser.mjs"></script>';

/** What lies at a path: the calls; the package, again and again under other names, since a browser imports
 * a module only once; the rest of the project. */
async function found(path) {
  if (path === "/calls") return JSON.stringify((await readdir(calls)).sort());
  const [, call] = /^\/calls\/([\w.]+)$/.exec(path) ?? [];
  if (call) return readFile(join(calls, call));
  const [, pages, file] = /^\/package\/\d+(?:-(\d+))?\/([\w./]+)$/.exec(path) ?? [];
  if (!file) return readFile(new URL(`.${path}`, project));
  const octets = await readFile(join(folder, file));
  return pages && file.endsWith(".wasm") ? bounded(octets, Number(pages)) : octets;
}

const server = createServer(async (request, response) => {
  const { method, url } = request;
  try {
    if (method === "POST") {
      const [, number] = /^\/calls\/(\d+)\./.exec(url);
      await writeFile(join(calls, `${number}.answer`), await buffer(request));
      return void response.end();
    }
    // So alone the page gets a clock of microseconds.
    response.setHeader("cross-origin-opener-policy", "same-origin");
    response.setHeader("cross-origin-embedder-policy", "require-corp");
    response.setHeader("content-type", url === "/" ? "text/html" : (TYPES[extname(url)] ?? "application/octet-stream"));
    response.end(url === "/" ? PAGE : await found(url));
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const browser = await launch(tools);
try {
  const page = await browser.newPage();
  const failed = new Promise((_, fail) => page.on("pageerror", fail));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await Promise.race([failed, page.waitForFunction(() => document.title === "done", undefined, { timeout: 0 })]);
} finally {
  await browser.close();
  server.close();
}
