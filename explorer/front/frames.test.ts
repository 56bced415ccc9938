import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { View } from "./frames";

// A screen whose frames come when the test says so, on a clock that only work moves.
let clock = 0;
let wanted: FrameRequestCallback[] = [];
let frames: typeof import("./frames");

async function frame(after = 16): Promise<void> {
  clock += after;
  const [turn] = wanted.splice(0, 1);
  await turn(clock);
}

/** A view of which pictures and details take `cost` milliseconds; it writes down what was made. */
function view(name: string, made: string[], cost = 1) {
  const own = {
    stale: false,
    cost,
    details: 0,
    moving: false,
    animate: () => own.moving,
    async paint() {
      clock += cost;
      made.push(name);
      own.stale = false;
    },
    hasDetail: () => own.details > 0,
    async detail() {
      if (own.details === 0) return false;
      own.details -= 1;
      clock += cost;
      made.push(`${name} detail`);
      return true;
    },
  };
  return own satisfies View;
}

beforeEach(async () => {
  clock = 0;
  wanted = [];
  vi.stubGlobal("requestAnimationFrame", (turn: FrameRequestCallback) => wanted.push(turn));
  vi.spyOn(performance, "now").mockImplementation(() => clock);
  vi.resetModules();
  frames = await import("./frames");
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test("many calls ask for one frame", () => {
  for (let call = 0; call < 5; call += 1) frames.ask();
  expect(wanted).toHaveLength(1);
});

test("a frame shows every stale picture once, and then rests", async () => {
  const made: string[] = [];
  const [a, b] = [view("a", made), view("b", made)];
  frames.join(a);
  frames.join(b);
  a.stale = b.stale = true;
  frames.ask();
  await frame();
  expect(made).toEqual(["a", "b"]);
  expect(wanted).toHaveLength(0);
});

test("what became stale while a frame was made waits for the next one, and nothing queues", async () => {
  const made: string[] = [];
  const a = view("a", made);
  frames.join(a);
  a.stale = true;
  const { paint } = a;
  a.paint = async () => {
    await paint();
    a.stale = made.length < 2;
    frames.ask();
  };
  frames.ask();
  await frame();
  expect(made).toEqual(["a"]);
  expect(wanted).toHaveLength(1);
  await frame();
  expect(made).toEqual(["a", "a"]);
  expect(wanted).toHaveLength(0);
});

test("pictures come before details, which fill the slice of the frame that is left", async () => {
  const made: string[] = [];
  const a = view("a", made, 2);
  frames.join(a);
  a.stale = true;
  a.details = 20;
  frames.ask();
  await frame();
  expect(made).toEqual(["a", "a detail", "a detail", "a detail"]); // 8 of 9 ms
  expect(wanted).toHaveLength(1);
});

test("a machine that misses frames makes pictures alone, but gives details a share", async () => {
  const made: string[] = [];
  const a = view("a", made, 30);
  frames.join(a);
  a.details = 9;
  for (let turn = 0; turn < 12; turn += 1) {
    a.stale = true;
    frames.ask();
    await frame(30);
  }
  const details = made.filter((name) => name === "a detail").length;
  expect(made.length - details).toBe(12);
  expect(details).toBe(2); // one in six turns
});

test("slow details are made one a frame while nothing moves", async () => {
  const made: string[] = [];
  const a = view("a", made, 50);
  frames.join(a);
  a.details = 3;
  frames.ask();
  await frame();
  expect(made).toEqual(["a detail"]);
  await frame();
  await frame();
  expect(made).toHaveLength(3);
  expect(wanted).toHaveLength(0);
});

test("what plays goes on by itself, by at most a tenth of a second a frame", async () => {
  const a = view("a", []);
  const passed: number[] = [];
  a.moving = true;
  frames.join({ ...a, animate: (seconds) => passed.push(seconds) > 0 });
  frames.ask();
  await frame(16);
  await frame(16);
  await frame(5000);
  expect(passed[1]).toBeCloseTo(0.016);
  expect(passed[2]).toBe(0.1);
  expect(wanted).toHaveLength(1);
});

test("a view that left is not drawn any more", async () => {
  const made: string[] = [];
  const a = view("a", made);
  frames.join(a);
  frames.leave(a);
  a.stale = true;
  frames.ask();
  await frame();
  expect(made).toEqual([]);
});
