// One picture in full: the original, the predicted picture, and the faces. Only what is shown has blob addresses.

import { button, counted, make, say } from "./dom.js";
import { Faces, whoIsOn } from "./faces.js";
import { stateWords } from "./list.js";

export class Detail {
  #addresses = [];
  #shown = "";

  /**
   * @param {Object} does what its buttons do: `save`, `again`, `remove`, each with the picture; and `judge`, which
   *   makes the feedback cell of a face from the picture, the face's index and its picture element, or null.
   */
  constructor(does) {
    this.does = does;
    this.element = make("section", { class: "rec-detail", "aria-labelledby": "rec-detail-title" });
  }

  /** Show a picture; null for none. What is shown already stays as it is, its words aside. */
  show(picture) {
    const isOver = picture?.isOver ?? false;
    const what = picture ? `${picture.id} ${picture.key} ${isOver ? picture.state : "open"}` : "";
    if (picture && !isOver && this.facts) say(this.facts, stateWords(picture));
    if (what === this.#shown) return;
    this.#shown = what;
    const hadFocus = this.element.contains(document.activeElement);
    for (const address of this.#addresses.splice(0)) URL.revokeObjectURL(address);
    this.element.replaceChildren(...(picture ? this.#parts(picture) : []));
    if (hadFocus) this.element.querySelector("h2")?.focus();
  }

  #parts(picture) {
    const head = make(
      "div",
      { class: "rec-detail-head" },
      make("h2", { id: "rec-detail-title", class: "rec-title", tabindex: -1, text: picture.path }),
      make("div", { class: "rec-actions" }, ...this.#actions(picture)),
    );
    if (picture.state === "failed") return [head, this.#problem(picture), this.#pair(picture, null)];
    if (picture.state !== "done") {
      this.facts = make("p", { class: "rec-facts", text: stateWords(picture) });
      return [head, this.facts, this.#pair(picture, null)];
    }
    const { faces } = picture.result;
    const stage = {};
    const judge = this.does.judge && ((index) => this.does.judge(picture, index, () => stage.image));
    const tied = new Faces(picture.result, `Faces in ${picture.path}`, judge);
    const below = faces.length
      ? make("div", { class: "rec-table" }, tied.table)
      : make("p", { text: "No face was found in this picture." });
    const faults = (picture.result.warnings ?? []).map(({ sentence }) => make("p", { class: "rec-facts", text: sentence }));
    return [head, this.#facts(picture), ...faults, this.#pair(picture, tied, stage), below];
  }

  #actions(picture) {
    const { save, again, remove } = this.does;
    return [
      picture.predicted && button("Download", () => save(picture)),
      picture.isOver && picture.file && button(picture.state === "done" ? "Recognise again" : "Try again", () => again(picture)),
      button("Remove", () => remove(picture)),
    ].filter(Boolean);
  }

  #facts(picture) {
    const { width_px, height_px, faces, pack, trace_id } = picture.result;
    const facts = [counted(faces.length, "face"), `${width_px} × ${height_px} px`, pack];
    const trace =
      trace_id &&
      make("a", {
        href: `${manyeyes.base}/logs?trace=${encodeURIComponent(trace_id)}`,
        text: `Trace: ${trace_id}`,
      });
    return make("p", { class: "rec-facts" }, facts.join(" · "), ...(trace ? [" · ", trace] : []));
  }

  #problem({ problem }) {
    return make(
      "div",
      { class: "problem" },
      make(
        "div",
        {},
        make("div", { class: "problem-title", text: problem.title }),
        make("div", { text: problem.detail }),
      ),
    );
  }

  #pair(picture, tied, stage = {}) {
    const names = tied ? whoIsOn(picture.result.faces) : "";
    if (!picture.file) return this.#predictedAlone(picture, tied, stage, names);
    const original = this.#figure(
      "Original",
      `Original of ${picture.path}`,
      picture.file,
      picture.result,
      tied?.overlay(),
      {
        onBroken: (figure) => {
          const isPicture = picture.state === "done";
          const words = isPicture
            ? "This browser cannot show the original's format; see the predicted picture."
            : "This browser cannot show this file.";
          figure.querySelector(".rec-frame").replaceWith(make("p", { class: "rec-unseen", text: words }));
          if (stage.predicted) stage.image = stage.predicted.querySelector("img");
        },
      },
    );
    stage.image = original.querySelector("img");
    if (!tied || !picture.predicted) return make("div", { class: "rec-pair" }, original);
    stage.predicted = this.#predicted(picture, tied, names);
    return make("div", { class: "rec-pair" }, original, stage.predicted);
  }

  #predicted(picture, tied, names) {
    const alt = `Predicted picture of ${picture.path}: ${names}`;
    return this.#figure("Predicted", alt, picture.predicted, picture.result, tied.overlay());
  }

  /** Of a result that came back without its original, for which there was no room. */
  #predictedAlone(picture, tied, stage, names) {
    const words = "The picture itself was too large to keep here; choose the file again to see it.";
    const missing = make("p", { class: "rec-unseen", text: words });
    if (!tied || !picture.predicted) return missing;
    stage.predicted = this.#predicted(picture, tied, names);
    stage.image = stage.predicted.querySelector("img");
    return make("div", { class: "rec-pair" }, stage.predicted, missing);
  }

  #figure(title, alt, blob, result, overlay, { onBroken } = {}) {
    const address = URL.createObjectURL(blob);
    this.#addresses.push(address);
    const image = make("img", { src: address, alt });
    const frame = make("div", { class: "rec-frame" }, image, overlay ?? null);
    if (result) {
      const ratio = result.width_px / result.height_px;
      frame.style.aspectRatio = String(ratio);
      frame.style.width = `min(100%, calc(65vh * ${ratio}))`;
    }
    const figure = make("figure", { class: "rec-figure-of" }, make("figcaption", { text: title }), frame);
    if (onBroken) image.addEventListener("error", () => onBroken(figure), { once: true });
    return figure;
  }
}
