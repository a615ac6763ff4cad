// Requests to /v1 with the session's cookie, and their refusals as one kind of error.

/** What the API refused, or that it did not answer: the fields of its problem document. */
export class Problem extends Error {
  constructor({ title, detail, code, status = 0, isPassing = false, retryAfter_s = null }) {
    super(detail);
    Object.assign(this, { title, detail, code, status, isPassing, retryAfter_s });
  }
}

/** No answer came: the master is away, or the line is. */
export function unreachable() {
  return new Problem({
    title: "The master does not answer",
    detail: "The master does not answer: it is restarting, or the connection to it is lost.",
    code: "unreachable",
    isPassing: true,
  });
}

/**
 * One request.
 * @returns {Promise<Response>} an answer of success.
 * @throws {Problem} whatever else came of it; an abort of the caller's signal is passed on as it is.
 */
export async function call(path, { signal, ...options } = {}) {
  let response;
  try {
    response = await fetch(manyeyes.api + path, { signal, cache: "no-store", ...options });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable();
  }
  if (response.ok) return response;
  throw await problemOf(response);
}

async function problemOf(response) {
  let body = {};
  try {
    body = await response.json();
  } catch {
    // a proxy's or a dying master's answer; its status still says enough
  }
  const after_s = Number.parseFloat(response.headers.get("Retry-After") ?? "");
  return new Problem({
    title: body.title ?? "The request was refused",
    detail: body.detail ?? `The master answered with status ${response.status}.`,
    code: body.code ?? "http",
    status: response.status,
    isPassing: body.retryable ?? [429, 502, 503, 504].includes(response.status),
    retryAfter_s: Number.isFinite(after_s) ? after_s : null,
  });
}
