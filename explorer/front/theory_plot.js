// What the moving pictures of the page Theory share: axes, text, and values that a pointer or a key moves.
// Python puts this file before the picture's own.

const kept = new WeakMap(); // the picture that lives in an element of the page

const clamp = (v, low, high) => Math.min(high, Math.max(low, v));
const escaped = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const minus = (text) => text.replace("-", "−");
/** A number with so many significant digits, as a person writes it. */
const said = (v, digits = 3) => minus(Math.abs(v) >= 1000 ? v.toFixed(0) : String(+v.toPrecision(digits)));

/** A rectangle of the picture with its values: pixels from and to, values from and to, log or not. */
class Axes {
  constructor(box, x, y, log = false) {
    Object.assign(this, { box, x, y, log });
  }
  sx(v) { return this.box.left + ((v - this.x[0]) / (this.x[1] - this.x[0])) * (this.box.right - this.box.left); }
  sy(v) {
    const f = this.log ? Math.log : (w) => w;
    const part = (f(v) - f(this.y[0])) / (f(this.y[1]) - f(this.y[0]));
    return this.box.bottom - part * (this.box.bottom - this.box.top);
  }
  xAt(pixel) { return this.x[0] + ((pixel - this.box.left) / (this.box.right - this.box.left)) * (this.x[1] - this.x[0]); }
  yAt(pixel) {
    const part = (this.box.bottom - pixel) / (this.box.bottom - this.box.top);
    return this.log ? this.y[0] * (this.y[1] / this.y[0]) ** part : this.y[0] + part * (this.y[1] - this.y[0]);
  }
  line(points) { return points.map(([x, y], i) => `${i ? "L" : "M"}${this.sx(x).toFixed(1)} ${this.sy(y).toFixed(1)}`).join(""); }

  /** Ticks with their numbers, and the titles. */
  frame(xTitle, yTitle) {
    const { left, right, top, bottom } = this.box;
    let out = `<path class="axis" d="M${left} ${top}V${bottom}H${right}"/>`;
    for (const v of ticks(...this.x, (right - left) / 70))
      out += `<path class="tick" d="M${this.sx(v)} ${bottom}v4"/><text class="number" x="${this.sx(v)}" y="${bottom + 16}" text-anchor="middle">${said(v, 6)}</text>`;
    const rows = this.log ? powers(...this.y) : ticks(...this.y, (bottom - top) / 40);
    for (const v of rows)
      out += `<path class="grid" d="M${left} ${this.sy(v)}H${right}"/><text class="number" x="${left - 6}" y="${this.sy(v) + 4}" text-anchor="end">${said(v, 6)}</text>`;
    if (xTitle) out += `<text class="title" x="${right}" y="${bottom + 32}" text-anchor="end">${xTitle}</text>`;
    return out + `<text class="title" x="${left}" y="${top - 8}">${yTitle}</text>`;
  }
}

function ticks(low, high, wanted) {
  const rough = (high - low) / Math.max(2, wanted);
  const base = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * base).find((s) => s >= rough * 0.999);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-9); i++) found.push(i * step);
  return found;
}

function powers(low, high) {
  const found = [];
  for (let v = 2 ** Math.ceil(Math.log2(low)); v <= high * 1.0001; v *= 2) found.push(v);
  const every = Math.ceil(found.length / 6);
  return found.filter((_, i) => i % every === 0);
}

/** A picture with sliders: `draw(width)` gives its SVG, `sliders` its values, `grab` what a pointer moves. */
class Moving {
  constructor(parent, label) {
    this.seq = 0;
    this.root = document.createElement("div");
    this.root.className = "theory";
    this.root.innerHTML = `<div class="readout" aria-live="off"></div><svg role="img"></svg><div class="controls"></div>`;
    parent.append(this.root);
    [this.readout, this.svg, this.controls] = this.root.children;
    this.svg.setAttribute("aria-label", label);
    this.observer = new ResizeObserver(() => this.schedule());
    this.observer.observe(this.root);
    this.svg.addEventListener("pointerdown", (event) => {
      const move = this.grab(...this.place(event));
      if (!move || event.button > 0) return;
      event.preventDefault();
      this.svg.setPointerCapture(event.pointerId);
      this.move = move;
      move(...this.place(event));
      this.schedule();
    });
    this.svg.addEventListener("pointermove", (event) => {
      if (!this.move) return;
      this.move(...this.place(event));
      this.schedule();
    });
    const drop = () => { if (this.move) { this.move = null; this.commit(); } };
    this.svg.addEventListener("pointerup", drop);
    this.svg.addEventListener("pointercancel", drop);
  }

  place(event) {
    const box = this.svg.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** A labelled slider of a value; `log` for one that is moved by factors. */
  slider(name, label, low, high, log = false) {
    const to = log ? Math.log : (v) => v, from = log ? Math.exp : (v) => v;
    const holder = document.createElement("label");
    const input = document.createElement("input");
    Object.assign(input, { type: "range", min: to(low), max: to(high), step: (to(high) - to(low)) / 1000 });
    input.setAttribute("aria-label", label);
    input.dataset.name = name;
    const word = document.createElement("span");
    holder.append(word, input);
    this.controls.append(holder);
    input.addEventListener("input", () => { this[name] = from(input.valueAsNumber); this.schedule(); });
    input.addEventListener("change", () => this.commit());
    return () => {
      word.textContent = `${label} = ${said(this[name], 4)}`;
      input.setAttribute("aria-valuetext", said(this[name], 4));
      if (Math.abs(input.valueAsNumber - to(this[name])) > 1e-9) input.value = to(this[name]);
    };
  }

  schedule() {
    if (!this.pending) this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      const width = this.root.clientWidth;
      if (width) this.show(width);
    });
  }

  /** What the person did goes to Python, numbered: an answer to an older number moves nothing. */
  commit() {
    this.seq += 1;
    this.send({ seq: this.seq, ...this.values() });
    this.schedule();
  }

  /** Values from Python, unless the person has moved on since; whether they were taken. */
  take(data, send) {
    this.send = send;
    const fresh = data.seq >= this.seq && !this.move;
    if (fresh) this.seq = data.seq;
    this.data = data;
    this.schedule();
    return fresh;
  }

  leave() {
    this.observer.disconnect();
    cancelAnimationFrame(this.pending);
    this.root.remove();
  }
}

/** The component's entry: one picture for each place on the page. */
const mount = (Picture) => ({ data, parentElement, setStateValue }) => {
  let picture = kept.get(parentElement);
  if (!picture) kept.set(parentElement, (picture = new Picture(parentElement, data)));
  picture.receive(data, (value) => setStateValue("moved", value));
  return () => { picture.leave(); kept.delete(parentElement); };
};
