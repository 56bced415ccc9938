// What is drawn besides the picture, in the time that is left: the difference, the pad's grid, the cells of strips.

import type { Explorer } from "./explorer";
import type { Row } from "./row";

interface Cell {
  row: Row;
  cell: number;
}

/** What makes the detail that is the most out of date; null where all are up to date. */
export function nextDetail(explorer: Explorer): (() => Promise<void>) | null {
  const { stage, pad, rows } = explorer;
  const { difference } = stage;
  if (difference.isStale()) return () => difference.paint();
  const stale = pad.staleCell();
  if (stale >= 0) return () => pad.paintCell(stale);
  let oldest: Cell | null = null;
  for (const row of rows) {
    const cell = row.visible && !row.strip.hidden ? row.staleCell() : -1;
    if (cell >= 0 && (oldest === null || row.drawn[cell] < oldest.row.drawn[oldest.cell]))
      oldest = { row, cell };
  }
  const found = oldest;
  return found && (() => paintStrip(explorer, found));
}

async function paintStrip(explorer: Explorer, { row, cell }: Cell): Promise<void> {
  const version = explorer.versionWithout(row.dimension);
  const z = explorer.with({ [row.dimension]: row.cellValue(cell) });
  row.cells.paint(await explorer.decode(z, 1), 0, cell);
  row.drawn[cell] = version;
}
