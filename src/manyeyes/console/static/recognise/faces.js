// The faces of one picture: boxes over it and rows of a table, tied together.

import { counted, make } from "./dom.js";

const MOST_NUMBERS = 40; // more would hide the faces: then only a face that is lit has its number

/** Whether a face was compared with nobody; results of earlier versions lack the field. */
export function isTooSmall(face) {
  return Boolean(face.too_small);
}

/** What a face is called in the page. */
function faceName(face) {
  return face.name ?? "unknown";
}

/** Who is on a picture: "Ada, unknown, 30 faces too small to name". */
export function whoIsOn(faces) {
  const small = faces.filter(isTooSmall).length;
  const names = faces.filter((face) => !isTooSmall(face)).map(faceName);
  if (small) names.push(`${counted(small, "face")} too small to name`);
  return names.join(", ") || "no face";
}

/** What there is to say of all faces that are too small to name. */
function smallWords(faces) {
  const sizes = faces.map(({ too_small }) => too_small.size_px);
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  const range = least === most ? `${least} px` : `${least} to ${most} px`;
  const needed = Math.max(...faces.map(({ too_small }) => too_small.least_px));
  return `${counted(faces.length, "face")} too small to name: ${range} wide, ${needed} px are needed.`;
}

/** What stands of a face's distance. */
function distanceCell(face) {
  if (face.distance === null)
    return make("td", { class: "rec-figure", text: "–", title: "Nobody is enrolled." });
  const title = `A name is given up to ${face.threshold.toFixed(3)}.`;
  return make("td", { class: "rec-figure", text: face.distance.toFixed(3), title });
}

/** What stands of how sure the name is; where there is no room for a column of distances, the distance too. */
function confidenceCell(face) {
  if (face.distance === null) return make("td", { class: "rec-figure", text: "–" });
  const title = "How likely the nearest enrolled person is the right one.";
  const distance = make("div", { class: "rec-narrow", text: `at ${face.distance.toFixed(3)}` });
  return make("td", { class: "rec-figure", title }, `${(100 * face.confidence).toFixed(0)} %`, distance);
}

export class Faces {
  #boxes = new Map(); // lists of boxes and the row of each face, by its index
  #held = null;

  /**
   * @param {Object} result
   * @param {string} caption of the table.
   * @param {?(index: number) => Node} judge what may be said about a face; null for who may not.
   */
  constructor(result, caption, judge) {
    this.result = result;
    result.faces.forEach((face, index) => !isTooSmall(face) && this.#boxes.set(index, []));
    this.table = this.#table(caption, judge);
  }

  /** Boxes to lie over a picture of the result, in the order of the faces. */
  overlay() {
    const { width_px, height_px, faces } = this.result;
    const boxes = faces.map((face, index) => {
      const [left, top, right, bottom] = face.box_xyxy_px;
      const number = isTooSmall(face) ? null : make("span", { class: "rec-number", text: index + 1 });
      const box = make("div", { class: number ? "rec-box" : "rec-box rec-box-small" }, number);
      Object.assign(box.style, {
        left: `${(100 * left) / width_px}%`,
        top: `${(100 * top) / height_px}%`,
        width: `${(100 * (right - left)) / width_px}%`,
        height: `${(100 * (bottom - top)) / height_px}%`,
      });
      if (!number) return box;
      box.addEventListener("mouseenter", () => this.#mark(index, true));
      box.addEventListener("mouseleave", () => this.#mark(index, false));
      box.addEventListener("click", () => this.#hold(index));
      this.#boxes.get(index).push(box);
      return box;
    });
    const isCrowd = this.#boxes.size > MOST_NUMBERS;
    const overlay = { class: isCrowd ? "rec-overlay rec-crowd" : "rec-overlay", "aria-hidden": "true" };
    return make("div", overlay, ...boxes);
  }

  #table(caption, judge) {
    const heads = ["Face", "Name", "Distance", "Confidence"];
    const figures = new Set(["Distance", "Confidence"]);
    const rows = this.result.faces.flatMap((face, index) =>
      isTooSmall(face) ? [] : [this.#row(face, index, judge)],
    );
    const small = this.result.faces.filter(isTooSmall);
    if (small.length) {
      const words = make("td", { colspan: heads.length, class: "rec-unknown", text: smallWords(small) });
      rows.push(make("tr", {}, words));
    }
    return make(
      "table",
      { class: "rec-faces" },
      make("caption", { class: "rec-hidden", text: caption }),
      make(
        "thead",
        {},
        make(
          "tr",
          {},
          ...heads.map((text) =>
            make("th", { scope: "col", text, class: figures.has(text) && "rec-figure" }),
          ),
        ),
      ),
      make("tbody", {}, ...rows),
    );
  }

  #row(face, index, judge) {
    const number = make("button", {
      type: "button",
      class: "rec-face-button",
      text: index + 1,
      "aria-pressed": "false",
      "aria-label": `Face ${index + 1}: mark it in the picture`,
      on: { click: () => this.#hold(index) },
    });
    const who = { class: face.name === null ? "rec-unknown" : "rec-person", text: faceName(face) };
    const row = make(
      "tr",
      {},
      make("td", {}, number),
      make("td", {}, make("div", { class: "rec-naming" }, make("span", who), judge && judge(index))),
      distanceCell(face),
      confidenceCell(face),
    );
    row.addEventListener("mouseenter", () => this.#mark(index, true));
    row.addEventListener("mouseleave", () => this.#mark(index, false));
    row.addEventListener("focusin", () => this.#mark(index, true));
    row.addEventListener("focusout", () => this.#mark(index, false));
    this.#boxes.get(index).push(row);
    return row;
  }

  /** Light a face up; one that is held stays lit. */
  #mark(index, isLit) {
    for (const element of this.#boxes.get(index))
      element.classList.toggle("rec-lit", isLit || this.#held === index);
  }

  #hold(index) {
    const [before, now] = [this.#held, this.#held === index ? null : index];
    this.#held = now;
    for (const each of [before, now]) {
      if (each === null) continue;
      this.#mark(each, each === now);
      const row = this.#boxes.get(each).find((element) => element.tagName === "TR");
      row.querySelector(".rec-face-button").setAttribute("aria-pressed", each === now);
      if (each === now) row.scrollIntoView({ block: "nearest" });
    }
  }
}
