// Pictures to keep: the one that is shown, and the traversal of every dimension from there.

import { Cells, download, element } from "./dom.js";

const STEPS = 11; // columns of the grid
const SIDE = 170; // pixels at its left, for names

export function savePicture(view, smooth) {
  const [, height, width] = view.shape;
  const factor = Math.max(1, Math.round(512 / Math.max(height, width)));
  const large = element("canvas", { width: factor * width, height: factor * height });
  const context = large.getContext("2d");
  context.imageSmoothingEnabled = smooth;
  context.drawImage(view.canvas, 0, 0, large.width, large.height);
  download(large, `${fileName(view.data.name)}.png`);
}

/** The pictures of a comparison side by side, each under its model's name. */
export function savePictures({ columns }) {
  const shown = columns.filter(({ model }) => model.shape);
  const cells = shown.map(({ model: { shape } }) => {
    const factor = Math.max(1, Math.round(256 / Math.max(shape[1], shape[2])));
    return [factor * shape[2], factor * shape[1]];
  });
  const width = cells.reduce((sum, [wide]) => sum + wide + 8, 8);
  const sheet = element("canvas", { width, height: Math.max(...cells.map(([, high]) => high)) + 36 });
  const context = sheet.getContext("2d");
  Object.assign(context, { fillStyle: "white", imageSmoothingEnabled: false });
  context.fillRect(0, 0, sheet.width, sheet.height);
  Object.assign(context, { fillStyle: "black", font: "13px system-ui, sans-serif", textBaseline: "middle" });
  let x = 8;
  for (const [at, column] of shown.entries()) {
    const [wide, high] = cells[at];
    context.fillText(`${column.letter} ${column.model.name}`, x, 16, wide);
    context.drawImage(column.canvas, x, 28, wide, high);
    x += wide + 8;
  }
  download(sheet, `${fileName(shown.map(({ model }) => model.name).join("-")).slice(0, 120)}.png`);
}

export async function saveGrid(view) {
  const { order, shape } = view;
  const { low, high, dims, name } = view.data;
  const factor = Math.max(1, Math.round(64 / shape[1]));
  const [height, width] = [factor * shape[1], factor * shape[2]];
  const sheet = element("canvas", { width: SIDE + STEPS * (width + 2), height: order.length * (height + 4) });
  const context = sheet.getContext("2d");
  Object.assign(context, { fillStyle: "white", imageSmoothingEnabled: false });
  context.fillRect(0, 0, sheet.width, sheet.height);
  Object.assign(context, { fillStyle: "black", font: "13px system-ui, sans-serif", textBaseline: "middle" });
  const cell = element("canvas");
  const cells = new Cells(cell, shape);
  const from = Float32Array.from(view.z);
  for (const [row, d] of order.entries()) {
    const kl = dims[d].kl === null ? "" : `  ${dims[d].kl.toFixed(2)} nats`;
    context.fillText(view.label(d) + kl, 6, (row + 0.5) * (height + 4), SIDE - 12);
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
  download(sheet, `${fileName(name)}-traversal.png`);
}

/** Do something between two turns of frames.js, which have the decoder to themselves. */
function between(work) {
  return new Promise((resolve) => setTimeout(() => resolve(work()), 0));
}

function fileName(name) {
  return name.replace(/[^\p{L}\p{N}._-]+/gu, "-") || "model";
}
