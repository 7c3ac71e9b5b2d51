// A worker that answers all recorded calls with the package in it; the answers are what it says.
//
// What the package's README says of `ceralacca/init` stands before this: see bare_run.mjs.
import * as plugin from "ceralacca/init";
import recorded from "recorded";
import { read, write } from "./frame.mjs";

const hex = (octets) => Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("");

export default {
  test() {
    const standing = [];
    for (const { function: name, frame } of read(new Uint8Array(recorded)).calls) {
      let said;
      try {
        said = { tag: "ok", val: answer(standing, name, read(frame)) };
      } catch (error) {
        if (!(error instanceof plugin.PecError)) throw error;
        said = { tag: "err", val: { code: error.code, text: error.message } };
      }
      console.log(hex(write(said)));
    }
  },
};

function answer(standing, name, asked) {
  if (name === "check_settings") return plugin.checkSettings(asked.settings);
  if (name === "audit") return plugin.audit(asked.now, asked.dossier);
  if (name === "advance") {
    const step = standing[asked.transaction - 1].advance(asked.answers);
    return { step, transaction: asked.transaction };
  }
  const camel = name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
  const transaction = plugin[camel](asked.context, asked.event);
  const step = transaction.advance([]);
  return { step, transaction: standing.push(transaction) };
}
