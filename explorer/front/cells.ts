// Samples on a canvas: images as pixels, signals as curves, vectors as bars. explorer/figures/renderings.py draws
// the same for files.

import { Axes, said, ticks } from "./axes";
import { type Colour, context2d, type Shape } from "./dom";
import type { ChannelData, KindData } from "./wire";

/** What is to be drawn: the shape of a sample, and what it is where it is no image. */
export interface Look {
  shape: Shape | null;
  kind: KindData | null;
}

type Size = [width: number, height: number];

const GAP = 2; // pixels between cells
const PAPER = "#fff";
const INKS = ["#1f63b4", "#c85200", "#177f4b", "#963282", "#6e5a14", "#007d8c", "#b4283c", "#5a5a5a"];
const PALE = "#e3e6ea";
const TEXT = "#31333f";
const SMALL: Size = [96, 64]; // of a drawn sample in a strip
const LARGE: Size = [720, 480]; // and of the one that stands alone, with axes
const LINE = 26; // pixels high, a column of a large vector
const MOST_LINES = 40; // columns that are written with names and values
const MARGIN = 0.06; // of the height, above 1 and below 0
export const NAMES = 0.36; // of the width of a large vector, for names and values

/** Canvas pixels of one sample. */
export function cellSize({ shape, kind }: Look, large = false): Size {
  const [, height, width] = shape as Shape;
  if (!kind) return [width, height];
  if (!large)
    return kind.kind === "signal" ? SMALL : [Math.min(Math.max(SMALL[0], 3 * width), 384), SMALL[1]];
  if (kind.kind === "vector" && width <= MOST_LINES) return [LARGE[0], Math.max(width * LINE + 10, 200)];
  return LARGE;
}

/** The value of a channel in its unit. */
export const inUnits = ({ offset, gain }: ChannelData, value: number): number => offset + gain * value;

const titled = (name: string, unit: string): string => (unit ? `${name} (${unit})` : name);

/** A canvas of `columns` by `rows` cells, each a sample of the model; paints values in [0, 1]. */
export abstract class Cells {
  readonly context: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;

  constructor(
    canvas: HTMLCanvasElement,
    protected readonly shape: Shape,
    [width, height]: Size,
    private readonly columns: number,
    rows: number,
  ) {
    this.width = width;
    this.height = height;
    canvas.width = columns * (width + GAP) - GAP;
    canvas.height = rows * (height + GAP) - GAP;
    this.context = context2d(canvas);
  }

  /** Cells for such samples; `large` is the one that stands alone. */
  static of(canvas: HTMLCanvasElement, look: Look, columns = 1, rows = 1, large = false): Cells {
    const size = cellSize(look, large);
    const { kind } = look;
    const shape = look.shape as Shape;
    canvas.classList.toggle("bv-drawn", kind !== null);
    if (!kind) return new PixelCells(canvas, shape, size, columns, rows);
    const Kind = kind.kind === "signal" ? CurveCells : BarCells;
    return new Kind(canvas, shape, size, columns, rows, kind, large);
  }

  /** Paint sample number `from` of a batch `(n, C, H, W)` into a cell. */
  abstract paint(values: Float32Array, from?: number, cell?: number): void;

  /** Paint by how much the values of a sample `(C, H, W)` change; gives the largest change that is shown. */
  abstract paintChange(change: Float32Array): number;

  /** Left and upper edge of a cell. */
  protected corner(cell: number): [x: number, y: number] {
    const x = (cell % this.columns) * (this.width + GAP);
    return [x, Math.floor(cell / this.columns) * (this.height + GAP)];
  }
}

/** A colour between grey and orange (more) or blue (less), for a part of the most in [−1, 1]. */
const changed = (part: number): Colour =>
  part > 0
    ? [128 + 104 * part, 128 - 8 * part, 128 - 92 * part]
    : [128 + 98 * part, 128 + 20 * part, 128 - 112 * part];

const largest = (change: Float32Array): number =>
  change.reduce((found, value) => Math.max(found, Math.abs(value)), 0);

class PixelCells extends Cells {
  private readonly image: ImageData;

  constructor(canvas: HTMLCanvasElement, shape: Shape, size: Size, columns: number, rows: number) {
    super(canvas, shape, size, columns, rows);
    this.image = this.context.createImageData(this.width, this.height);
    this.image.data.fill(255);
  }

