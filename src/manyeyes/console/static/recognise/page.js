// The page's parts put together: pictures come in, are sent, are shown, go out.

import { ask } from "./asking.js";
import { takePicture } from "./camera.js";
import { Detail } from "./detail.js";
import { button, counted, make, say } from "./dom.js";
import { dropped, named, ofFolder } from "./files.js";
import { FilterBar } from "./filter_bar.js";
import { matches } from "./filters.js";
import { feedbackCell } from "./judging.js";
import { keepPage } from "./keeping.js";
import { List } from "./list.js";
import { MOST_PICTURES, Picture, Queue } from "./queue.js";
import { everything, predictedName, resultLines, save, RESULTS_NAME } from "./saving.js";
import { Session } from "./session.js";
import { Store } from "./store.js";
import { MOST_STILLS, isVideo, stillsOf } from "./video.js";

/**
 * Fill the page.
 * @param {HTMLElement} root
 * @param {{mayEnrol: boolean, owner: string}} options whether it is worth offering feedback; who is signed in.
 * @returns {() => void} ends it.
 */
export function start(root, options) {
  const page = new Page(root, options);
  return () => page.end();
}

class Page {
  #ended = new AbortController();
  #picked = null;
  #isKept = false;
  #wasBusy = false;
  #isFull = false; // the browser takes no more results
  #store = null; // where results survive this page

