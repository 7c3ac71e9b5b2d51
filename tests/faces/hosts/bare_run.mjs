// Bundles bare.js, and what the package's README shows for `ceralacca/init` before it, as an edge platform does.
// Usage: TOOLS SITE, a folder with bare.js, frame.mjs and the package
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

const [tools, site] = process.argv.slice(2);
const readme = await readFile(join(site, "node_modules/ceralacca/README.md"), "utf8");
const [[, shown], ...more] = readme.matchAll(/^```javascript\n(.*?)^```$/gms);
if (more.length > 0) throw new Error("the README shows more than that");
// Before its module is there nothing works, and says so.
const early = `
import { onlooker } from "ceralacca/init";
try {
  onlooker([]);
  throw new Error("it runs without its module");
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
}
`;
await writeFile(join(site, "shown.js"), shown.replace("\ninit(", `${early}\ninit(`));
await writeFile(join(site, "entry.js"), 'import "./shown.js";\nexport { default } from "./bare.js";\n');
await createRequire(join(tools, "/"))("esbuild").build({
  entryPoints: [join(site, "entry.js")],
  outfile: join(site, "bundle.js"),
  bundle: true,
  format: "esm",
  external: ["recorded"],
  // Beside the bundle, for which the platform compiles it.
  loader: { ".wasm": "copy" },
  assetNames: "[name]",
  logLevel: "error",
});
