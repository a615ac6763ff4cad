// Small copies for the list, made one after the other so that many pictures neither fill memory nor stall the page.

const SIDE_PX = 96;

export class Thumbnails {
  #waiting = [];
  #isBusy = false;

  /**
   * Draw a picture onto a canvas, filling it.
   * @param {HTMLCanvasElement} canvas
   * @param {() => ?Blob} source asked when its turn comes; null when it is not wanted any more.
   * @param {(shown: boolean) => void} done
   */
  draw(canvas, source, done) {
    this.#waiting.push({ canvas, source, done });
    if (!this.#isBusy) this.#work();
  }

  async #work() {
    this.#isBusy = true;
    for (let next; (next = this.#waiting.shift());) {
      const blob = next.source();
      if (blob) next.done(await drawn(next.canvas, blob));
    }
    this.#isBusy = false;
  }
}

async function drawn(canvas, blob) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { resizeWidth: 2 * SIDE_PX, resizeQuality: "low" });
  } catch {
    return false; // no picture, or of a format that this browser does not know
  }
  const side = Math.min(bitmap.width, bitmap.height);
  canvas.width = canvas.height = SIDE_PX;
  const [left, top] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
  canvas.getContext("2d").drawImage(bitmap, left, top, side, side, 0, 0, SIDE_PX, SIDE_PX);
  bitmap.close();
  return true;
}
