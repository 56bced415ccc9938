// One model of a comparison: its picture at the linked sliders, what it makes of the image, its strip.

import { Cells, element } from "./dom.js";
import { ask } from "./frames.js";
import { acquire, reason, release } from "./runtime.js";

export const STRIP = 9; // pictures in a strip
const LETTERS = "ABCDEF";
const THUMBS = { input: "Input", reconstruction: "Reconstruction", error: "Error |x − x̂|" };
const SOFT = "\u00ad"; // where a word may be broken

export class Column {
  /** Model number `at` of `view`, a Comparison. */
  constructor(view, at) {
    const model = view.data.models[at];
    Object.assign(this, {
      view, at, model, letter: LETTERS[at], decoder: null, key: null, painted: -1, cost: 4, visible: true,
      local: model.ready, tried: false, again: false, served: null, drawn: new Array(STRIP).fill(-1),
    });
    this.badge = element("p", { className: "bv-badge" });
    this.figure = element(
      "figure",
      { className: "bv-column" },
      element("figcaption", { title: model.name }, element("b", {}, this.letter), ` ${model.name}`),
    );
    this.facts = element("section", { className: "bv-facts", "aria-label": `${model.name}: the start` });
    if (model.shape) {
      const [, height, width] = model.shape;
      this.canvas = element("canvas", { className: "bv-picture", role: "img" });
      this.canvas.style.aspectRatio = `${width} / ${height}`;
      this.picture = new Cells(this.canvas, model.shape);
      this.strip = element("canvas", {
        className: "bv-strip", "aria-hidden": "true", onclick: (event) => this.clicked(event),
      });
      this.cells = new Cells(this.strip, model.shape, STRIP);
      this.figure.append(this.canvas);
    }
    this.figure.append(this.badge);
    this.line = element("div", { className: "bv-line" });
    this.describe();
    this.start();
  }

  /** Take what is new of the same model. */
  update(model) {
    const before = this.model;
    this.model = model;
    if (model.ready && (!before.ready || this.again)) {
      this.again = false;
      this.local = true;
    }
    this.describe();
    this.start();
  }

  /** Decode here if that is possible and not yet so; show the host's picture meanwhile. */
  start() {
    const { model } = this;
    if (!model.shape) return this.say(model.problem, true);
    if (model.picture && !this.decoder) this.showServed();
    if (this.local && model.ready) {
      if (!this.key) this.open();
    } else if (model.waiting) {
      this.say(model.waiting, true);
    }
  }

  async open() {
    const key = `${this.model.hash}:decoder`;
    this.key = key;
    try {
      const { assets } = this.view.host;
      const decoder = await acquire(key, assets, () => this.view.host.bytes(`decoder${this.at}`));
      if (this.key !== key) return;
      this.cost = await decoder.warm(this.latents(), [1, this.model.latents]);
      this.decoder = decoder;
      this.say("");
      this.describe();
      ask();
    } catch (error) {
      if (this.key === key) this.unable(error);
    }
  }

  /** Nothing of this model can be decoded here: the host does it, when a slider is let go. */
  unable(error) {
    this.again = Boolean(error.unserved) && !this.tried; // the host is told, and serves it anew
    this.tried = true;
    this.destroy();
    this.local = false;
    const who = this.view.host.decodes ? "the server decodes when you let go" : "no picture can be made";
    this.say(`this browser can't decode here (${reason(error)}): ${who}`, true);
    this.describe();
    this.view.commit();
  }

  destroy() {
    if (this.key) release(this.key);
    this.key = this.decoder = null;
  }

  say(text, wrong = false) {
    this.badge.textContent = text;
    this.badge.hidden = !text;
    this.badge.classList.toggle("bv-wrong", wrong);
  }

  /** What a dimension is called. */
  label(dimension) {
    const name = this.model.names[dimension];
    return name ? `${name} (z${dimension})` : `z${dimension}`;
  }

  /** The dimension of this model that a slider moves: [dimension, sign, correlation or null], or null. */
  link(slider) {
    return this.view.slots[slider]?.[this.at] ?? null;
  }

  /** Such as "−z3", or "" where that slider moves nothing of this model. */
  linked(slider) {
    const link = this.link(slider);
    return link ? `${link[1] < 0 ? "−" : ""}${this.label(link[0])}` : "";
  }

