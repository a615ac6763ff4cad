// Stills of a video that was chosen: this browser decodes it, as a player does; the video itself is not sent.

export const EVERY_S = 2;
export const MOST_STILLS = 200;
const VIDEO_NAME = /\.(mp4|m4v|mov|webm|mkv|ogv|avi|mpe?g|m?ts|m2ts|flv|wmv|3gp|mxf)$/i;
const SHOWN_WITHIN_MS = 500;
const NOTHING_FOR_MS = 20_000; // a video that shows nothing for so long is one that this browser cannot play

/** Whether a file is taken for a video: by the type that the browser gives it, or by its name. */
export function isVideo(file) {
  return file.type.startsWith("video/") || VIDEO_NAME.test(file.name);
}

/** The seconds from one still to the next: two, or more for a video so long that there were too many stills. */
export function interval(duration_s, most) {
  return Math.max(EVERY_S, Math.ceil(duration_s / Math.max(1, most)));
}

/** The name of a still, as `manyeyes send` gives it: `00-12-30.000.jpg`. */
export function stillName(time_s) {
  const two = (number) => String(Math.floor(number)).padStart(2, "0");
  const ms = String(Math.round(1000 * (time_s % 1))).padStart(3, "0");
  return `${two(time_s / 3600)}-${two((time_s / 60) % 60)}-${two(time_s % 60)}.${ms}.jpg`;
}

/**
 * Stills of a video, one after the other.
 * @param {File} file
 * @param {string} path its name, with the folders it was chosen in.
 * @param {number} most how many at most.
 * @param {AbortSignal} signal ends it.
 * @yields {{file: File, path: string, still: Object}} `still` says which one it is, as the API wants it.
 * @throws {Error} this browser cannot play it.
 */
export async function* stillsOf(file, path, most, signal) {
  const url = URL.createObjectURL(file);
  const video = Object.assign(document.createElement("video"), { muted: true, preload: "auto", playsInline: true });
  const video_id = crypto.randomUUID();
  try {
    await until(video, "loadeddata", () => (video.src = url), signal);
    const duration_s = await durationOf(video, signal);
    const every_s = interval(duration_s, most);
    for (let time_s = 0; time_s < duration_s || time_s === 0; time_s += every_s) {
      if (time_s > 0) await sought(video, time_s, signal);
      const jpeg = await drawn(video);
      const still = { video: path, time_s, every_s, video_id };
      const name = stillName(time_s);
      yield { file: new File([jpeg], name, { type: "image/jpeg" }), path: `${path}/${name}`, still };
    }
  } finally {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(url);
  }
}

/** Recordings of browsers do not say how long they are: a seek far behind their end finds it. */
async function durationOf(video, signal) {
  if (video.duration !== Infinity) return video.duration;
  await until(video, "durationchange", () => (video.currentTime = 1e6), signal);
  const found = video.duration;
  await until(video, "seeked", () => (video.currentTime = 0), signal);
  return Number.isFinite(found) ? found : 0;
}

/** Seek, and wait for the frame of that time: after `seeked` a busy browser may draw the one before for a moment. */
async function sought(video, time_s, signal) {
  const shown = new Promise((resolve) => {
    video.requestVideoFrameCallback?.(resolve);
    setTimeout(resolve, SHOWN_WITHIN_MS);
  });
  await until(video, "seeked", () => (video.currentTime = time_s), signal);
  await shown;
}

async function drawn(video) {
  const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
  if (canvas.width * canvas.height === 0) throw new Error("it has no picture");
  canvas.getContext("2d").drawImage(video, 0, 0);
  const jpeg = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  if (jpeg === null) throw new Error("its pictures are too large");
  return jpeg;
}

/** Do something with a video and wait for what follows. */
function until(video, event, act, signal) {
  return new Promise((resolve, reject) => {
    const over = new AbortController();
    const end = (how, what) => {
      over.abort();
      clearTimeout(late);
      how(what);
    };
    const fail = (words) => end(reject, new Error(words));
    const late = setTimeout(() => fail("nothing is shown"), NOTHING_FOR_MS);
    video.addEventListener(event, () => end(resolve), { signal: over.signal });
    video.addEventListener("error", () => fail(video.error?.message || "its format is not known"), { signal: over.signal });
    signal.addEventListener("abort", () => fail("the page was left"), { signal: over.signal });
    act();
  });
}
