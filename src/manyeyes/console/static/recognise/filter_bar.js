// The buttons above the list that choose which pictures it shows.

import { make } from "./dom.js";
import { ALL, choices } from "./filters.js";

export class FilterBar {
  #shown = "";

  /** @param {() => void} onChoose another filter was chosen. */
  constructor(onChoose) {
    this.filter = ALL;
    this.onChoose = onChoose;
    this.buttons = make("div", { class: "rec-actions" });
    this.people = make("select", { id: "rec-person", on: { change: () => this.#choose(this.people.value) } });
    this.person = make("label", { for: "rec-person", text: "Person " }, this.people);
    this.element = make(
      "div",
      { class: "rec-filters", role: "group", "aria-label": "Pictures to show" },
      this.buttons,
      this.person,
    );
  }

  /** Show what there is to choose from; a filter that nothing matches any more gives way to all. */
  update(pictures) {
    const { kinds, people } = choices(pictures);
    const isThere = [...kinds, ...people].some(({ filter }) => filter === this.filter);
    if (!isThere) this.#choose(ALL);
    this.element.hidden = kinds.length + people.length < 2;
    const shown = JSON.stringify([kinds, people, this.filter]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#drawButtons(kinds);
    const options = people.map(({ filter, label, count }) =>
      make("option", { value: filter, text: `${label} (${count})` }),
    );
    this.people.replaceChildren(make("option", { value: ALL, text: "anybody" }), ...options);
    this.people.value = people.some(({ filter }) => filter === this.filter) ? this.filter : ALL;
    this.person.hidden = people.length === 0;
  }

  #drawButtons(kinds) {
    const focused = document.activeElement?.dataset?.filter;
    this.buttons.replaceChildren(
      ...kinds.map(({ filter, label, count }) =>
        make("button", {
          type: "button",
          class: "rec-button rec-filter",
          "data-filter": filter,
          "aria-pressed": String(filter === this.filter),
          text: `${label} ${count}`,
          on: { click: () => this.#choose(filter) },
        }),
      ),
    );
    this.buttons.querySelector(`[data-filter="${focused}"]`)?.focus();
  }

  #choose(filter) {
    if (filter === this.filter) return;
    this.filter = filter;
    this.onChoose();
  }
}