  paint(values: Float32Array, from = 0, cell = 0): void {
    const area = this.height * this.width;
    const data = this.image.data; // clamped and rounded by its type
    const first = from * this.shape[0] * area;
    const [green, blue] = this.shape[0] === 3 ? [area, 2 * area] : [0, 0];
    for (let pixel = 0, at = first; pixel < area; pixel += 1, at += 1) {
      data[4 * pixel] = values[at] * 255;
      data[4 * pixel + 1] = values[at + green] * 255;
      data[4 * pixel + 2] = values[at + blue] * 255;
    }
    this.put(cell);
  }

  paintChange(change: Float32Array): number {
    const [channels, area] = [this.shape[0], this.height * this.width];
    const mean = new Float32Array(area);
    for (let at = 0; at < channels * area; at += 1) mean[at % area] += change[at] / channels;
    const most = largest(mean);
    const data = this.image.data;
    for (let pixel = 0; pixel < area; pixel += 1) {
      [data[4 * pixel], data[4 * pixel + 1], data[4 * pixel + 2]] = changed(mean[pixel] / (most || 1));
    }
    this.put(0);
    return most;
  }

  private put(cell: number): void {
    this.context.putImageData(this.image, ...this.corner(cell));
  }
}

/** What is drawn with strokes; a large one with axes or names. */
abstract class DrawnCells extends Cells {
  protected readonly kind: KindData;
  protected readonly large: boolean;

  constructor(
    canvas: HTMLCanvasElement,
    shape: Shape,
    size: Size,
    columns: number,
    rows: number,
    kind: KindData,
    large: boolean,
  ) {
    super(canvas, shape, size, columns, rows);
    this.kind = kind;
    this.large = large;
  }

  /** A blank cell; gives its corner. */
  protected blank(cell: number): [x: number, y: number] {
    const [x, y] = this.corner(cell);
    this.context.fillStyle = PAPER;
    this.context.fillRect(x, y, this.width, this.height);
    return [x, y];
  }

  protected letters(size: number): void {
    Object.assign(this.context, { font: `${size}px system-ui, sans-serif`, fillStyle: TEXT, lineWidth: 1 });
  }
}

class CurveCells extends DrawnCells {
  paint(values: Float32Array, from = 0, cell = 0): void {
    const [leads, , length] = this.shape;
    const axes = this.axes(cell, -MARGIN, 1 + MARGIN);
    if (this.large) this.frame(axes);
    for (let lead = 0; lead < leads; lead += 1) {
      const first = (from * leads + lead) * length;
      this.curve(axes, (at) => values[first + at], INKS[lead % INKS.length]);
    }
  }

  paintChange(change: Float32Array): number {
    const most = largest(change);
    const [leads, , length] = this.shape;
    const axes = this.axes(0, -1.1, 1.1);
    this.curve(axes, () => 0, "#b0b4ba");
    for (let lead = 0; lead < leads; lead += 1)
      this.curve(axes, (at) => change[lead * length + at] / (most || 1), INKS[lead % INKS.length]);
    return most;
  }

  private axes(cell: number, low: number, high: number): Axes {
    const [x, y] = this.blank(cell);
    const [left, top, right, bottom] = this.large ? [78, 30, 14, 50] : [0, 0, 0, 0];
    const box = {
      left: x + left,
      right: x + this.width - right,
      top: y + top,
      bottom: y + this.height - bottom,
    };
    return new Axes(box, [0, Math.max(this.shape[2] - 1, 1)], [low, high]);
  }

  private curve(axes: Axes, value: (at: number) => number, colour: string): void {
    const { context } = this;
    const [low, high] = axes.y;
    Object.assign(context, { strokeStyle: colour, lineWidth: this.large ? 3 : 2.4, lineJoin: "round" });
    context.beginPath();
    for (let at = 0; at < this.shape[2]; at += 1)
      context.lineTo(axes.sx(at), axes.sy(Math.min(high, Math.max(low, value(at)))));
    context.stroke();
  }

