import { describe, expect, test } from "vitest";
import { carried, chosen, type Link, placed, read, type Slot, written } from "./slots";

const SLOTS: Slot[] = [
  [
    [0, 1, null],
    [2, -1, -0.8],
  ],
  [
    [1, -1, null],
    [0, 1, 0.9],
  ],
  [null, [1, 1, null]],
];

describe("slots", () => {
  test.each<[Link | null, string]>([
    [[3, 1, null], "3"],
    [[0, -1, 0.5], "-0"],
    [null, ""],
  ])("%j is written as %j and read again", (link, text) => {
    expect(written(link)).toBe(text);
    expect(read(text)?.slice(0, 2)).toEqual(link?.slice(0, 2));
  });

  test("a model's latents are its start, moved along its links", () => {
    const z = placed([0.1, 0.2, 0.3], SLOTS, 1, (k) => [1, 2, 3][k]);
    expect([...z].map((value) => Number(value.toFixed(4)))).toEqual([2.1, 3.2, -0.7]);
  });

  test("a slider that is not linked moves nothing", () => {
    expect([...placed([1, 2], SLOTS, 0, (k) => (k === 2 ? 9 : 0))]).toEqual([1, 2]);
  });

  test("choosing a dimension that another slider moves exchanges the two", () => {
    const made = chosen(SLOTS, 0, 1, [1, -1, null]);
    expect(made.map((slot) => slot[1])).toEqual([
      [1, -1, null],
      [0, 1, 0.9],
      [2, -1, -0.8],
    ]);
    expect(made.map((slot) => slot[0])).toEqual(SLOTS.map((slot) => slot[0]));
    expect(SLOTS[0][1]).toEqual([2, -1, -0.8]); // what was given stays
  });

  test("choosing nothing takes the link away", () => {
    expect(chosen(SLOTS, 1, 0, null).map((slot) => slot[0])).toEqual([[0, 1, null], null, null]);
  });
});

describe("linking in another way", () => {
  const OTHER: Slot[] = [
    [
      [1, 1, null],
      [0, 1, null],
    ],
    [
      [0, -1, null],
      [1, 1, null],
    ],
    [null, [2, 1, null]],
  ];

  test("leaves the picture of the first model as it is", () => {
    const values = [0.5, -1, 2];
    const start = [0.3, -0.2];
    const after = carried(SLOTS, values, OTHER, 0);
    expect(placed(start, OTHER, 0, (k) => after[k])).toEqual(placed(start, SLOTS, 0, (k) => values[k]));
    expect(after).toEqual([1, -0.5, 0]);
  });

  test("starts every slider at 0 where no model is there", () => {
    expect(carried(SLOTS, [1, 2, 3], OTHER, -1)).toEqual([0, 0, 0]);
  });
});
