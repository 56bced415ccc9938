// Sliders of named groups: each moves its latents together, along one direction.

import { element } from "./dom";
import type { Explorer } from "./explorer";
import { nats } from "./row";
import type { GroupData } from "./wire";

const REACH = 4; // to both sides of where the latents start, in units of a latent

/** How far `z` lies from `start` along a direction of length 1. */
export function along(
  direction: Record<string, number>,
  z: ArrayLike<number>,
  start: ArrayLike<number>,
): number {
  let sum = 0;
  for (const [d, weight] of Object.entries(direction)) sum += weight * (z[Number(d)] - start[Number(d)]);
  return sum;
}

class GroupRow {
  readonly root: HTMLElement;
  private readonly slider: HTMLInputElement;
  private readonly value = element("output", { className: "bv-group-value" });
  private readonly cost = element("span", { className: "bv-kl" });

  constructor(
    private readonly view: Explorer,
    readonly group: GroupData,
  ) {
    this.slider = element("input", {
      type: "range",
      step: "any",
      min: String(-REACH),
      max: String(REACH),
      className: "bv-slider",
      "aria-label": `Group ${group.name}`,
      oninput: () => this.move(this.slider.valueAsNumber),
      onchange: () => this.view.commit(),
      ondblclick: () => this.view.reset(this.latents),
    });
    const what = element("span", { className: "bv-group-name" }, group.name);
    this.root = element(
      "div",
      { className: "bv-row bv-group", role: "group", "aria-label": `Group ${group.name}` },
      element("div", { className: "bv-what" }, what, this.cost),
      element("div", { className: "bv-track" }, this.slider),
      this.value,
    );
  }

  get latents(): number[] {
    return Object.keys(this.group.direction).map(Number);
  }

  /** Where the group stands, from where its latents start. */
  private get place(): number {
    return along(this.group.direction, this.view.z, this.view.data.start);
  }

  private move(to: number): void {
    const by = to - this.place;
    for (const [d, weight] of Object.entries(this.group.direction)) {
      const dimension = Number(d);
      if (!this.view.locked.has(dimension)) this.view.set(dimension, this.view.z[dimension] + by * weight);
    }
  }

  show(): void {
    const { place } = this;
    const shown = Math.max(-REACH, Math.min(REACH, place));
    // The one that is being dragged stands where the pointer is, though what is locked did not follow.
    if (document.activeElement !== this.slider || Math.abs(this.slider.valueAsNumber - shown) > 0.01)
      this.slider.value = String(shown);
    this.value.textContent = place.toFixed(2);
  }

  describe(): void {
    this.slider.disabled = this.latents.every((d) => this.view.locked.has(d));
    this.describeKl();
  }

  describeKl(): void {
    const costs = this.latents.map((d) => this.view.data.dims[d].kl);
    const latents = this.latents.map((d) => `z${d}`).join(", ");
    const known = costs.every((kl) => kl !== null);
    this.cost.textContent = known
      ? `${nats(costs.reduce((sum: number, kl) => sum + (kl ?? 0), 0))} · ${latents}`
      : latents;
  }
}

export class Groups {
  readonly root = element("div", { className: "bv-groups" });
  private readonly rows: GroupRow[];

  constructor(view: Explorer, groups: GroupData[]) {
    this.rows = groups.map((group) => new GroupRow(view, group));
    this.root.replaceChildren(...this.rows.map(({ root }) => root));
    this.root.hidden = groups.length === 0;
  }

  /** Put the sliders where their latents are: those with `dimension`, or all. */
  show(dimension?: number): void {
    for (const row of this.rows) {
      if (dimension === undefined || String(dimension) in row.group.direction) row.show();
    }
  }

  describe(): void {
    for (const row of this.rows) row.describe();
  }

  describeKl(): void {
    for (const row of this.rows) row.describeKl();
  }
}
