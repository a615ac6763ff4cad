// The pictures of the page, and how many of them are sent at a time.

import { Problem } from "./api.js";
import { GaveUp, recognise } from "./sending.js";

const UNDER_WAY = 4;
export const MOST_PICTURES = 500;
const MOST_KEPT_BYTES = 2 ** 30;

/** One picture; `state` is waiting, sending, done or failed. */
export class Picture {
  static #count = 0;

  /** @param {?Object} still which still of a video it is. */
  constructor(file, path, still = null) {
    this.id = ++Picture.#count;
    this.storedAs = crypto.randomUUID();
    this.order = Date.now() * 1000 + this.id; // a whole number, so that those of one millisecond stay in their order
    this.file = file; // null where only its result was stored
    this.size = file?.size ?? 0;
    this.still = still;
    this.path = path; // its name, with the folders it was chosen in
    this.judged = new Map(); // what was said of its faces, by their index
    this.renew();
  }

  /** One that is done or failed, as `record` gave it. */
  static stored({ id, judged, problem, ...facts }) {
    const picture = new Picture(facts.file, facts.path);
    const known = { storedAs: id, judged: new Map(judged), problem: problem && new Problem(problem) };
    return Object.assign(picture, facts, known);
  }

  /** What is to be stored of one that is done or failed. */
  record(now = Date.now()) {
    const { storedAs: id, order, file, size, path, still, state, key, result, predicted } = this;
    const problem = this.problem && { ...this.problem, detail: this.problem.detail };
    const facts = { id, at: now, order, file, size, path, still, state, key, result, predicted };
    return { ...facts, problem, judged: [...this.judged] };
  }

  get isOver() {
    return this.state === "done" || this.state === "failed";
  }

  /** Back to the beginning; whatever is sent from now on is a sending of its own. */
  renew() {
    this.state = "waiting";
    this.note = "";
    this.key = crypto.randomUUID();
    this.problem = this.result = this.predicted = null;
    this.judged.clear();
    this.abort = new AbortController();
  }
}

export class Queue {
  #underWay = 0;

  /**
   * @param {import("./session.js").Session} session
   * @param {(picture: Picture) => void} onPicture something about it has changed.
   * @param {() => void} onAll something about the whole has changed.
   * @param {typeof recognise} send how one picture is sent.
   */
  constructor(session, onPicture, onAll, send = recognise) {
    Object.assign(this, { session, onPicture, onAll, send });
    this.pictures = [];
    this.stopped = null; // why nothing more is sent, as a Problem
  }

  /** How many there are of each state, and the bytes of predicted pictures. */
  counts() {
    const counts = { waiting: 0, sending: 0, done: 0, failed: 0, keptBytes: 0 };
    for (const picture of this.pictures) {
      counts[picture.state] += 1;
      counts.keptBytes += picture.predicted?.size ?? 0;
    }
    return counts;
  }

  get isFull() {
    return this.counts().keptBytes >= MOST_KEPT_BYTES;
  }

  /** Take pictures in, as many as there is room for; returns those taken. */
  add(found) {
    const taken = found.slice(0, Math.max(0, MOST_PICTURES - this.pictures.length));
    const pictures = taken.map(({ file, path, still }) => new Picture(file, path, still));
    this.pictures.push(...pictures);
    this.#fill();
    return pictures;
  }

  /** Put in pictures that were stored, as many as there is room for; returns those put in. */
  restore(pictures) {
    const room = Math.max(0, MOST_PICTURES - this.pictures.length);
    const taken = room ? pictures.slice(-room) : [];
    this.pictures.unshift(...taken);
    this.onAll();
    return taken;
  }

  /** Remove pictures; requests for them are aborted. */
  remove(gone) {
    const set = new Set(gone);
    this.pictures = this.pictures.filter((picture) => !set.has(picture));
    for (const picture of set) picture.abort.abort();
    if (this.pictures.length === 0) this.stopped = null;
    this.#fill();
  }

  /** Send pictures anew. */
  again(pictures) {
    for (const picture of pictures) {
      picture.renew();
      this.onPicture(picture);
    }
    this.goOn();
  }

  /** Send again after patience was over. */
  goOn() {
    this.stopped = null;
    this.#fill();
  }

  #fill() {
    while (this.#underWay < UNDER_WAY && !this.stopped && !this.isFull) {
      const next = this.pictures.find((picture) => picture.state === "waiting");
      if (!next) break;
      this.#send(next);
    }
    this.onAll();
  }

  async #send(picture) {
    const { signal } = picture.abort;
    this.#underWay += 1;
    this.#set(picture, { state: "sending" });
    const onWait = (note) => signal.aborted || this.#set(picture, { note });
    try {
      const how = { signal, session: this.session, onWait, still: picture.still };
      const answer = await this.send(picture.file, picture.key, how);
      if (!signal.aborted) this.#set(picture, { state: "done", note: "", ...answer });
    } catch (error) {
      if (!signal.aborted) this.#failed(picture, error);
    }
    this.#underWay -= 1;
    this.#fill();
  }

  #failed(picture, error) {
    if (error instanceof GaveUp) {
      this.stopped = error.problem;
      this.#set(picture, { state: "waiting", note: "" });
      return;
    }
    const problem =
      error instanceof Problem
        ? error
        : new Problem({ title: "The page failed on this picture", detail: String(error), code: "page" });
    this.#set(picture, { state: "failed", note: "", problem });
  }

  #set(picture, facts) {
    Object.assign(picture, facts);
    this.onPicture(picture);
    this.onAll();
  }
}
