// Feedback: who a face is, or is not. It counts from the next picture on, and can be undone.

import { Problem, call } from "./api.js";
import { button, make } from "./dom.js";

const SIDE_PX = 112;

/**
 * The feedback cell of one face.
 * @param {{result: Object, judged: Map, path: string}} picture
 * @param {number} index of the face.
 * @param {() => ?HTMLImageElement} image the picture as it is shown.
 * @param {() => void} onJudged something was said, or taken back.
 */
export function feedbackCell(picture, index, image, onJudged) {
  const cell = make("div", { class: "rec-feedback" });
  const face = picture.result.faces[index];
  const draw = () => {
    const given = picture.judged.get(index);
    cell.replaceChildren(...(given ? said(given, undo) : [ask()]));
  };
  const ask = () =>
    button(face.name === null ? "This is…" : "Wrong name…", open, {
      "aria-label": `Face ${index + 1}: say who it is`,
    });
  const open = async () => {
    const given = await askWho(picture, face, index, image());
    if (!given) return;
    picture.judged.set(index, given);
    onJudged();
    draw();
    cell.querySelector("button").focus();
  };
  const undo = async () => {
    try {
      await call(`/v1/people-feedback/${encodeURIComponent(picture.judged.get(index).id)}`, {
        method: "DELETE",
      });
      picture.judged.delete(index);
      onJudged();
      draw();
      cell.querySelector("button").focus();
    } catch (error) {
      cell.append(make("p", { role: "alert", class: "rec-bad", text: wordsOf(error) }));
    }
  };
  draw();
  return cell;
}

function said({ verdict, name, warnings }, undo) {
  return [
    make("span", { role: "status", text: verdict === "is" ? `Enrolled as ${name}.` : `Not ${name}: noted.` }),
    button("Undo", undo),
    ...warnings.map(({ sentence }) => make("p", { class: "rec-warning", text: sentence })),
  ];
}

function wordsOf(error) {
  return error instanceof Problem ? error.detail : String(error);
}

/** Ask who a face is and tell the master; null when nothing was said. */
function askWho(picture, face, index, image) {
  return new Promise((resolve) => {
    let given = null;
    const name = make("input", {
      id: "rec-who",
      type: "text",
      maxlength: 200,
      autocomplete: "off",
      list: "rec-people",
      required: true,
    });
    const people = make("datalist", { id: "rec-people" });
    const alert = make("p", { role: "alert", class: "rec-bad" });
    const dialog = make("dialog", { class: "rec-dialog", "aria-labelledby": "rec-who-title" });
    const give = async (verdict, who) => {
      alert.textContent = "";
      buttons.forEach((each) => (each.disabled = true));
      try {
        given = await tell(face.reference, verdict, who, picture.path);
        dialog.close();
      } catch (error) {
        alert.textContent = wordsOf(error);
        buttons.forEach((each) => (each.disabled = false));
      }
    };
    const buttons = [
      button("Cancel", () => dialog.close()),
      face.name !== null && button(`Only: not ${face.name}`, () => give("not", face.name)),
      make("button", { type: "submit", class: "rec-button rec-main", text: "Enrol" }),
    ].filter(Boolean);
    const form = make(
      "form",
      { on: { submit: (event) => (event.preventDefault(), give("is", name.value.trim())) } },
      make("h2", { id: "rec-who-title", text: `Who is face ${index + 1}?` }),
      cut(image, face, picture.result),
      make("label", { for: "rec-who", text: "Name" }),
      name,
      people,
      make("p", {
        class: "rec-facts",
        text: "Enrols this face under the name, for a new or a known person. It counts from the next picture on, and can be undone.",
      }),
      alert,
      make("div", { class: "rec-actions" }, ...buttons),
    );
    dialog.append(form);
    dialog.addEventListener("close", () => (dialog.remove(), resolve(given)), { once: true });
    document.body.append(dialog);
    dialog.showModal();
    name.focus();
    suggest(people);
  });
}

async function tell(reference, verdict, name, path) {
  const response = await call("/v1/people-feedback", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ reference, verdict, name, file_name: path.slice(-1000) }),
  });
  return response.json();
}

async function suggest(people) {
  try {
    const known = await (await call("/v1/people")).json();
    people.replaceChildren(...known.people.map(({ name }) => make("option", { value: name })));
  } catch {
    // names can be typed without suggestions
  }
}

/** The face alone, cut from the picture as it is shown. */
function cut(image, face, result) {
  const canvas = make("canvas", {
    class: "rec-cut",
    width: SIDE_PX,
    height: SIDE_PX,
    role: "img",
    "aria-label": "The face",
  });
  if (!image?.naturalWidth) return canvas;
  const scale = image.naturalWidth / result.width_px;
  const [left, top, right, bottom] = face.box_xyxy_px.map((edge) => edge * scale);
  const side = 1.3 * Math.max(right - left, bottom - top);
  const [x, y] = [(left + right - side) / 2, (top + bottom - side) / 2];
  canvas.getContext("2d").drawImage(image, x, y, side, side, 0, 0, SIDE_PX, SIDE_PX);
  return canvas;
}
