// A scatter of up to hundreds of thousands of points, drawn pixel by pixel into one image: no GPU is
// needed, and a frame of 100,000 points takes milliseconds. Drag moves, the wheel zooms, a click picks a
// point, the lasso selects; what lies under the pointer is read from a buffer that the drawing fills.

import { context2d } from "./dom";
import { drawAxes, drawPoints, EDGE, type Place, type Size, type View } from "./plot";
import { bounds, type Points, parse } from "./points";
import type { ThumbData } from "./wire";

const states = new WeakMap<HTMLElement, Scatter>();

interface Api {
  setStateValue(name: string, value: unknown): void;
  setTriggerValue(name: string, value: unknown): void;
}

interface Drag {
  view: View;
  lasso: Place[] | null;
  moved: boolean;
  startX: number;
  startY: number;
}

class Scatter {
  private readonly bar: HTMLElement;
  private readonly canvas: HTMLCanvasElement;
  private readonly tip: HTMLElement;
  private readonly context: CanvasRenderingContext2D;
  private readonly observer: ResizeObserver;
  private readonly thumbs = new Map<number, { png: string; words: string }>(); // by point
  private moveButton!: HTMLButtonElement;
  private lassoButton!: HTMLButtonElement;
  private legend!: HTMLElement;
  private mode: "move" | "lasso" = "move";
  private pending = 0;
  private asked: ReturnType<typeof setTimeout> | undefined;
  private api!: Api;
  private style!: CSSStyleDeclaration;
  private points!: Points;
  private view!: View;
  private size: Size | null = null;
  private image: ImageData | null = null;
  private pixels!: Uint32Array;
  private owner!: Int32Array; // by pixel, the point that it shows
  private lasso: Place[] | null = null;
  private drag: Drag | null = null;
  private over = -1;
  private pointer: Place = [0, 0];

  constructor(readonly root: HTMLElement) {
    root.innerHTML = `<div class="scatter"><div class="bar"></div><div class="plot">
      <canvas role="img"></canvas><div class="tip" role="status"></div></div></div>`;
    this.bar = root.querySelector(".bar") as HTMLElement;
    this.canvas = root.querySelector("canvas") as HTMLCanvasElement;
    this.tip = root.querySelector(".tip") as HTMLElement;
    this.context = context2d(this.canvas);
    this.buttons();
    this.listen();
    this.observer = new ResizeObserver(() => this.schedule());
    this.observer.observe(this.canvas);
    window.addEventListener("scatter-thumb", this.onThumb);
  }

  private readonly onThumb = (event: Event): void => {
    const { i, png, words } = (event as CustomEvent<ThumbData>).detail;
    if (i === null) return;
    this.thumbs.set(i, { png, words });
    const [oldest] = this.thumbs.keys();
    if (this.thumbs.size > 500) this.thumbs.delete(oldest);
    if (this.over === i) this.showTip();
  };

  private buttons(): void {
    const button = (name: string, act: () => void) => {
      const b = document.createElement("button");
      b.type = "button";
      b.textContent = name;
      b.onclick = act;
      return b;
    };
    this.moveButton = button("Move and zoom", () => this.setMode("move"));
    this.lassoButton = button("Lasso", () => this.setMode("lasso"));
    this.legend = document.createElement("span");
    this.legend.className = "bar";
    this.legend.style.margin = "0";
    this.bar.append(
      this.moveButton,
      this.lassoButton,
      button("Show all", () => {
        this.fit();
        this.schedule();
      }),
      this.legend,
    );
    this.setMode("move");
  }

  private setMode(mode: "move" | "lasso"): void {
    this.mode = mode;
    this.moveButton.setAttribute("aria-pressed", String(mode === "move"));
    this.lassoButton.setAttribute("aria-pressed", String(mode === "lasso"));
  }

  take(bytes: Uint8Array, api: Api): void {
    this.api = api;
    this.style = getComputedStyle(this.root);
    const points = parse(bytes);
    const before: Points | undefined = this.points;
    this.points = points;
    if (!before || before.id !== points.id) {
      this.fit();
      this.thumbs.clear();
      this.lasso = null;
    }
    this.canvas.setAttribute("aria-label", points.label);
    this.legend.replaceChildren(
      ...points.legend.map(([name, rgb]) => {
        const key = document.createElement("span");
        key.className = "key";
        const dot = document.createElement("i");
        dot.style.background = `rgb(${rgb})`;
        key.append(dot, name);
        return key;
      }),
    );
    this.schedule();
  }

  private fit(): void {
    const [x0, x1] = bounds(this.points.x);
    const [y0, y1] = bounds(this.points.y);
    this.view = { x0, x1, y0, y1 };
  }

