// How long one picture is tried: the same rule as the Python client's.

export const PATIENCE = { total_s: 600, first_s: 0.25, longest_s: 8 };

/**
 * The pause before the next attempt, in seconds; null when patience is over.
 * @param {number} attempts how many failed so far, at least 1.
 * @param {number} elapsed_s since the first of them began.
 * @param {?number} retryAfter_s what the master asked for; the pause is never shorter.
 * @param {number} luck 0 to 1, so that many do not come back at once.
 */
export function pause_s(attempts, elapsed_s, retryAfter_s, luck = Math.random(), patience = PATIENCE) {
  const ceiling_s = Math.min(patience.longest_s, patience.first_s * 2 ** Math.min(attempts - 1, 30));
  const own_s = ceiling_s * (0.5 + 0.5 * luck);
  const next_s = retryAfter_s === null ? own_s : retryAfter_s + 0.25 * own_s;
  return elapsed_s + next_s < patience.total_s ? next_s : null;
}

/** Wait; rejects as soon as the signal says so. */
export function sleep(wait_s, signal) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const stop = () => (clearTimeout(timer), reject(signal.reason));
    const timer = setTimeout(() => (signal.removeEventListener("abort", stop), resolve()), wait_s * 1000);
    signal.addEventListener("abort", stop, { once: true });
  });
}