  constructor(root, { mayEnrol, owner }) {
    this.session = new Session((ended) => (this.signedOut.hidden = !ended));
    this.queue = new Queue(
      this.session,
      (picture) => this.#changed(picture),
      () => this.#summarise(),
    );
    this.list = new List(
      (picture, how) => this.#pick(picture, how),
      (picture) => this.#remove(picture),
    );
    this.detail = new Detail({
      save: (picture) =>
        save(picture.predicted, predictedName(picture.path.split("/").pop(), picture.predicted.type)),
      again: (picture) => this.#again([picture]),
      remove: (picture) => this.#remove(picture),
      judge: mayEnrol
        ? (picture, index, image) => feedbackCell(picture, index, image, () => this.#keepResult(picture))
        : null,
    });
    this.filters = new FilterBar(() => this.#filter());
    root.append(...this.#parts());
    this.#listen();
    this.#summarise();
    this.#restore(owner);
  }

  /** Bring back what this browser has kept of this user. */
  async #restore(owner) {
    try {
      this.#store = await Store.open(owner);
      const found = (await this.#store.records()).map((record) => Picture.stored(record));
      this.kept.hidden = false;
      this.queue.pictures.filter(({ isOver }) => isOver).forEach((picture) => this.#keepResult(picture));
      if (this.#ended.signal.aborted || found.length === 0) return;
      const taken = this.queue.restore(found);
      this.list.addBefore(taken);
      if (!this.#picked) this.#pick(taken[0]);
      this.#keep();
      this.#summarise();
    } catch (error) {
      this.#notice(`This browser keeps no results: they are gone when you leave the page (${error.message}).`);
    }
  }

  async #keepResult(picture) {
    if (!this.#store || this.#isFull || (await this.#store.put(picture.record()))) return;
    this.#isFull = this.kept.hidden = true;
    this.#notice("This browser keeps no more results: those from now on are gone when you leave the page.");
  }

  end() {
    this.#ended.abort();
    this.queue.remove(this.queue.pictures);
    this.detail.show(null);
  }

  #parts() {
    this.notices = make("div", { class: "rec-notices", role: "alert" });
    this.signedOut = this.#signedOut();
    this.cutOff = make(
      "div",
      { class: "trouble", role: "status", hidden: true },
      "The master was restarted, or the connection to it was lost for a long time. Recognising continues here; reload the page when all pictures are done.",
      button("Reload", () => location.reload()),
    );
    this.stopped = make("div", { class: "trouble", role: "alert", hidden: true });
    this.heard = make("div", { class: "rec-hidden", role: "status" });
    this.work = make(
      "div",
      { class: "rec-work", hidden: true },
      make("div", { class: "rec-side" }, this.#progress(), this.filters.element, this.list.element),
      this.detail.element,
    );
    return [this.signedOut, this.cutOff, this.stopped, this.notices, this.#intake(), this.heard, this.work];
  }

  #signedOut() {
    const to = `${manyeyes.base}/sign-in?ended=1&to=${encodeURIComponent(`${manyeyes.base}/recognise`)}`;
    return make(
      "div",
      { class: "trouble", role: "alert", hidden: true },
      make(
        "span",
        {},
        "Your session has ended. ",
        make("a", { href: to, target: "_blank", text: "Sign in again in a new tab" }),
        ": the pictures here stay, and go on by themselves.",
      ),
    );
  }

  #intake() {
    this.files = make("input", {
      type: "file",
      multiple: true,
      class: "rec-hidden",
      tabindex: -1,
      "aria-label": "Pictures to recognise",
      id: "rec-files",
    });
    this.folder = make("input", {
      type: "file",
      webkitdirectory: true,
      class: "rec-hidden",
      tabindex: -1,
      "aria-label": "Folder of pictures to recognise",
      id: "rec-folder",
    });
    const takes = (input, gather) =>
      input.addEventListener("change", () => {
        this.#take(gather(input.files));
        input.value = ""; // so that the same file can be chosen again
      });
    takes(this.files, named);
    takes(this.folder, ofFolder);
    const hasFolders = "webkitdirectory" in this.folder && !matchMedia("(pointer: coarse)").matches;
    this.choose = button("Choose pictures", () => this.files.click(), { kind: "main" });
    this.drop = make(
      "section",
      { class: "rec-drop", "aria-label": "Add pictures" },
      make("p", { class: "rec-drop-words", text: "Drop pictures, videos or folders here, paste a picture, or" }),
      make(
        "div",
        { class: "rec-actions" },
        this.choose,
        hasFolders ? button("Choose a folder", () => this.folder.click()) : null,
        button("Use the camera", () => this.#photograph()),
      ),
      make("p", {
        class: "rec-facts",
        text: `JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF, HEIC, and stills of videos; up to ${MOST_PICTURES} at a time. Pictures go to your manyeyes only.`,
      }),
      this.files,
      this.folder,
    );
    return this.drop;
  }

  #progress() {
    this.words = make("p", { class: "rec-progress-words", id: "rec-progress-words" });
    this.bar = make("progress", { "aria-labelledby": "rec-progress-words", value: 0, max: 1 });
    this.all = button("Download all (ZIP)", () => this.#saveAll());
    this.results = button("Results (JSON)", () => this.#saveResults());
    this.retry = button("Try failed again", () =>
      this.#again(this.queue.pictures.filter(({ state, file }) => state === "failed" && file)),
    );
    this.clear = button("Clear all", () => this.#clearAll());
    this.kept = make("p", {
      class: "rec-facts",
      hidden: true,
      text: "This browser keeps the results for a day, until you clear them or sign out.",
    });
    return make(
      "div",
      { class: "rec-progress" },
      this.words,
      this.bar,
      make("div", { class: "rec-actions" }, this.all, this.results, this.retry, this.clear),
      this.kept,
    );
  }

  #listen() {
    const { signal } = this.#ended;
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    const over = (isOver) => this.drop.classList.toggle("rec-over", isOver);
    const on = (event, listener) => document.addEventListener(event, listener, { signal });
    on("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault(); // or the browser would open the file in place of the page
      over(true);
    });
    on("dragleave", (event) => event.relatedTarget === null && over(false));
    on("drop", async (event) => {
      over(false);
      if (!hasFiles(event)) return;
      event.preventDefault();
      try {
        this.#take(await dropped(event.dataTransfer));
      } catch (error) {
        this.#notice(`A folder could not be read: ${error.message}`);
      }
    });
    on("paste", (event) => {
      const files = event.clipboardData?.files ?? [];
      if (files.length === 0 || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      this.#take(named(files));
    });
    const warn = (event) => {
      const { waiting, sending } = this.queue.counts();
      if (waiting + sending > 0) event.preventDefault();
    };
    window.addEventListener("beforeunload", warn, { signal });
  }

  async #take({ found, leftOut }) {
    this.#keep();
    this.notices.replaceChildren();
    if (leftOut)
      this.#notice(`${counted(leftOut, "file")} of the folder left out: no pictures by their names.`);
    this.#add(found.filter(({ file }) => !isVideo(file)));
    for (const { file, path } of found.filter(({ file }) => isVideo(file))) await this.#takeVideo(file, path);
  }

  /** Send stills of a video, as this browser decodes them. */
  async #takeVideo(file, path) {
    const told = make("p", { role: "status", text: `Takes stills of ${path}.` });
    this.notices.append(told);
    const room = Math.min(MOST_STILLS, MOST_PICTURES - this.queue.pictures.length);
    try {
      let last = null;
      for await (const one of stillsOf(file, path, room, this.#ended.signal)) {
        if (!this.#add([one])) return;
        last = one.still;
      }
      say(told, `Stills of ${path}: one every ${last.every_s} s. Who is seen from when to when is shown in the `);
      told.append(make("a", { href: `${manyeyes.base}/`, text: "overview" }), ".");
    } catch (error) {
      say(told, `${path} cannot be played by this browser (${error.message}); 'manyeyes send' reads more kinds of videos.`);
    }
  }

  /** Add pictures to those of the page; returns whether there was room for all. */
  #add(found) {
    const taken = this.queue.add(found);
    this.list.add(taken);
    const first = taken[0];
    if (first && !this.#picked) this.#pick(first);
    const over = found.length - taken.length;
    if (over > 0)
      this.#notice(
        `${counted(over, "picture")} left out: the page holds ${MOST_PICTURES} at a time. Download what is done, remove it, and add the others then.`,
      );
    this.#summarise();
    return over === 0;
  }

  #keep() {
    if (this.#isKept) return;
    this.#isKept = true;
    keepPage(
      () => this.queue.pictures.length > 0,
      () => (this.cutOff.hidden = false),
    );
  }

  async #photograph() {
    const file = await takePicture();
    if (file) this.#take(named([file]));
  }

  #notice(words) {
    this.notices.append(make("p", { class: "rec-notice", text: words }));
  }

  #pick(picture, how) {
    this.#picked = picture;
    this.list.pick(picture, how);
    this.detail.show(picture);
  }

  #changed(picture) {
    this.list.update(picture);
    if (picture === this.#picked) this.detail.show(picture);
    if (picture.isOver) this.#keepResult(picture);
  }

  #again(pictures) {
    this.queue.again(pictures);
  }

  #remove(picture) {
    const { pictures } = this.queue;
    const at = pictures.indexOf(picture);
    const shown = (picture) => matches(picture, this.filters.filter);
    const next = pictures.slice(at + 1).find(shown) ?? pictures.slice(0, at).findLast(shown) ?? pictures[at + 1] ?? pictures[at - 1] ?? null;
    this.#forget([picture]);
    if (this.#picked === picture) this.#pick(next, { focus: true });
    if (!next) this.choose.focus();
  }

  async #clearAll() {
    const { pictures } = this.queue;
    const what = `${counted(pictures.length, "picture")} and what was found in them are deleted from this browser. Your files stay as they are.`;
    if (!(await ask("Clear all pictures?", what, "Clear all"))) return;
    this.#forget(this.queue.pictures);
    await this.#store?.clear(); // what another tab has put there too
    this.#pick(null);
    this.notices.replaceChildren();
    this.choose.focus();
  }

  #forget(pictures) {
    this.list.remove(pictures);
    this.queue.remove(pictures);
    this.#store?.remove(pictures.map(({ storedAs }) => storedAs));
  }

