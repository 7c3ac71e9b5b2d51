// A worker that makes a recorded submission again; its outcome is what it says.
import { init, onlooker, submit } from "ceralacca/init";
import module from "ceralacca.wasm";
import recorded from "recorded";
import { read, write } from "frame.mjs";

export default {
  test() {
    try {
      onlooker([]);
      throw new Error("it runs without its module");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    init(module);
    const [{ context, event }, ...rest] = read(new Uint8Array(recorded)).calls;
    const transaction = submit(context, event);
    let step = transaction.advance([]);
    for (const { answers } of rest) step = transaction.advance(answers);
    console.log(Array.from(write(step.val), (octet) => octet.toString(16).padStart(2, "0")).join(""));
  },
};
