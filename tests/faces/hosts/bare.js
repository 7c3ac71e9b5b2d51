// A worker that answers all recorded calls with the package in it; the answers are what it says.
//
// What the package's README says of `ceralacca/init` stands before this: see bare_run.mjs.
import * as plugin from "ceralacca/init";
import recorded from "recorded";
import { Conversations } from "./conversations.mjs";
import { read, write } from "./frame.mjs";

const hex = (octets) => Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("");

export default {
  test() {
    const conversations = new Conversations(plugin);
    for (const { function: name, frame } of read(new Uint8Array(recorded)).calls) {
      let said;
      try {
        said = { tag: "ok", val: conversations.call(name, read(frame)) };
      } catch (error) {
        if (!(error instanceof plugin.PecError)) throw error;
        said = { tag: "err", val: { code: error.code, text: error.message } };
      }
      console.log(hex(write(said)));
    }
  },
};
