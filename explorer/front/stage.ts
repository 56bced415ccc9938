// The large picture, the line under it, and what the pointed-at dimension changes.

import { Badge } from "./badge";
import { Cells } from "./cells";
import { Difference } from "./difference";
import { element, type PictureCanvas, section } from "./dom";
import type { Explorer } from "./explorer";

export class Stage {
  readonly root: HTMLElement;
  readonly canvas: PictureCanvas;
  readonly difference: Difference;
  readonly badge = new Badge();
  private readonly cells: Cells;

  /** `title` stands above the picture. */
  constructor(
    private readonly view: Explorer,
    title: HTMLElement,
  ) {
    this.canvas = element("canvas", { className: "bv-picture", role: "img" });
    this.cells = Cells.of(this.canvas, view.data, 1, 1, true);
    this.canvas.style.aspectRatio = `${this.cells.width} / ${this.cells.height}`;
    this.difference = new Difference(view);
    this.root = section("bv-stage", "Picture", title, this.canvas, this.badge.root, this.difference.root);
  }

  /** Show pixels `(C, H, W)` that were decoded here of latents `(D,)`, and at this β where the model takes one. */
  paint(values: Float32Array, z: Float32Array, beta?: number): void {
    this.cells.paint(values);
    if (beta !== undefined) this.canvas.dataset.beta = String(beta);
    this.canvas.values = values;
    this.canvas.dataset.shown = JSON.stringify([...z].map((value) => +value.toFixed(4)));
  }

  /** Show the host's picture, at this address, where this page can't decode. */
  serve(source: string): void {
    const { view } = this;
    const image = new Image();
    image.onload = () => {
      if (view.data.picture !== source || view.decodes) return;
      this.cells.context.drawImage(image, 0, 0, this.cells.width, this.cells.height);
      this.canvas.dataset.shown = JSON.stringify(view.data.z);
    };
    image.src = source;
  }

  /** The picture's text alternative. */
  tell(): void {
    const { view } = this;
    const values = view.order.slice(0, 12).map((d) => `${view.label(d)} ${view.z[d].toFixed(2)}`);
    const more = view.order.length > 12 ? ` and ${view.order.length - 12} more` : "";
    const beta = view.beta ? `β = ${view.beta.value}, ` : "";
    const text = `Picture decoded by ${view.data.name} at ${beta}${values.join(", ")}${more}`;
    this.canvas.setAttribute("aria-label", text);
  }
}
