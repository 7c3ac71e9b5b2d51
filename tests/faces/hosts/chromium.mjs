// The browser of all tests, as the system has it: CHROMIUM says where, if it lies elsewhere.
import { createRequire } from "node:module";
import { join } from "node:path";

/** Starts it, without what it would fetch for itself. `tools` is the folder that playwright is installed in. */
export function launch(tools) {
  const { chromium } = createRequire(join(tools, "/"))("playwright-core");
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
}
