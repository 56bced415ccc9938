// Elements, icons and pixels: what every part of the explorer draws with.

import { type Origin, originText, stamped } from "./origin";

import { imageOf } from "./pixels";

type Tags = HTMLElementTagNameMap;
type Attribute = `aria-${string}` | `data-${string}`;
type Properties<Tag extends keyof Tags> = Partial<Tags[Tag]> & {
  [attribute in Attribute]?: string | number | boolean;
} & { onfocusin?: (event: FocusEvent) => void };

/** An element with properties, attributes (where there is no such property) and "on..." listeners. */
export function element<Tag extends keyof Tags>(
  name: Tag,
  properties: Properties<Tag> = {},
  ...children: (Node | string)[]
): Tags[Tag] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries<unknown>(properties)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value as EventListener);
    else if (key in made) Object.assign(made, { [key]: value });
    else made.setAttribute(key, String(value));
  }
  made.append(...children);
  return made;
}

/** Whether the page is worked by touch, so that nothing can be pointed at without touching it. */
export function touched(): boolean {
  return matchMedia("(hover: none)").matches;
}

/** A part of the page with a name for who does not see it. */
export function section(className: string, label: string, ...inside: HTMLElement[]): HTMLElement {
  return element("section", { className, "aria-label": label }, ...inside);
}

type Icon = keyof typeof PATHS;

const PATHS = {
  play: "M5 3l8 5-8 5z",
  stop: "M4 4h8v8H4z",
  lock: "M5 7V5a3 3 0 016 0v2h1v6H4V7zm1.5 0h3V5a1.5 1.5 0 00-3 0z",
  unlock: "M5 7V5a3 3 0 015.8-1l-1.4.5A1.5 1.5 0 006.500 5v2H12v6H4V7z",
  up: "M8 3.500l5 6H9.500v3h-3v-3H3z",
  down: "M8 12.500l-5-6h3.500v-3h3v3H13z",
  reset: "M8 3a5 5 0 104.800 3.600l-1.500.400A3.500 3.500 0 118 4.500V7l4-3.300L8 .500z",
  rename: "M3 11.200L10.700 3.500l1.800 1.800L4.800 13H3z",
};

/** A button that shows a picture and says a word to those who hear or hover it. */
export function iconButton(icon: Icon, label: string, onclick: () => void): HTMLButtonElement {
  const button = element("button", { type: "button", className: "bv-icon", onclick });
  setIcon(button, icon, label);
  return button;
}

export function setIcon(button: HTMLElement, icon: Icon, label: string): void {
  button.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${PATHS[icon]}"/></svg>`;
  button.title = label;
  button.setAttribute("aria-label", label);
}

/** A canvas's context, with which no browser that runs this fails. */
export function context2d(canvas: HTMLCanvasElement, settings?: CanvasRenderingContext2DSettings) {
  return canvas.getContext("2d", settings) as CanvasRenderingContext2D;
}

/** The canvas of a picture; `values` are the decoder's own, `(C, H, W)` in [0, 1]. */
export type PictureCanvas = HTMLCanvasElement & { values?: Float32Array };
/** (C, H, W). */
export type Shape = [number, number, number];
export type Colour = [red: number, green: number, blue: number];

/** The image at an address as values `(C, H, W)` in [0, 1]. Rejects where it can't be had. */
export async function imageAt(source: string, [channels, height, width]: Shape): Promise<Float32Array> {
  const image = element("img", { src: source });
  await image.decode();
  const context = context2d(element("canvas", { width, height }));
  context.drawImage(image, 0, 0, width, height);
  return imageOf(context.getImageData(0, 0, width, height).data, channels);
}

/** Hand a canvas to the person as a PNG file that says where it is from. */
export function download(canvas: HTMLCanvasElement, name: string, origin: Origin): void {
  canvas.toBlob(async (blob) => {
    if (!blob) return;
    const text = await originText(origin);
    const parts = text ? [stamped(new Uint8Array(await blob.arrayBuffer()), text) as BlobPart] : [blob];
    const address = URL.createObjectURL(new Blob(parts, { type: "image/png" }));
    element("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }, "image/png");
}
