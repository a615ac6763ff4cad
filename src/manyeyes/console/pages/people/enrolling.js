// Photos of one person: gathered from a drop, a paste or a file dialog, and sent to /v1/people by the browser itself.
export const MOST_PHOTOS = 50; // that the API takes at once
const TRIES = 4;

// Files that a drop or a paste brings.
export function filesOf(transfer) {
  return [...(transfer?.files ?? [])];
}

// A name that no other photo of the form has: by it the master says which photo is at fault.
export function nameFor(file, taken) {
  const plain = file.name.replace(/["\p{Cc}]/gu, "_").slice(0, 200) || "photo";
  const [, stem, ending] = /^(.*?)(\.[^.]*)?$/s.exec(plain);
  let name = plain;
  for (let number = 2; taken.has(name); number++) name = `${stem} (${number})${ending ?? ""}`;
  return name;
}

// All photos under a name, or none: { person } or { problem }.
export async function enrol(name, photos) {
  const form = new FormData();
  form.append("name", name);
  for (const photo of photos) form.append("photos", photo.file, photo.fileName);
  for (let attempt = 1; ; attempt++) {
    const told = await ask("/v1/people", { method: "POST", body: form });
    if (!told.problem) return { person: told.answer };
    if (!told.problem.retryable || attempt === TRIES) return told;
    await new Promise((resolve) => setTimeout(resolve, 1000 * told.afterS));
  }
}

// One enrolled photo is taken out again.
export function takeOut(name, photoId) {
  return ask(`/v1/people-photos/${photoId}?name=${encodeURIComponent(name)}`, { method: "DELETE" });
}

async function ask(url, request) {
  let response;
  try {
    response = await fetch(manyeyes.api + url, request);
  } catch {
    return {
      problem: { detail: "The master did not answer. Check whether the photos are there before you send them again." },
    };
  }
  if (response.status === 401) {
    const here = encodeURIComponent(location.pathname + location.search);
    location.href = `${manyeyes.base}/sign-in?ended=1&to=${here}`;
  }
  const answer = await response.json().catch(() => ({ detail: `The master answered ${response.status}.` }));
  if (response.ok) return { answer };
  return { problem: answer, afterS: Number(response.headers.get("Retry-After")) || 1 };
}

// Which photo a problem is about, and what is wrong with it; undefined where it is about none.
export function blame(problem, photos) {
  const detail = problem.detail ?? "";
  const told = photos.filter((photo) => detail.startsWith(`${photo.fileName}: `));
  const photo = told.sort((a, b) => b.fileName.length - a.fileName.length)[0];
  return photo && { photo, words: detail.slice(photo.fileName.length + 2) };
}

// What the master notices begins small and ends without a stop.
export function sentence(words) {
  return words && words[0].toUpperCase() + words.slice(1) + (/[.!?]$/.test(words) ? "" : ".");
}
