// Images for the encoder: drawn with a pen, dropped as a file, or taken from the data set.

import { element } from "./dom.js";

const MAX_BYTES = 30e6;

export class Sketch {
  constructor(view) {
    const [channels, height, width] = view.shape;
    Object.assign(this, { view, channels, height, width, drawing: null, erasing: false, cursor: null });
    this.canvas = element("canvas", {
      className: "bv-sketch", width, height, tabIndex: 0, role: "application",
      "aria-label":
        "Drawing for the encoder. Arrow keys move the pen, Space puts it down or lifts it, E erases, Delete clears.",
      onpointerdown: (event) => this.press(event),
      onpointermove: (event) => this.drawing && this.stroke(this.place(event)),
      onpointerup: () => this.lift(),
      onpointercancel: () => this.lift(),
      onkeydown: (event) => this.key(event),
      onblur: () => this.canvas.classList.remove("bv-penned"),
    });
    this.canvas.style.aspectRatio = `${width} / ${height}`;
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.pen = element("i", { className: "bv-pen", hidden: true });
    const button = (text, onclick) => element("button", { type: "button", onclick }, text);
    this.eraser = button("Eraser", () => this.toggleEraser());
    this.size = element("input", {
      type: "range", min: 1, max: Math.max(4, Math.round(width / 4)), step: 1,
      value: Math.max(2, Math.round(width / 10)), "aria-label": "Width of the pen in pixels",
    });
    this.color = element("input", { type: "color", value: "#ffffff", "aria-label": "Colour of the pen" });
    this.color.hidden = channels !== 3;
    this.file = element("input", {
      type: "file", accept: "image/*", "aria-label": "An image file to encode",
      onchange: () => this.file.files[0] && this.read(this.file.files[0]),
    });
    this.samples = element("div", { className: "bv-samples" });
    this.note = element("p", { className: "bv-note", role: "status" });
    this.root = element(
      "details",
      {
        className: "bv-panel",
        ontoggle: () => this.root.open && view.openEncoder(),
        ondragover: (event) => event.preventDefault(),
        ondrop: (event) => this.dropped(event),
      },
      element("summary", {}, "Encode a picture: draw, drop or pick one"),
      element(
        "div",
        { className: "bv-drawing" },
        element("div", { className: "bv-board" }, this.canvas, this.pen),
        element(
          "div",
          { className: "bv-brush" },
          element("label", {}, "Pen ", this.size),
          this.color,
          this.eraser,
          button("Invert", () => this.invert()),
          button("Clear", () => this.clear()),
          element("label", { className: "bv-file" }, "Image file ", this.file),
        ),
      ),
      this.samples,
      this.note,
    );
    this.blank();
  }

  describe() {
    this.root.hidden = !this.view.local || this.view.data.encodes === false;
    this.eraser.setAttribute("aria-pressed", this.erasing);
  }

  say(text) {
    this.note.textContent = text;
  }

  /** Small pictures of the data set: `{index, source}` each, `source` an image's address. */
  offer(samples) {
    const known = JSON.stringify(samples?.map(({ index }) => index));
    if (!samples?.length || known === this.offered) return;
    this.offered = known;
    this.samples.replaceChildren(
      ...samples.map(({ index, source }) => {
        const image = element("img", { src: source, alt: "" });
        const title = `Encode image ${index} of the data set`;
        return element(
          "button",
          { type: "button", title, "aria-label": title, onclick: () => this.take(image, index) },
          image,
        );
      }),
    );
  }

  // --- from the board to the latents ---------------------------------------------------------------

  blank() {
    this.context.fillStyle = "black";
    this.context.fillRect(0, 0, this.width, this.height);
  }

  /** The board as an image `(C, H, W)` in [0, 1]; grey is the luminance of ITU-R BT.601. */
  pixels() {
    const { data } = this.context.getImageData(0, 0, this.width, this.height);
    const area = this.width * this.height;
    const values = new Float32Array(this.channels * area);
    for (let pixel = 0; pixel < area; pixel += 1) {
      const [red, green, blue] = data.subarray(4 * pixel, 4 * pixel + 3);
      if (this.channels === 3) {
        values[pixel] = red / 255;
        values[area + pixel] = green / 255;
        values[2 * area + pixel] = blue / 255;
      } else {
        values[pixel] = (0.299 * red + 0.587 * green + 0.114 * blue) / 255;
      }
    }
    return values;
  }

