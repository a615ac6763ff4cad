// Pictures and videos that were dropped, pasted or chosen, folders included.

import { isVideo } from "./video.js";

const PICTURE_NAME = /\.(jpe?g|jpe|jfif|a?png|webp|gif|tiff?|bmp|dib|avif|heic|heif|hif)$/i;

/**
 * @typedef {{file: File, path: string}} Found
 * @typedef {{found: Found[], leftOut: number}} Gathered what was found; how many files of folders are no pictures and no videos by name.
 */

/** Files that were named one by one: each is taken, whatever its name; `p2` comes before `p10`. */
export function named(files) {
  return { found: [...files].map((file) => ({ file, path: file.name })).sort(byPath), leftOut: 0 };
}

function byPath(one, other) {
  return one.path.localeCompare(other.path, "en", { numeric: true });
}

/** Files of a folder that was chosen. */
export function ofFolder(files) {
  return sorted([...files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
}

/**
 * What was dropped; call it within the event, since its entries are gone after it.
 * @param {DataTransfer} dropped
 * @returns {Promise<Gathered>}
 */
export async function dropped(dropped) {
  const items = [...dropped.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => ({ entry: item.webkitGetAsEntry?.() ?? null, file: item.getAsFile() }));
  const single = [];
  const inFolders = [];
  for (const { entry, file } of entries) {
    if (entry?.isDirectory) await walk(entry, entry.name, inFolders);
    else if (file) single.push({ file, path: file.name });
  }
  const { found, leftOut } = sorted(inFolders);
  return { found: [...single.sort(byPath), ...found], leftOut };
}

async function walk(folder, path, into) {
  const reader = folder.createReader();
  for (;;) {
    // a reader gives some at a time, and none at the end
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) return;
    for (const entry of entries) {
      const below = `${path}/${entry.name}`;
      if (entry.isDirectory) await walk(entry, below, into);
      else
        into.push({ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), path: below });
    }
  }
}

function sorted(all) {
  const visible = all.filter(({ path }) => !path.split("/").some((part) => part.startsWith(".")));
  const found = visible.filter(({ file, path }) => PICTURE_NAME.test(path) || isVideo(file));
  found.sort(byPath);
  return { found, leftOut: visible.length - found.length };
}
