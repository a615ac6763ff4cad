// Elements made from data: texts and attributes are set as such and never read as HTML.

/**
 * Make an element.
 * @param {string} tag
 * @param {Object} given attributes; `class`, `text`, `on` ({event: listener}) and properties as `disabled`.
 * @param {...(Node|string|null)} children
 */
export function make(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name === "on")
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A button with a word on it; `kind` is "main" or "quiet". */
export function button(words, onClick, { kind = "quiet", ...given } = {}) {
  return make("button", {
    type: "button",
    class: `rec-button rec-${kind}`,
    text: words,
    on: { click: onClick },
    ...given,
  });
}

/** Set a text only where it is another: what is the same is neither drawn nor read out again. */
export function say(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

/** "1 picture", "2 pictures". */
export function counted(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}
