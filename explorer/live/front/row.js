// One latent dimension: its name, its slider, its number, and the strip of what it does.

import { Cells, element, iconButton, setIcon } from "./dom.js";

export const STRIP = 9; // pictures in a strip
const MAX_NAME = 40;

export class Row {
  /** `view` is the Explorer: it owns the latents, and is told of every touch. */
  constructor(view, dimension) {
    Object.assign(this, { view, dimension, visible: true, drawn: new Array(STRIP).fill(-1) });
    const tell = (name) => () => view[name](dimension);
    this.name = element("button", {
      type: "button", className: "bv-name", title: "Rename this dimension", onclick: () => this.rename(),
    });
    this.cost = element("span", { className: "bv-kl", id: `${view.id}-kl${dimension}` });
    this.slider = element("input", {
      type: "range", step: "any", className: "bv-slider", "data-dimension": dimension,
      "aria-describedby": this.cost.id,
      oninput: () => view.set(dimension, this.slider.valueAsNumber),
      onchange: () => view.commit(),
      ondblclick: () => view.reset([dimension]),
      onkeydown: (event) => this.key(event),
    });
    this.number = element("input", {
      type: "number", step: 0.1, min: -1000, max: 1000, className: "bv-number",
      onchange: () => this.typed(),
    });
    this.play = iconButton("play", "", tell("togglePlay"));
    this.lock = iconButton("unlock", "", tell("toggleLock"));
    this.back = iconButton("reset", "", () => view.reset([dimension]));
    this.up = iconButton("up", "", () => view.shift(dimension, -1));
    this.down = iconButton("down", "", () => view.shift(dimension, 1));
    this.strip = element("canvas", {
      className: "bv-strip", "aria-hidden": "true", onclick: (event) => this.clicked(event),
    });
    this.cells = new Cells(this.strip, view.shape, STRIP);
    const show = () => view.difference.of(dimension);
    this.root = element(
      "div",
      { className: "bv-row", role: "group", onpointerenter: show, onfocusin: show },
      element("div", { className: "bv-what" }, this.name, this.cost),
      element("div", { className: "bv-track" }, this.slider, this.strip),
      this.number,
      element("div", { className: "bv-tools" }, this.play, this.lock, this.back, this.up, this.down),
    );
  }

  /** What stands there beside the value: name, KL, range, lock. */
  describe() {
    const { view, dimension } = this;
    const { kl, active } = view.data.dims[dimension];
    const name = view.names[dimension];
    const known = kl === null ? "KL not known" : `${kl.toFixed(2)} nats`;
    const title = name ? `${name}, z${dimension}` : `z${dimension}`;
    this.name.replaceChildren(...(name ? [name, " ", element("small", {}, `z${dimension}`)] : [title]));
    this.name.setAttribute("aria-label", `Rename ${title}`);
    this.cost.replaceChildren(
      element("span", {}, active === null ? known : `${known} · ${active ? "active" : "inactive"}`),
    );
    if (kl !== null) {
      const bar = element("i");
      bar.style.width = `${Math.max(0, Math.min(100, (100 * kl) / view.mostKl))}%`;
      this.cost.append(bar);
    }
    this.root.setAttribute("aria-label", title);
    this.slider.setAttribute("aria-label", title);
    this.number.setAttribute("aria-label", `Value of ${title}`);
    const locked = view.locked.has(dimension);
    const playing = view.playing.has(dimension);
    setIcon(this.play, playing ? "stop" : "play", `${playing ? "Stop" : "Play"} ${title}`);
    setIcon(this.lock, locked ? "lock" : "unlock", `${locked ? "Unlock" : "Lock"} ${title}`);
    setIcon(this.back, "reset", `Reset ${title}`);
    setIcon(this.up, "up", `Move ${title} up`);
    setIcon(this.down, "down", `Move ${title} down`);
    this.lock.setAttribute("aria-pressed", locked);
    for (const part of [this.slider, this.number, this.back]) part.disabled = locked;
    this.play.disabled = locked || !view.local;
    this.strip.hidden = !view.local;
    this.root.classList.toggle("bv-locked", locked);
  }

  /** Put the slider and the number where the latent is. */
  show() {
    const value = this.view.z[this.dimension];
    const low = Math.min(this.view.data.low[this.dimension], value);
    const high = Math.max(this.view.data.high[this.dimension], value, low + 0.01);
    if (this.slider.min !== String(low)) this.slider.min = low;
    if (this.slider.max !== String(high)) this.slider.max = high;
    if (this.slider.valueAsNumber !== value) this.slider.value = value;
    if (document.activeElement !== this.number) this.number.value = value.toFixed(2);
    this.back.classList.toggle("bv-moved", this.view.isMoved(this.dimension));
  }

  /** The latent's value under the middle of a cell of the strip. */
  cellValue(cell) {
    const { low, high } = this.view.data;
    const part = (cell + 0.5) / STRIP;
    return low[this.dimension] + part * (high[this.dimension] - low[this.dimension]);
  }

  /** The cell that shows the oldest state of the other dimensions; −1 where all are as they are now. */
  staleCell() {
    const current = this.view.versionWithout(this.dimension);
    let oldest = -1;
    for (let cell = 0; cell < STRIP; cell += 1) {
      const age = this.drawn[cell];
      if (age !== current && (oldest < 0 || age < this.drawn[oldest])) oldest = cell;
    }
    return oldest;
  }

  clicked(event) {
    const cell = Math.floor((event.offsetX / this.strip.clientWidth) * STRIP);
    this.view.set(this.dimension, this.cellValue(Math.max(0, Math.min(STRIP - 1, cell))));
    this.view.commit();
  }

  typed() {
    const value = this.number.valueAsNumber;
    if (Number.isFinite(value)) this.view.set(this.dimension, Math.max(-1000, Math.min(1000, value)));
    this.number.value = this.view.z[this.dimension].toFixed(2);
    this.view.commit();
  }

  key(event) {
    const span = this.view.data.high[this.dimension] - this.view.data.low[this.dimension];
    const small = event.shiftKey ? span / 20 : span / 100;
    const steps = {
      ArrowRight: small, ArrowUp: small, ArrowLeft: -small, ArrowDown: -small,
      PageUp: span / 10, PageDown: -span / 10,
    };
    if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      this.view.shift(this.dimension, event.key === "ArrowUp" ? -1 : 1);
    } else if (event.key in steps && !event.altKey && !event.ctrlKey && !event.metaKey) {
      const value = this.view.z[this.dimension] + steps[event.key];
      this.view.set(this.dimension, Math.max(+this.slider.min, Math.min(+this.slider.max, value)));
      this.view.commitSoon();
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.view.reset([this.dimension]);
    } else {
      return; // Home and End are the slider's own
    }
    event.preventDefault();
  }

  rename() {
    const field = element("input", {
      type: "text", className: "bv-rename", maxLength: MAX_NAME, value: this.view.names[this.dimension] ?? "",
      placeholder: `z${this.dimension}`, "aria-label": `New name of z${this.dimension}`,
    });
    let done = false;
    const finish = (keep, refocus) => {
      if (done) return;
      done = true;
      field.replaceWith(this.name);
      if (keep) this.view.rename(this.dimension, field.value.trim());
      if (refocus) this.name.focus();
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "Escape") {
        event.preventDefault();
        finish(event.key === "Enter", true);
      }
    });
    field.addEventListener("blur", () => finish(true, false));
    this.name.replaceWith(field);
    field.select();
    field.focus();
  }
}
