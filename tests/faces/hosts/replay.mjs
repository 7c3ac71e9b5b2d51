// Answers each call of a folder with something that has the functions of wit/transactions.wit.
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { read, write } from "../../../examples/node-extism/frame.mjs";

/**
 * `load` makes an instance, of that many pages of memory at most where it is told; `fault` makes of
 * what a call threw what the frame says.
 */
export async function replay(calls, load, fault) {
  let plugin = await load();
  let standing = [];
  const converse = (name, asked) => {
    if (name === "advance") {
      const step = standing[asked.transaction - 1].advance(asked.answers);
      return { step, transaction: asked.transaction };
    }
    const camel = name.replace(/_(.)/, (_, letter) => letter.toUpperCase());
    const transaction = plugin[camel](asked.context, asked.event);
    const step = transaction.advance([]);
    return { step, transaction: standing.push(transaction) };
  };
  const answer = async (name, asked) => {
    if (name === "renew") {
      [plugin, standing] = [await load(asked.pages), []];
      return undefined;
    }
    if (name === "check_settings") return plugin.checkSettings(asked.settings);
    if (name === "audit") return plugin.audit(asked.now, asked.dossier);
    return converse(name, asked);
  };
  for (const file of (await readdir(calls)).sort()) {
    const [number, name] = file.split(".");
    const said = await answer(name, read(await readFile(join(calls, file)))).then(
      (val) => ({ tag: "ok", val }),
      (thrown) => ({ tag: "err", val: fault(thrown) }),
    );
    await writeFile(join(calls, `${number}.answer`), write(said));
  }
}
