import { expect, test } from "vitest";
import { asPython, crc32, originText, stamped } from "./origin";

test("JSON is written as Python writes it", () => {
  expect(asPython({ b: ["é😀", 'a"\n'], a: { d: null, c: 1 } })).toBe(
    '{"a": {"c": 1, "d": null}, "b": ["\\u00e9\\ud83d\\ude00", "a\\"\\n"]}',
  );
});

test("the checksum is the one that Python computes", async () => {
  const origin = {
    page: "explore" as const,
    query: "model=m&z=1%2C2",
    models: [{ name: "m", hash: "0123abcd" }],
    version: "9",
  };
  // json.dumps and hashlib.sha256 of the same fields.
  expect(await originText(origin)).toContain('"check": "483f39165f3c184f"');
});

test("a chunk stands behind the header, with its length and checksum", () => {
  const made = stamped(new Uint8Array(40).fill(7), "x");
  expect(made.length).toBe(40 + 12 + 17 + 5 + 1);
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
  expect(String.fromCharCode(...made.slice(37, 41))).toBe("iTXt");
});
