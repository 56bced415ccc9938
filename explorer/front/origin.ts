// Where a picture is from, put into the PNG file that is saved: what export/origin_record.py reads.

const KEY = "beta-vae-explorer";

export interface Origin {
  page: "explore" | "compare";
  query: string;
  models: { name: string; hash: string }[];
  version: string;
}

/** JSON as Python writes it with sorted keys: ASCII, with a blank behind commas and colons. */
export function asPython(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(asPython).join(", ")}]`;
  if (value !== null && typeof value === "object") {
    const pairs = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${pairs.map(([key, own]) => `${asPython(key)}: ${asPython(own)}`).join(", ")}}`;
  }
  const ascii = (letter: string) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value).replace(/[\u0080-\uffff]/g, ascii);
}

/** The line that says it, with its checksum; null where this browser computes none, as without HTTPS. */
export async function originText(origin: Origin): Promise<string | null> {
  if (!globalThis.crypto?.subtle) return null;
  const fields = { data: "", ...origin };
  const bytes = new TextEncoder().encode(asPython(fields));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const check = Array.from(digest.slice(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return asPython({ ...fields, check });
}

/** The bytes of a PNG file with the text in them, behind its header. */
export function stamped(png: Uint8Array, text: string): Uint8Array {
  const body = new TextEncoder().encode(`iTXt${KEY}\0\0\0\0\0${text}`);
  const made = new Uint8Array(png.length + body.length + 8);
  const view = new DataView(made.buffer);
  made.set(png.subarray(0, 33));
  view.setUint32(33, body.length - 4);
  made.set(body, 37);
  view.setUint32(37 + body.length, crc32(body));
  made.set(png.subarray(33), 41 + body.length);
  return made;
}

export function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}
