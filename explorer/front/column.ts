// One model of a comparison: its picture at the linked sliders, what it makes of the image, its strip.

import { Cells } from "./cells";
import type { Comparison } from "./comparison";
import { element, type PictureCanvas } from "./dom";
import { ask } from "./frames";
import { acquire, type Network, reason, release, Unserved } from "./runtime";
import { type Link, placed } from "./slots";
import type { SideData } from "./wire";

export const STRIP = 9; // pictures in a strip
const LETTERS = "ABCDEF";
const THUMBS = [
  ["input", "Input"],
  ["reconstruction", "Reconstruction"],
  ["error", "Error |x − x̂|"],
] as const;
const SOFT = "\u00ad"; // where a word may be broken

/** Where pictures are shown of a model that is there. */
interface Screen {
  canvas: PictureCanvas;
  picture: Cells;
  strip: HTMLCanvasElement;
  cells: Cells;
}

export class Column {
  readonly letter: string;
  readonly figure: HTMLElement;
  readonly facts: HTMLElement;
  readonly line: HTMLElement;
  readonly screen: Screen | null = null;
  model: SideData;
  decoder: Network | null = null;
  local: boolean;
  cost = 4;
  // Whether its strip is on the screen.
  visible = true;
  // By cell of the strip, the version that it shows.
  readonly drawn: number[] = new Array(STRIP).fill(-1);
  private readonly badge: HTMLElement;
  private key: string | null = null;
  private painted = -1;
  private served: string | null = null;
  private again = false;
  private tried = false;

  /** Model number `at` of `view`. */
  constructor(
    private readonly view: Comparison,
    readonly at: number,
  ) {
    const model = view.data.models[at];
    this.model = model;
    this.letter = LETTERS[at];
    this.local = model.ready;
    this.badge = element("p", { className: "bv-badge" });
    this.figure = element(
      "figure",
      { className: "bv-column" },
      element(
        "figcaption",
        { title: model.name },
        element("b", {}, this.letter),
        ` ${model.label || model.name}`,
      ),
    );
    this.facts = element("section", { className: "bv-facts", "aria-label": `${model.name}: the start` });
    if (model.shape) {
      const canvas = element("canvas", { className: "bv-picture", role: "img" });
      const picture = Cells.of(canvas, model, 1, 1, true);
      canvas.style.aspectRatio = `${picture.width} / ${picture.height}`;
      const strip = element("canvas", {
        className: "bv-strip",
        "aria-hidden": "true",
        onclick: (event) => this.clicked(event.offsetX / strip.clientWidth),
      });
      this.screen = { canvas, picture, strip, cells: Cells.of(strip, model, STRIP) };
      this.figure.append(canvas);
    }
    this.figure.append(this.badge);
    this.line = element("div", { className: "bv-line" });
    this.describe();
    this.start();
  }

