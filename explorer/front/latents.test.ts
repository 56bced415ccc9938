import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Latents } from "./latents";

class Four extends Latents {
  data = { low: [-3, -3, -3, 0], high: [3, 3, 3, 10], start: [0, 0.5, -0.5, 5] };
  local = true;
  commits = 0;
  seen: number[] = [];
  moved(dimension: number): void {
    this.seen.push(dimension);
  }
  describe(): void {}
  commit(): void {
    this.rest();
    this.commits += 1;
  }
}

let four: Four;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("requestAnimationFrame", () => 1);
  four = new Four();
  four.place(four.data.start);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a value is kept to four digits and told", () => {
  four.set(1, 1.234567);
  expect(four.z[1]).toBe(1.2346);
  expect(four.seen).toEqual([1]);
});

test.each([NaN, Infinity, -Infinity])("%d is not taken", (value) => {
  four.set(0, value);
  expect(four.z[0]).toBe(0);
  expect(four.seen).toEqual([]);
});

test("nothing moves what is locked", () => {
  four.locked.add(2);
  four.setAll(() => 9);
  four.reset([2]);
  expect([...four.z]).toEqual([9, 9, -0.5, 9]);
});

test("a reset returns to the start and tells the host once", () => {
  four.setAll(() => 1);
  four.reset([0, 1, 2, 3]);
  expect([...four.z]).toEqual(four.data.start);
  expect(four.isMoved(3)).toBe(false);
  expect(four.commits).toBe(1);
});

test("the version without a dimension changes by the others alone", () => {
  four.set(0, 1);
  const before = four.versionWithout(1);
  four.set(1, 1);
  expect(four.versionWithout(1)).toBe(before);
  expect(four.versionWithout(0)).toBe(four.version);
  expect(four.versionWithout(0, 1)).toBe(0);
});

test("what plays starts where it is, reaches both ends, and is back after its period", () => {
  four.set(3, 2);
  four.togglePlay(3);
  const values: number[] = [];
  for (let step = 0; step < 400; step += 1) {
    expect(four.animate(0.01)).toBe(true);
    values.push(four.z[3]);
  }
  expect(Math.abs(values[0] - 2)).toBeLessThan(0.2);
  expect(Math.max(...values)).toBeCloseTo(10, 2);
  expect(Math.min(...values)).toBeCloseTo(0, 2);
  expect(values[399]).toBeCloseTo(2, 3);
  four.togglePlay(3);
  expect(four.animate(0.01)).toBe(false);
  expect(four.commits).toBe(1);
});

test("keys in a row are told of once, after a rest", () => {
  for (let key = 0; key < 5; key += 1) {
    four.set(0, key);
    four.commitSoon();
    vi.advanceTimersByTime(100);
  }
  expect(four.commits).toBe(0);
  vi.advanceTimersByTime(300);
  expect(four.commits).toBe(1);
});

test("what the host says is old news while something is yet to be told", () => {
  four.seq = 3;
  expect(four.isKnownTo({ seq: 2 })).toBe(false);
  expect(four.isKnownTo({ seq: 3 })).toBe(true);
  four.commitSoon();
  expect(four.isKnownTo({ seq: 3 })).toBe(false);
});