  private schedule(): void {
    if (!this.pending)
      this.pending = requestAnimationFrame(() => {
        this.pending = 0;
        this.draw();
      });
  }

  private draw(): void {
    if (!this.points) return;
    const begin = performance.now();
    const ratio = window.devicePixelRatio || 1;
    const width = this.canvas.clientWidth,
      height = this.canvas.clientHeight;
    if (!width || !height) return;
    if (this.canvas.width !== Math.round(width * ratio)) this.canvas.width = Math.round(width * ratio);
    if (this.canvas.height !== Math.round(height * ratio)) this.canvas.height = Math.round(height * ratio);
    const c = this.context;
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const w = Math.max(1, Math.floor((width - EDGE.left - EDGE.right) * ratio));
    const h = Math.max(1, Math.floor((height - EDGE.top - EDGE.bottom) * ratio));
    this.size = { w, h, ratio };
    if (!this.image || this.image.width !== w || this.image.height !== h) {
      this.image = c.createImageData(w, h);
      this.pixels = new Uint32Array(this.image.data.buffer);
      this.owner = new Int32Array(w * h);
    }
    drawPoints(this.points, this.view, this.size, this.pixels, this.owner);
    c.putImageData(this.image, Math.round(EDGE.left * ratio), Math.round(EDGE.top * ratio));
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawAxes(c, this.points, this.view, this.style, width, height);
    this.marks(c, this.size);
    this.canvas.dataset.frame = String(Number(this.canvas.dataset.frame || 0) + 1);
    this.canvas.dataset.milliseconds = (performance.now() - begin).toFixed(2);
  }

  private marks(c: CanvasRenderingContext2D, { w, h, ratio }: Size): void {
    const text = this.style.getPropertyValue("--st-text-color") || "#888";
    const ring = (i: number, radius: number) => {
      const [px, py] = this.place(this.points.x[i], this.points.y[i]);
      c.beginPath();
      c.arc(px, py, radius, 0, 2 * Math.PI);
      c.stroke();
    };
    c.save();
    c.beginPath();
    c.rect(EDGE.left, EDGE.top, w / ratio, h / ratio);
    c.clip();
    c.strokeStyle = text;
    c.lineWidth = 2;
    if (this.points.picked !== null) ring(this.points.picked, 7);
    c.lineWidth = 1.5;
    for (const i of this.points.near) ring(i, 5);
    if (this.lasso && this.lasso.length > 1) {
      c.setLineDash([5, 4]);
      c.beginPath();
      for (const [x, y] of this.lasso) c.lineTo(...this.place(x, y));
      c.closePath();
      c.stroke();
      c.setLineDash([]);
    }
    c.restore();
  }

  private place(x: number, y: number): Place {
    const { w, h, ratio } = this.size as Size;
    const { x0, x1, y0, y1 } = this.view;
    return [
      EDGE.left + ((x - x0) / (x1 - x0)) * (w / ratio),
      EDGE.top + ((y1 - y) / (y1 - y0)) * (h / ratio),
    ];
  }

  private value(event: MouseEvent): { px: number; py: number; x: number; y: number } {
    const box = this.canvas.getBoundingClientRect();
    const { w, h, ratio } = this.size as Size;
    const { x0, x1, y0, y1 } = this.view;
    const px = event.clientX - box.left - EDGE.left,
      py = event.clientY - box.top - EDGE.top;
    return { px, py, x: x0 + (px / (w / ratio)) * (x1 - x0), y: y1 - (py / (h / ratio)) * (y1 - y0) };
  }

  private at(event: MouseEvent): number {
    const { px, py } = this.value(event);
    const { w, h, ratio } = this.size as Size;
    const cx = Math.round(px * ratio),
      cy = Math.round(py * ratio),
      reach = Math.round(4 * ratio);
    let best = -1,
      least = Infinity;
    for (let dy = -reach; dy <= reach; dy++)
      for (let dx = -reach; dx <= reach; dx++) {
        const qx = cx + dx,
          qy = cy + dy;
        if (qx < 0 || qy < 0 || qx >= w || qy >= h) continue;
        const i = this.owner[qy * w + qx],
          far = dx * dx + dy * dy;
        if (i >= 0 && far < least) {
          least = far;
          best = i;
        }
      }
    return best;
  }

