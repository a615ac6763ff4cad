// One picture from the camera. It is on only while the dialog is open.

import { button, make } from "./dom.js";

const QUALITY = 0.95;
const TROUBLE = {
  NotAllowedError:
    "The browser was not allowed to use the camera. Allow it for this site in the browser's settings, then try again.",
  NotFoundError: "No camera was found on this device.",
  NotReadableError:
    "The camera is in use by another program, or it failed. Close the other program, then try again.",
  OverconstrainedError: "The chosen camera is gone. Try again.",
};

/** Have one picture taken; resolves to a file, or to null when none was. */
export function takePicture() {
  return new Promise((resolve) => new Camera(resolve));
}

class Camera {
  #stream = null;
  #taken = null;

  constructor(resolve) {
    this.video = make("video", {
      class: "rec-video",
      autoplay: true,
      playsinline: true,
      "aria-label": "What the camera sees",
    });
    this.video.muted = true;
    this.alert = make("p", { role: "alert", class: "rec-bad" });
    this.choice = make("select", { id: "rec-camera", on: { change: () => this.#start(this.choice.value) } });
    this.choices = make(
      "div",
      { hidden: true },
      make("label", { for: "rec-camera", text: "Camera" }),
      this.choice,
    );
    this.take = button("Take the picture", () => this.#take(), { kind: "main", disabled: true });
    this.retry = button("Try again", () => this.#start(), { hidden: true });
    this.dialog = make(
      "dialog",
      { class: "rec-dialog", "aria-labelledby": "rec-camera-title" },
      make("h2", { id: "rec-camera-title", text: "Take a picture" }),
      this.video,
      this.alert,
      this.choices,
      make(
        "div",
        { class: "rec-actions" },
        button("Cancel", () => this.dialog.close()),
        this.retry,
        this.take,
      ),
    );
    this.video.addEventListener("playing", () => (this.take.disabled = false));
    this.dialog.addEventListener("close", () => {
      this.#stop();
      this.dialog.remove();
      resolve(this.#taken);
    });
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.#start();
  }

  async #start(deviceId) {
    this.#stop();
    this.alert.textContent = "";
    this.retry.hidden = true;
    if (!navigator.mediaDevices?.getUserMedia) {
      this.#fail("This browser gives pages no camera. It needs HTTPS and a browser with camera support.");
      return;
    }
    const video = {
      width: { ideal: 1920 },
      height: { ideal: 1080 },
      ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
    };
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
      this.#stream = stream;
      if (!this.dialog.open) return this.#stop(); // closed while the browser was asking
      this.video.srcObject = stream;
      await this.#list();
    } catch (error) {
      this.#fail(TROUBLE[error.name] ?? `The camera cannot be used: ${error.message}`);
    }
  }

  #fail(words) {
    this.alert.textContent = words;
    this.retry.hidden = false;
    this.take.disabled = true;
  }

  #stop() {
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = this.video.srcObject = null;
    this.take.disabled = true;
  }

  async #list() {
    const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(
      ({ kind }) => kind === "videoinput",
    );
    const used = this.#stream?.getVideoTracks()[0]?.getSettings().deviceId;
    const options = cameras.map(({ deviceId, label }, index) =>
      make("option", { value: deviceId, text: label || `Camera ${index + 1}`, selected: deviceId === used }),
    );
    this.choice.replaceChildren(...options);
    this.choices.hidden = cameras.length < 2;
  }

  async #take() {
    const canvas = make("canvas", { width: this.video.videoWidth, height: this.video.videoHeight });
    canvas.getContext("2d").drawImage(this.video, 0, 0);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
    if (!blob) return this.#fail("The camera gave no picture. Try again.");
    const when = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
    this.#taken = new File([blob], `camera-${when}.jpg`, { type: "image/jpeg", lastModified: Date.now() });
    this.dialog.close();
  }
}
