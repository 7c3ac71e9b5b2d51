// Bundles bundled.js for browsers with esbuild and opens it in Chromium.
// Usage: TOOLS SITE, a folder with the script, the package, and what the script fetches
import { createServer } from "node:http";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { launch } from "./chromium.mjs";

const [tools, site] = process.argv.slice(2);
await createRequire(join(tools, "/"))("esbuild").build({
  entryPoints: [join(site, "bundled.js")],
  outfile: join(site, "out/page.js"),
  bundle: true,
  format: "esm",
  minify: true,
  logLevel: "error",
});
// As the package's README says.
await mkdir(join(site, "out/wasm"));
const wasm = join(site, "node_modules/ceralacca/wasm/ceralacca_bg.wasm");
await copyFile(wasm, join(site, "out/wasm/ceralacca_bg.wasm"));
await writeFile(join(site, "out/index.html"), '<!doctype html><script type="module" src="page.js"></script>');

const TYPES = { html: "text/html", js: "text/javascript", wasm: "application/wasm" };
const complaints = [];
const server = createServer(async (request, response) => {
  const name = request.url === "/" ? "index.html" : request.url.slice(1);
  if (request.method === "POST") {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    await writeFile(join(site, basename(name)), Buffer.concat(pieces));
    return response.end();
  }
  // The browser asks for an icon.
  const content = await readFile(join(site, "out", name)).catch(() => undefined);
  response.writeHead(content ? 200 : 204, { "content-type": TYPES[name.split(".").pop()] ?? "application/octet-stream" });
  response.end(content);
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));

const browser = await launch(tools);
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction(() => document.title, undefined, { timeout: 60_000 }).catch((error) => {
    throw new Error(`${error.message}: ${complaints}`);
  });
  console.log(await page.title());
} finally {
  await browser.close();
  server.close();
}
