// Values that sliders move: set, reset, played, walked, and which of them changed when.
//
// A view extends this.

import { ask } from "./frames";

const PERIOD = 4; // seconds of a sweep to one end and back
const SOON = 250; // milliseconds without a key, after which a value counts as released

/** Ends of every value, and where it returns to. */
export interface Limits {
  low: number[];
  high: number[];
  start: number[];
}

export abstract class Latents {
  abstract data: Limits;
  /** Whether pictures are decoded here. */
  abstract readonly local: boolean;
  z!: Float64Array;
  // Counts all changes.
  version = 0;
  // By value, the version in which it changed last.
  changed: number[] = [];
  // By value that plays, which part of its period is over.
  playing = new Map<number, number>();
  locked = new Set<number>();
  seq = 0;
  timer: ReturnType<typeof setTimeout> | 0 = 0;

  /** A value was set. */
  abstract moved(dimension: number): void;
  /** Show everything but the values. */
  abstract describe(): void;
  /** Tell the host what to keep. */
  abstract commit(): void;

  /** Begin anew with these values. */
  place(values: ArrayLike<number>): void {
    this.z = Float64Array.from(values);
    this.version = 0;
    this.changed = new Array(this.z.length).fill(0);
    this.playing = new Map();
    this.locked = new Set();
  }

  set(dimension: number, value: number): void {
    if (this.locked.has(dimension) || !Number.isFinite(value)) return;
    this.z[dimension] = Math.round(value * 1e4) / 1e4;
    this.version += 1;
    this.changed[dimension] = this.version;
    this.moved(dimension);
    ask();
  }

  /** All values at once, but for the locked ones. */
  setAll(value: (dimension: number) => number): void {
    for (let d = 0; d < this.z.length; d += 1) this.set(d, value(d));
  }

  isMoved(dimension: number): boolean {
    return Math.abs(this.z[dimension] - this.data.start[dimension]) > 5e-5;
  }

  /** The newest version in which a dimension other than these changed. */
  versionWithout(...dimensions: number[]): number {
    let newest = 0;
    this.changed.forEach((version, d) => {
      if (version > newest && !dimensions.includes(d)) newest = version;
    });
    return newest;
  }

  reset(dimensions: number[]): void {
    for (const d of dimensions) this.set(d, this.data.start[d]);
    this.commit();
  }

  togglePlay(dimension: number): void {
    if (this.playing.delete(dimension)) {
      this.commit();
    } else {
      const { low, high } = this.data;
      const part = (this.z[dimension] - low[dimension]) / (high[dimension] - low[dimension]);
      const phase = Math.acos(1 - 2 * Math.max(0, Math.min(1, part))) / (2 * Math.PI);
      this.playing.set(dimension, phase);
    }
    this.describe();
    ask();
  }

  /** Move what plays; whether anything does. */
  animate(seconds: number): boolean {
    for (const [dimension, phase] of this.playing) {
      const next = (phase + seconds / PERIOD) % 1;
      this.playing.set(dimension, next);
      const { low, high } = this.data;
      const part = (1 - Math.cos(2 * Math.PI * next)) / 2;
      this.set(dimension, low[dimension] + part * (high[dimension] - low[dimension]));
    }
    return this.playing.size > 0;
  }

  /** Tell the host, once keys have rested. */
  commitSoon(): void {
    this.rest();
    this.timer = setTimeout(() => this.commit(), SOON);
  }

  /** Nothing is to be told soon any more. */
  rest(): void {
    clearTimeout(this.timer);
    this.timer = 0;
  }

  /** Whether the host said `data` knowing all that was touched here: what is yet to be told is newer. */
  isKnownTo(data: { seq: number }): boolean {
    return data.seq >= this.seq && !this.timer;
  }

  /** Ask for a turn, for what is not as it should be. */
  wake(): void {
    ask();
  }
}
