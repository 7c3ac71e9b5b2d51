// The npm package in workerd, handed to `ceralacca/init` as its README shows: answers each call of a folder.
// Usage: TOOLS PACKAGE CALLS WORKERD
import { spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const [tools, folder, calls, program] = process.argv.slice(2);
const beside = (name) => fileURLToPath(new URL(name, import.meta.url));
// Before its module is there nothing works, and says so.
const EARLY = `
import { onlooker } from "ceralacca/init";
try {
  onlooker([]);
  throw new Error("it runs without its module");
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
}
`;
const site = await mkdtemp(join(tmpdir(), "ceralacca-workerd-"));
// A worker has none that goes on while it computes.
const clock = createServer((_, response) => response.end(String(performance.now())));
let workerd;
try {
  await bundle();
  await new Promise((listening) => clock.listen(0, "127.0.0.1", listening));
  const port = await listens();
  for (const file of (await readdir(calls)).sort()) {
    const [number, name] = file.split(".");
    const request = { method: "POST", body: await readFile(join(calls, file)) };
    const response = await fetch(`http://127.0.0.1:${port}/${name}`, request);
    if (!response.ok) throw new Error(`${file}: ${response.status}`);
    await writeFile(join(calls, `${number}.answer`), response.body);
  }
} finally {
  workerd?.kill();
  clock.close();
  clock.closeAllConnections();
  await rm(site, { recursive: true });
}

/** Starts workerd; the port at which it takes calls. */
function listens() {
  const time = `--external-addr=clock=127.0.0.1:${clock.address().port}`;
  const asked = ["serve", "in_workerd.capnp", "--socket-addr=calls=127.0.0.1:0", time, "--control-fd=3"];
  workerd = spawn(program, asked, { cwd: site, stdio: ["ignore", "inherit", "inherit", "pipe"] });
  return new Promise((listening, fail) => {
    setTimeout(fail, 60_000, new Error("workerd does not listen")).unref();
    // One line, when it does.
    workerd.stdio[3].once("data", (line) => listening(JSON.parse(line).port));
    workerd.once("error", fail).once("exit", (code) => fail(new Error(`workerd ended: ${code}`)));
  });
}

/** As an edge platform does it: what the README shows and then the worker in one file, the module beside it. */
async function bundle() {
  await mkdir(join(site, "node_modules"));
  await symlink(folder, join(site, "node_modules/ceralacca"));
  const readme = await readFile(join(folder, "README.md"), "utf8");
  const [[, shown], ...more] = readme.matchAll(/^```javascript\n(.*?)^```$/gms);
  const [imports, rest, ...others] = shown.split("\ninit(");
  if (more.length > 0 || !rest || others.length > 0) throw new Error("the README shows something else");
  await createRequire(join(tools, "/"))("esbuild").build({
    stdin: {
      contents: `${imports}${EARLY}\ninit(${rest}\nexport { default } from ${JSON.stringify(beside("in_workerd.mjs"))};`,
      resolveDir: site,
    },
    nodePaths: [join(site, "node_modules")],
    alias: { glue: join(site, "node_modules/ceralacca/wasm/ceralacca.js") },
    outfile: join(site, "bundle.js"),
    bundle: true,
    format: "esm",
    external: ["cloudflare:workers"],
    // Beside the bundle, for which the platform compiles it.
    loader: { ".wasm": "copy" },
    assetNames: "[name]",
    logLevel: "error",
  });
  await copyFile(beside("in_workerd.capnp"), join(site, "in_workerd.capnp"));
}