  /** Take what is new of the same model. */
  update(model: SideData): void {
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
  private start(): void {
    const { model } = this;
    if (!this.screen) {
      this.say(model.problem, true);
      return;
    }
    if (model.picture && !this.decoder) this.showServed(this.screen, model.picture);
    if (this.local && model.ready) {
      if (!this.key) this.open();
    } else if (model.waiting) {
      this.say(model.waiting, true);
    }
  }

  private async open(): Promise<void> {
    const key = `${this.model.hash}:decoder`;
    this.key = key;
    try {
      const { assets } = this.view.host;
      const decoder = await acquire(key, assets, () => this.view.host.bytes(`decoder${this.at}`));
      if (this.key !== key) return;
      this.cost = await decoder.warm(this.latents(), [1, this.model.latents], this.beta);
      this.decoder = decoder;
      this.say("");
      this.describe();
      ask();
    } catch (error) {
      if (this.key === key) this.unable(error);
    }
  }

  /** Nothing of this model can be decoded here: the host does it, when a slider is let go. */
  unable(error: unknown): void {
    this.again = error instanceof Unserved && !this.tried; // the host is told, and serves it anew
    this.tried = true;
    this.destroy();
    this.local = false;
    const who = this.view.host.decodes ? "the server decodes when you let go" : "no picture can be made";
    this.say(`this browser can't decode here (${reason(error)}): ${who}`, true);
    this.describe();
    this.view.commit();
  }

  destroy(): void {
    if (this.key) release(this.key);
    this.key = this.decoder = null;
  }

  private get beta(): number | undefined {
    return this.model.beta ?? undefined;
  }

  private say(text: string, wrong = false): void {
    this.badge.textContent = text;
    this.badge.hidden = !text;
    this.badge.classList.toggle("bv-wrong", wrong);
  }

  /** What a dimension is called. */
  label(dimension: number): string {
    const name = this.model.names[dimension];
    return name ? `${name} (z${dimension})` : `z${dimension}`;
  }

  /** The dimension of this model that a slider moves. */
  link(slider: number): Link | null {
    return this.view.slots[slider]?.[this.at] ?? null;
  }

  /** Such as "−z3", or "" where that slider moves nothing of this model. */
  linked(slider: number): string {
    const link = this.link(slider);
    return link ? `${link[1] < 0 ? "−" : ""}${this.label(link[0])}` : "";
  }

  /** Everything but pictures that are decoded here. */
  private describe(): void {
    const { model } = this;
    const thumbs = THUMBS.flatMap(([part, title]) => {
      const src = model[part];
      if (!src) return [];
      return element(
        "figure",
        {},
        element("img", { src, alt: `${title}, ${model.name}` }),
        element("figcaption", {}, title.replace("Reconst", `Recon${SOFT}st`)),
      );
    });
    this.facts.replaceChildren(
      element("p", { className: "bv-whose" }, element("b", {}, this.letter), ` ${model.name}`),
      element("div", { className: "bv-thumbs" }, ...thumbs),
      ...model.notes.map((text) => element("p", { className: "bv-note" }, text)),
    );
    this.describeLine();
  }

  /** The strip of the slider that is looked at, or why there is none. */
  describeLine(): void {
    const what = this.linked(this.view.looked);
    const strip = what && this.local && this.screen?.strip;
    this.line.replaceChildren(
      element("span", { className: "bv-whose" }, element("b", {}, this.letter), ` ${what}`),
      strip || element("span", {}, this.lacking()),
    );
    if (what && this.screen) this.screen.strip.title = `${this.model.name}: ${what}`;
  }

  private lacking(): string {
    if (!this.model.shape) return "no model";
    if (!this.linked(this.view.looked)) return "this slider moves nothing here";
    return "decoded only when you let go";
  }

  /** Its latents at the sliders' values; at another value of one of them. */
  private latents(slider = -1, value = 0): Float32Array {
    const { slots, z } = this.view;
    return placed(this.model.start, slots, this.at, (k) => (k === slider ? value : z[k]));
  }

  /** The newest change of a slider that moves this model, but for one. */
  private versionWithout(slider: number): number {
    let newest = 0;
    this.view.changed.forEach((version, k) => {
      if (version > newest && k !== slider && this.view.slots[k][this.at]) newest = version;
    });
    return newest;
  }

  get stale(): boolean {
    return this.decoder !== null && this.painted !== this.versionWithout(-1);
  }

  /** Decode the newest values and show them. */
  async paint(): Promise<void> {
    const { screen, decoder } = this;
    if (!screen || !decoder) return;
    const version = this.versionWithout(-1);
    const z = this.latents();
    const images = await this.decode(decoder, z);
    screen.picture.paint(images);
    screen.canvas.values = images;
    screen.canvas.dataset.shown = JSON.stringify([...z].map((value) => +value.toFixed(4)));
    this.painted = version;
  }

  private async decode(decoder: Network, z: Float32Array): Promise<Float32Array> {
    const began = performance.now();
    const { images } = await decoder.run(z, [1, this.model.latents], this.beta);
    this.cost += 0.1 * (performance.now() - began - this.cost);
    return images;
  }

  /** The cell of the strip that was drawn longest ago from other values; −1 where none was. */
  staleCell(): number {
    if (!this.decoder || !this.visible || !this.link(this.view.looked)) return -1;
    const current = this.versionWithout(this.view.looked);
    let oldest = -1;
    this.drawn.forEach((age, cell) => {
      if (age !== current && (oldest < 0 || age < this.drawn[oldest])) oldest = cell;
    });
    return oldest;
  }

  async paintCell(cell: number): Promise<void> {
    const { screen, decoder } = this;
    if (!screen || !decoder) return;
    const slider = this.view.looked;
    const version = this.versionWithout(slider);
    const z = this.latents(slider, this.view.cellValue(cell));
    const images = await this.decode(decoder, z);
    if (slider !== this.view.looked) return;
    screen.cells.paint(images, 0, cell);
    this.drawn[cell] = version;
  }

  /** Take the value under a point of the strip, from 0 at its left to 1. */
  private clicked(part: number): void {
    const cell = Math.floor(part * STRIP);
    this.view.set(this.view.looked, this.view.cellValue(Math.max(0, Math.min(STRIP - 1, cell))));
    this.view.commit();
  }

  /** The picture from the host, where this page can't decode. */
  private showServed({ canvas, picture }: Screen, source: string): void {
    if (this.served === source) return;
    this.served = source;
    const z = JSON.stringify(this.model.z);
    const image = new Image();
    image.onload = () => {
      if (this.served !== source || this.decoder) return;
      picture.context.drawImage(image, 0, 0);
      canvas.dataset.shown = z;
    };
    image.src = source;
  }

  /** The picture's text alternative. */
  tell(values: string): void {
    this.screen?.canvas.setAttribute("aria-label", `Picture decoded by ${this.model.name} at ${values}`);
  }
}
