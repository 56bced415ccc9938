// What a dimension changes: the picture at the high end of its slider less that at the low end.

import { Cells } from "./cells";
import { element, touched } from "./dom";
import type { Explorer } from "./explorer";

const NOTHING = "No slider was pointed at yet";

export class Difference {
  readonly root: HTMLElement;
  private readonly canvas: HTMLCanvasElement;
  private readonly cells: Cells;
  private readonly text: HTMLElement;
  private dimension: number | null = null;
  drawn = -1;

  constructor(private readonly view: Explorer) {
    this.canvas = element("canvas", { className: "bv-small", role: "img", "aria-label": NOTHING });
    this.cells = Cells.of(this.canvas, view.data);
    this.text = element(
      "figcaption",
      {},
      `${touched() ? "Touch" : "Point at"} a slider to see what it changes.`,
    );
    this.root = element("figure", { className: "bv-difference" }, this.canvas, this.text);
  }

  /** Show what this dimension changes, from now on. */
  of(dimension: number): void {
    if (this.dimension === dimension || !this.view.local) return;
    this.dimension = dimension;
    this.renew();
  }

  renew(): void {
    this.drawn = -1;
    this.view.wake();
  }

  isStale(): boolean {
    return this.dimension !== null && this.drawn !== this.view.versionWithout(this.dimension);
  }

  async paint(): Promise<void> {
    const { view, dimension: d } = this;
    if (d === null) return;
    const { data } = view;
    const [low, high] = [data.low[d], data.high[d]];
    const version = view.versionWithout(d);
    const ends = new Float32Array(2 * data.latents);
    ends.set(view.with({ [d]: low }));
    ends.set(view.with({ [d]: high }), data.latents);
    const values = await view.decode(ends, 2);
    const half = values.length / 2;
    const change = values.slice(half).map((value, at) => value - values[at]);
    const most = this.cells.paintChange(change);
    const words = data.kind ? "its values higher or lower" : "orange brighter, blue darker";
    const text =
      `What ${view.label(d)} changes from ${low.toFixed(2)} to ${high.toFixed(2)}: ` +
      `${words}, up to ${most.toFixed(2)}${data.kind ? " of the range" : ""}`;
    this.text.textContent = text;
    this.canvas.setAttribute("aria-label", text);
    this.drawn = version;
  }
}
