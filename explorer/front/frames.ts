// One turn of work for each frame of the screen, shared by all that is on the page: first the pictures
// whose latents have changed, each of its newest values; then, in the time that is left, details.

const SLICE = 9; // milliseconds of a frame that work may take while something moves
const AT_LEAST = 6; // turns, after which details get their share however busy the machine is

/** What has something to draw. */
export interface View {
  /** Whether its picture is not of its newest values. */
  readonly stale: boolean;
  /** Milliseconds that a picture takes. */
  readonly cost: number;
  /** Move what moves by itself; whether anything does. */
  animate(seconds: number): boolean;
  paint(): Promise<void>;
  hasDetail(): boolean;
  /** Make one detail; whether there was one to make. */
  detail(): Promise<boolean>;
}

const views = new Set<View>();
let frame = 0;
let busy = false;
let last = 0;
let starved = 0;

export function join(view: View): void {
  views.add(view);
}

export function leave(view: View): void {
  views.delete(view);
}

/** Ask for a turn at the next frame. */
export function ask(): void {
  if (frame === 0 && !busy) frame = requestAnimationFrame(turn);
}

async function turn(now: number): Promise<void> {
  frame = 0;
  busy = true;
  const began = performance.now();
  const passed = now - last;
  last = now;
  let moving = false;
  let more = false;
  for (const view of [...views]) {
    if (view.animate(Math.min(passed, 100) / 1000)) more = true;
    if (view.stale) {
      moving = true;
      await view.paint();
    }
  }
  // A machine that misses frames has no time for details, but never for none at all.
  const late = moving && passed > 24 && passed < 200;
  starved += 1;
  for (const view of [...views]) {
    for (let first = true; ; first = false) {
      const end = performance.now() - began + view.cost;
      const allowed = first && (!moving || starved >= AT_LEAST);
      if (!allowed && (late || end > SLICE)) break;
      if (!(await view.detail())) break;
      starved = 0;
    }
  }
  busy = false;
  if (more || [...views].some((view) => view.stale || view.hasDetail())) ask();
}
