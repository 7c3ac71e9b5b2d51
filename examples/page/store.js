// What trust rests on is remembered in this browser, and nowhere else.

/** All that was remembered, by name. Empty where the browser remembers nothing. */
export async function remembered() {
  const found = {};
  await transact("readonly", (files) => {
    files.openCursor().onsuccess = ({ target: { result: cursor } }) => {
      if (!cursor) return;
      found[cursor.key] = cursor.value;
      cursor.continue();
    };
  });
  return found;
}

/** Remembers; undefined forgets. */
export const remember = (name, value) =>
  transact("readwrite", (files) => (value === undefined ? files.delete(name) : files.put(value, name)));

/** Rejects where the browser keeps no data (private windows, blocked storage). */
async function transact(mode, act) {
  const database = await new Promise((resolve, reject) => {
    const request = indexedDB.open("ceralacca", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("files");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  try {
    await new Promise((resolve, reject) => {
      const transaction = database.transaction("files", mode);
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
      act(transaction.objectStore("files"));
    });
  } finally {
    database.close();
  }
}
