// Predicted pictures and results as files, named as `manyeyes send -o` names them.

import { zipOf } from "./zip.js";

const SUFFIXES = {
  "image/jpeg": [".jpg", ".jpeg", ".jpe", ".jfif"],
  "image/png": [".png", ".apng"],
  "image/webp": [".webp"],
};
export const RESULTS_NAME = "results.jsonl";

/** The predicted picture's name: the whole old one, with a suffix more where the format has changed. */
export function predictedName(path, mediaType) {
  const suffixes = SUFFIXES[mediaType] ?? [""];
  return suffixes.some((suffix) => path.toLowerCase().endsWith(suffix)) ? path : path + suffixes[0];
}

/** A name below a folder that nobody has yet: no way out of the folder, a number where it is taken. */
export function freeName(path, taken) {
  const parts = path.split(/[/\\]/).map((part) => part.replace(/[\x00-\x1f:*?"<>|]/g, "_"));
  const clean = parts.filter((part) => !["", ".", ".."].includes(part)).join("/") || "picture";
  const dot = clean.lastIndexOf(".");
  const [stem, suffix] =
    dot > clean.lastIndexOf("/") + 1 ? [clean.slice(0, dot), clean.slice(dot)] : [clean, ""];
  let free = clean;
  for (let number = 2; taken.has(free.toLowerCase()); number++) free = `${stem}-${number}${suffix}`;
  taken.add(free.toLowerCase());
  return free;
}

/** Results as lines of JSON, with the fields that `manyeyes send -o` writes; `outputs` gives the names by picture. */
export function resultLines(pictures, outputs) {
  const lines = pictures.map((picture) => {
    const { video, time_s, every_s } = picture.still ?? {};
    const known = { file: picture.path, size: picture.size, ...(video ? { video, time_s, every_s } : {}) };
    if (picture.state === "failed") {
      const { code, detail } = picture.problem;
      return { ...known, error: { code, detail } };
    }
    const { faces, pack, provenance, warnings, trace_id } = picture.result;
    return {
      ...known,
      output: outputs.get(picture) ?? null,
      faces: faces.map((face) => {
        const { box_xyxy_px: box, name, person_id, distance, confidence, threshold, reference, too_small } = face;
        return { box, name, person_id, distance, confidence, threshold, reference, too_small: too_small ?? null };
      }),
      pack,
      provenance: provenance ?? null,
      warnings: (warnings ?? []).map(({ kind, sentence }) => ({ kind, sentence })),
      ...(trace_id ? { trace_id } : {}),
    };
  });
  return new Blob(
    lines.map((line) => JSON.stringify(line) + "\n"),
    { type: "application/jsonl" },
  );
}

/** All predicted pictures, and the results of all that are done or failed. */
export async function everything(pictures) {
  const taken = new Set([RESULTS_NAME]);
  const outputs = new Map();
  const files = [];
  for (const picture of pictures) {
    if (picture.state !== "done") continue;
    if (!picture.predicted) continue; // it was too large to be stored
    const path = freeName(predictedName(picture.path, picture.predicted.type), taken);
    outputs.set(picture, path);
    files.push({ path, content: picture.predicted });
  }
  const finished = pictures.filter(({ state }) => state === "done" || state === "failed");
  return zipOf([...files, { path: RESULTS_NAME, content: resultLines(finished, outputs) }]);
}

/** Hand a file over to the browser's downloads. */
export function save(content, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser reads it after the click
}
