// Results in the browser's own database: they survive going to another page and a reload. They belong to who is signed
// in: signing out deletes them (the gateway's answer says so to the browser), and so does the first look of somebody else.

const NAME = "manyeyes-recognise";
const [PICTURES, OWNER] = ["pictures", "owner"];
const LONGEST_MS = 24 * 3600 * 1000;
export const MOST_STORED_BYTES = 2 ** 29;

/** What a request or a transaction of the database gives, as a promise. */
function ended(what) {
  return new Promise((resolve, reject) => {
    what.onsuccess = what.oncomplete = () => resolve(what.result);
    what.onerror = what.onabort = () => reject(what.error);
  });
}

export class Store {
  #database;
  #owner;
  #sizes = new Map(); // bytes of pictures by the ids of those that are stored

  /**
   * Open it; what is of another owner is deleted.
   * @param {string} owner whose results they are.
   * @throws {Error} this browser keeps nothing for pages.
   */
  static async open(owner) {
    const opening = indexedDB.open(NAME, 1);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore(PICTURES, { keyPath: "id" });
      opening.result.createObjectStore(OWNER);
    };
    const store = new Store();
    store.#database = await ended(opening);
    store.#owner = owner;
    store.#database.onversionchange = () => store.#database.close(); // another tab deletes it
    const change = store.#change();
    const owned = await ended(change.objectStore(OWNER).get("name"));
    if (owned !== owner) {
      change.objectStore(PICTURES).clear();
      change.objectStore(OWNER).put(owner, "name");
    }
    await ended(change);
    return store;
  }

  /** What is stored, in the order in which it came; what is older than a day is deleted. */
  async records(now = Date.now()) {
    const all = await ended(this.#database.transaction(PICTURES).objectStore(PICTURES).getAll());
    const fresh = all.filter(({ at }) => now - at < LONGEST_MS).sort((one, other) => one.order - other.order);
    for (const { id, file, predicted } of fresh) this.#sizes.set(id, (file?.size ?? 0) + (predicted?.size ?? 0));
    const kept = new Set(fresh.map(({ id }) => id));
    await this.remove(all.filter(({ id }) => !kept.has(id)).map(({ id }) => id));
    return fresh;
  }

  /**
   * Store a record under its `id`; its pictures only where there is room for them, the predicted one first.
   * @returns {Promise<boolean>} whether it is stored: not where the browser has no room, or somebody else has signed in.
   */
  async put(record, mostBytes = MOST_STORED_BYTES) {
    this.#sizes.delete(record.id);
    let room = mostBytes - [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
    let used = 0;
    const fitting = (blob) => {
      if (!blob || blob.size > room) return null;
      room -= blob.size;
      used += blob.size;
      return blob;
    };
    const predicted = fitting(record.predicted);
    const fits = { ...record, predicted, file: fitting(record.file) };
    this.#sizes.set(record.id, used);
    try {
      const change = this.#change();
      const owned = await ended(change.objectStore(OWNER).get("name"));
      if (owned !== this.#owner) return false;
      change.objectStore(PICTURES).put(fits);
      await ended(change);
      return true;
    } catch {
      this.#sizes.delete(record.id);
      return false; // its disk is full, or signing out elsewhere has deleted the database
    }
  }

  async remove(ids) {
    for (const id of ids) this.#sizes.delete(id);
    await this.#delete((pictures) => ids.forEach((id) => pictures.delete(id)));
  }

  async clear() {
    this.#sizes.clear();
    await this.#delete((pictures) => pictures.clear());
  }

  async #delete(what) {
    let change;
    try {
      change = this.#change();
    } catch {
      return; // deleted already, with everything in it
    }
    what(change.objectStore(PICTURES));
    await ended(change);
  }

  #change() {
    return this.#database.transaction([PICTURES, OWNER], "readwrite");
  }
}
