// A question before something is thrown away.

import { button, make } from "./dom.js";

/**
 * Ask; resolves to whether it is meant.
 * @param {string} question
 * @param {string} whatHappens
 * @param {string} action the word on the button that does it.
 */
export function ask(question, whatHappens, action) {
  return new Promise((resolve) => {
    const answer = (yes) => dialog.close(yes ? "yes" : "");
    const no = button("Cancel", () => answer(false));
    const dialog = make(
      "dialog",
      { class: "rec-dialog", "aria-labelledby": "rec-ask-title" },
      make("h2", { id: "rec-ask-title", text: question }),
      make("p", { text: whatHappens }),
      make(
        "div",
        { class: "rec-actions" },
        no,
        button(action, () => answer(true), { kind: "main" }),
      ),
    );
    dialog.addEventListener("close", () => (dialog.remove(), resolve(dialog.returnValue === "yes")));
    document.body.append(dialog);
    dialog.showModal();
    no.focus();
  });
}
