import { expect, test } from "vitest";
import { imageOf, luminance } from "./pixels";

test("grey weighs red, green and blue by 0.299, 0.587 and 0.114", () => {
  expect([luminance(1, 0, 0), luminance(0, 1, 0), luminance(0, 0, 1)]).toEqual([0.299, 0.587, 0.114]);
  expect(luminance(255, 255, 255)).toBeCloseTo(255, 10);
});

const TWO = new Uint8ClampedArray([255, 0, 51, 255, 0, 102, 255, 0]);

test("a colour image has all of its red first, whatever its opacity", () => {
  expect([...imageOf(TWO, 3)]).toEqual([1, 0, 0, 102 / 255, 51 / 255, 1].map(Math.fround));
});

test("a grey image has one value a pixel", () => {
  const grey = [0.299 * 255 + 0.114 * 51, 0.587 * 102 + 0.114 * 255].map((value) => value / 255);
  imageOf(TWO, 1).forEach((value, pixel) => {
    expect(value).toBeCloseTo(grey[pixel], 6);
  });
});
