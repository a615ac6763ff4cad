// A session that ended: pictures wait until somebody has signed in again, in another tab.

import { call } from "./api.js";
import { sleep } from "./patience.js";

const LOOK_EVERY_S = 3;

export class Session {
  #back = null;

  /** @param {(ended: boolean) => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
  }

  /** Resolves when there is a session again; all who wait share one look. */
  back(signal) {
    this.#back ??= this.#look().finally(() => (this.#back = null));
    const gone = new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason), { once: true }),
    );
    return Promise.race([this.#back, gone]);
  }

  async #look() {
    this.onChange(true);
    const never = new AbortController().signal;
    for (;;) {
      await sleep(LOOK_EVERY_S, never);
      if (document.visibilityState !== "visible") continue;
      try {
        await call("/v1/session");
        break;
      } catch {
        // still signed out, or the master is away: look again
      }
    }
    this.onChange(false);
  }
}
