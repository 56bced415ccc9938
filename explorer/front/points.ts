// The scatter's points as they come from Python, and what its axes show of them. Pure.

import type { ScatterData } from "./wire";

export interface Points extends ScatterData {
  x: Float32Array;
  y: Float32Array;
  kind: Uint16Array;
}

/** The block of bytes that Python sends: the length of its head, the head, x, y and kind of each point. */
export function parse(bytes: Uint8Array): Points {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true);
  const header: ScatterData = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const copy = bytes.slice(4 + length).buffer; // typed arrays need an aligned start
  const n = header.n;
  return {
    ...header,
    x: new Float32Array(copy, 0, n),
    y: new Float32Array(copy, 4 * n, n),
    kind: new Uint16Array(copy, 8 * n, n),
  };
}

/** The least and the largest value, with some room around them. */
export function bounds(values: Float32Array): [low: number, high: number] {
  let low = Infinity;
  let high = -Infinity;
  for (const v of values) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  if (!(low < high)) {
    low -= 1;
    high += 1;
  }
  const room = (high - low) * 0.04;
  return [low - room, high + room];
}

/** Round values from low to high and their names, one in about 70 of `room` pixels. */
export function ticks(low: number, high: number, room: number): [value: number, name: string][] {
  const rough = (high - low) / Math.max(2, room / 70);
  const base = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * base).find((s) => s >= rough) ?? 10 * base;
  const found: number[] = [];
  for (let v = Math.ceil(low / step) * step; v <= high; v += step)
    found.push(Math.abs(v) < step / 1e6 ? 0 : v);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  return found.map((v) => [v, v.toFixed(Math.min(digits, 6))]);
}
