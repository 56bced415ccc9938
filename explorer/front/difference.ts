// What a dimension changes: the picture at the high end of its slider less that at the low end.

import { Cells, element, touched } from "./dom";
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
    this.cells = new Cells(this.canvas, view.shape);
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
    const { data, shape } = view;
    const [low, high] = [data.low[d], data.high[d]];
    const version = view.versionWithout(d);
    const ends = new Float32Array(2 * data.latents);
    ends.set(view.with({ [d]: low }));
    ends.set(view.with({ [d]: high }), data.latents);
    const values = await view.decode(ends, 2);
    const [channels, area] = [shape[0], shape[1] * shape[2]];
    const change = new Float32Array(area);
    for (let at = 0; at < channels * area; at += 1) {
      change[at % area] += (values[channels * area + at] - values[at]) / channels;
    }
    const most = change.reduce((found, value) => Math.max(found, Math.abs(value)), 0);
    this.cells.paintEach((pixel) => {
      const part = change[pixel] / (most || 1);
      return part > 0
        ? [128 + 104 * part, 128 - 8 * part, 128 - 92 * part]
        : [128 + 98 * part, 128 + 20 * part, 128 - 112 * part];
    });
    const text =
      `What ${view.label(d)} changes from ${low.toFixed(2)} to ${high.toFixed(2)}: ` +
      `orange brighter, blue darker, up to ${most.toFixed(2)}`;
    this.text.textContent = text;
    this.canvas.setAttribute("aria-label", text);
    this.drawn = version;
  }
}
