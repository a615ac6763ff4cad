// Read a multipart/mixed answer by the lengths that its parts state, so that a picture may hold any bytes.
// The parts are slices of the answer's blob: a picture's bytes stay with the browser and are not copied.

const MOST_HEAD_BYTES = 2048;

/**
 * @param {string} contentType the answer's header, with its boundary.
 * @param {Blob} body
 * @returns {Promise<Array<{mediaType: string, content: Blob}>>}
 * @throws {Error} the body is cut off or breaks the form.
 */
export async function partsOf(contentType, body) {
  const boundary = /boundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (!boundary) throw new Error(`the answer names no boundary: ${contentType}`);
  const delimiter = `--${boundary}`;
  const parts = [];
  let at = 0;
  for (;;) {
    // latin-1: one character for each byte, whatever comes after the head
    const bytes = await body.slice(at, at + MOST_HEAD_BYTES).arrayBuffer();
    const text = new TextDecoder("latin1").decode(bytes);
    const start = at > 0 && text.startsWith("\r\n") ? 2 : 0;
    if (!text.startsWith(delimiter, start))
      throw new Error(`the answer breaks off at byte ${at} of ${body.size}`);
    if (text.startsWith("--", start + delimiter.length)) return parts;
    const end = text.indexOf("\r\n\r\n", start);
    if (end < 0) throw new Error(`a part of the answer has no end of its head, at byte ${at}`);
    const head = text.slice(start, end);
    const length = /^content-length:\s*(\d+)\s*$/im.exec(head)?.[1];
    const mediaType =
      /^content-type:\s*([^;\s]+)/im.exec(head)?.[1]?.toLowerCase() ?? "application/octet-stream";
    if (length === undefined) throw new Error("a part of the answer states no length");
    const from = at + end + 4;
    const to = from + Number(length);
    if (to > body.size) throw new Error(`the answer is cut off: ${body.size} bytes, ${to} promised`);
    parts.push({ mediaType, content: body.slice(from, to, mediaType) });
    at = to;
  }
}
