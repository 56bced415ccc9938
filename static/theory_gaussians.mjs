// front/axes.ts
var clamp = (v, low, high) => Math.min(high, Math.max(low, v));
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

// front/theory_gaussians.ts
var FROM = -5;
var TO = 5;
var LOW_SIGMA = 0.05;
var HIGH_SIGMA = 3;
var FAR = 4;
var density = (z, mu, sigma) => Math.exp(-0.5 * ((z - mu) / sigma) ** 2) / (sigma * Math.sqrt(2 * Math.PI));
var integrand = (z, mu, sigma) => density(z, mu, sigma) * (0.5 * z * z - 0.5 * ((z - mu) / sigma) ** 2 - Math.log(sigma));
var PLACES = [
  ["Asleep: q = p", 0, 1],
  ["Awake: far and narrow", 1.5, 0.1],
  ["A doubt: wide", 0.8, 1.8]
];
var Gaussians = class extends Moving {
  constructor(parent, data) {
    super(parent, data.label);
    this.mu = NaN;
    this.sigma = NaN;
    this.sync = [
      this.slider(
        "mu",
        "µ",
        -FAR,
        FAR,
        () => this.mu,
        (mu) => {
          this.mu = mu;
        }
      ),
      this.slider(
        "sigma",
        "σ",
        LOW_SIGMA,
        HIGH_SIGMA,
        () => this.sigma,
        (sigma) => {
          this.sigma = sigma;
        },
        true
      )
    ];
    const buttons = document.createElement("div");
    buttons.className = "buttons";
    for (const [name, mu, sigma] of PLACES) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.onclick = () => {
        this.mu = mu;
        this.sigma = sigma;
        this.commit();
      };
      buttons.append(button);
    }
    this.controls.append(buttons);
  }
  values() {
    return { mu: +this.mu.toFixed(4), sigma: +this.sigma.toFixed(4) };
  }
  receive(data, send) {
    const first = Number.isNaN(this.mu);
    if (!this.take(data, send) && !first) return;
    this.mu = data.mu;
    this.sigma = data.sigma;
  }
  /** The top of q takes the pointer along with µ, its flank with σ; elsewhere q comes to the pointer. */
  grab(x, y) {
    const { upper } = this;
    const near = (z) => Math.hypot(upper.sx(z) - x, upper.sy(density(z, this.mu, this.sigma)) - y);
    const flank = Math.min(near(this.mu - this.sigma), near(this.mu + this.sigma));
    if (flank < 24 && flank < near(this.mu))
      return (px) => {
        this.sigma = clamp(Math.abs(upper.xAt(px) - this.mu), LOW_SIGMA, HIGH_SIGMA);
      };
    const held = near(this.mu) < 40 ? this.mu - upper.xAt(x) : 0;
    return (px) => {
      this.mu = clamp(upper.xAt(px) + held, -FAR, FAR);
    };
  }
  show(width) {
    const { mu, sigma } = this;
    const box = { left: 40, right: width - 10 };
    const top = Math.max(0.45, density(mu, mu, sigma) * 1.08);
    const step = sigma / 40;
    const curve = [], inside = [], prior = [];
    for (let z = Math.max(FROM, mu - 8 * sigma); z <= Math.min(TO, mu + 8 * sigma); z += step) {
      curve.push([z, density(z, mu, sigma)]);
      inside.push([z, integrand(z, mu, sigma)]);
    }
    for (let z = FROM; z <= TO; z += 0.05) prior.push([z, density(z, 0, 1)]);
    const peak = Math.max(0.1, ...inside.map((p) => p[1])) * 1.1, dip = Math.min(-0.05, ...inside.map((p) => p[1])) * 1.2;
    const upper = new Axes({ ...box, top: 26, bottom: 236 }, [FROM, TO], [0, top]);
    this.upper = upper;
    const lower = new Axes({ ...box, top: 286, bottom: 410 }, [FROM, TO], [dip, peak]);
    const zero = lower.sy(0);
    const area = inside.length ? `${lower.line(inside)}L${lower.sx(inside[inside.length - 1][0])} ${zero}L${lower.sx(inside[0][0])} ${zero}Z` : "";
    const flank = density(mu + sigma, mu, sigma);
    this.svg.setAttribute("height", "446");
    this.svg.setAttribute("width", String(width));
    this.svg.innerHTML = `
      ${upper.frame("", "density")}
      <path class="prior" d="${upper.line(prior)}"/>
      <text class="word" x="${upper.sx(-2.4)}" y="${upper.sy(density(-1.6, 0, 1)) - 6}" text-anchor="middle">p(z) = N(0, 1)</text>
      <path class="posterior" d="${upper.line(curve)}"/>
      <path class="span" d="M${upper.sx(mu - sigma)} ${upper.sy(flank)}H${upper.sx(mu + sigma)}"/>
      <circle class="handle flank" r="7" cx="${upper.sx(mu - sigma)}" cy="${upper.sy(flank)}"/>
      <circle class="handle flank" r="7" cx="${upper.sx(mu + sigma)}" cy="${upper.sy(flank)}"/>
      <circle class="handle top" r="9" cx="${upper.sx(mu)}" cy="${upper.sy(density(mu, mu, sigma))}"/>
      ${lower.frame("z", "q(z) ln (q(z) / p(z)): its area is the KL")}
      <clipPath id="over"><rect x="0" y="0" width="${width}" height="${zero}"/></clipPath>
      <clipPath id="under"><rect x="0" y="${zero}" width="${width}" height="200"/></clipPath>
      <path class="gain" clip-path="url(#over)" d="${area}"/><path class="loss" clip-path="url(#under)" d="${area}"/>
      <path class="axis" d="M${box.left} ${zero}H${box.right}"/>`;
    let sum = 0;
    for (let i = -400; i <= 400; i++) sum += integrand(mu + i / 50 * sigma, mu, sigma) * (sigma / 50);
    const parts = [mu * mu, sigma * sigma, -2 * Math.log(sigma)];
    const kl = 0.5 * (parts[0] + parts[1] + parts[2] - 1);
    const sign = (v) => v < 0 ? ` − ${said(-v)}` : ` + ${said(v)}`;
    this.readout.innerHTML = `<b data-kl="${kl}">KL = ${kl.toFixed(3)} nats</b>
      <span>½(µ² + σ² − ln σ² − 1) = ½(${said(parts[0])}${sign(parts[1])}${sign(parts[2])} − 1)</span>
      <span data-area="${sum}">area below: ${minus(sum.toFixed(3))}</span>`;
    for (const put of this.sync) put();
  }
};
var theory_gaussians_default = mount(Gaussians);
export {
  theory_gaussians_default as default
};
