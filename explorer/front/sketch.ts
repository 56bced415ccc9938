// Images for the encoder: drawn with a pen, dropped as a file, or taken from the data set.

import { context2d, element } from "./dom";
import type { Explorer } from "./explorer";
import { imageOf } from "./pixels";
import type { SampleData } from "./wire";

type Point = [x: number, y: number];

const MAX_BYTES = 30e6;

export class Sketch {
  readonly root: HTMLDetailsElement;
  private readonly channels: number;
  private readonly height: number;
  private readonly width: number;
  private readonly canvas: HTMLCanvasElement;
  private readonly context: CanvasRenderingContext2D;
  private readonly pen: HTMLElement;
  private readonly eraser: HTMLButtonElement;
  private readonly size: HTMLInputElement;
  private readonly color: HTMLInputElement;
  private readonly file: HTMLInputElement;
  private readonly samples: HTMLElement;
  private readonly note: HTMLElement;
  private drawing: Point | null = null; // where the pen is, while it is down
  private erasing = false;
  private cursor: Point | null = null; // of the arrow keys
  private offered = "";

  constructor(private readonly view: Explorer) {
    const [channels, height, width] = view.shape;
    const drawn = view.data.kind !== null; // a curve or a row is not a thing to paint
    this.channels = channels;
    this.height = height;
    this.width = width;
    this.canvas = element("canvas", {
      className: "bv-sketch",
      width,
      height,
      tabIndex: 0,
      role: "application",
      "aria-label":
        "Drawing for the encoder. Arrow keys move the pen, Space puts it down or lifts it, E erases, Delete clears.",
      onpointerdown: (event) => this.press(event),
      onpointermove: (event) => {
        if (this.drawing) this.stroke(this.place(event));
      },
      onpointerup: () => this.lift(),
      onpointercancel: () => this.lift(),
      onkeydown: (event) => this.key(event),
      onblur: () => this.canvas.classList.remove("bv-penned"),
    });
    this.canvas.style.aspectRatio = `${width} / ${height}`;
    this.context = context2d(this.canvas, { willReadFrequently: true });
    this.pen = element("i", { className: "bv-pen", hidden: true });
    const button = (text: string, onclick: () => void) =>
      element("button", { type: "button", onclick }, text);
    this.eraser = button("Eraser", () => this.toggleEraser());
    this.size = element("input", {
      type: "range",
      min: "1",
      max: String(Math.max(4, Math.round(width / 4))),
      step: "1",
      value: String(Math.max(2, Math.round(width / 10))),
      "aria-label": "Width of the pen in pixels",
    });
    this.color = element("input", { type: "color", value: "#ffffff", "aria-label": "Colour of the pen" });
    this.color.hidden = channels !== 3;
    this.file = element("input", {
      type: "file",
      accept: "image/*",
      "aria-label": "An image file to encode",
      onchange: () => {
        if (this.file.files?.[0]) this.read(this.file.files[0]);
      },
    });
    this.samples = element("div", { className: "bv-samples" });
    this.note = element("p", { className: "bv-note", role: "status" });
    this.root = element(
      "details",
      {
        className: "bv-panel",
        ontoggle: () => {
          if (this.root.open) view.encoder.open();
        },
        ondragover: (event) => event.preventDefault(),
        ondrop: (event) => {
          if (!drawn) this.dropped(event);
        },
      },
      element(
        "summary",
        {},
        drawn ? "Encode a sample of the data" : "Encode a picture: draw, drop or pick one",
      ),
      element(
        "div",
        { className: "bv-drawing", hidden: drawn },
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

  describe(): void {
    this.root.hidden = !this.view.local;
    this.eraser.setAttribute("aria-pressed", String(this.erasing));
  }

  say(text: string): void {
    this.note.textContent = text;
  }

  /** Show small pictures of the data set to choose from. */
  offer(samples: SampleData[]): void {
    const known = JSON.stringify(samples.map(({ index }) => index));
    if (!samples.length || known === this.offered) return;
    this.offered = known;
    this.samples.replaceChildren(
      ...samples.map(({ index, source, values }) => {
        const image = element("img", { src: source, alt: "" });
        const title = `Encode image ${index} of the data set`;
        return element(
          "button",
          { type: "button", title, "aria-label": title, onclick: () => this.take(image, index, values) },
          image,
        );
      }),
    );
  }

  // --- from the board to the latents ---------------------------------------------------------------

  private blank(): void {
    this.context.fillStyle = "black";
    this.context.fillRect(0, 0, this.width, this.height);
  }

  /** Let the encoder see the board; `last` says that it is finished. */
  private encode(last: boolean, others: { image?: number } = {}): void {
    const { data } = this.context.getImageData(0, 0, this.width, this.height);
    this.look(imageOf(data, this.channels), last, others);
  }

  private look(values: Float32Array, last: boolean, others: { image?: number }): void {
    this.view.encoder.encode(values, (kl) => {
      this.say(`Encoded in this page: the sliders stand at the posterior's mean, KL ${kl.toFixed(2)} nats.`);
      if (last) this.view.commit(others);
    });
  }

  // --- pen -----------------------------------------------------------------------------------------

  private place(event: PointerEvent): Point {
    const box = this.canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * this.width,
      ((event.clientY - box.top) / box.height) * this.height,
    ];
  }

  private press(event: PointerEvent): void {
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.focus();
    event.preventDefault();
    this.drawing = this.place(event);
    this.stroke(this.drawing);
  }

  /** Draw from where the pen is. */
  private stroke(to: Point): void {
    const { context } = this;
    const from = this.drawing ?? to;
    context.strokeStyle = this.erasing ? "black" : this.channels === 3 ? this.color.value : "white";
    Object.assign(context, { lineWidth: Number(this.size.value), lineCap: "round", lineJoin: "round" });
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(to[0] + 1e-3, to[1]); // a dot is a line too
    context.stroke();
    this.drawing = to;
    this.encode(false);
  }

  private lift(): void {
    if (!this.drawing) return;
    this.drawing = null;
    this.encode(true);
  }

  private key(event: KeyboardEvent): void {
    const far = event.shiftKey ? 4 : 1;
    const moves: Record<string, Point> = {
      ArrowLeft: [-far, 0],
      ArrowRight: [far, 0],
      ArrowUp: [0, -far],
      ArrowDown: [0, far],
    };
    this.cursor ??= [this.width / 2, this.height / 2];
    if (event.key in moves) {
      const limit = (value: number, most: number) => Math.max(0, Math.min(most, value));
      const [x, y] = moves[event.key];
      this.cursor = [limit(this.cursor[0] + x, this.width), limit(this.cursor[1] + y, this.height)];
      if (this.drawing) this.stroke(this.cursor);
    } else if (event.key === " ") {
      if (this.drawing) this.lift();
      else this.stroke(this.cursor);
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

  private toggleEraser(): void {
    this.erasing = !this.erasing;
    this.describe();
  }

  private clear(): void {
    this.drawing = null;
    this.blank();
    this.encode(true);
  }

  private invert(): void {
    const image = this.context.getImageData(0, 0, this.width, this.height);
    for (let at = 0; at < image.data.length; at += 1) if (at % 4 !== 3) image.data[at] = 255 - image.data[at];
    this.context.putImageData(image, 0, 0);
    this.encode(true);
  }

  // --- files and samples ---------------------------------------------------------------------------

  private dropped(event: DragEvent): void {
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file) this.read(file);
  }

  private async read(file: File): Promise<void> {
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

  private take(image: HTMLImageElement, index: number, values: number[] | null): void {
    if (values) {
      this.look(Float32Array.from(values), true, { image: index });
      return;
    }
    this.fit(image, image.naturalWidth, image.naturalHeight);
    this.encode(true, { image: index });
  }

  /** Fill the board with the middle of an image. */
  private fit(image: CanvasImageSource, width: number, height: number): void {
    const scale = Math.max(this.width / width, this.height / height);
    const [w, h] = [this.width / scale, this.height / scale];
    Object.assign(this.context, { imageSmoothingEnabled: scale !== 1, imageSmoothingQuality: "high" });
    this.blank();
    this.context.drawImage(image, (width - w) / 2, (height - h) / 2, w, h, 0, 0, this.width, this.height);
  }
}
