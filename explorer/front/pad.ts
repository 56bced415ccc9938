// A plane of two dimensions: decoded pictures on a grid, and a point to drag over them.

import { Cells } from "./cells";
import { element } from "./dom";
import type { Explorer } from "./explorer";

const SIDE = 7; // cells of the grid in each direction

export class Pad {
  readonly root: HTMLDetailsElement;
  // By cell, the version that it shows.
  readonly drawn: number[] = new Array(SIDE * SIDE).fill(-1);
  private readonly choosers: HTMLSelectElement[];
  private readonly canvas: HTMLCanvasElement;
  private readonly cells: Cells;
  private readonly dot: HTMLElement;
  private readonly plane: HTMLElement;
  private readonly text: HTMLElement;
  private readonly dimensions: number[]; // across, upwards

  constructor(private readonly view: Explorer) {
    const chooser = (label: string, at: number) =>
      element("select", { "aria-label": label, onchange: () => this.choose(at) });
    this.choosers = [chooser("Dimension across", 0), chooser("Dimension upwards", 1)];
    this.canvas = element("canvas", { "aria-hidden": "true" });
    this.cells = Cells.of(this.canvas, view.data, SIDE, SIDE);
    this.dot = element("i");
    this.plane = element(
      "div",
      {
        className: "bv-plane",
        tabIndex: 0,
        role: "application",
        "aria-roledescription": "slider in two dimensions",
        onpointerdown: (event) => this.press(event),
        onpointermove: (event) => {
          if (event.buttons) this.follow(event);
        },
        onpointerup: () => view.commit(),
        onpointercancel: () => view.commit(),
        ondblclick: () => view.reset(this.dimensions),
        onkeydown: (event) => this.key(event),
      },
      this.canvas,
      this.dot,
    );
    this.text = element("p", { className: "bv-note", id: `${view.id}-plane` });
    this.plane.setAttribute("aria-describedby", this.text.id);
    this.root = element(
      "details",
      { className: "bv-panel", ontoggle: () => this.show() },
      element("summary", {}, "Plane of two dimensions"),
      element(
        "div",
        { className: "bv-choosers" },
        "across ",
        this.choosers[0],
        " upwards ",
        this.choosers[1],
      ),
      this.plane,
      this.text,
    );
    this.dimensions = view.order.slice(0, 2);
    if (this.dimensions.length < 2) this.root.hidden = true;
  }

  describe(): void {
    if (this.dimensions.length < 2) return;
    this.root.hidden = !this.view.local;
    for (const [at, chooser] of this.choosers.entries()) {
      const options = this.view.order.map((d) =>
        element("option", { value: String(d), selected: d === this.dimensions[at] }, this.view.label(d)),
      );
      chooser.replaceChildren(...options);
    }
    this.show();
  }

  private choose(at: number): void {
    const chosen = Number(this.choosers[at].value);
    if (chosen === this.dimensions[1 - at]) this.dimensions[1 - at] = this.dimensions[at];
    this.dimensions[at] = chosen;
    this.drawn.fill(-1);
    this.describe();
    this.view.wake();
  }

  show(): void {
    if (!this.root.open || this.dimensions.length < 2) return;
    const { z, data } = this.view;
    const part = (d: number) => Math.max(0, Math.min(1, (z[d] - data.low[d]) / (data.high[d] - data.low[d])));
    const [across, up] = this.dimensions;
    this.dot.style.left = `${100 * part(across)}%`;
    this.dot.style.top = `${100 * (1 - part(up))}%`;
    const values = this.dimensions.map((d) => `${this.view.label(d)} ${z[d].toFixed(2)}`).join(", ");
    this.text.textContent = `${values}. Drag, or use the arrow keys.`;
    this.plane.setAttribute("aria-label", values);
    if (this.staleCell() >= 0) this.view.wake();
  }

  /** The cell drawn longest ago from other values of the other dimensions, or −1. */
  staleCell(): number {
    if (!this.root.open || this.root.hidden) return -1;
    const current = this.view.versionWithout(...this.dimensions);
    let oldest = -1;
    this.drawn.forEach((version, cell) => {
      if (version !== current && (oldest < 0 || version < this.drawn[oldest])) oldest = cell;
    });
    return oldest;
  }

  async paintCell(cell: number): Promise<void> {
    const version = this.view.versionWithout(...this.dimensions);
    const [across, up] = this.dimensions;
    const right = ((cell % SIDE) + 0.5) / SIDE;
    const above = 1 - (Math.floor(cell / SIDE) + 0.5) / SIDE;
    const z = this.view.with({ [across]: this.at(across, right), [up]: this.at(up, above) });
    this.cells.paint(await this.view.decode(z, 1), 0, cell);
    this.drawn[cell] = version;
  }

  private at(dimension: number, part: number): number {
    const { low, high } = this.view.data;
    return low[dimension] + part * (high[dimension] - low[dimension]);
  }

  private press(event: PointerEvent): void {
    this.plane.setPointerCapture(event.pointerId);
    this.plane.focus();
    this.follow(event);
    event.preventDefault();
  }

  private follow(event: PointerEvent): void {
    const box = this.plane.getBoundingClientRect();
    const part = (value: number) => Math.max(0, Math.min(1, value));
    const [across, up] = this.dimensions;
    this.view.set(across, this.at(across, part((event.clientX - box.left) / box.width)));
    this.view.set(up, this.at(up, part(1 - (event.clientY - box.top) / box.height)));
  }

  private key(event: KeyboardEvent): void {
    const [across, up] = this.dimensions;
    const moves: Record<string, [dimension: number, sign: number]> = {
      ArrowLeft: [across, -1],
      ArrowRight: [across, 1],
      ArrowDown: [up, -1],
      ArrowUp: [up, 1],
    };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const [dimension, sign] = moves[event.key];
    const { low, high } = this.view.data;
    const step = ((high[dimension] - low[dimension]) * sign) / (event.shiftKey ? 10 : 50);
    const next = Math.max(low[dimension], Math.min(high[dimension], this.view.z[dimension] + step));
    this.view.set(dimension, next);
    this.view.commitSoon();
  }
}
