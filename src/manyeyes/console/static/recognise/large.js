// A picture that was answered lately, large, with its faces and the feedback about them.

import { call } from "./api.js";
import { button, make } from "./dom.js";
import { Faces } from "./faces.js";
import { feedbackCell } from "./judging.js";

/**
 * Show it in a dialog; resolves when that is closed.
 * @param {{id: string, src: string, alt: string, title: string, trace: string, judged: Map}} picture `judged` is what
 *   was said of its faces, by their index.
 * @param {{mayEnrol: boolean}} options whether it is worth offering feedback.
 */
export async function showLarge(picture, { mayEnrol }) {
  const body = make("div", { class: "rec-large" });
  const dialog = make(
    "dialog",
    { class: "rec-dialog rec-wide", "aria-labelledby": "rec-large-title" },
    make("h2", { id: "rec-large-title", text: picture.title }),
    body,
    make("div", { class: "rec-actions" }, button("Close", () => dialog.close())),
  );
  const closed = new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  document.body.append(dialog);
  dialog.showModal();
  body.append(...(await parts(picture, mayEnrol)));
  await closed;
  dialog.remove();
}

async function parts(picture, mayEnrol) {
  let result;
  try {
    result = await (await call(`/v1/recent/${encodeURIComponent(picture.id)}`)).json();
  } catch (error) {
    return [make("p", { role: "alert", class: "rec-bad", text: error.detail ?? String(error) })];
  }
  const image = make("img", { src: picture.src, alt: picture.alt });
  const judged = { result, judged: picture.judged, path: picture.title };
  const judge = mayEnrol ? (index) => feedbackCell(judged, index, () => image, () => {}) : null;
  const tied = new Faces(result, "Faces in the picture", judge);
  const ratio = result.width_px / result.height_px;
  const frame = make("div", { class: "rec-frame rec-drawn" }, image, tied.overlay());
  Object.assign(frame.style, { aspectRatio: String(ratio), width: `min(100%, calc(60vh * ${ratio}))` });
  const below = result.faces.length
    ? make("div", { class: "rec-table" }, tied.table)
    : make("p", { text: "No face was found in this picture." });
  const facts = [`${result.width_px} × ${result.height_px} px`, result.pack];
  const trace = picture.trace && make("a", { href: picture.trace, text: "Trace" });
  return [
    frame,
    make("p", { class: "rec-facts" }, facts.join(" · "), ...(trace ? [" · ", trace] : [])),
    below,
  ];
}
