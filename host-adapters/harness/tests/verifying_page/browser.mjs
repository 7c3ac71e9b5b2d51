// A web server and a browser for the story; both end with it. What the browser asks for and what
// it complains of is written down.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { launch } from "../../../../tests/faces/hosts/chromium.mjs";

/** The command of the page's README, on a port that the kernel chose. */
export async function serve(site) {
  const server = spawn("python3", ["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "-d", site], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const said = await new Promise((resolve, reject) => {
    server.stdout.once("data", resolve);
    server.once("exit", () => reject(new Error("no web server")));
  });
  const port = /port (\d+)/.exec(said)[1];
  process.once("exit", () => server.kill());
  return { address: `http://127.0.0.1:${port}/`, end: () => server.kill() };
}

/** Chromium; `page` opens the page in a profile of its own. */
export async function begin(tools, address) {
  const browser = await launch(tools);
  const requests = new Set();
  const complaints = [];
  return {
    requests,
    complaints,
    /** `first` runs before the page does. */
    async page(options, { first } = {}) {
      const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1200, height: 900 }, ...options });
      const page = await context.newPage();
      // Of the page and of its worker.
      context.on("request", (request) => requests.add(`${request.method()} ${request.url()}`));
      context.on("console", (message) => message.type() !== "log" && complaints.push(message.text()));
      context.on("weberror", (error) => complaints.push(String(error.error())));
      if (first) await context.addInitScript(first);
      await page.goto(address);
      await page.waitForSelector("#drop:not([hidden])");
      return page;
    },
    /** Nothing but the page's own files was asked for, nothing was sent, and nothing went wrong. */
    judge() {
      const own = [`GET ${address}`, `GET blob:${address}`];
      const foreign = [...requests].filter((request) => !own.some((start) => request.startsWith(start)));
      assert.deepEqual(foreign, []);
      assert.deepEqual(complaints, []);
    },
    end: () => browser.close(),
  };
}
