// Pictures to keep: the one that is shown, and the traversal of every dimension from there.

import { Cells, cellSize } from "./cells";
import type { Comparison } from "./comparison";
import { context2d, download, element } from "./dom";
import type { Explorer } from "./explorer";
import type { Origin } from "./origin";
import { nats } from "./row";

const STEPS = 11; // columns of the grid
const SIDE = 170; // pixels at its left, for names

export function savePicture(view: Explorer, smooth: boolean): void {
  const [width, height] = cellSize(view.data, true);
  const factor = Math.max(1, Math.round(512 / Math.max(height, width)));
  const large = element("canvas", { width: factor * width, height: factor * height });
  const context = context2d(large);
  context.imageSmoothingEnabled = smooth;
  context.drawImage(view.stage.canvas, 0, 0, large.width, large.height);
  download(large, `${fileName(view.data)}.png`, originOf(view));
}

/** The pictures of a comparison side by side, each under its model's name. */
export function savePictures({ columns, data }: Comparison): void {
  const shown = columns.flatMap(({ letter, model, screen }) => {
    if (!model.shape || !screen) return [];
    const [width, height] = cellSize(model, true);
    const factor = Math.max(1, Math.round(256 / Math.max(height, width)));
    const name = model.doubtful ? `${model.name} (doubtful)` : model.name;
    return { letter, name, canvas: screen.canvas, wide: factor * width, high: factor * height };
  });
  const width = shown.reduce((sum, { wide }) => sum + wide + 8, 8);
  const sheet = element("canvas", { width, height: Math.max(...shown.map(({ high }) => high)) + 36 });
  const context = context2d(sheet);
  Object.assign(context, { fillStyle: "white", imageSmoothingEnabled: false });
  context.fillRect(0, 0, sheet.width, sheet.height);
  Object.assign(context, { fillStyle: "black", font: "13px system-ui, sans-serif", textBaseline: "middle" });
  let x = 8;
  for (const { letter, name, canvas, wide, high } of shown) {
    context.fillText(`${letter} ${name}`, x, 16, wide);
    context.drawImage(canvas, x, 28, wide, high);
    x += wide + 8;
  }
  const models = columns
    .filter(({ model }) => model.shape)
    .map(({ model: { name, hash } }) => ({ name, hash }));
  const query =
    location.search.slice(1) || String(new URLSearchParams(models.map(({ name }) => ["model", name])));
  const file = `${fileName({ name: shown.map(({ name }) => name).join("-") }).slice(0, 120)}.png`;
  download(sheet, file, { page: "compare", query, models, version: data.version });
}

export async function saveGrid(view: Explorer): Promise<void> {
  const { order } = view;
  const { low, high, dims } = view.data;
  const [w, h] = cellSize(view.data);
  const factor = Math.max(1, Math.round(64 / h));
  const [height, width] = [factor * h, factor * w];
  const sheet = element("canvas", { width: SIDE + STEPS * (width + 2), height: order.length * (height + 4) });
  const context = context2d(sheet);
  Object.assign(context, { fillStyle: "white", imageSmoothingEnabled: false });
  context.fillRect(0, 0, sheet.width, sheet.height);
  Object.assign(context, { fillStyle: "black", font: "13px system-ui, sans-serif", textBaseline: "middle" });
  const cell = element("canvas");
  const cells = Cells.of(cell, view.data);
  const from = Float32Array.from(view.z);
  for (const [row, d] of order.entries()) {
    const { kl } = dims[d];
    const words = kl === null ? "" : `  ${nats(kl)}`;
    context.fillText(view.label(d) + words, 6, (row + 0.5) * (height + 4), SIDE - 12);
    const z = new Float32Array(STEPS * from.length);
    for (let step = 0; step < STEPS; step += 1) {
      z.set(from, step * from.length);
      z[step * from.length + d] = low[d] + (step / (STEPS - 1)) * (high[d] - low[d]);
    }
    const values = await between(() => view.decode(z, STEPS));
    for (let step = 0; step < STEPS; step += 1) {
      cells.paint(values, step);
      context.drawImage(cell, SIDE + step * (width + 2), row * (height + 4) + 2, width, height);
    }
  }
  download(sheet, `${fileName(view.data)}-traversal.png`, originOf(view));
}

/** The view as it is now: the model at these latents. */
function originOf({ data, z, beta }: Explorer): Origin {
  const { name, hash, version } = data;
  const query = new URLSearchParams({ model: name, z: Array.from(z, (value) => String(value)).join(",") });
  if (beta) query.set("beta", String(beta.value));
  return { page: "explore", query: String(query), models: [{ name, hash }], version };
}

/** Do something between two turns of frames.ts, which have the decoder to themselves. */
function between<T>(work: () => T): Promise<Awaited<T>> {
  return new Promise((resolve) => setTimeout(() => resolve(work() as Awaited<T>), 0));
}

/** What a file is called that is saved of a model. */
export function fileName({ name, doubtful }: { name: string; doubtful?: boolean }): string {
  const plain = name.replace(/[^\p{L}\p{N}._-]+/gu, "-") || "model";
  return doubtful ? `${plain}-doubtful` : plain;
}
