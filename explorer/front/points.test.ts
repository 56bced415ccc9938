import { expect, test } from "vitest";
import { bounds, parse, ticks } from "./points";

/** The block as Python packs it, behind some bytes, so that nothing is aligned by chance. */
function packed(before: number): Uint8Array {
  let head = JSON.stringify({ id: "a", n: 2, palette: [[1, 2, 3]], label: "β" });
  while (new TextEncoder().encode(head).length % 4) head += " ";
  const text = new TextEncoder().encode(head);
  const bytes = new Uint8Array(before + 4 + text.length + 2 * 10);
  const view = new DataView(bytes.buffer, before);
  view.setUint32(0, text.length, true);
  bytes.set(text, before + 4);
  for (const [k, value] of [0.5, -1, 2, 3].entries()) view.setFloat32(4 + text.length + 4 * k, value, true);
  view.setUint16(4 + text.length + 16, 7, true);
  view.setUint16(4 + text.length + 18, 65535, true);
  return bytes.subarray(before);
}

test.each([0, 1, 3])("points are read wherever the block begins (%i)", (before) => {
  const points = parse(packed(before));
  expect([points.id, points.n, points.label]).toEqual(["a", 2, "β"]);
  expect([[...points.x], [...points.y], [...points.kind]]).toEqual([
    [0.5, -1],
    [2, 3],
    [7, 65535],
  ]);
});

test("bounds leave room, also around a single value", () => {
  const [low, high] = bounds(Float32Array.of(0, 10));
  expect(low).toBeCloseTo(-0.4);
  expect(high).toBeCloseTo(10.4);
  const [least, most] = bounds(Float32Array.of(5, 5));
  expect(least).toBeLessThan(5);
  expect(most).toBeGreaterThan(5);
});

test("ticks bear their names", () => {
  expect(ticks(-1, 1, 280).map(([, name]) => name)).toEqual(["-1.0", "-0.5", "0.0", "0.5", "1.0"]);
});
