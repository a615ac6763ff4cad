// The pictures of the page as a list box: arrows move, Delete removes, one is shown in full beside it.

import { counted, make, say } from "./dom.js";
import { isTooSmall } from "./faces.js";
import { Thumbnails } from "./thumbnails.js";

/** A picture's state in a few words. */
export function stateWords(picture) {
  if (picture.note) return picture.note;
  if (picture.state === "waiting") return "waiting";
  if (picture.state === "sending") return "being recognised";
  if (picture.state === "failed") return picture.problem.title.toLowerCase();
  const { faces } = picture.result;
  const names = faces.map((face) => face.name).filter((name) => name !== null);
  if (faces.length === 0) return "no face";
  const others = faces.every(isTooSmall) ? " too small to name" : ", unknown";
  return `${counted(faces.length, "face")}${names.length ? `: ${names.join(", ")}` : others}`;
}

export class List {
  #rows = new Map();
  #thumbnails = new Thumbnails();

  /**
   * @param {(picture: import("./queue.js").Picture) => void} onPick
   * @param {(picture: import("./queue.js").Picture) => void} onRemove
   */
  constructor(onPick, onRemove) {
    Object.assign(this, { onPick, onRemove });
    this.element = make("ul", { class: "rec-list", role: "listbox", "aria-label": "Pictures" });
    this.element.addEventListener("keydown", (event) => this.#key(event));
  }

  add(pictures) {
    const rows = pictures.map((picture) => this.#row(picture));
    this.element.append(...rows);
  }

  /** Put pictures in before the others. */
  addBefore(pictures) {
    const others = [...this.#rows];
    this.#rows.clear();
    this.element.prepend(...pictures.map((picture) => this.#row(picture)));
    for (const [picture, known] of others) this.#rows.set(picture, known);
  }

  remove(pictures) {
    for (const picture of pictures) {
      this.#rows.get(picture)?.row.remove();
      this.#rows.delete(picture);
    }
  }

  /** Show a picture's state. */
  update(picture) {
    const known = this.#rows.get(picture);
    if (!known) return;
    known.row.dataset.state = picture.state;
    say(known.words, stateWords(picture));
    if (picture.state === "done" && known.isBare) this.#draw(picture, known, () => picture.predicted);
  }

  /** Show only those that a test lets pass. */
  show(isShown) {
    for (const [picture, { row }] of this.#rows) row.hidden = !isShown(picture);
  }

  /** Mark one as the one shown. */
  pick(picture, { focus = false } = {}) {
    for (const [each, { row }] of this.#rows) {
      const isPicked = each === picture;
      if ((row.getAttribute("aria-selected") === "true") === isPicked) continue;
      row.setAttribute("aria-selected", isPicked);
      row.tabIndex = isPicked ? 0 : -1;
    }
    const row = this.#rows.get(picture)?.row;
    row?.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (focus) row?.focus({ preventScroll: true });
  }

  #row(picture) {
    const canvas = make("canvas", { class: "rec-thumbnail", "aria-hidden": "true", width: 1, height: 1 });
    const words = make("span", { class: "rec-words" });
    const row = make(
      "li",
      {
        class: "rec-row",
        role: "option",
        id: `rec-picture-${picture.id}`,
        tabindex: -1,
        "aria-selected": "false",
        on: { click: () => this.onPick(picture) },
      },
      canvas,
      make(
        "span",
        { class: "rec-row-texts" },
        make("span", { class: "rec-name", text: picture.path, title: picture.path }),
        make(
          "span",
          { class: "rec-state" },
          make("span", { class: "rec-dot", "aria-hidden": "true" }),
          words,
        ),
      ),
    );
    const known = { row, words, canvas, isBare: false };
    this.#rows.set(picture, known);
    this.update(picture);
    this.#draw(picture, known, () => picture.file ?? picture.predicted);
    return row;
  }

  #draw(picture, known, source) {
    known.isBare = false;
    const wanted = () => (this.#rows.has(picture) ? source() : null);
    this.#thumbnails.draw(known.canvas, wanted, (shown) => {
      known.isBare = !shown;
      if (!shown && picture.state === "done" && source() !== picture.predicted) this.update(picture);
    });
  }

  #key(event) {
    const pictures = [...this.#rows.keys()].filter((picture) => !this.#rows.get(picture).row.hidden);
    const at = pictures.findIndex((picture) => this.#rows.get(picture).row === event.target);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1 };
    const to = { ...steps, Home: 0, End: pictures.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      if (pictures[to]) this.onPick(pictures[to], { focus: true });
    } else if (event.key === "Delete") {
      event.preventDefault();
      this.onRemove(pictures[at]);
    }
  }
}
