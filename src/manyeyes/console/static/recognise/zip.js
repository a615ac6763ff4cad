// A ZIP whose files are stored as they are (pictures are compressed already). It is a blob made of blobs: only one
// file at a time is read, for its check sum. Source: PKWARE's APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.16.

const IN_UTF8 = 0x0800;
const MOST_BYTES = 2 ** 32 - 1;
const MOST_FILES = 2 ** 16 - 1;

const CRC = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** CRC-32 as ZIP has it. */
export function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = CRC[(value ^ byte) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

/**
 * @param {Array<{path: string, content: Blob}>} files with names that differ.
 * @returns {Promise<Blob>}
 * @throws {RangeError} more than a ZIP without extensions holds: 4 GiB, 65,535 files.
 */
export async function zipOf(files, when = new Date()) {
  if (files.length > MOST_FILES) throw new RangeError(`${files.length} files, a ZIP holds ${MOST_FILES}`);
  const bodies = [];
  const directory = [];
  let at = 0;
  for (const { path, content } of files) {
    const name = new TextEncoder().encode(path);
    const crc = crc32(new Uint8Array(await content.arrayBuffer()));
    const facts = [20, IN_UTF8, 0, ...dosTime(when)]; // version needed, flags, stored, time, date
    const sizes = [crc, content.size, content.size];
    const local = record(0x04034b50, [...facts.map(u16), ...sizes.map(u32), u16(name.length), u16(0)], name);
    bodies.push(local, content);
    directory.push(
      record(
        0x02014b50,
        [
          u16(20),
          ...facts.map(u16),
          ...sizes.map(u32),
          u16(name.length),
          ...[0, 0, 0, 0].map(u16),
          u32(0),
          u32(at),
        ],
        name,
      ),
    );
    at += local.length + content.size;
    if (at > MOST_BYTES) throw new RangeError("the pictures are more than the 4 GiB that a ZIP holds");
  }
  const size = directory.reduce((sum, entry) => sum + entry.length, 0);
  const count = files.length;
  const end = record(0x06054b50, [u16(0), u16(0), u16(count), u16(count), u32(size), u32(at), u16(0)]);
  return new Blob([...bodies, ...directory, end], { type: "application/zip" });
}

const u16 = (value) => [value & 0xff, (value >>> 8) & 0xff];
const u32 = (value) => [...u16(value & 0xffff), ...u16(value >>> 16)];

function record(signature, fields, name = []) {
  return Uint8Array.from([...u32(signature), ...fields.flat(), ...name]);
}

function dosTime(when) {
  const time = (when.getHours() << 11) | (when.getMinutes() << 5) | (when.getSeconds() >> 1);
  const date = ((when.getFullYear() - 1980) << 9) | ((when.getMonth() + 1) << 5) | when.getDate();
  return [time, date];
}
