// Which pictures of the list are shown: all, those that failed, those with an unknown face, those of a person.

import { isTooSmall } from "./faces.js";

export const ALL = "all";
const PERSON = "person:";

const KINDS = {
  [ALL]: { label: "All", has: () => true },
  failed: { label: "Failed", has: ({ state }) => state === "failed" },
  unknown: {
    label: "Unknown",
    has: ({ result }) => result?.faces.some((face) => face.name === null && !isTooSmall(face)) ?? false,
  },
  none: { label: "No face", has: ({ result }) => result?.faces.length === 0 },
};

/** Whether a picture belongs to what a filter shows. */
export function matches(picture, filter) {
  if (!filter.startsWith(PERSON)) return KINDS[filter].has(picture);
  return picture.result?.faces.some(({ name }) => name === filter.slice(PERSON.length)) ?? false;
}

/**
 * What there is to choose from, with how many pictures each shows.
 * @returns {{kinds: Choice[], people: Choice[]}} what shows nothing is left out, save for `all`.
 * @typedef {{filter: string, label: string, count: number}} Choice
 */
export function choices(pictures) {
  const kinds = Object.entries(KINDS)
    .map(([filter, { label, has }]) => ({ filter, label, count: pictures.filter(has).length }))
    .filter(({ filter, count }) => filter === ALL || count > 0);
  const counts = new Map();
  for (const { result } of pictures) {
    const names = new Set(result?.faces.map(({ name }) => name));
    for (const name of names) if (name !== null) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const people = [...counts].map(([name, count]) => ({ filter: PERSON + name, label: name, count }));
  people.sort((one, other) => one.label.localeCompare(other.label, "en", { numeric: true }));
  return { kinds, people };
}