  encode(last, others) {
    this.view.encode(this.pixels(), (kl) => {
      this.say(`Encoded in this page: the sliders stand at the posterior's mean, KL ${kl.toFixed(2)} nats.`);
      if (last) this.view.commit(others);
    });
  }

  // --- pen -----------------------------------------------------------------------------------------

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * this.width,
      ((event.clientY - box.top) / box.height) * this.height,
    ];
  }

  press(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.focus();
    event.preventDefault();
    this.drawing = this.place(event);
    this.stroke(this.drawing);
  }

  stroke(to) {
    const { context } = this;
    context.strokeStyle = this.erasing ? "black" : this.channels === 3 ? this.color.value : "white";
    Object.assign(context, { lineWidth: Number(this.size.value), lineCap: "round", lineJoin: "round" });
    context.beginPath();
    context.moveTo(...this.drawing);
    context.lineTo(to[0] + 1e-3, to[1]); // a dot is a line too
    context.stroke();
    this.drawing = to;
    this.encode(false);
  }

  lift() {
    if (!this.drawing) return;
    this.drawing = null;
    this.encode(true);
  }

  key(event) {
    const far = event.shiftKey ? 4 : 1;
    const moves = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] };
    this.cursor ??= [this.width / 2, this.height / 2];
    if (event.key in moves) {
      const limit = (value, most) => Math.max(0, Math.min(most, value));
      const [x, y] = moves[event.key];
      this.cursor = [limit(this.cursor[0] + x, this.width), limit(this.cursor[1] + y, this.height)];
      if (this.drawing) this.stroke(this.cursor);
    } else if (event.key === " ") {
      if (this.drawing) this.lift();
      else this.stroke((this.drawing = this.cursor));
    } else if (event.key === "e" || event.key === "E") this.toggleEraser();
    else if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else return;
    event.preventDefault();
    this.pen.hidden = false;
    this.pen.style.left = `${(100 * this.cursor[0]) / this.width}%`;
    this.pen.style.top = `${(100 * this.cursor[1]) / this.height}%`;
    this.say(
      `The pen is ${this.drawing ? "down" : "up"} at ${this.cursor.map(Math.round).join(", ")}` +
        `${this.erasing ? ", erasing" : ""}.`,
    );
  }

  toggleEraser() {
    this.erasing = !this.erasing;
    this.describe();
  }

  clear() {
    this.drawing = null;
    this.blank();
    this.encode(true);
  }

  invert() {
    const image = this.context.getImageData(0, 0, this.width, this.height);
    for (let at = 0; at < image.data.length; at += 1) if (at % 4 !== 3) image.data[at] = 255 - image.data[at];
    this.context.putImageData(image, 0, 0);
    this.encode(true);
  }

  // --- files and samples ---------------------------------------------------------------------------

  dropped(event) {
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) this.read(file);
  }

  async read(file) {
    if (file.size > MAX_BYTES) {
      this.say(`${file.name} has more than ${MAX_BYTES / 1e6} MB; take a smaller image.`);
      return;
    }
    try {
      const image = await createImageBitmap(file);
      this.fit(image, image.width, image.height);
      image.close();
      this.encode(true);
    } catch {
      this.say(`${file.name} can't be read as an image; PNG, JPEG, WebP and GIF can.`);
    }
    this.file.value = "";
  }

  take(image, index) {
    this.fit(image, image.naturalWidth, image.naturalHeight);
    this.encode(true, { image: index });
  }

  /** Fill the board with the middle of an image. */
  fit(image, width, height) {
    const scale = Math.max(this.width / width, this.height / height);
    const [w, h] = [this.width / scale, this.height / scale];
    Object.assign(this.context, { imageSmoothingEnabled: scale !== 1, imageSmoothingQuality: "high" });
    this.blank();
    const from = [(width - w) / 2, (height - h) / 2, w, h];
    this.context.drawImage(image, ...from, 0, 0, this.width, this.height);
  }
}
