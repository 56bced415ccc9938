// front/axes.ts
var clamp = (v, low, high) => Math.min(high, Math.max(low, v));
var escaped = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
var minus = (text) => text.replace("-", "−");
var said = (v, digits = 3) => minus(Math.abs(v) >= 1e3 ? v.toFixed(0) : String(+v.toPrecision(digits)));
var Axes = class {
  constructor(box, x, y, log = false) {
    this.box = box;
    this.x = x;
    this.y = y;
    this.log = log;
  }
  sx(v) {
    return this.box.left + (v - this.x[0]) / (this.x[1] - this.x[0]) * (this.box.right - this.box.left);
  }
  sy(v) {
    const f = this.log ? Math.log : (w) => w;
    const part = (f(v) - f(this.y[0])) / (f(this.y[1]) - f(this.y[0]));
    return this.box.bottom - part * (this.box.bottom - this.box.top);
  }
  xAt(pixel) {
    return this.x[0] + (pixel - this.box.left) / (this.box.right - this.box.left) * (this.x[1] - this.x[0]);
  }
  yAt(pixel) {
    const part = (this.box.bottom - pixel) / (this.box.bottom - this.box.top);
    return this.log ? this.y[0] * (this.y[1] / this.y[0]) ** part : this.y[0] + part * (this.y[1] - this.y[0]);
  }
  /** A path through points. */
  line(points) {
    return points.map(([x, y], i) => `${i ? "L" : "M"}${this.sx(x).toFixed(1)} ${this.sy(y).toFixed(1)}`).join("");
  }
  /** Ticks with their numbers, and the titles. */
  frame(xTitle, yTitle) {
    const { left, right, top, bottom } = this.box;
    let out = `<path class="axis" d="M${left} ${top}V${bottom}H${right}"/>`;
    for (const v of ticks(...this.x, (right - left) / 70))
      out += `<path class="tick" d="M${this.sx(v)} ${bottom}v4"/><text class="number" x="${this.sx(v)}" y="${bottom + 16}" text-anchor="middle">${said(v, 6)}</text>`;
    const rows = this.log ? powers(...this.y) : ticks(...this.y, (bottom - top) / 40);
    for (const v of rows)
      out += `<path class="grid" d="M${left} ${this.sy(v)}H${right}"/><text class="number" x="${left - 6}" y="${this.sy(v) + 4}" text-anchor="end">${said(v, 6)}</text>`;
    if (xTitle)
      out += `<text class="title" x="${right}" y="${bottom + 32}" text-anchor="end">${xTitle}</text>`;
    return `${out}<text class="title" x="${left}" y="${top - 8}">${yTitle}</text>`;
  }
};
function ticks(low, high, wanted) {
  const rough = (high - low) / Math.max(2, wanted);
  const base = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * base).find((s) => s >= rough * 0.999) ?? 10 * base;
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

