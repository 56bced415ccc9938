// The buttons under the picture.

import { element } from "./dom";
import type { Explorer } from "./explorer";
import { saveGrid, savePicture } from "./save";

export class Tools {
  readonly root: HTMLElement;
  private readonly walk: HTMLButtonElement;
  private readonly grid: HTMLButtonElement;

  /** `more` stands with the others. */
  constructor(
    private readonly view: Explorer,
    more: HTMLElement,
  ) {
    const button = (text: string, title: string, onclick: () => void) =>
      element("button", { type: "button", title, onclick }, text);
    const smooth = element("input", {
      type: "checkbox",
      onchange: () => view.stage.canvas.classList.toggle("bv-smooth", smooth.checked),
    });
    this.walk = button("Random walk", "Drift through the prior N(0, I)", () => view.toggleWalk());
    this.grid = button("Save grid", "The traversal of every dimension as a PNG file", () => this.keepGrid());
    const blocks = element("label", { className: "bv-switch" }, smooth, "Smooth pixels");
    this.root = element(
      "div",
      { className: "bv-buttons" },
      button("Reset all", "Every dimension back to its start", () => view.reset(view.order)),
      button("Draw from the prior", "Latents from N(0, I)", () => view.draw()),
      this.walk,
      button("Save picture", "The picture as a PNG file", () => savePicture(view, smooth.checked)),
      this.grid,
      more,
      ...(view.data.kind ? [] : [blocks]),
    );
  }

  describe(): void {
    this.walk.textContent = this.view.walking ? "Stop" : "Random walk";
    for (const part of [this.walk, this.grid]) part.disabled = !this.view.local;
  }

  private async keepGrid(): Promise<void> {
    this.grid.disabled = true;
    await saveGrid(this.view);
    this.grid.disabled = false;
  }
}
