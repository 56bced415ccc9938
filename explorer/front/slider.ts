// A slider with its number, its keys, and the buttons that play and reset it.

import { element, iconButton, setIcon } from "./dom";
import type { Latents } from "./latents";

const SAME = 1e-4; // what rounding may put beyond an end

/** Whether the key of this letter was pressed, by itself. */
export function isKey(event: KeyboardEvent, letter: string): boolean {
  return event.key.toLowerCase() === letter && !event.altKey && !event.ctrlKey && !event.metaKey;
}

/** Each row is one stop of the Tab key, the slider; from there keys reach the rest. */
export class Slider<V extends Latents> {
  readonly slider: HTMLInputElement;
  readonly number: HTMLInputElement;
  readonly play: HTMLButtonElement;
  readonly back: HTMLButtonElement;
  /** Says on which side the value is beyond the slider's ends, where it is. */
  readonly beyond = element("span", { className: "bv-beyond", hidden: true });

  /** `view` is a Latents: it owns the values, and is told of every touch. */
  constructor(
    readonly view: V,
    readonly dimension: number,
    describedBy: string,
  ) {
    this.slider = element("input", {
      type: "range",
      step: "any",
      className: "bv-slider",
      "data-dimension": dimension,
      "aria-describedby": describedBy,
      oninput: () => view.set(dimension, this.slider.valueAsNumber),
      onchange: () => view.commit(),
      ondblclick: () => view.reset([dimension]),
      "aria-keyshortcuts": "Enter P Delete",
      onkeydown: (event) => this.key(event),
    });
    this.number = element("input", {
      type: "number",
      step: "0.1",
      min: "-1000",
      max: "1000",
      className: "bv-number",
      tabIndex: -1,
      onchange: () => this.typed(),
      onkeydown: (event) => {
        if (event.key === "Escape" || event.key === "Enter") this.slider.focus();
      },
    });
    this.play = iconButton("play", "", () => view.togglePlay(dimension));
    this.back = iconButton("reset", "", () => view.reset([dimension]));
    this.play.tabIndex = this.back.tabIndex = -1; // by keyboard, from the slider: `key`
  }

  /** What the controls are called. */
  call(title: string): void {
    const { view, dimension } = this;
    const locked = view.locked.has(dimension);
    const playing = view.playing.has(dimension);
    this.slider.setAttribute("aria-label", title);
    this.number.setAttribute("aria-label", `Value of ${title}`);
    setIcon(this.play, playing ? "stop" : "play", `${playing ? "Stop" : "Play"} ${title}`);
    setIcon(this.back, "reset", `Reset ${title}`);
    for (const part of [this.slider, this.number, this.back]) part.disabled = locked;
    this.play.disabled = locked || !view.local;
  }

  /** Put the slider and the number where the value is; the slider to its end where the value lies beyond that. */
  show(): void {
    const value = this.view.z[this.dimension];
    const low = this.view.data.low[this.dimension];
    const high = Math.max(this.view.data.high[this.dimension], low + 0.01);
    if (this.slider.min !== String(low)) this.slider.min = String(low);
    if (this.slider.max !== String(high)) this.slider.max = String(high);
    const shown = Math.max(low, Math.min(high, value));
    if (this.slider.valueAsNumber !== shown) this.slider.value = String(shown);
    this.slider.dataset.value = String(value);
    if (document.activeElement !== this.number) this.number.value = value.toFixed(2);
    this.back.classList.toggle("bv-moved", this.view.isMoved(this.dimension));
    this.showBeyond(value - shown, value);
  }

  private showBeyond(by: number, value: number): void {
    const beyond = Math.abs(by) > SAME;
    if (!beyond && this.beyond.hidden) return;
    this.beyond.hidden = !beyond;
    this.number.classList.toggle("bv-outside", beyond);
    const words = by > 0 ? "beyond this end →" : "← beyond this end";
    if (this.beyond.textContent !== words) this.beyond.textContent = words;
    this.beyond.style.justifySelf = by > 0 ? "end" : "start";
    if (beyond)
      this.slider.setAttribute("aria-valuetext", `${value.toFixed(2)}, beyond the end of this slider`);
    else this.slider.removeAttribute("aria-valuetext");
  }

  typed(): void {
    const value = this.number.valueAsNumber;
    if (Number.isFinite(value)) this.view.set(this.dimension, Math.max(-1000, Math.min(1000, value)));
    this.number.value = this.view.z[this.dimension].toFixed(2);
    this.view.commit();
  }

  key(event: KeyboardEvent): void {
    const span = this.view.data.high[this.dimension] - this.view.data.low[this.dimension];
    const small = event.shiftKey ? span / 20 : span / 100;
    const steps: Record<string, number> = {
      ArrowRight: small,
      ArrowUp: small,
      ArrowLeft: -small,
      ArrowDown: -small,
      PageUp: span / 10,
      PageDown: -span / 10,
    };
    if (event.key in steps && !event.altKey && !event.ctrlKey && !event.metaKey) {
      const value = this.view.z[this.dimension] + steps[event.key];
      this.view.set(this.dimension, Math.max(+this.slider.min, Math.min(+this.slider.max, value)));
      this.view.commitSoon();
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.view.reset([this.dimension]);
    } else if (event.key === "Enter") {
      this.number.focus();
      this.number.select();
    } else if (isKey(event, "p") && !this.play.disabled) {
      this.view.togglePlay(this.dimension);
    } else {
      return; // Home and End are the slider's own
    }
    event.preventDefault();
  }
}