  private listen(): void {
    const canvas = this.canvas;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.size) return;
      canvas.setPointerCapture(event.pointerId);
      const from = this.value(event);
      this.drag = {
        view: { ...this.view },
        lasso: this.lasso,
        moved: false,
        startX: event.clientX,
        startY: event.clientY,
      };
      if (this.mode === "lasso") this.lasso = [[from.x, from.y]];
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.size) return;
      if (!this.drag) {
        this.hover(event);
        return;
      }
      const dx = event.clientX - this.drag.startX,
        dy = event.clientY - this.drag.startY;
      if (Math.hypot(dx, dy) > 3) this.drag.moved = true;
      if (this.mode === "lasso") {
        const here = this.value(event);
        this.lasso?.push([here.x, here.y]);
      } else if (this.drag.moved) {
        const { x0, x1, y0, y1 } = this.drag.view;
        const mx = (dx / (this.size.w / this.size.ratio)) * (x1 - x0);
        const my = (dy / (this.size.h / this.size.ratio)) * (y1 - y0);
        this.view = { x0: x0 - mx, x1: x1 - mx, y0: y0 + my, y1: y1 + my };
      }
      this.schedule();
    });
    const end = (event: PointerEvent) => {
      const drag = this.drag;
      this.drag = null;
      if (!drag) return;
      if (this.mode === "lasso" && drag.moved) {
        const drawn = this.lasso ?? [];
        const step = Math.max(1, Math.ceil(drawn.length / 300));
        const shape = drawn.filter((_, i) => i % step === 0);
        if (shape.length > 2) this.api.setStateValue("lasso", { id: this.points.id, shape });
      } else if (!drag.moved) {
        const i = this.at(event);
        this.lasso = i >= 0 ? drag.lasso : null; // a click beside the points lets go of what was in the lasso
        if (i >= 0) this.api.setTriggerValue("picked", i);
        else if (drag.lasso) this.api.setStateValue("lasso", null);
      }
      this.schedule();
    };
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", () => {
      if (this.drag) this.lasso = this.drag.lasso;
      this.drag = null;
      this.schedule();
    });
    canvas.addEventListener("pointerleave", () => {
      if (!this.drag) {
        this.over = -1;
        this.tip.style.display = "none";
      }
    });
    canvas.addEventListener(
      "wheel",
      (event) => {
        if (!this.size) return;
        event.preventDefault();
        const scale = Math.exp(Math.max(-0.5, Math.min(0.5, event.deltaY * 0.0015)));
        const { x, y } = this.value(event),
          { x0, x1, y0, y1 } = this.view;
        this.view = {
          x0: x + (x0 - x) * scale,
          x1: x + (x1 - x) * scale,
          y0: y + (y0 - y) * scale,
          y1: y + (y1 - y) * scale,
        };
        this.schedule();
      },
      { passive: false },
    );
  }

  private hover(event: PointerEvent): void {
    const i = this.at(event);
    const box = this.canvas.getBoundingClientRect();
    this.pointer = [event.clientX - box.left, event.clientY - box.top];
    if (i === this.over) {
      if (i >= 0) this.placeTip();
      return;
    }
    this.over = i;
    clearTimeout(this.asked);
    if (i < 0) {
      this.tip.style.display = "none";
      return;
    }
    if (this.thumbs.has(i)) {
      this.showTip();
      return;
    }
    this.tip.style.display = "none";
    this.asked = setTimeout(() => this.api.setStateValue("hover", i), 70);
  }

  private showTip(): void {
    const thumb = this.thumbs.get(this.over);
    if (!thumb) return;
    const { png, words } = thumb;
    const image = document.createElement("img");
    image.src = `data:image/png;base64,${png}`;
    image.alt = words;
    this.tip.replaceChildren(image, words);
    this.tip.style.display = "block";
    this.placeTip();
  }

  private placeTip(): void {
    const [x, y] = this.pointer;
    const wide = this.canvas.clientWidth;
    this.tip.style.left = `${x + 14 + this.tip.offsetWidth > wide ? x - this.tip.offsetWidth - 14 : x + 14}px`;
    this.tip.style.top = `${Math.max(0, Math.min(y - 20, this.canvas.clientHeight - this.tip.offsetHeight))}px`;
  }

  leave(): void {
    this.observer.disconnect();
    window.removeEventListener("scatter-thumb", this.onThumb);
    cancelAnimationFrame(this.pending);
    clearTimeout(this.asked);
  }
}

interface Component extends Api {
  data: Uint8Array | null;
  parentElement: HTMLElement;
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }: Component): () => void {
  let scatter = states.get(parentElement);
  if (!scatter) {
    const root = document.createElement("div");
    parentElement.append(root);
    scatter = new Scatter(root);
    states.set(parentElement, scatter);
  }
  if (data) scatter.take(data, { setStateValue, setTriggerValue });
  const shown = scatter;
  return () => {
    shown.leave();
    shown.root.remove();
    states.delete(parentElement);
  };
}
