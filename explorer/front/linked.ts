// One linked slider: its value, and which dimension of each model it moves.

import type { Column } from "./column";
import type { Comparison } from "./comparison";
import { element } from "./dom";
import { nats } from "./row";
import { Slider } from "./slider";
import { read, written } from "./slots";

interface Chooser {
  root: HTMLElement;
  select: HTMLSelectElement;
  about: HTMLElement;
  column: Column;
}

export class LinkedRow extends Slider<Comparison> {
  readonly root: HTMLElement;
  readonly choosers: Chooser[];
  private readonly name: HTMLElement;

  /** `slider` counts from 0. */
  constructor(view: Comparison, slider: number) {
    super(view, slider, `${view.id}-links${slider}`);
    this.name = element("span", { className: "bv-name" });
    const links = element("div", { className: "bv-links", id: `${view.id}-links${slider}` });
    this.choosers = view.columns.map((column) => this.chooser(column));
    const look = () => view.look(slider);
    this.root = element(
      "div",
      { className: "bv-row", role: "group", onpointerenter: look, onfocusin: look },
      this.name,
      element("div", { className: "bv-track" }, this.slider, this.beyond),
      this.number,
      element("div", { className: "bv-tools" }, this.play, this.back),
      links,
    );
    links.append(...this.choosers.map(({ root }) => root));
  }

  /** What it is called: by the first model that it moves something of. */
  get title(): string {
    const of = this.view.columns.find((column) => column.link(this.dimension));
    const link = of?.link(this.dimension);
    if (!of || !link) return `Slider ${this.dimension + 1}, not linked`;
    if (this.view.way === "matched") return of.label(link[0]);
    return this.view.way === "kl" ? `KL rank ${this.dimension + 1}` : `Slider ${this.dimension + 1}`;
  }

  private chooser(column: Column): Chooser {
    const select: HTMLSelectElement = element("select", {
      // Long lists are written when somebody asks for them.
      onfocus: () => this.fill(column, select),
      onpointerdown: () => this.fill(column, select),
      onchange: () => this.view.choose(this.dimension, column.at, read(select.value)),
    });
    const about = element("small");
    const root = element("label", { className: "bv-link" }, element("b", {}, column.letter), select, about);
    return { root, select, about, column };
  }

  private fill(column: Column, select: HTMLSelectElement): void {
    if (select.options.length > 1) return;
    const now = select.value;
    const options = [element("option", { value: "" }, "none")];
    for (let d = 0; d < column.model.latents; d += 1) {
      options.push(element("option", { value: `${d}` }, column.label(d)));
      options.push(element("option", { value: `-${d}` }, `−${column.label(d)}`));
    }
    select.replaceChildren(...options);
    select.value = now;
  }

  describe(): void {
    const { view, dimension } = this;
    this.name.textContent = this.title;
    this.root.setAttribute("aria-label", this.title);
    this.call(this.title);
    for (const { root, select, about, column } of this.choosers) {
      const link = column.link(dimension);
      select.replaceChildren(element("option", { value: written(link) }, column.linked(dimension) || "none"));
      select.disabled = !column.model.shape;
      select.setAttribute("aria-label", `What ${this.title} moves in ${column.model.name}`);
      const kl = link && column.model.dims[link[0]].kl;
      const said: string[] = [];
      if (kl !== null) said.push(nats(kl));
      if (link && link[2] !== null) said.push(`|ρ| ${Math.abs(link[2]).toFixed(2)}`);
      const alone = !link && view.way !== "hand";
      if (alone) said.push("no partner");
      select.hidden = alone;
      about.textContent = said.join(" · ");
      root.title = `${column.model.name}: ${column.linked(dimension) || "nothing"}${said.length ? `, ${said.join(", ")}` : ""}`;
      root.classList.toggle("bv-none", !link);
    }
  }
}
