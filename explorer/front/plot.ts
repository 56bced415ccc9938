// What a scatter puts into its canvas: the points, pixel by pixel, and the axes around them.

import { type Points, ticks } from "./points";

const RADIUS = 2;
export const EDGE = { left: 52, right: 12, top: 10, bottom: 40 };

/** The part of the plane that is shown. */
export interface View {
  x0: number;
  x1: number;
  y0: number;
  y1: number;
}

export type Place = [x: number, y: number];

/** Of the plot, in pixels of the screen. */
export interface Size {
  w: number;
  h: number;
  ratio: number;
}

/** Fill `pixels` with the points' colours, and `owner` with the point that each pixel shows, -1 for none. */
export function drawPoints(
  points: Points,
  view: View,
  { w, h, ratio }: Size,
  pixels: Uint32Array,
  owner: Int32Array,
): void {
  pixels.fill(0);
  owner.fill(-1);
  const { x, y, kind, palette, n } = points;
  const { x0, x1, y0, y1 } = view;
  const sx = w / (x1 - x0),
    sy = h / (y1 - y0);
  const colours = palette.map(([r, g, b]) => (0xff000000 | (b << 16) | (g << 8) | r) >>> 0);
  const r = Math.max(1, Math.round(RADIUS * ratio * (n > 20000 ? 0.75 : 1)));
  for (let i = 0; i < n; i++) {
    const px = ((x[i] - x0) * sx) | 0,
      py = ((y1 - y[i]) * sy) | 0;
    if (px < r || py < r || px >= w - r || py >= h - r) continue;
    const colour = colours[kind[i]];
    for (let dy = -r; dy <= r; dy++) {
      const reach = r - (Math.abs(dy) === r && r > 1 ? 1 : 0);
      let at = (py + dy) * w + px - reach;
      for (let dx = -reach; dx <= reach; dx++, at++) {
        pixels[at] = colour;
        owner[at] = i;
      }
    }
  }
}

/** The frame of a plot, its ticks and its titles; in pixels of the page. */
export function drawAxes(
  c: CanvasRenderingContext2D,
  points: Points,
  view: View,
  style: CSSStyleDeclaration,
  width: number,
  height: number,
): void {
  const text = style.getPropertyValue("--st-text-color") || "#888";
  const faint = style.getPropertyValue("--st-border-color") || "#888";
  const font = style.getPropertyValue("--st-font") || "sans-serif";
  const right = width - EDGE.right,
    bottom = height - EDGE.bottom;
  c.strokeStyle = faint;
  c.lineWidth = 1;
  c.strokeRect(EDGE.left + 0.5, EDGE.top + 0.5, right - EDGE.left - 1, bottom - EDGE.top - 1);
  c.fillStyle = text;
  c.font = `12px ${font}`;
  const { x0, x1, y0, y1 } = view;
  c.textAlign = "center";
  c.textBaseline = "top";
  for (const [v, name] of ticks(x0, x1, right - EDGE.left))
    c.fillText(name, EDGE.left + ((v - x0) / (x1 - x0)) * (right - EDGE.left), bottom + 4);
  c.fillText(points.xTitle, (EDGE.left + right) / 2, bottom + 20);
  c.textAlign = "right";
  c.textBaseline = "middle";
  for (const [v, name] of ticks(y0, y1, bottom - EDGE.top))
    c.fillText(name, EDGE.left - 5, EDGE.top + ((y1 - v) / (y1 - y0)) * (bottom - EDGE.top));
  c.save();
  c.translate(12, (EDGE.top + bottom) / 2);
  c.rotate(-Math.PI / 2);
  c.textAlign = "center";
  c.fillText(points.yTitle, 0, 0);
  c.restore();
}
