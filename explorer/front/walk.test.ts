import { afterEach, expect, test } from "vitest";
import { normal, Walk } from "./walk";

const { random } = Math;

afterEach(() => {
  Math.random = random;
});

/** The same numbers in [0, 1) each time (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function moments(values: number[]): [mean: number, variance: number] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return [mean, values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length];
}

test("draws have mean 0 and variance 1", () => {
  Math.random = seeded(1);
  const [mean, variance] = moments(Array.from({ length: 50_000 }, normal));
  expect(mean).toBeCloseTo(0, 1);
  expect(variance).toBeCloseTo(1, 1);
});

test("a long walk passes through the prior, on a path without jumps", () => {
  Math.random = seeded(2);
  const walk = new Walk(1);
  const path = [0];
  for (let frame = 0; frame < 200_000; frame += 1) path.push(walk.step(0, path[frame], 1 / 60));
  const [mean, variance] = moments(path);
  expect(Math.abs(mean)).toBeLessThan(0.1);
  expect(Math.abs(variance - 1)).toBeLessThan(0.1);
  const jump = path.reduce((most, z, k) => Math.max(most, k ? Math.abs(z - path[k - 1]) : 0), 0);
  expect(jump).toBeLessThan(0.15);
});