  /** Everything but pictures that are decoded here. */
  describe() {
    const { model } = this;
    const thumbs = Object.entries(THUMBS)
      .filter(([part]) => model[part])
      .map(([part, title]) =>
        element(
          "figure",
          {},
          element("img", { src: model[part], alt: `${title}, ${model.name}` }),
          element("figcaption", {}, title.replace("Reconst", `Recon${SOFT}st`)),
        ),
      );
    this.facts.replaceChildren(
      element("p", { className: "bv-whose" }, element("b", {}, this.letter), ` ${model.name}`),
      element("div", { className: "bv-thumbs" }, ...thumbs),
      ...model.notes.map((text) => element("p", { className: "bv-note" }, text)),
    );
    this.describeLine();
  }

  /** The strip of the slider that is looked at, or why there is none. */
  describeLine() {
    const what = this.linked(this.view.looked);
    const strip = what && this.local ? this.strip : element("span", {}, this.lacking());
    this.line.replaceChildren(
      element("span", { className: "bv-whose" }, element("b", {}, this.letter), ` ${what}`),
      strip,
    );
    if (what && this.strip) this.strip.title = `${this.model.name}: ${what}`;
  }

  lacking() {
    if (!this.model.shape) return "no model";
    if (!this.linked(this.view.looked)) return "this slider moves nothing here";
    return "decoded only when you let go";
  }

  /** Its latents at the sliders' values; at another value of one of them. */
  latents(slider = -1, value = 0) {
    const z = Float32Array.from(this.model.start);
    this.view.slots.forEach((slot, k) => {
      const link = slot[this.at];
      if (!link) return;
      const offset = k === slider ? value : this.view.z[k];
      z[link[0]] = Math.round((this.model.start[link[0]] + link[1] * offset) * 1e4) / 1e4;
    });
    return z;
  }

  /** The newest change of a slider that moves this model, but for one. */
  versionWithout(slider) {
    let newest = 0;
    this.view.changed.forEach((version, k) => {
      if (version > newest && k !== slider && this.view.slots[k][this.at]) newest = version;
    });
    return newest;
  }

  get stale() {
    return this.decoder !== null && this.painted !== this.versionWithout(-1);
  }

  /** Decode the newest values and show them. */
  async paint() {
    const version = this.versionWithout(-1);
    const z = this.latents();
    const images = await this.decode(z);
    this.picture.paint(images);
    this.canvas.values = images;
    this.canvas.dataset.shown = JSON.stringify([...z].map((value) => +value.toFixed(4)));
    this.painted = version;
  }

  async decode(z) {
    const began = performance.now();
    const { images } = await this.decoder.run(z, [1, this.model.latents]);
    this.cost += 0.1 * (performance.now() - began - this.cost);
    return images;
  }

  /** The cell of the strip that was drawn longest ago from other values; −1 where none was. */
  staleCell() {
    if (!this.decoder || !this.visible || !this.link(this.view.looked)) return -1;
    const current = this.versionWithout(this.view.looked);
    let oldest = -1;
    this.drawn.forEach((age, cell) => {
      if (age !== current && (oldest < 0 || age < this.drawn[oldest])) oldest = cell;
    });
    return oldest;
  }

  async paintCell(cell) {
    const slider = this.view.looked;
    const version = this.versionWithout(slider);
    const z = this.latents(slider, this.view.cellValue(cell));
    const images = await this.decode(z);
    if (slider !== this.view.looked) return;
    this.cells.paint(images, 0, cell);
    this.drawn[cell] = version;
  }

  clicked(event) {
    const cell = Math.floor((event.offsetX / this.strip.clientWidth) * STRIP);
    this.view.set(this.view.looked, this.view.cellValue(Math.max(0, Math.min(STRIP - 1, cell))));
    this.view.commit();
  }

  /** The picture from the host, where this page can't decode. */
  showServed() {
    const source = this.model.picture;
    if (this.served === source) return;
    this.served = source;
    const z = JSON.stringify(this.model.z);
    const image = new Image();
    image.onload = () => {
      if (this.served !== source || this.decoder) return;
      this.picture.context.drawImage(image, 0, 0);
      this.canvas.dataset.shown = z;
    };
    image.src = source;
  }

  /** The picture's text alternative. */
  tell(values) {
    this.canvas?.setAttribute("aria-label", `Picture decoded by ${this.model.name} at ${values}`);
  }
}
