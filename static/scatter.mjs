// front/dom.ts
function context2d(canvas, settings) {
  return canvas.getContext("2d", settings);
}

// front/points.ts
function parse(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const copy = bytes.slice(4 + length).buffer;
  const n = header.n;
  return {
    ...header,
    x: new Float32Array(copy, 0, n),
    y: new Float32Array(copy, 4 * n, n),
    kind: new Uint16Array(copy, 8 * n, n)
  };
}
function bounds(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const v of values) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  if (!(low < high)) {
    low -= 1;
    high += 1;
  }
  const room = (high - low) * 0.04;
  return [low - room, high + room];
}
function ticks(low, high, room) {
  const rough = (high - low) / Math.max(2, room / 70);
  const base = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * base).find((s) => s >= rough) ?? 10 * base;
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high; v += step)
    found.push(Math.abs(v) < step / 1e6 ? 0 : v);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  return found.map((v) => [v, v.toFixed(Math.min(digits, 6))]);
}

// front/plot.ts
var RADIUS = 2;
var EDGE = { left: 52, right: 12, top: 10, bottom: 40 };
function drawPoints(points, view, { w, h, ratio }, pixels, owner) {
  pixels.fill(0);
  owner.fill(-1);
  const { x, y, kind, palette, n } = points;
  const { x0, x1, y0, y1 } = view;
  const sx = w / (x1 - x0), sy = h / (y1 - y0);
  const colours = palette.map(([r2, g, b]) => (4278190080 | b << 16 | g << 8 | r2) >>> 0);
  const r = Math.max(1, Math.round(RADIUS * ratio * (n > 2e4 ? 0.75 : 1)));
  for (let i = 0; i < n; i++) {
    const px = (x[i] - x0) * sx | 0, py = (y1 - y[i]) * sy | 0;
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
function drawAxes(c, points, view, style, width, height) {
  const text = style.getPropertyValue("--st-text-color") || "#888";
  const faint = style.getPropertyValue("--st-border-color") || "#888";
  const font = style.getPropertyValue("--st-font") || "sans-serif";
  const right = width - EDGE.right, bottom = height - EDGE.bottom;
  c.strokeStyle = faint;
  c.lineWidth = 1;
  c.strokeRect(EDGE.left + 0.5, EDGE.top + 0.5, right - EDGE.left - 1, bottom - EDGE.top - 1);
  c.fillStyle = text;
  c.font = `12px ${font}`;
  const { x0, x1, y0, y1 } = view;
  c.textAlign = "center";
  c.textBaseline = "top";
  for (const [v, name] of ticks(x0, x1, right - EDGE.left))
    c.fillText(name, EDGE.left + (v - x0) / (x1 - x0) * (right - EDGE.left), bottom + 4);
  c.fillText(points.xTitle, (EDGE.left + right) / 2, bottom + 20);
  c.textAlign = "right";
  c.textBaseline = "middle";
  for (const [v, name] of ticks(y0, y1, bottom - EDGE.top))
    c.fillText(name, EDGE.left - 5, EDGE.top + (y1 - v) / (y1 - y0) * (bottom - EDGE.top));
  c.save();
  c.translate(12, (EDGE.top + bottom) / 2);
  c.rotate(-Math.PI / 2);
  c.textAlign = "center";
  c.fillText(points.yTitle, 0, 0);
  c.restore();
}

// front/scatter.ts
var states = /* @__PURE__ */ new WeakMap();
var Scatter = class {
  constructor(root) {
    this.root = root;
    this.thumbs = /* @__PURE__ */ new Map();
    this.mode = "move";
    this.pending = 0;
    this.size = null;
    this.image = null;
    // by pixel, the point that it shows
    this.lasso = null;
    this.drag = null;
    this.over = -1;
    this.pointer = [0, 0];
    this.onThumb = (event) => {
      const { i, png, words } = event.detail;
      if (i === null) return;
      this.thumbs.set(i, { png, words });
      const [oldest] = this.thumbs.keys();
      if (this.thumbs.size > 500) this.thumbs.delete(oldest);
      if (this.over === i) this.showTip();
    };
    root.innerHTML = `<div class="scatter"><div class="bar"></div><div class="plot">
      <canvas role="img"></canvas><div class="tip" role="status"></div></div></div>`;
    this.bar = root.querySelector(".bar");
    this.canvas = root.querySelector("canvas");
    this.tip = root.querySelector(".tip");
    this.context = context2d(this.canvas);
    this.buttons();
    this.listen();
    this.observer = new ResizeObserver(() => this.schedule());
    this.observer.observe(this.canvas);
    window.addEventListener("scatter-thumb", this.onThumb);
  }
  buttons() {
    const button = (name, act) => {
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
      this.legend
    );
    this.setMode("move");
  }
  setMode(mode) {
    this.mode = mode;
    this.moveButton.setAttribute("aria-pressed", String(mode === "move"));
    this.lassoButton.setAttribute("aria-pressed", String(mode === "lasso"));
  }
  take(bytes, api) {
    this.api = api;
    this.style = getComputedStyle(this.root);
    const points = parse(bytes);
    const before = this.points;
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
      })
    );
    this.schedule();
  }
  fit() {
    const [x0, x1] = bounds(this.points.x);
    const [y0, y1] = bounds(this.points.y);
    this.view = { x0, x1, y0, y1 };
  }
  schedule() {
    if (!this.pending)
      this.pending = requestAnimationFrame(() => {
        this.pending = 0;
        this.draw();
      });
  }
  draw() {
    if (!this.points) return;
    const begin = performance.now();
    const ratio = window.devicePixelRatio || 1;
    const width = this.canvas.clientWidth, height = this.canvas.clientHeight;
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
  marks(c, { w, h, ratio }) {
    const text = this.style.getPropertyValue("--st-text-color") || "#888";
    const ring = (i, radius) => {
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
  place(x, y) {
    const { w, h, ratio } = this.size;
    const { x0, x1, y0, y1 } = this.view;
    return [
      EDGE.left + (x - x0) / (x1 - x0) * (w / ratio),
      EDGE.top + (y1 - y) / (y1 - y0) * (h / ratio)
    ];
  }
  value(event) {
    const box = this.canvas.getBoundingClientRect();
    const { w, h, ratio } = this.size;
    const { x0, x1, y0, y1 } = this.view;
    const px = event.clientX - box.left - EDGE.left, py = event.clientY - box.top - EDGE.top;
    return { px, py, x: x0 + px / (w / ratio) * (x1 - x0), y: y1 - py / (h / ratio) * (y1 - y0) };
  }
  at(event) {
    const { px, py } = this.value(event);
    const { w, h, ratio } = this.size;
    const cx = Math.round(px * ratio), cy = Math.round(py * ratio), reach = Math.round(4 * ratio);
    let best = -1, least = Infinity;
    for (let dy = -reach; dy <= reach; dy++)
      for (let dx = -reach; dx <= reach; dx++) {
        const qx = cx + dx, qy = cy + dy;
        if (qx < 0 || qy < 0 || qx >= w || qy >= h) continue;
        const i = this.owner[qy * w + qx], far = dx * dx + dy * dy;
        if (i >= 0 && far < least) {
          least = far;
          best = i;
        }
      }
    return best;
  }
  listen() {
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
        startY: event.clientY
      };
      if (this.mode === "lasso") this.lasso = [[from.x, from.y]];
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.size) return;
      if (!this.drag) {
        this.hover(event);
        return;
      }
      const dx = event.clientX - this.drag.startX, dy = event.clientY - this.drag.startY;
      if (Math.hypot(dx, dy) > 3) this.drag.moved = true;
      if (this.mode === "lasso") {
        const here = this.value(event);
        this.lasso?.push([here.x, here.y]);
      } else if (this.drag.moved) {
        const { x0, x1, y0, y1 } = this.drag.view;
        const mx = dx / (this.size.w / this.size.ratio) * (x1 - x0);
        const my = dy / (this.size.h / this.size.ratio) * (y1 - y0);
        this.view = { x0: x0 - mx, x1: x1 - mx, y0: y0 + my, y1: y1 + my };
      }
      this.schedule();
    });
    const end = (event) => {
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
        this.lasso = i >= 0 ? drag.lasso : null;
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
        const scale = Math.exp(Math.max(-0.5, Math.min(0.5, event.deltaY * 15e-4)));
        const { x, y } = this.value(event), { x0, x1, y0, y1 } = this.view;
        this.view = {
          x0: x + (x0 - x) * scale,
          x1: x + (x1 - x) * scale,
          y0: y + (y0 - y) * scale,
          y1: y + (y1 - y) * scale
        };
        this.schedule();
      },
      { passive: false }
    );
  }
  hover(event) {
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
  showTip() {
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
  placeTip() {
    const [x, y] = this.pointer;
    const wide = this.canvas.clientWidth;
    this.tip.style.left = `${x + 14 + this.tip.offsetWidth > wide ? x - this.tip.offsetWidth - 14 : x + 14}px`;
    this.tip.style.top = `${Math.max(0, Math.min(y - 20, this.canvas.clientHeight - this.tip.offsetHeight))}px`;
  }
  leave() {
    this.observer.disconnect();
    window.removeEventListener("scatter-thumb", this.onThumb);
    cancelAnimationFrame(this.pending);
    clearTimeout(this.asked);
  }
};
function scatter_default({ data, parentElement, setStateValue, setTriggerValue }) {
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
export {
  scatter_default as default
};
