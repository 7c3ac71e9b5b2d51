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

/** Acts while no other tab does, where the browser can tell: it has locks for pages that came by https or
 * from this machine, and none where it keeps no data. */
export async function alone(act) {
  let hasBegun = false;
  const begin = () => ((hasBegun = true), act());
  try {
    await navigator.locks.request("ceralacca", begin);
  } catch (error) {
    if (hasBegun) throw error;
    await act();
  }
}

/** Adds fields to what is remembered under a name; those of other tabs stay. */
export const enrich = (name, fields) =>
  change((files) => {
    files.get(name).onsuccess = ({ target }) => files.put({ ...target.result, ...fields }, name);
  });

/** Remembers; undefined forgets. */
export const remember = (name, value) =>
  change((files) => (value === undefined ? files.delete(name) : files.put(value, name)));

/** Other tabs hear of it. */
async function change(act) {
  await transact("readwrite", act);
  tabs.postMessage("changed");
}

const tabs = new BroadcastChannel("ceralacca");

/** Acts when another tab has remembered or forgotten something. */
export const onChange = (act) => (tabs.onmessage = act);

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
