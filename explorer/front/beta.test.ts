import { expect, test } from "vitest";
import { pointAt } from "./beta";

const CURVE = [
  { beta: 1, rate: 8, distortion: 10, slope: 1, kl: [5, 3], active: [true, true] },
  { beta: 4, rate: 4, distortion: 20, slope: 4, kl: [4, 0], active: [true, false] },
  { beta: 16, rate: 2, distortion: 40, slope: 16, kl: [2, 0], active: [true, false] },
];

test("at a measured β it is what was measured", () => {
  for (const point of CURVE) expect(pointAt(CURVE, point.beta)).toEqual(point);
});

test("half of an interval on a log scale is half of its costs", () => {
  const { rate, distortion, kl } = pointAt(CURVE, 2) ?? CURVE[0];
  expect([rate, distortion, ...kl]).toEqual([6, 15, 4.5, 1.5]);
});

test("beyond its ends it is its ends", () => {
  expect(pointAt(CURVE, 0.5)?.rate).toBe(8);
  expect(pointAt(CURVE, 99)?.kl).toEqual([2, 0]);
});

test("what was not measured is not known", () => {
  expect(pointAt([], 4)).toBeNull();
});
