// Axes of a picture in SVG: values to pixels and back, ticks, and numbers as a person writes them. Pure.

export const clamp = (v: number, low: number, high: number): number => Math.min(high, Math.max(low, v));
export const escaped = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
export const minus = (text: string): string => text.replace("-", "−");
/** A number with so many significant digits, as a person writes it. */
export const said = (v: number, digits = 3): string =>
  minus(Math.abs(v) >= 1000 ? v.toFixed(0) : String(+v.toPrecision(digits)));

export type Range = [from: number, to: number];
export type Point = [x: number, y: number];

export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** A rectangle of the picture with its values: pixels from and to, values from and to, log or not. */
export class Axes {
  constructor(
    readonly box: Box,
    readonly x: Range,
    readonly y: Range,
    private readonly log = false,
  ) {}

  sx(v: number): number {
    return this.box.left + ((v - this.x[0]) / (this.x[1] - this.x[0])) * (this.box.right - this.box.left);
  }

  sy(v: number): number {
    const f = this.log ? Math.log : (w: number) => w;
    const part = (f(v) - f(this.y[0])) / (f(this.y[1]) - f(this.y[0]));
    return this.box.bottom - part * (this.box.bottom - this.box.top);
  }

  xAt(pixel: number): number {
    return this.x[0] + ((pixel - this.box.left) / (this.box.right - this.box.left)) * (this.x[1] - this.x[0]);
  }

  yAt(pixel: number): number {
    const part = (this.box.bottom - pixel) / (this.box.bottom - this.box.top);
    return this.log
      ? this.y[0] * (this.y[1] / this.y[0]) ** part
      : this.y[0] + part * (this.y[1] - this.y[0]);
  }

  /** A path through points. */
  line(points: Point[]): string {
    return points
      .map(([x, y], i) => `${i ? "L" : "M"}${this.sx(x).toFixed(1)} ${this.sy(y).toFixed(1)}`)
      .join("");
  }

  /** Ticks with their numbers, and the titles. */
  frame(xTitle: string, yTitle: string): string {
    const { left, right, top, bottom } = this.box;
    let out = `<path class="axis" d="M${left} ${top}V${bottom}H${right}"/>`;
    for (const v of ticks(...this.x, (right - left) / 70))
      out += `<path class="tick" d="M${this.sx(v)} ${bottom}v4"/><text class="number" x="${this.sx(v)}" y="${bottom + 16}" text-anchor="middle">${said(v, 6)}</text>`;
    const rows = this.log ? powers(...this.y) : ticks(...this.y, (bottom - top) / 40);
    for (const v of rows)
      out += `<path class="grid" d="M${left} ${this.sy(v)}H${right}"/><text class="number" x="${left - 6}" y="${this.sy(v) + 4}" text-anchor="end">${said(v, 6)}</text>`;
    if (xTitle)
      out += `<text class="title" x="${right}" y="${bottom + 32}" text-anchor="end">${xTitle}</text>`;
    return `${out}<text class="title" x="${left}" y="${top - 8}">${yTitle}</text>`;
  }
}

export function ticks(low: number, high: number, wanted: number): number[] {
  const rough = (high - low) / Math.max(2, wanted);
  const base = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * base).find((s) => s >= rough * 0.999) ?? 10 * base;
  const found: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-9); i++) found.push(i * step);
  return found;
}

export function powers(low: number, high: number): number[] {
  const found: number[] = [];
  for (let v = 2 ** Math.ceil(Math.log2(low)); v <= high * 1.0001; v *= 2) found.push(v);
  const every = Math.ceil(found.length / 6);
  return found.filter((_, i) => i % every === 0);
}
