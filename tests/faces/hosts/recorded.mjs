// A recorded submission for those who make it again: its answers are what the host knows.
import { webcrypto } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { read } from "../../../examples/node-extism/frame.mjs";

/** The calls from `first` to `last` of the folder. */
export async function calls(folder, first, last) {
  const files = (await readdir(folder)).sort().slice(Number(first), Number(last) + 1);
  return Promise.all(files.map(async (file) => read(await readFile(join(folder, file)))));
}

/** Context and event of a submission, and how much the account has sent. */
export function submission([{ context, event }, ...rest]) {
  const answers = rest.flatMap((frame) => frame.answers);
  return { context, event, usage: answers.find(({ tag }) => tag === "usage").val };
}

/** A provider's key, for WebCrypto. */
export async function signingKey(file) {
  const der = Buffer.from((await readFile(file, "utf8")).replace(/-----[^-]+-----|\s/g, ""), "base64");
  const rsa = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  return webcrypto.subtle.importKey("pkcs8", der, rsa, false, ["sign"]);
}
