// Sends one picture to the master and receives the answer. Attempts of one sending share an idempotency key, so that what was
// received already is not worked on twice.

import { Problem, call, unreachable } from "./api.js";
import { partsOf } from "./multipart.js";
import { pause_s, sleep } from "./patience.js";

const ATTEMPT_S = 300; // an answer can be long in coming: a slow line, many waiting before it

/** Patience is over: the picture is all right, and can be sent when the master is. */
export class GaveUp extends Error {
  constructor(problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/**
 * Have a picture recognised.
 * @param {File} file
 * @param {string} key names this sending.
 * @param {AbortSignal} signal ends it.
 * @param {import("./session.js").Session} session
 * @param {?Object} still which still of a video it is.
 * @param {(words: string) => void} onWait is told why it takes longer; "" when it goes on.
 * @returns {Promise<{result: Object, predicted: Blob}>}
 * @throws {Problem} of the picture itself. @throws {GaveUp} of everything else.
 */
export async function recognise(file, key, { signal, session, onWait, still = null }) {
  const body = await copyOf(file);
  let began_ms = performance.now();
  let failed = 0;
  for (;;) {
    onWait("");
    try {
      return await attempt(body, key, signal, still);
    } catch (error) {
      if (signal.aborted || !(error instanceof Problem)) throw error;
      if (error.status === 401) {
        onWait("waits until you sign in again");
        await session.back(signal);
        [began_ms, failed] = [performance.now(), 0];
        continue;
      }
      if (!error.isPassing) throw error;
      failed += 1;
      const wait_s = pause_s(failed, (performance.now() - began_ms) / 1000, error.retryAfter_s);
      if (wait_s === null) throw new GaveUp(error);
      onWait(error.status === 429 ? "the master is busy; waits its turn" : "no answer; is sent again");
      await sleep(wait_s, signal);
    }
  }
}

async function copyOf(file) {
  try {
    // a copy: a file that changes on the disk while it is sent would look like a lost connection
    return new Blob([await file.arrayBuffer()]);
  } catch {
    throw new Problem({
      title: "The file cannot be read",
      detail: `${file.name} can no longer be read: it was moved, changed or removed after it was chosen; choose it again.`,
      code: "unreadable",
    });
  }
}

async function attempt(body, key, signal, still) {
  const inTime = AbortSignal.timeout(ATTEMPT_S * 1000);
  const either = AbortSignal.any([signal, inTime]);
  try {
    const response = await call(`/v1/recognize${still ? `?${new URLSearchParams(still)}` : ""}`, {
      method: "POST",
      headers: {
        Accept: "multipart/mixed",
        "Content-Type": "application/octet-stream",
        "Idempotency-Key": key,
      },
      body,
      signal: either,
    });
    return await read(response);
  } catch (error) {
    if (inTime.aborted && !signal.aborted) throw unreachable();
    throw error;
  }
}

async function read(response) {
  try {
    const [head, picture] = await partsOf(response.headers.get("Content-Type") ?? "", await response.blob());
    return { result: JSON.parse(await head.content.text()), predicted: picture.content };
  } catch {
    throw unreachable(); // it broke off on its way; the key brings the same answer again
  }
}
