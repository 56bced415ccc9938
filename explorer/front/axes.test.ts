import { expect, test } from "vitest";
import { Axes, escaped, powers, said, ticks } from "./axes";

const BOX = { left: 40, right: 240, top: 10, bottom: 110 };

test.each([false, true])("a value's pixel has that value (log: %s)", (log) => {
  const axes = new Axes(BOX, [-2, 3], [0.5, 8], log);
  for (const [x, y] of [
    [-2, 0.5],
    [0, 1],
    [1.25, 2.5],
    [3, 8],
  ]) {
    expect(axes.xAt(axes.sx(x))).toBeCloseTo(x, 10);
    expect(axes.yAt(axes.sy(y))).toBeCloseTo(y, 10);
  }
  expect([axes.sx(-2), axes.sx(3), axes.sy(0.5), axes.sy(8)]).toEqual([40, 240, 110, 10]);
});

test("equal factors are equally far on a logarithmic axis", () => {
  const axes = new Axes(BOX, [0, 1], [1, 16], true);
  expect(axes.sy(1) - axes.sy(2)).toBeCloseTo(axes.sy(8) - axes.sy(16), 10);
});

test("ticks are round, inside the axis, and few", () => {
  expect(ticks(0, 10, 5).map((v) => v + 0)).toEqual([0, 2, 4, 6, 8, 10]);
  expect(powers(1, 16)).toEqual([1, 2, 4, 8, 16]);
  for (const [low, high] of [
    [-0.37, 0.9],
    [3, 4000],
    [120.5, 121],
  ]) {
    const found = ticks(low, high, 6);
    expect(found.length).toBeGreaterThan(1);
    expect(found.length).toBeLessThan(15);
    expect(Math.min(...found)).toBeGreaterThanOrEqual(low - 1e-9);
    expect(Math.max(...found)).toBeLessThanOrEqual(high * (1 + 1e-9));
  }
});

test("numbers are written with a real minus and no needless digits", () => {
  expect([said(-1.5), said(2), said(0.12345), said(12345.6)]).toEqual(["−1.5", "2", "0.123", "12346"]);
});

test("a model's name can't become markup", () => {
  expect(escaped(`<img src="x" onerror='1'>&`)).not.toMatch(/[<>"']/);
});
