// Puts calls to something that has the functions of wit/transactions.wit.

/** The conversations with one instance. */
export class Conversations {
  #standing = [];

  constructor(plugin) {
    this.plugin = plugin;
  }

  call(name, asked) {
    if (name === "check_settings") return this.plugin.checkSettings(asked.settings);
    if (name === "audit") return this.plugin.audit(asked.now, asked.dossier);
    if (name === "advance") {
      const step = this.#standing[asked.transaction - 1].advance(asked.answers);
      return { step, transaction: asked.transaction };
    }
    const camel = name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
    const transaction = this.plugin[camel](asked.context, asked.event);
    const step = begun(transaction, asked);
    return { step, transaction: this.#standing.push(transaction) };
  }
}

/** The first step, or the one after it where that is refused and the call says `again`. */
function begun(transaction, { first = [], again }) {
  try {
    return transaction.advance(first);
  } catch (refusal) {
    if (!again) throw refusal;
    return transaction.advance([]);
  }
}