  /** Lines at round values of the axis and of the first lead's unit, which all leads share in what is drawn here. */
  private frame(axes: Axes): void {
    const { context } = this;
    const axis = this.kind.axis as NonNullable<KindData["axis"]>;
    const [channel, ...others] = this.kind.channels;
    const { left, right, top, bottom } = axes.box;
    this.letters(20);
    context.strokeStyle = PALE;
    context.beginPath();
    Object.assign(context, { textAlign: "right", textBaseline: "middle" });
    const [low, high] = axes.y.map((value) => inUnits(channel, value));
    for (const value of ticks(low, high, 5)) {
      const y = axes.sy((value - channel.offset) / channel.gain);
      context.moveTo(left, y);
      context.lineTo(right, y);
      context.fillText(said(value, 4), left - 8, y);
    }
    Object.assign(context, { textAlign: "center", textBaseline: "top" });
    const span = axis.last - axis.first;
    for (const value of ticks(axis.first, axis.last, 6)) {
      const x = axes.sx(((value - axis.first) / (span || 1)) * axes.x[1]);
      context.moveTo(x, top);
      context.lineTo(x, bottom);
      context.fillText(said(value, 6), x, bottom + 6);
    }
    context.stroke();
    Object.assign(context, { textAlign: "right", textBaseline: "bottom" });
    context.fillText(titled(axis.name, axis.unit), right, this.height - 1);
    Object.assign(context, { textAlign: "left", textBaseline: "top" });
    const names = others.length ? this.kind.channels.map(({ name }) => name).join(", ") : channel.name;
    context.fillText(titled(names, channel.unit), left, 4, right - left);
  }
}

class BarCells extends DrawnCells {
  paint(values: Float32Array, from = 0, cell = 0): void {
    const columns = this.shape[2];
    const [x, y] = this.blank(cell);
    const first = from * columns;
    if (this.large && columns <= MOST_LINES) {
      this.lines((at) => values[first + at]);
      return;
    }
    const { context } = this;
    const wide = this.width / columns;
    const place = (value: number) =>
      y + (1 - MARGIN - Math.min(1 + MARGIN / 2, Math.max(0, value)) * (1 - 2 * MARGIN)) * this.height;
    context.fillStyle = INKS[0];
    for (let at = 0; at < columns; at += 1) {
      const top = place(values[first + at]);
      context.fillRect(x + at * wide, top, Math.max(wide - (wide > 2 ? 1 : 0), 0.5), place(0) - top);
    }
    context.fillStyle = "#969696";
    context.fillRect(x, place(0), this.width, 1);
  }

  paintChange(change: Float32Array): number {
    const most = largest(change);
    const { context, height } = this;
    const columns = this.shape[2];
    const wide = this.width / columns;
    this.blank(0);
    for (let at = 0; at < columns; at += 1) {
      const part = change[at] / (most || 1);
      context.fillStyle = `rgb(${changed(part).join(" ")})`;
      const size = 0.48 * height * Math.abs(part);
      context.fillRect(at * wide, part > 0 ? height / 2 - size : height / 2, Math.max(wide - 1, 0.5), size);
    }
    return most;
  }

  /** A text with as many letters as there is room for. */
  private cut(text: string, room: number): string {
    const { context } = this;
    if (context.measureText(text).width <= room) return text;
    let kept = text.length - 1;
    while (kept > 1 && context.measureText(`${text.slice(0, kept)}…`).width > room) kept -= 1;
    return `${text.slice(0, kept)}…`;
  }

  /** A line for each column: its name, a bar, and its value in its unit. */
  private lines(value: (at: number) => number): void {
    const { context, width } = this;
    const [left, right] = [width * NAMES * 0.6, width * (1 - NAMES * 0.4)];
    this.letters(17);
    context.textBaseline = "middle";
    for (const [at, channel] of this.kind.channels.entries()) {
      const [top, part] = [5 + at * LINE, Math.min(1, Math.max(0, value(at)))];
      context.fillStyle = PALE;
      context.fillRect(left, top + 3, right - left, LINE - 6);
      context.fillStyle = INKS[0];
      context.fillRect(left, top + 3, part * (right - left), LINE - 6);
      context.fillStyle = TEXT;
      context.textAlign = "right";
      context.fillText(this.cut(channel.name, left - 12), left - 8, top + LINE / 2);
      context.textAlign = "left";
      const text = `${said(inUnits(channel, value(at)), 4)} ${channel.unit}`;
      context.fillText(this.cut(text, width - right - 10), right + 8, top + LINE / 2);
    }
  }
}
