// Answers each call of a folder with something that has the functions of wit/transactions.wit.
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { read, write } from "../../../examples/node-extism/frame.mjs";

/** `fault` makes of what a call threw what the frame says. */
export async function replay(calls, plugin, fault) {
  let begun = 0;
  let standing;
  const call = (name, asked) => {
    if (name === "advance") return standing.advance(asked.answers);
    const camel = name.replace(/_(.)/, (_, letter) => letter.toUpperCase());
    begun += 1;
    standing = plugin[camel](asked.context, asked.event);
    return standing.advance([]);
  };
  const answer = (name, asked) => {
    try {
      return { tag: "ok", val: { step: call(name, asked), transaction: begun } };
    } catch (thrown) {
      return { tag: "err", val: fault(thrown) };
    }
  };
  for (const file of (await readdir(calls)).sort()) {
    const [number, name] = file.split(".");
    const said = answer(name, read(await readFile(join(calls, file))));
    await writeFile(join(calls, `${number}.answer`), write(said));
  }
}
