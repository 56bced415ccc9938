// What the moving pictures of the page Theory share: text, and values that a pointer or a key moves.

import { said } from "./axes";

/** What follows a pointer that was put down. */
export type Grab = (x: number, y: number) => void;
type Send = (value: Record<string, number>) => void;

/** A picture with sliders. */
export abstract class Moving<Data extends { seq: number }> {
  protected data!: Data;
  protected readonly svg: SVGElement;
  protected readonly readout: HTMLElement;
  protected readonly controls: HTMLElement;
  private readonly root: HTMLElement;
  private readonly observer: ResizeObserver;
  private seq = 0;
  private pending = 0;
  private move: Grab | null = null;
  private send: Send = () => {};

  constructor(parent: HTMLElement, label: string) {
    this.root = document.createElement("div");
    this.root.className = "theory";
    this.root.innerHTML = `<div class="readout" aria-live="off"></div><svg role="img"></svg><div class="controls"></div>`;
    parent.append(this.root);
    const [readout, svg, controls] = this.root.children;
    this.readout = readout as HTMLElement;
    this.svg = svg as SVGElement;
    this.controls = controls as HTMLElement;
    this.svg.setAttribute("aria-label", label);
    this.observer = new ResizeObserver(() => this.schedule());
    this.observer.observe(this.root);
    this.svg.addEventListener("pointerdown", (event) => {
      const move = this.grab(...this.place(event));
      if (!move || event.button > 0) return;
      event.preventDefault();
      this.svg.setPointerCapture(event.pointerId);
      this.move = move;
      move(...this.place(event));
      this.schedule();
    });
    this.svg.addEventListener("pointermove", (event) => {
      if (!this.move) return;
      this.move(...this.place(event));
      this.schedule();
    });
    const drop = () => {
      if (this.move) {
        this.move = null;
        this.commit();
      }
    };
    this.svg.addEventListener("pointerup", drop);
    this.svg.addEventListener("pointercancel", drop);
  }

  /** Draw at this width in pixels. */
  protected abstract show(width: number): void;
  /** What Python is told. */
  protected abstract values(): Record<string, number>;
  /** What a pointer moves that is put down here; null: nothing. */
  protected abstract grab(x: number, y: number): Grab | null;
  /** Take what Python says. */
  abstract receive(data: Data, send: Send): void;

  private place(event: PointerEvent): [x: number, y: number] {
    const box = this.svg.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** A labelled slider of a value; `log` for one that is moved by factors. Gives what puts it where the value is. */
  protected slider(
    name: string,
    label: string,
    low: number,
    high: number,
    get: () => number,
    set: (value: number) => void,
    log = false,
  ): () => void {
    const same = (v: number) => v;
    const to = log ? Math.log : same;
    const from = log ? Math.exp : same;
    const holder = document.createElement("label");
    const input = document.createElement("input");
    input.type = "range";
    input.min = String(to(low));
    input.max = String(to(high));
    input.step = String((to(high) - to(low)) / 1000);
    input.setAttribute("aria-label", label);
    input.dataset.name = name;
    const word = document.createElement("span");
    holder.append(word, input);
    this.controls.append(holder);
    input.addEventListener("input", () => {
      set(from(input.valueAsNumber));
      this.schedule();
    });
    input.addEventListener("change", () => this.commit());
    return () => {
      word.textContent = `${label} = ${said(get(), 4)}`;
      input.setAttribute("aria-valuetext", said(get(), 4));
      if (Math.abs(input.valueAsNumber - to(get())) > 1e-9) input.value = String(to(get()));
    };
  }

  private schedule(): void {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      const width = this.root.clientWidth;
      if (width) this.show(width);
    });
  }

  /** What the person did goes to Python, numbered: an answer to an older number moves nothing. */
  protected commit(): void {
    this.seq += 1;
    this.send({ seq: this.seq, ...this.values() });
    this.schedule();
  }

  /** Values from Python, unless the person has moved on since; whether they were taken. */
  protected take(data: Data, send: Send): boolean {
    this.send = send;
    const fresh = data.seq >= this.seq && !this.move;
    if (fresh) this.seq = data.seq;
    this.data = data;
    this.schedule();
    return fresh;
  }

  leave(): void {
    this.observer.disconnect();
    cancelAnimationFrame(this.pending);
    this.root.remove();
  }
}

interface Component<Data> {
  data: Data;
  parentElement: HTMLElement;
  setStateValue(name: string, value: unknown): void;
}

/** The component's entry: one picture for each place on the page. */
export function mount<Data extends { seq: number }>(
  Picture: new (parent: HTMLElement, data: Data) => Moving<Data>,
): (component: Component<Data>) => () => void {
  const shown = new WeakMap<HTMLElement, Moving<Data>>();
  return ({ data, parentElement, setStateValue }) => {
    const picture = shown.get(parentElement) ?? new Picture(parentElement, data);
    shown.set(parentElement, picture);
    picture.receive(data, (value) => setStateValue("moved", value));
    return () => {
      picture.leave();
      shown.delete(parentElement);
    };
  };
}
