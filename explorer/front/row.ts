// One latent dimension: its name, its slider, its number, and the strip of what it does.

import { Cells } from "./cells";
import { element, iconButton, setIcon } from "./dom";
import type { Explorer } from "./explorer";
import { isKey, Slider } from "./slider";
import type { ExplorerData } from "./wire";

export const STRIP = 9; // pictures in a strip
const MAX_NAME = 40;

/** A KL in words; a small one with a digit more, so that an active dimension is told from an inactive one. */
export const nats = (kl: number): string => `${kl.toFixed(kl < 0.095 ? 3 : 2)} nats`;

export class Row extends Slider<Explorer> {
  readonly root: HTMLElement;
  readonly strip: HTMLCanvasElement;
  readonly cells: Cells;
  // Whether it is on the screen.
  visible = true;
  // By cell of the strip, the version that it shows.
  readonly drawn: number[] = new Array(STRIP).fill(-1);
  private readonly name: HTMLButtonElement;
  private readonly words = element("span");
  private readonly bar = element("i");
  private readonly lock: HTMLButtonElement;
  private readonly up: HTMLButtonElement;
  private readonly down: HTMLButtonElement;

  constructor(view: Explorer, dimension: number) {
    super(view, dimension, `${view.id}-kl${dimension}`);
    this.name = element("button", {
      type: "button",
      className: "bv-name",
      title: "Rename this dimension",
      tabIndex: -1,
      onclick: () => this.rename(),
    });
    const cost = element(
      "span",
      { className: "bv-kl", id: `${view.id}-kl${dimension}` },
      this.words,
      this.bar,
    );
    this.lock = iconButton("unlock", "", () => view.toggleLock(dimension));
    this.up = iconButton("up", "", () => view.shift(dimension, -1));
    this.down = iconButton("down", "", () => view.shift(dimension, 1));
    this.up.tabIndex = this.down.tabIndex = -1;
    this.slider.setAttribute("aria-keyshortcuts", "Enter P L F2 Delete Alt+ArrowUp Alt+ArrowDown");
    this.strip = element("canvas", {
      className: "bv-strip",
      "aria-hidden": "true",
      onclick: (event) => this.clicked(event),
    });
    this.cells = Cells.of(this.strip, view.data, STRIP);
    const show = () => view.stage.difference.of(dimension);
    this.root = element(
      "div",
      { className: "bv-row", role: "group", onpointerenter: show, onfocusin: show },
      element("div", { className: "bv-what" }, this.name, cost),
      element("div", { className: "bv-track" }, this.slider, this.beyond, this.strip),
      this.number,
      element("div", { className: "bv-tools" }, this.play, this.lock, this.back, this.up, this.down),
    );
  }

  /** What stands there beside the value: name, KL, range, lock. */
  describe(): void {
    const { view, dimension } = this;
    const name = view.names[dimension];
    const title = name ? `${name}, z${dimension}` : `z${dimension}`;
    this.name.replaceChildren(...(name ? [name, " ", element("small", {}, `z${dimension}`)] : [title]));
    this.name.setAttribute("aria-label", `Rename ${title}`);
    this.describeKl();
    this.root.setAttribute("aria-label", title);
    this.call(title);
    const locked = view.locked.has(dimension);
    setIcon(this.lock, locked ? "lock" : "unlock", `${locked ? "Unlock" : "Lock"} ${title}`);
    setIcon(this.up, "up", `Move ${title} up`);
    setIcon(this.down, "down", `Move ${title} down`);
    this.lock.setAttribute("aria-pressed", String(locked));
    this.lock.tabIndex = locked ? 0 : -1; // the slider of a locked row can't have the focus
    this.strip.hidden = !view.local;
    this.root.classList.toggle("bv-locked", locked);
  }

  /** Its KL, and whether it is active. */
  describeKl(): void {
    const { kl, active } = this.view.data.dims[this.dimension];
    const known = kl === null ? "KL not known" : nats(kl);
    this.words.textContent = active === null ? known : `${known} · ${active ? "active" : "inactive"}`;
    this.bar.hidden = kl === null;
    this.bar.style.scale = `${Math.max(0, Math.min(1, (kl ?? 0) / this.view.mostKl))} 1`;
    this.root.classList.toggle("bv-asleep", active === false);
  }

  /** The latent's value under the middle of a cell of the strip. */
  cellValue(cell: number): number {
    const { low, high } = this.view.data;
    const part = (cell + 0.5) / STRIP;
    return low[this.dimension] + part * (high[this.dimension] - low[this.dimension]);
  }

  /** The cell that shows the oldest state of the other dimensions; −1 where all are as they are now. */
  staleCell(): number {
    const current = this.view.versionWithout(this.dimension);
    let oldest = -1;
    for (let cell = 0; cell < STRIP; cell += 1) {
      const age = this.drawn[cell];
      if (age !== current && (oldest < 0 || age < this.drawn[oldest])) oldest = cell;
    }
    return oldest;
  }

  private clicked(event: MouseEvent): void {
    const cell = Math.floor((event.offsetX / this.strip.clientWidth) * STRIP);
    this.view.set(this.dimension, this.cellValue(Math.max(0, Math.min(STRIP - 1, cell))));
    this.view.commit();
  }

  override key(event: KeyboardEvent): void {
    if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      this.view.shift(this.dimension, event.key === "ArrowUp" ? -1 : 1);
      event.preventDefault();
    } else if (isKey(event, "l")) {
      this.view.toggleLock(this.dimension);
      this.lock.focus();
    } else if (event.key === "F2") {
      this.rename();
      event.preventDefault();
    } else {
      super.key(event);
    }
  }

  private rename(): void {
    const field = element("input", {
      type: "text",
      className: "bv-rename",
      maxLength: MAX_NAME,
      value: this.view.names[this.dimension] ?? "",
      placeholder: `z${this.dimension}`,
      "aria-label": `New name of z${this.dimension}`,
    });
    const from = document.activeElement === this.slider ? this.slider : this.name;
    let done = false;
    const finish = (keep: boolean, refocus: boolean) => {
      if (done) return;
      done = true;
      field.replaceWith(this.name);
      if (keep) this.view.rename(this.dimension, field.value.trim());
      if (refocus) from.focus();
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

/** KL of the dimension with the most. */
export function most({ dims }: ExplorerData): number {
  return Math.max(...dims.map(({ kl }) => kl ?? 0), 1e-9);
}

/** Tell each row whether it is on the screen, and `then` whenever that changed for some. */
export function watched(rows: Row[], then: () => void): IntersectionObserver {
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const row = rows.find(({ root }) => root === target);
      if (row) row.visible = isIntersecting;
    }
    then();
  });
  for (const row of rows) observer.observe(row.root);
  return observer;
}
