import { expect, test } from "vitest";
import { along } from "./groups";

test("a group stands as far along as its latents lie from their start", () => {
  const direction = { 0: 0.6, 2: 0.8 };
  expect(along(direction, [1, 9, 2], [0, 0, 0])).toBeCloseTo(2.2);
  expect(along(direction, [1, 9, 2], [1, 0, 2])).toBe(0);
  const moved = [1 + 1.5 * 0.6, 9, 2 + 1.5 * 0.8];
  expect(along(direction, moved, [1, 0, 2])).toBeCloseTo(1.5);
});
