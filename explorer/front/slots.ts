// How sliders are linked: a slot is one slider's, with a link for each model. Pure.

import type { LinksData } from "./wire";

export type Slot = NonNullable<LinksData["kl"]>[number];
/** A dimension, the direction in which the slider moves it, and its correlation with the first model's. */
export type Link = NonNullable<Slot[number]>;

/** A link as choosers and the address bar have it: "3", "-0", or nothing. */
export function written(link: Link | null): string {
  return link ? `${link[1] < 0 ? "-" : ""}${link[0]}` : "";
}

/** "-3" as [3, -1, null]; "" as null. */
export function read(text: string): Link | null {
  return text === "" ? null : [Math.abs(parseInt(text, 10)), text.startsWith("-") ? -1 : 1, null];
}

/** Latents of model `at`: its start, moved by the sliders' offsets along their links. */
export function placed(
  start: ArrayLike<number>,
  slots: Slot[],
  at: number,
  offset: (slider: number) => number,
): Float32Array {
  const z = Float32Array.from(start);
  slots.forEach((slot, k) => {
    const link = slot[at];
    if (link) z[link[0]] = Math.round((start[link[0]] + link[1] * offset(k)) * 1e4) / 1e4;
  });
  return z;
}

/** Slots in which a slider moves another dimension of model `at`; what moved that one takes the old one. */
export function chosen(slots: Slot[], slider: number, at: number, link: Link | null): Slot[] {
  const made = slots.map((slot) => [...slot]);
  const taken = link ? made.findIndex((slot, k) => k !== slider && slot[at]?.[0] === link[0]) : -1;
  if (taken >= 0) made[taken][at] = made[slider][at];
  made[slider][at] = link;
  return made;
}

/** The sliders' values under other slots, such that the picture of model `at` stays as it is. */
export function carried(from: Slot[], values: ArrayLike<number>, to: Slot[], at: number): number[] {
  const offsets = new Map<number, number>();
  from.forEach((slot, k) => {
    const link = slot[at];
    if (link) offsets.set(link[0], link[1] * values[k]);
  });
  return to.map((slot) => {
    const link = slot[at];
    return link ? link[1] * (offsets.get(link[0]) ?? 0) : 0;
  });
}