// front/theory_plot.ts
var Moving = class {
  constructor(parent, label) {
    this.seq = 0;
    this.pending = 0;
    this.move = null;
    this.send = () => {
    };
    this.root = document.createElement("div");
    this.root.className = "theory";
    this.root.innerHTML = `<div class="readout" aria-live="off"></div><svg role="img"></svg><div class="controls"></div>`;
    parent.append(this.root);
    const [readout, svg, controls] = this.root.children;
    this.readout = readout;
    this.svg = svg;
    this.controls = controls;
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
    const drop = () => {
      if (this.move) {
        this.move = null;
        this.commit();
      }
    };
    this.svg.addEventListener("pointerup", drop);
    this.svg.addEventListener("pointercancel", drop);
  }
  place(event) {
    const box = this.svg.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
  /** A labelled slider of a value; `log` for one that is moved by factors. Gives what puts it where the value is. */
  slider(name, label, low, high, get, set, log = false) {
    const same = (v) => v;
    const to = log ? Math.log : same;
    const from = log ? Math.exp : same;
    const holder = document.createElement("label");
    const input = document.createElement("input");
    input.type = "range";
    input.min = String(to(low));
    input.max = String(to(high));
    input.step = String((to(high) - to(low)) / 1e3);
    input.setAttribute("aria-label", label);
    input.dataset.name = name;
    const word = document.createElement("span");
    holder.append(word, input);
    this.controls.append(holder);
    input.addEventListener("input", () => {
      set(from(input.valueAsNumber));
      this.schedule();
    });
    input.addEventListener("change", () => this.commit());
    return () => {
      word.textContent = `${label} = ${said(get(), 4)}`;
      input.setAttribute("aria-valuetext", said(get(), 4));
      if (Math.abs(input.valueAsNumber - to(get())) > 1e-9) input.value = String(to(get()));
    };
  }
  schedule() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => {
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
};
function mount(Picture) {
  const shown = /* @__PURE__ */ new WeakMap();
  return ({ data, parentElement, setStateValue }) => {
    const picture = shown.get(parentElement) ?? new Picture(parentElement, data);
    shown.set(parentElement, picture);
    picture.receive(data, (value) => setStateValue("moved", value));
    return () => {
      picture.leave();
      shown.delete(parentElement);
    };
  };
}

// front/theory_curve.ts
var RateDistortion = class extends Moving {
  constructor(parent, data) {
    super(parent, data.label);
    this.value = NaN;
    this.name = data.name;
    const [low, high] = data.limits;
    this.sync = this.slider(
      "value",
      data.name === "epsilon" ? "ε" : "β",
      low,
      high,
      () => this.value,
      (value) => {
        this.value = value;
      },
      data.name === "beta"
    );
  }
  values() {
    return { value: +this.value.toPrecision(6) };
  }
  receive(data, send) {
    const first = Number.isNaN(this.value);
    if (this.take(data, send) || first) this.value = clamp(data.value, ...data.limits);
  }
  grab(_x, y) {
    const limit = (v) => {
      this.value = clamp(v, ...this.data.limits);
    };
    if (this.name === "epsilon") return (px) => limit(this.upper.xAt(px));
    if (y > this.lower.box.top - 20) return (_px, py) => limit(this.lower.yAt(py));
    return null;
  }
  /** [R, D, β] of the curve at a rate, or null outside of it. */
  at(rate) {
    const { table } = this.data;
    const i = table.findIndex((row) => row[0] >= rate);
    if (i < 0 || rate < table[0][0]) return null;
    if (i === 0) return table[0];
    const part = (rate - table[i - 1][0]) / (table[i][0] - table[i - 1][0]);
    return table[i].map((v, k) => table[i - 1][k] + part * (v - table[i - 1][k]));
  }
  /** [lowest, highest] β at a rate of any falling convex curve through the curve's dots: `Curve.bracket` in Python. */
  bracket(rate) {
    const { knots, chords } = this.data;
    const slopes = [Infinity, ...chords, 0];
    const at = knots.findIndex((knot) => Math.abs(knot - rate) <= 1e-9 * Math.max(knot, rate));
    if (at >= 0) return [slopes[at + 1], slopes[at]];
    const i = knots.findIndex((knot) => knot > rate);
    const [before, own, after] = slopes.slice(i - 1, i + 2);
    const left = rate - knots[i - 1], right = knots[i] - rate;
    return [
      Math.max(after, own - (before - own) * left / right),
      Math.min(before, own + (own - after) * right / left)
    ];
  }
  /** The outline of all brackets, for axes that end at `limits`. */
  band(axes, limits) {
    const rates = this.data.table.map((row) => row[0]);
    const inside = (beta) => clamp(beta, ...limits);
    const low = rates.map((rate) => [rate, inside(this.bracket(rate)[0])]);
    const high = rates.map((rate) => [rate, inside(this.bracket(rate)[1])]);
    return `${axes.line([...low, ...high.reverse()])}Z`;
  }
  /** Where the curve is as steep as β; its ends where it is nowhere. */
  touching(beta) {
    const { table } = this.data;
    return table.find((row) => row[2] <= beta) ?? table[table.length - 1];
  }
  show(width) {
    const { data, value } = this;
    const byRate = this.name === "epsilon";
    const box = { left: 46, right: width - 10 };
    const upper = new Axes({ ...box, top: 26, bottom: 300 }, data.rates, data.distortions);
    const lower = new Axes({ ...box, top: 366, bottom: 500 }, data.rates, data.betas, true);
    this.upper = upper;
    this.lower = lower;
    const slack = data.slack !== null && value >= data.slack;
    const { table } = data;
    const end = table[table.length - 1];
    const limited = slack ? [end[0], end[1], 0] : this.at(value);
    const chosen = byRate ? limited : this.touching(value);
    const beta = byRate ? chosen ? chosen[2] : null : value;
    const point = byRate ? null : [...data.points, ...data.constrained].reduce(
      (a, b) => a.distortion + value * a.rate <= b.distortion + value * b.rate ? a : b
    );
    const touch = point ? [point.rate, point.distortion] : chosen;
    const last = end[0];
    const first = table[0][0];
    let out = `<pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="tick" d="M0 0V7" opacity="0.4"/></pattern>
      <clipPath id="inside"><rect x="${box.left}" y="${upper.box.top}" width="${Math.max(0, box.right - box.left)}" height="${upper.box.bottom - upper.box.top}"/></clipPath>`;
    for (const axes of [upper, lower]) {
      const { top, bottom } = axes.box, high = bottom - top;
      out += `<rect class="unknown" x="${axes.sx(last)}" y="${top}" width="${Math.max(0, box.right - axes.sx(last))}" height="${high}"/>
        <rect class="unknown" x="${box.left}" y="${top}" width="${Math.max(0, axes.sx(first) - box.left)}" height="${high}"/>`;
      if (byRate)
        out += `<rect class="forbidden" x="${axes.sx(value)}" y="${top}" width="${Math.max(0, box.right - axes.sx(value))}" height="${high}"/>`;
    }
    out += upper.frame("", "distortion D = −E[log p(x|z)], nats") + lower.frame("rate R = KL, nats", "β: slope of the curve (line), as it was set (dots)");
    out += `<path class="curve" d="${upper.line(table.map(([rate, distortion]) => [rate, distortion]))}"/>`;
    out += `<path class="band" d="${this.band(lower, data.betas)}"/>`;
    out += `<path class="curve" d="${lower.line(table.filter((row) => row[2] >= data.betas[0] && row[2] <= data.betas[1]).map((row) => [row[0], row[2]]))}"/>`;
    if (touch && beta !== null) {
      const [r, d] = touch, reach = data.rates[1] - data.rates[0];
      out += `<path class="tangent" clip-path="url(#inside)" d="${upper.line([
        [r - reach, d + beta * reach],
        [r + reach, d - beta * reach]
      ])}"/>`;
      if (beta > 0)
        out += `<text class="word" text-anchor="end" x="${Math.max(upper.sx(r) - 14, box.left + 110)}" y="${clamp(upper.sy(d) + 26, upper.box.top + 12, upper.box.bottom - 4)}">slope −β = −${said(beta)}</text>`;
    }
    for (const p of data.points) {
      const best = point && p.name === point.name;
      out += `<circle class="model${best ? " best" : ""}" r="${best ? 8 : 5}" cx="${upper.sx(p.rate)}" cy="${upper.sy(p.distortion)}"><title>${escaped(p.name)}: R ${said(p.rate, 4)}, D ${said(p.distortion, 4)}</title></circle>
        <text class="number" x="${upper.sx(p.rate) + 8}" y="${upper.sy(p.distortion) - 7}">β ${said(p.beta ?? 0)}</text>`;
      if ((p.beta ?? 0) >= data.betas[0])
        out += `<circle class="model" r="5" cx="${lower.sx(p.rate)}" cy="${lower.sy(p.beta ?? 0)}"><title>${escaped(p.name)}: β ${said(p.beta ?? 0)}</title></circle>`;
    }
    for (const p of data.constrained) {
      const best = point && p.name === point.name ? " best" : "";
      out += `<path class="found${best}" d="M${upper.sx(p.rate)} ${upper.sy(p.distortion) - 8}l8 8l-8 8l-8 -8Z"><title>${escaped(p.name)}: ε ${said(p.epsilon ?? 0)}, R ${said(p.rate, 4)}, D ${said(p.distortion, 4)}</title></path>
        <text class="number" x="${upper.sx(p.rate) + 10}" y="${upper.sy(p.distortion) - 8}">ε ${said(p.epsilon ?? 0)}</text>`;
      if ((p.beta ?? 0) > 0)
        out += `<path class="found" d="M${lower.sx(p.rate)} ${lower.sy(p.beta ?? 0) - 8}l8 8l-8 8l-8 -8Z"/>`;
    }
    if (point) {
      out += `<path class="limit" d="M${box.left} ${lower.sy(value)}H${box.right}"/><circle class="handle top" r="9" cx="${lower.sx(point.rate)}" cy="${lower.sy(value)}"/>`;
    } else {
      out += `<path class="limit" d="M${upper.sx(value)} ${upper.box.top}V${lower.box.bottom}"/>
        <circle class="handle top" r="9" cx="${upper.sx(value)}" cy="${upper.box.bottom}"/>`;
    }
    if (byRate && chosen) {
      out += `<circle class="chosen" r="7" cx="${upper.sx(chosen[0])}" cy="${upper.sy(chosen[1])}"/>`;
      if (chosen[2] >= data.betas[0])
        out += `<circle class="chosen" r="7" cx="${lower.sx(chosen[0])}" cy="${lower.sy(chosen[2])}"/>`;
    }
    this.svg.setAttribute("height", "540");
    this.svg.setAttribute("width", String(width));
    this.svg.innerHTML = out;
    this.readout.innerHTML = point ? this.ofPrice(value, point) : this.ofRate(value, chosen, slack);
    this.sync();
  }
  ofRate(epsilon, chosen, slack) {
    const { table, chords } = this.data;
    if (slack && chosen)
      return `<b data-beta="0">β = 0: the constraint is slack</b><span>KL = ${said(chosen[0], 4)} &lt; ε = ${said(epsilon, 4)}</span><span>β(KL − ε) = 0</span>`;
    if (!chosen) {
      const below = epsilon < table[0][0];
      return `<b>${below ? `β above ${said(chords[0])}` : `β below ${said(chords[chords.length - 1])}`}: not measured</b><span>no model at hand has a rate of ${said(epsilon, 4)} nats</span>`;
    }
    const [low, high] = this.bracket(epsilon);
    const bound = high === Infinity ? `${said(low)} or more` : `${said(low)} to ${said(high)}`;
    return `<b data-beta="${chosen[2]}">ε = ${said(epsilon, 4)} nats chooses β ≈ ${said(chosen[2])}</b>
      <span data-low="${low}" data-high="${high}">on any convex curve: ${bound}</span><span>D ≈ ${said(chosen[1], 4)} nats</span><span>KL = ε, so β(KL − ε) = 0</span>`;
  }
  ofPrice(beta, point) {
    return `<b data-best="${escaped(point.name)}">β = ${said(beta)}: ${escaped(point.name)} costs least</b>
      <span>D + βR = ${said(point.distortion, 4)} + ${said(beta)} · ${said(point.rate, 3)} = ${(point.distortion + beta * point.rate).toFixed(1)} nats</span>`;
  }
};
var theory_curve_default = mount(RateDistortion);
export {
  theory_curve_default as default
};