  /** Show in the list what the filter lets pass, and one of them in full. */
  #filter() {
    const isShown = (picture) => matches(picture, this.filters.filter);
    this.list.show(isShown);
    this.filters.update(this.queue.pictures);
    if (this.#picked && !isShown(this.#picked)) this.#pick(this.queue.pictures.find(isShown) ?? this.#picked);
  }

  async #saveAll() {
    this.all.disabled = true;
    say(this.heard, "Packing the pictures.");
    try {
      save(await everything(this.queue.pictures), "predicted.zip");
    } catch (error) {
      this.#notice(`The ZIP could not be made: ${error.message}`);
    } finally {
      this.#summarise();
    }
  }

  #saveResults() {
    const finished = this.queue.pictures.filter(({ isOver }) => isOver);
    save(resultLines(finished, new Map()), RESULTS_NAME);
  }

  /** What stands above the list. */
  #summarise() {
    const total = this.queue.pictures.length;
    const { waiting, sending, done, failed } = this.queue.counts();
    this.work.hidden = total === 0;
    this.drop.classList.toggle("rec-small", total > 0);
    const parts = [`${done} of ${total} done`];
    if (failed) parts.push(`${failed} failed`);
    if (sending) parts.push(`${sending} being sent`);
    if (waiting) parts.push(`${waiting} waiting`);
    say(this.words, parts.join(", "));
    Object.assign(this.bar, { max: Math.max(1, total), value: done + failed });
    this.all.disabled = done === 0;
    this.results.disabled = done + failed === 0;
    this.retry.hidden = failed === 0;
    this.filters.update(this.queue.pictures);
    this.list.show((picture) => matches(picture, this.filters.filter));
    this.#tellStopped(waiting);
    const isBusy = sending + waiting > 0;
    if (isBusy !== this.#wasBusy) {
      const over = `All done: ${counted(done, "picture")} recognised, ${failed} failed.`;
      say(this.heard, isBusy ? `${counted(sending + waiting, "picture")} to recognise.` : total ? over : "");
    }
    this.#wasBusy = isBusy;
  }

  #tellStopped(waiting) {
    const { stopped, isFull } = this.queue;
    const isStopped = waiting > 0 && (stopped !== null || isFull);
    if (isStopped && this.stopped.hidden) {
      const words = stopped
        ? `${stopped.detail} ${counted(waiting, "picture")} wait; nothing is lost.`
        : `The results fill 1 GB of memory. Download them and remove some; ${counted(waiting, "picture")} wait.`;
      this.stopped.replaceChildren(words, ...(stopped ? [button("Go on", () => this.queue.goOn())] : []));
    }
    this.stopped.hidden = !isStopped;
  }
}
