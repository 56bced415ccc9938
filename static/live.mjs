// front/origin.ts
var KEY = "beta-vae-explorer";
function asPython(value) {
  if (Array.isArray(value)) return `[${value.map(asPython).join(", ")}]`;
  if (value !== null && typeof value === "object") {
    const pairs = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
    return `{${pairs.map(([key, own]) => `${asPython(key)}: ${asPython(own)}`).join(", ")}}`;
  }
  const ascii = (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value).replace(/[\u0080-\uffff]/g, ascii);
}
async function originText(origin) {
  if (!globalThis.crypto?.subtle) return null;
  const fields = { data: "", ...origin };
  const bytes = new TextEncoder().encode(asPython(fields));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const check = Array.from(digest.slice(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return asPython({ ...fields, check });
}
function stamped(png, text) {
  const body = new TextEncoder().encode(`iTXt${KEY}\0\0\0\0\0${text}`);
  const made = new Uint8Array(png.length + body.length + 8);
  const view = new DataView(made.buffer);
  made.set(png.subarray(0, 33));
  view.setUint32(33, body.length - 4);
  made.set(body, 37);
  view.setUint32(37 + body.length, crc32(body));
  made.set(png.subarray(33), 41 + body.length);
  return made;
}
function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? crc >>> 1 ^ 3988292384 : crc >>> 1;
  }
  return ~crc >>> 0;
}

// front/pixels.ts
function luminance(red, green, blue) {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}
function imageOf(pixels, channels) {
  const area = pixels.length / 4;
  const values = new Float32Array(channels * area);
  for (let pixel = 0; pixel < area; pixel += 1) {
    const [red, green, blue] = pixels.subarray(4 * pixel, 4 * pixel + 3);
    if (channels === 3) {
      values[pixel] = red / 255;
      values[area + pixel] = green / 255;
      values[2 * area + pixel] = blue / 255;
    } else {
      values[pixel] = luminance(red, green, blue) / 255;
    }
  }
  return values;
}

// front/dom.ts
function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key in made) Object.assign(made, { [key]: value });
    else made.setAttribute(key, String(value));
  }
  made.append(...children);
  return made;
}
function touched() {
  return matchMedia("(hover: none)").matches;
}
function section(className, label, ...inside) {
  return element("section", { className, "aria-label": label }, ...inside);
}
var PATHS = {
  play: "M5 3l8 5-8 5z",
  stop: "M4 4h8v8H4z",
  lock: "M5 7V5a3 3 0 016 0v2h1v6H4V7zm1.5 0h3V5a1.5 1.5 0 00-3 0z",
  unlock: "M5 7V5a3 3 0 015.8-1l-1.4.5A1.5 1.5 0 006.500 5v2H12v6H4V7z",
  up: "M8 3.500l5 6H9.500v3h-3v-3H3z",
  down: "M8 12.500l-5-6h3.500v-3h3v3H13z",
  reset: "M8 3a5 5 0 104.800 3.600l-1.500.400A3.500 3.500 0 118 4.500V7l4-3.300L8 .500z",
  rename: "M3 11.200L10.700 3.500l1.800 1.800L4.800 13H3z"
};
function iconButton(icon, label, onclick) {
  const button = element("button", { type: "button", className: "bv-icon", onclick });
  setIcon(button, icon, label);
  return button;
}
function setIcon(button, icon, label) {
  button.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${PATHS[icon]}"/></svg>`;
  button.title = label;
  button.setAttribute("aria-label", label);
}
function context2d(canvas, settings) {
  return canvas.getContext("2d", settings);
}
async function imageAt(source, [channels, height, width]) {
  const image = element("img", { src: source });
  await image.decode();
  const context = context2d(element("canvas", { width, height }));
  context.drawImage(image, 0, 0, width, height);
  return imageOf(context.getImageData(0, 0, width, height).data, channels);
}
function download(canvas, name, origin) {
  canvas.toBlob(async (blob) => {
    if (!blob) return;
    const text = await originText(origin);
    const parts = text ? [stamped(new Uint8Array(await blob.arrayBuffer()), text)] : [blob];
    const address = URL.createObjectURL(new Blob(parts, { type: "image/png" }));
    element("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1e4);
  }, "image/png");
}

// front/badge.ts
var Badge = class {
  constructor() {
    this.words = element("span", { role: "status" });
    this.time = element("span", { "aria-hidden": "true" });
    this.root = element("p", { className: "bv-badge" }, this.words, this.time);
  }
  say(text, wrong = false) {
    this.write(text, "");
    this.root.classList.toggle("bv-wrong", wrong);
  }
  /** `more` is read out with the words, and stands behind the time. */
  decodes(milliseconds, more = "") {
    this.write(`decoded in this page${more}`, ` · ${milliseconds.toFixed(1)} ms a frame`);
    this.root.classList.remove("bv-wrong");
  }
  write(words, time) {
    if (this.words.textContent !== words) this.words.textContent = words;
    this.time.textContent = time;
  }
};

// front/axes.ts
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
  const base2 = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * base2).find((s) => s >= rough * 0.999) ?? 10 * base2;
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

// front/cells.ts
var GAP = 2;
var PAPER = "#fff";
var INKS = ["#1f63b4", "#c85200", "#177f4b", "#963282", "#6e5a14", "#007d8c", "#b4283c", "#5a5a5a"];
var PALE = "#e3e6ea";
var TEXT = "#31333f";
var SMALL = [96, 64];
var LARGE = [720, 480];
var LINE = 26;
var MOST_LINES = 40;
var MARGIN = 0.06;
var NAMES = 0.36;
function cellSize({ shape, kind }, large = false) {
  const [, height, width] = shape;
  if (!kind) return [width, height];
  if (!large)
    return kind.kind === "signal" ? SMALL : [Math.min(Math.max(SMALL[0], 3 * width), 384), SMALL[1]];
  if (kind.kind === "vector" && width <= MOST_LINES) return [LARGE[0], Math.max(width * LINE + 10, 200)];
  return LARGE;
}
var inUnits = ({ offset, gain }, value) => offset + gain * value;
var titled = (name, unit) => unit ? `${name} (${unit})` : name;
var Cells = class {
  constructor(canvas, shape, [width, height], columns, rows) {
    this.shape = shape;
    this.columns = columns;
    this.width = width;
    this.height = height;
    canvas.width = columns * (width + GAP) - GAP;
    canvas.height = rows * (height + GAP) - GAP;
    this.context = context2d(canvas);
  }
  /** Cells for such samples; `large` is the one that stands alone. */
  static of(canvas, look, columns = 1, rows = 1, large = false) {
    const size = cellSize(look, large);
    const { kind } = look;
    const shape = look.shape;
    canvas.classList.toggle("bv-drawn", kind !== null);
    if (!kind) return new PixelCells(canvas, shape, size, columns, rows);
    const Kind = kind.kind === "signal" ? CurveCells : BarCells;
    return new Kind(canvas, shape, size, columns, rows, kind, large);
  }
  /** Left and upper edge of a cell. */
  corner(cell) {
    const x = cell % this.columns * (this.width + GAP);
    return [x, Math.floor(cell / this.columns) * (this.height + GAP)];
  }
};
var changed = (part) => part > 0 ? [128 + 104 * part, 128 - 8 * part, 128 - 92 * part] : [128 + 98 * part, 128 + 20 * part, 128 - 112 * part];
var largest = (change) => change.reduce((found, value) => Math.max(found, Math.abs(value)), 0);
var PixelCells = class extends Cells {
  constructor(canvas, shape, size, columns, rows) {
    super(canvas, shape, size, columns, rows);
    this.image = this.context.createImageData(this.width, this.height);
    this.image.data.fill(255);
  }
  paint(values, from = 0, cell = 0) {
    const area = this.height * this.width;
    const data = this.image.data;
    const first = from * this.shape[0] * area;
    const [green, blue] = this.shape[0] === 3 ? [area, 2 * area] : [0, 0];
    for (let pixel = 0, at = first; pixel < area; pixel += 1, at += 1) {
      data[4 * pixel] = values[at] * 255;
      data[4 * pixel + 1] = values[at + green] * 255;
      data[4 * pixel + 2] = values[at + blue] * 255;
    }
    this.put(cell);
  }
  paintChange(change) {
    const [channels, area] = [this.shape[0], this.height * this.width];
    const mean = new Float32Array(area);
    for (let at = 0; at < channels * area; at += 1) mean[at % area] += change[at] / channels;
    const most2 = largest(mean);
    const data = this.image.data;
    for (let pixel = 0; pixel < area; pixel += 1) {
      [data[4 * pixel], data[4 * pixel + 1], data[4 * pixel + 2]] = changed(mean[pixel] / (most2 || 1));
    }
    this.put(0);
    return most2;
  }
  put(cell) {
    this.context.putImageData(this.image, ...this.corner(cell));
  }
};
var DrawnCells = class extends Cells {
  constructor(canvas, shape, size, columns, rows, kind, large) {
    super(canvas, shape, size, columns, rows);
    this.kind = kind;
    this.large = large;
  }
  /** A blank cell; gives its corner. */
  blank(cell) {
    const [x, y] = this.corner(cell);
    this.context.fillStyle = PAPER;
    this.context.fillRect(x, y, this.width, this.height);
    return [x, y];
  }
  letters(size) {
    Object.assign(this.context, { font: `${size}px system-ui, sans-serif`, fillStyle: TEXT, lineWidth: 1 });
  }
};
var CurveCells = class extends DrawnCells {
  paint(values, from = 0, cell = 0) {
    const [leads, , length] = this.shape;
    const axes = this.axes(cell, -MARGIN, 1 + MARGIN);
    if (this.large) this.frame(axes);
    for (let lead = 0; lead < leads; lead += 1) {
      const first = (from * leads + lead) * length;
      this.curve(axes, (at) => values[first + at], INKS[lead % INKS.length]);
    }
  }
  paintChange(change) {
    const most2 = largest(change);
    const [leads, , length] = this.shape;
    const axes = this.axes(0, -1.1, 1.1);
    this.curve(axes, () => 0, "#b0b4ba");
    for (let lead = 0; lead < leads; lead += 1)
      this.curve(axes, (at) => change[lead * length + at] / (most2 || 1), INKS[lead % INKS.length]);
    return most2;
  }
  axes(cell, low, high) {
    const [x, y] = this.blank(cell);
    const [left, top, right, bottom] = this.large ? [78, 30, 14, 50] : [0, 0, 0, 0];
    const box = {
      left: x + left,
      right: x + this.width - right,
      top: y + top,
      bottom: y + this.height - bottom
    };
    return new Axes(box, [0, Math.max(this.shape[2] - 1, 1)], [low, high]);
  }
  curve(axes, value, colour) {
    const { context } = this;
    const [low, high] = axes.y;
    Object.assign(context, { strokeStyle: colour, lineWidth: this.large ? 3 : 2.4, lineJoin: "round" });
    context.beginPath();
    for (let at = 0; at < this.shape[2]; at += 1)
      context.lineTo(axes.sx(at), axes.sy(Math.min(high, Math.max(low, value(at)))));
    context.stroke();
  }
  /** Lines at round values of the axis and of the first lead's unit, which all leads share in what is drawn here. */
  frame(axes) {
    const { context } = this;
    const axis = this.kind.axis;
    const [channel, ...others] = this.kind.channels;
    const { left, right, top, bottom } = axes.box;
    this.letters(20);
    context.strokeStyle = PALE;
    context.beginPath();
    Object.assign(context, { textAlign: "right", textBaseline: "middle" });
    const [low, high] = axes.y.map((value) => inUnits(channel, value));
    for (const value of ticks(low, high, 5)) {
      const y = axes.sy((value - channel.offset) / channel.gain);
      context.moveTo(left, y);
      context.lineTo(right, y);
      context.fillText(said(value, 4), left - 8, y);
    }
    Object.assign(context, { textAlign: "center", textBaseline: "top" });
    const span = axis.last - axis.first;
    for (const value of ticks(axis.first, axis.last, 6)) {
      const x = axes.sx((value - axis.first) / (span || 1) * axes.x[1]);
      context.moveTo(x, top);
      context.lineTo(x, bottom);
      context.fillText(said(value, 6), x, bottom + 6);
    }
    context.stroke();
    Object.assign(context, { textAlign: "right", textBaseline: "bottom" });
    context.fillText(titled(axis.name, axis.unit), right, this.height - 1);
    Object.assign(context, { textAlign: "left", textBaseline: "top" });
    const names = others.length ? this.kind.channels.map(({ name }) => name).join(", ") : channel.name;
    context.fillText(titled(names, channel.unit), left, 4, right - left);
  }
};
var BarCells = class extends DrawnCells {
  paint(values, from = 0, cell = 0) {
    const columns = this.shape[2];
    const [x, y] = this.blank(cell);
    const first = from * columns;
    if (this.large && columns <= MOST_LINES) {
      this.lines((at) => values[first + at]);
      return;
    }
    const { context } = this;
    const wide = this.width / columns;
    const place = (value) => y + (1 - MARGIN - Math.min(1 + MARGIN / 2, Math.max(0, value)) * (1 - 2 * MARGIN)) * this.height;
    context.fillStyle = INKS[0];
    for (let at = 0; at < columns; at += 1) {
      const top = place(values[first + at]);
      context.fillRect(x + at * wide, top, Math.max(wide - (wide > 2 ? 1 : 0), 0.5), place(0) - top);
    }
    context.fillStyle = "#969696";
    context.fillRect(x, place(0), this.width, 1);
  }
  paintChange(change) {
    const most2 = largest(change);
    const { context, height } = this;
    const columns = this.shape[2];
    const wide = this.width / columns;
    this.blank(0);
    for (let at = 0; at < columns; at += 1) {
      const part = change[at] / (most2 || 1);
      context.fillStyle = `rgb(${changed(part).join(" ")})`;
      const size = 0.48 * height * Math.abs(part);
      context.fillRect(at * wide, part > 0 ? height / 2 - size : height / 2, Math.max(wide - 1, 0.5), size);
    }
    return most2;
  }
  /** A text with as many letters as there is room for. */
  cut(text, room) {
    const { context } = this;
    if (context.measureText(text).width <= room) return text;
    let kept = text.length - 1;
    while (kept > 1 && context.measureText(`${text.slice(0, kept)}…`).width > room) kept -= 1;
    return `${text.slice(0, kept)}…`;
  }
  /** A line for each column: its name, a bar, and its value in its unit. */
  lines(value) {
    const { context, width } = this;
    const [left, right] = [width * NAMES * 0.6, width * (1 - NAMES * 0.4)];
    this.letters(17);
    context.textBaseline = "middle";
    for (const [at, channel] of this.kind.channels.entries()) {
      const [top, part] = [5 + at * LINE, Math.min(1, Math.max(0, value(at)))];
      context.fillStyle = PALE;
      context.fillRect(left, top + 3, right - left, LINE - 6);
      context.fillStyle = INKS[0];
      context.fillRect(left, top + 3, part * (right - left), LINE - 6);
      context.fillStyle = TEXT;
      context.textAlign = "right";
      context.fillText(this.cut(channel.name, left - 12), left - 8, top + LINE / 2);
      context.textAlign = "left";
      const text = `${said(inUnits(channel, value(at)), 4)} ${channel.unit}`;
      context.fillText(this.cut(text, width - right - 10), right + 8, top + LINE / 2);
    }
  }
};

// front/frames.ts
var SLICE = 9;
var AT_LEAST = 6;
var views = /* @__PURE__ */ new Set();
var frame = 0;
var busy = false;
var last = 0;
var starved = 0;
function join(view) {
  views.add(view);
}
function leave(view) {
  views.delete(view);
}
function ask() {
  if (frame === 0 && !busy) frame = requestAnimationFrame(turn);
}
async function turn(now) {
  frame = 0;
  busy = true;
  const began = performance.now();
  const passed = now - last;
  last = now;
  let moving = false;
  let more = false;
  for (const view of [...views]) {
    if (view.animate(Math.min(passed, 100) / 1e3)) more = true;
    if (view.stale) {
      moving = true;
      await view.paint();
    }
  }
  const late = moving && passed > 24 && passed < 200;
  starved += 1;
  for (const view of [...views]) {
    for (let first = true; ; first = false) {
      const end = performance.now() - began + view.cost;
      const allowed = first && (!moving || starved >= AT_LEAST);
      if (!allowed && (late || end > SLICE)) break;
      if (!await view.detail()) break;
      starved = 0;
    }
  }
  busy = false;
  if (more || [...views].some((view) => view.stale || view.hasDetail())) ask();
}

// front/runtime.ts
var KEPT = 8;
var runtime = null;
var networks = /* @__PURE__ */ new Map();
function load({ script, wasm }) {
  runtime ??= Promise.all([
    import(script),
    typeof wasm === "string" ? unpacked(wasm) : wasm
  ]).then(([ort, bytes]) => {
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmBinary = bytes;
    return ort;
  });
  runtime.catch(() => {
    runtime = null;
  });
  return runtime;
}
async function unpacked(address) {
  const answer = await fetch(address);
  if (!answer.ok || !answer.body) throw new Error(`its runtime was not served (${answer.status})`);
  const stream = answer.body.pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
var Network = class {
  constructor(ort, session) {
    this.ort = ort;
    this.session = session;
    this.input = session.inputNames.filter((name) => name !== "log_beta")[0];
  }
  /** Run it once to make room, and again: how many milliseconds that takes. */
  async warm(values, dimensions, beta) {
    await this.run(values, dimensions, beta);
    const began = performance.now();
    await this.run(values, dimensions, beta);
    return performance.now() - began;
  }
  /** The outputs by name, as Float32Arrays, for a batch `values` of the shape `dimensions`. */
  async run(values, dimensions, beta = 1) {
    const tensor = (given, shape) => new this.ort.Tensor("float32", given, shape);
    const feeds = { [this.input]: tensor(values, dimensions) };
    if (this.session.inputNames.includes("log_beta")) {
      feeds.log_beta = tensor(Float32Array.of(Math.log(beta)), [1]);
    }
    const outputs = await this.session.run(feeds);
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { data }]) => [name, data])
    );
  }
};
function acquire(key, assets, fetchBytes) {
  let entry = networks.get(key);
  if (!entry) {
    const promise = (async () => {
      if (typeof WebAssembly !== "object") throw new Error("it has no WebAssembly");
      const [ort, bytes] = await Promise.all([load(assets), fetchBytes()]);
      const options = { executionProviders: ["wasm"], logSeverityLevel: 3 };
      return new Network(ort, await ort.InferenceSession.create(bytes, options));
    })();
    entry = { promise, users: 0 };
    promise.catch(() => networks.delete(key));
  }
  networks.delete(key);
  networks.set(key, entry);
  entry.users += 1;
  return entry.promise;
}
var Unserved = class extends Error {
};
function reason(error) {
  return String(error?.message ?? error).split("\n")[0].slice(0, 160);
}
function release(key) {
  const entry = networks.get(key);
  if (entry) entry.users -= 1;
  const idle = [...networks].filter(([, { users }]) => users <= 0);
  for (const [old, { promise }] of idle.slice(0, Math.max(0, idle.length - KEPT))) {
    networks.delete(old);
    promise.then(({ session }) => session.release()).catch(() => {
    });
  }
}

// front/slots.ts
function written(link) {
  return link ? `${link[1] < 0 ? "-" : ""}${link[0]}` : "";
}
function read(text) {
  return text === "" ? null : [Math.abs(parseInt(text, 10)), text.startsWith("-") ? -1 : 1, null];
}
function placed(start, slots, at, offset) {
  const z = Float32Array.from(start);
  slots.forEach((slot, k) => {
    const link = slot[at];
    if (link) z[link[0]] = Math.round((start[link[0]] + link[1] * offset(k)) * 1e4) / 1e4;
  });
  return z;
}
function chosen(slots, slider, at, link) {
  const made = slots.map((slot) => [...slot]);
  const taken = link ? made.findIndex((slot, k) => k !== slider && slot[at]?.[0] === link[0]) : -1;
  if (taken >= 0) made[taken][at] = made[slider][at];
  made[slider][at] = link;
  return made;
}
function carried(from, values, to, at) {
  const offsets = /* @__PURE__ */ new Map();
  from.forEach((slot, k) => {
    const link = slot[at];
    if (link) offsets.set(link[0], link[1] * values[k]);
  });
  return to.map((slot) => {
    const link = slot[at];
    return link ? link[1] * (offsets.get(link[0]) ?? 0) : 0;
  });
}

// front/column.ts
var STRIP = 9;
var LETTERS = "ABCDEF";
var THUMBS = [
  ["input", "Input"],
  ["reconstruction", "Reconstruction"],
  ["error", "Error |x − x̂|"]
];
var SOFT = "­";
var Column = class {
  /** Model number `at` of `view`. */
  constructor(view, at) {
    this.view = view;
    this.at = at;
    this.screen = null;
    this.decoder = null;
    this.cost = 4;
    // Whether its strip is on the screen.
    this.visible = true;
    // By cell of the strip, the version that it shows.
    this.drawn = new Array(STRIP).fill(-1);
    this.key = null;
    this.painted = -1;
    this.served = null;
    this.again = false;
    this.tried = false;
    const model = view.data.models[at];
    this.model = model;
    this.letter = LETTERS[at];
    this.local = model.ready;
    this.badge = element("p", { className: "bv-badge" });
    this.figure = element(
      "figure",
      { className: "bv-column" },
      element(
        "figcaption",
        { title: model.name },
        element("b", {}, this.letter),
        ` ${model.label || model.name}`
      )
    );
    this.facts = element("section", { className: "bv-facts", "aria-label": `${model.name}: the start` });
    if (model.shape) {
      const canvas = element("canvas", { className: "bv-picture", role: "img" });
      const picture = Cells.of(canvas, model, 1, 1, true);
      canvas.style.aspectRatio = `${picture.width} / ${picture.height}`;
      const strip = element("canvas", {
        className: "bv-strip",
        "aria-hidden": "true",
        onclick: (event) => this.clicked(event.offsetX / strip.clientWidth)
      });
      this.screen = { canvas, picture, strip, cells: Cells.of(strip, model, STRIP) };
      this.figure.append(canvas);
    }
    this.figure.append(this.badge);
    this.line = element("div", { className: "bv-line" });
    this.describe();
    this.start();
  }
  /** Take what is new of the same model. */
  update(model) {
    const before = this.model;
    this.model = model;
    if (model.ready && (!before.ready || this.again)) {
      this.again = false;
      this.local = true;
    }
    this.describe();
    this.start();
  }
  /** Decode here if that is possible and not yet so; show the host's picture meanwhile. */
  start() {
    const { model } = this;
    if (!this.screen) {
      this.say(model.problem, true);
      return;
    }
    if (model.picture && !this.decoder) this.showServed(this.screen, model.picture);
    if (this.local && model.ready) {
      if (!this.key) this.open();
    } else if (model.waiting) {
      this.say(model.waiting, true);
    }
  }
  async open() {
    const key = `${this.model.hash}:decoder`;
    this.key = key;
    try {
      const { assets } = this.view.host;
      const decoder = await acquire(key, assets, () => this.view.host.bytes(`decoder${this.at}`));
      if (this.key !== key) return;
      this.cost = await decoder.warm(this.latents(), [1, this.model.latents], this.beta);
      this.decoder = decoder;
      this.say("");
      this.describe();
      ask();
    } catch (error) {
      if (this.key === key) this.unable(error);
    }
  }
  /** Nothing of this model can be decoded here: the host does it, when a slider is let go. */
  unable(error) {
    this.again = error instanceof Unserved && !this.tried;
    this.tried = true;
    this.destroy();
    this.local = false;
    const who = this.view.host.decodes ? "the server decodes when you let go" : "no picture can be made";
    this.say(`this browser can't decode here (${reason(error)}): ${who}`, true);
    this.describe();
    this.view.commit();
  }
  destroy() {
    if (this.key) release(this.key);
    this.key = this.decoder = null;
  }
  get beta() {
    return this.model.beta ?? void 0;
  }
  say(text, wrong = false) {
    this.badge.textContent = text;
    this.badge.hidden = !text;
    this.badge.classList.toggle("bv-wrong", wrong);
  }
  /** What a dimension is called. */
  label(dimension) {
    const name = this.model.names[dimension];
    return name ? `${name} (z${dimension})` : `z${dimension}`;
  }
  /** The dimension of this model that a slider moves. */
  link(slider) {
    return this.view.slots[slider]?.[this.at] ?? null;
  }
  /** Such as "−z3", or "" where that slider moves nothing of this model. */
  linked(slider) {
    const link = this.link(slider);
    return link ? `${link[1] < 0 ? "−" : ""}${this.label(link[0])}` : "";
  }
  /** Everything but pictures that are decoded here. */
  describe() {
    const { model } = this;
    const thumbs = THUMBS.flatMap(([part, title]) => {
      const src = model[part];
      if (!src) return [];
      return element(
        "figure",
        {},
        element("img", { src, alt: `${title}, ${model.name}` }),
        element("figcaption", {}, title.replace("Reconst", `Recon${SOFT}st`))
      );
    });
    this.facts.replaceChildren(
      element("p", { className: "bv-whose" }, element("b", {}, this.letter), ` ${model.name}`),
      element("div", { className: "bv-thumbs" }, ...thumbs),
      ...model.notes.map((text) => element("p", { className: "bv-note" }, text))
    );
    this.describeLine();
  }
  /** The strip of the slider that is looked at, or why there is none. */
  describeLine() {
    const what = this.linked(this.view.looked);
    const strip = what && this.local && this.screen?.strip;
    this.line.replaceChildren(
      element("span", { className: "bv-whose" }, element("b", {}, this.letter), ` ${what}`),
      strip || element("span", {}, this.lacking())
    );
    if (what && this.screen) this.screen.strip.title = `${this.model.name}: ${what}`;
  }
  lacking() {
    if (!this.model.shape) return "no model";
    if (!this.linked(this.view.looked)) return "this slider moves nothing here";
    return "decoded only when you let go";
  }
  /** Its latents at the sliders' values; at another value of one of them. */
  latents(slider = -1, value = 0) {
    const { slots, z } = this.view;
    return placed(this.model.start, slots, this.at, (k) => k === slider ? value : z[k]);
  }
  /** The newest change of a slider that moves this model, but for one. */
  versionWithout(slider) {
    let newest = 0;
    this.view.changed.forEach((version, k) => {
      if (version > newest && k !== slider && this.view.slots[k][this.at]) newest = version;
    });
    return newest;
  }
  get stale() {
    return this.decoder !== null && this.painted !== this.versionWithout(-1);
  }
  /** Decode the newest values and show them. */
  async paint() {
    const { screen, decoder } = this;
    if (!screen || !decoder) return;
    const version = this.versionWithout(-1);
    const z = this.latents();
    const images = await this.decode(decoder, z);
    screen.picture.paint(images);
    screen.canvas.values = images;
    screen.canvas.dataset.shown = JSON.stringify([...z].map((value) => +value.toFixed(4)));
    this.painted = version;
  }
  async decode(decoder, z) {
    const began = performance.now();
    const { images } = await decoder.run(z, [1, this.model.latents], this.beta);
    this.cost += 0.1 * (performance.now() - began - this.cost);
    return images;
  }
  /** The cell of the strip that was drawn longest ago from other values; −1 where none was. */
  staleCell() {
    if (!this.decoder || !this.visible || !this.link(this.view.looked)) return -1;
    const current = this.versionWithout(this.view.looked);
    let oldest = -1;
    this.drawn.forEach((age, cell) => {
      if (age !== current && (oldest < 0 || age < this.drawn[oldest])) oldest = cell;
    });
    return oldest;
  }
  async paintCell(cell) {
    const { screen, decoder } = this;
    if (!screen || !decoder) return;
    const slider = this.view.looked;
    const version = this.versionWithout(slider);
    const z = this.latents(slider, this.view.cellValue(cell));
    const images = await this.decode(decoder, z);
    if (slider !== this.view.looked) return;
    screen.cells.paint(images, 0, cell);
    this.drawn[cell] = version;
  }
  /** Take the value under a point of the strip, from 0 at its left to 1. */
  clicked(part) {
    const cell = Math.floor(part * STRIP);
    this.view.set(this.view.looked, this.view.cellValue(Math.max(0, Math.min(STRIP - 1, cell))));
    this.view.commit();
  }
  /** The picture from the host, where this page can't decode. */
  showServed({ canvas, picture }, source) {
    if (this.served === source) return;
    this.served = source;
    const z = JSON.stringify(this.model.z);
    const image = new Image();
    image.onload = () => {
      if (this.served !== source || this.decoder) return;
      picture.context.drawImage(image, 0, 0);
      canvas.dataset.shown = z;
    };
    image.src = source;
  }
  /** The picture's text alternative. */
  tell(values) {
    this.screen?.canvas.setAttribute("aria-label", `Picture decoded by ${this.model.name} at ${values}`);
  }
};

// front/latents.ts
var PERIOD = 4;
var SOON = 250;
var Latents = class {
  constructor() {
    // Counts all changes.
    this.version = 0;
    // By value, the version in which it changed last.
    this.changed = [];
    // By value that plays, which part of its period is over.
    this.playing = /* @__PURE__ */ new Map();
    this.locked = /* @__PURE__ */ new Set();
    this.seq = 0;
    this.timer = 0;
  }
  /** Begin anew with these values. */
  place(values) {
    this.z = Float64Array.from(values);
    this.version = 0;
    this.changed = new Array(this.z.length).fill(0);
    this.playing = /* @__PURE__ */ new Map();
    this.locked = /* @__PURE__ */ new Set();
  }
  set(dimension, value) {
    if (this.locked.has(dimension) || !Number.isFinite(value)) return;
    this.z[dimension] = Math.round(value * 1e4) / 1e4;
    this.version += 1;
    this.changed[dimension] = this.version;
    this.moved(dimension);
    ask();
  }
  /** All values at once, but for the locked ones. */
  setAll(value) {
    for (let d = 0; d < this.z.length; d += 1) this.set(d, value(d));
  }
  isMoved(dimension) {
    return Math.abs(this.z[dimension] - this.data.start[dimension]) > 5e-5;
  }
  /** The newest version in which a dimension other than these changed. */
  versionWithout(...dimensions) {
    let newest = 0;
    this.changed.forEach((version, d) => {
      if (version > newest && !dimensions.includes(d)) newest = version;
    });
    return newest;
  }
  reset(dimensions) {
    for (const d of dimensions) this.set(d, this.data.start[d]);
    this.commit();
  }
  togglePlay(dimension) {
    if (this.playing.delete(dimension)) {
      this.commit();
    } else {
      const { low, high } = this.data;
      const part = (this.z[dimension] - low[dimension]) / (high[dimension] - low[dimension]);
      const phase = Math.acos(1 - 2 * Math.max(0, Math.min(1, part))) / (2 * Math.PI);
      this.playing.set(dimension, phase);
    }
    this.describe();
    ask();
  }
  /** Move what plays; whether anything does. */
  animate(seconds) {
    for (const [dimension, phase] of this.playing) {
      const next = (phase + seconds / PERIOD) % 1;
      this.playing.set(dimension, next);
      const { low, high } = this.data;
      const part = (1 - Math.cos(2 * Math.PI * next)) / 2;
      this.set(dimension, low[dimension] + part * (high[dimension] - low[dimension]));
    }
    return this.playing.size > 0;
  }
  /** Tell the host, once keys have rested. */
  commitSoon() {
    this.rest();
    this.timer = setTimeout(() => this.commit(), SOON);
  }
  /** Nothing is to be told soon any more. */
  rest() {
    clearTimeout(this.timer);
    this.timer = 0;
  }
  /** Whether the host said `data` knowing all that was touched here: what is yet to be told is newer. */
  isKnownTo(data) {
    return data.seq >= this.seq && !this.timer;
  }
  /** Ask for a turn, for what is not as it should be. */
  wake() {
    ask();
  }
};

// front/slider.ts
var SAME = 1e-4;
function isKey(event, letter) {
  return event.key.toLowerCase() === letter && !event.altKey && !event.ctrlKey && !event.metaKey;
}
var Slider = class {
  /** `view` is a Latents: it owns the values, and is told of every touch. */
  constructor(view, dimension, describedBy) {
    this.view = view;
    this.dimension = dimension;
    /** Says on which side the value is beyond the slider's ends, where it is. */
    this.beyond = element("span", { className: "bv-beyond", hidden: true });
    this.slider = element("input", {
      type: "range",
      step: "any",
      className: "bv-slider",
      "data-dimension": dimension,
      "aria-describedby": describedBy,
      oninput: () => view.set(dimension, this.slider.valueAsNumber),
      onchange: () => view.commit(),
      ondblclick: () => view.reset([dimension]),
      "aria-keyshortcuts": "Enter P Delete",
      onkeydown: (event) => this.key(event)
    });
    this.number = element("input", {
      type: "number",
      step: "0.1",
      min: "-1000",
      max: "1000",
      className: "bv-number",
      tabIndex: -1,
      onchange: () => this.typed(),
      onkeydown: (event) => {
        if (event.key === "Escape" || event.key === "Enter") this.slider.focus();
      }
    });
    this.play = iconButton("play", "", () => view.togglePlay(dimension));
    this.back = iconButton("reset", "", () => view.reset([dimension]));
    this.play.tabIndex = this.back.tabIndex = -1;
  }
  /** What the controls are called. */
  call(title) {
    const { view, dimension } = this;
    const locked = view.locked.has(dimension);
    const playing = view.playing.has(dimension);
    this.slider.setAttribute("aria-label", title);
    this.number.setAttribute("aria-label", `Value of ${title}`);
    setIcon(this.play, playing ? "stop" : "play", `${playing ? "Stop" : "Play"} ${title}`);
    setIcon(this.back, "reset", `Reset ${title}`);
    for (const part of [this.slider, this.number, this.back]) part.disabled = locked;
    this.play.disabled = locked || !view.local;
  }
  /** Put the slider and the number where the value is; the slider to its end where the value lies beyond that. */
  show() {
    const value = this.view.z[this.dimension];
    const low = this.view.data.low[this.dimension];
    const high = Math.max(this.view.data.high[this.dimension], low + 0.01);
    if (this.slider.min !== String(low)) this.slider.min = String(low);
    if (this.slider.max !== String(high)) this.slider.max = String(high);
    const shown = Math.max(low, Math.min(high, value));
    if (this.slider.valueAsNumber !== shown) this.slider.value = String(shown);
    this.slider.dataset.value = String(value);
    if (document.activeElement !== this.number) this.number.value = value.toFixed(2);
    this.back.classList.toggle("bv-moved", this.view.isMoved(this.dimension));
    this.showBeyond(value - shown, value);
  }
  showBeyond(by, value) {
    const beyond = Math.abs(by) > SAME;
    if (!beyond && this.beyond.hidden) return;
    this.beyond.hidden = !beyond;
    this.number.classList.toggle("bv-outside", beyond);
    const words = by > 0 ? "beyond this end →" : "← beyond this end";
    if (this.beyond.textContent !== words) this.beyond.textContent = words;
    this.beyond.style.justifySelf = by > 0 ? "end" : "start";
    if (beyond)
      this.slider.setAttribute("aria-valuetext", `${value.toFixed(2)}, beyond the end of this slider`);
    else this.slider.removeAttribute("aria-valuetext");
  }
  typed() {
    const value = this.number.valueAsNumber;
    if (Number.isFinite(value)) this.view.set(this.dimension, Math.max(-1e3, Math.min(1e3, value)));
    this.number.value = this.view.z[this.dimension].toFixed(2);
    this.view.commit();
  }
  key(event) {
    const span = this.view.data.high[this.dimension] - this.view.data.low[this.dimension];
    const small = event.shiftKey ? span / 20 : span / 100;
    const steps = {
      ArrowRight: small,
      ArrowUp: small,
      ArrowLeft: -small,
      ArrowDown: -small,
      PageUp: span / 10,
      PageDown: -span / 10
    };
    if (event.key in steps && !event.altKey && !event.ctrlKey && !event.metaKey) {
      const value = this.view.z[this.dimension] + steps[event.key];
      this.view.set(this.dimension, Math.max(+this.slider.min, Math.min(+this.slider.max, value)));
      this.view.commitSoon();
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.view.reset([this.dimension]);
    } else if (event.key === "Enter") {
      this.number.focus();
      this.number.select();
    } else if (isKey(event, "p") && !this.play.disabled) {
      this.view.togglePlay(this.dimension);
    } else {
      return;
    }
    event.preventDefault();
  }
};

// front/row.ts
var STRIP2 = 9;
var MAX_NAME = 40;
var nats = (kl) => `${kl.toFixed(kl < 0.095 ? 3 : 2)} nats`;
var Row = class extends Slider {
  constructor(view, dimension) {
    super(view, dimension, `${view.id}-kl${dimension}`);
    // Whether it is on the screen.
    this.visible = true;
    // By cell of the strip, the version that it shows.
    this.drawn = new Array(STRIP2).fill(-1);
    this.words = element("span");
    this.bar = element("i");
    this.name = element("button", {
      type: "button",
      className: "bv-name",
      title: "Rename this dimension",
      tabIndex: -1,
      onclick: () => this.rename()
    });
    const cost = element(
      "span",
      { className: "bv-kl", id: `${view.id}-kl${dimension}` },
      this.words,
      this.bar
    );
    this.lock = iconButton("unlock", "", () => view.toggleLock(dimension));
    this.up = iconButton("up", "", () => view.shift(dimension, -1));
    this.down = iconButton("down", "", () => view.shift(dimension, 1));
    this.up.tabIndex = this.down.tabIndex = -1;
    this.slider.setAttribute("aria-keyshortcuts", "Enter P L F2 Delete Alt+ArrowUp Alt+ArrowDown");
    this.strip = element("canvas", {
      className: "bv-strip",
      "aria-hidden": "true",
      onclick: (event) => this.clicked(event)
    });
    this.cells = Cells.of(this.strip, view.data, STRIP2);
    const show = () => view.stage.difference.of(dimension);
    this.root = element(
      "div",
      { className: "bv-row", role: "group", onpointerenter: show, onfocusin: show },
      element("div", { className: "bv-what" }, this.name, cost),
      element("div", { className: "bv-track" }, this.slider, this.beyond, this.strip),
      this.number,
      element("div", { className: "bv-tools" }, this.play, this.lock, this.back, this.up, this.down)
    );
  }
  /** What stands there beside the value: name, KL, range, lock. */
  describe() {
    const { view, dimension } = this;
    const name = view.names[dimension];
    const title = name ? `${name}, z${dimension}` : `z${dimension}`;
    this.name.replaceChildren(...name ? [name, " ", element("small", {}, `z${dimension}`)] : [title]);
    this.name.setAttribute("aria-label", `Rename ${title}`);
    this.describeKl();
    this.root.setAttribute("aria-label", title);
    this.call(title);
    const locked = view.locked.has(dimension);
    setIcon(this.lock, locked ? "lock" : "unlock", `${locked ? "Unlock" : "Lock"} ${title}`);
    setIcon(this.up, "up", `Move ${title} up`);
    setIcon(this.down, "down", `Move ${title} down`);
    this.lock.setAttribute("aria-pressed", String(locked));
    this.lock.tabIndex = locked ? 0 : -1;
    this.strip.hidden = !view.local;
    this.root.classList.toggle("bv-locked", locked);
  }
  /** Its KL, and whether it is active. */
  describeKl() {
    const { kl, active } = this.view.data.dims[this.dimension];
    const known = kl === null ? "KL not known" : nats(kl);
    this.words.textContent = active === null ? known : `${known} · ${active ? "active" : "inactive"}`;
    this.bar.hidden = kl === null;
    this.bar.style.scale = `${Math.max(0, Math.min(1, (kl ?? 0) / this.view.mostKl))} 1`;
    this.root.classList.toggle("bv-asleep", active === false);
  }
  /** The latent's value under the middle of a cell of the strip. */
  cellValue(cell) {
    const { low, high } = this.view.data;
    const part = (cell + 0.5) / STRIP2;
    return low[this.dimension] + part * (high[this.dimension] - low[this.dimension]);
  }
  /** The cell that shows the oldest state of the other dimensions; −1 where all are as they are now. */
  staleCell() {
    const current = this.view.versionWithout(this.dimension);
    let oldest = -1;
    for (let cell = 0; cell < STRIP2; cell += 1) {
      const age = this.drawn[cell];
      if (age !== current && (oldest < 0 || age < this.drawn[oldest])) oldest = cell;
    }
    return oldest;
  }
  clicked(event) {
    const cell = Math.floor(event.offsetX / this.strip.clientWidth * STRIP2);
    this.view.set(this.dimension, this.cellValue(Math.max(0, Math.min(STRIP2 - 1, cell))));
    this.view.commit();
  }
  key(event) {
    if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      this.view.shift(this.dimension, event.key === "ArrowUp" ? -1 : 1);
      event.preventDefault();
    } else if (isKey(event, "l")) {
      this.view.toggleLock(this.dimension);
      this.lock.focus();
    } else if (event.key === "F2") {
      this.rename();
      event.preventDefault();
    } else {
      super.key(event);
    }
  }
  rename() {
    const field = element("input", {
      type: "text",
      className: "bv-rename",
      maxLength: MAX_NAME,
      value: this.view.names[this.dimension] ?? "",
      placeholder: `z${this.dimension}`,
      "aria-label": `New name of z${this.dimension}`
    });
    const from = document.activeElement === this.slider ? this.slider : this.name;
    let done = false;
    const finish = (keep, refocus) => {
      if (done) return;
      done = true;
      field.replaceWith(this.name);
      if (keep) this.view.rename(this.dimension, field.value.trim());
      if (refocus) from.focus();
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "Escape") {
        event.preventDefault();
        finish(event.key === "Enter", true);
      }
    });
    field.addEventListener("blur", () => finish(true, false));
    this.name.replaceWith(field);
    field.select();
    field.focus();
  }
};
function most({ dims }) {
  return Math.max(...dims.map(({ kl }) => kl ?? 0), 1e-9);
}
function watched(rows, then) {
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const row = rows.find(({ root }) => root === target);
      if (row) row.visible = isIntersecting;
    }
    then();
  });
  for (const row of rows) observer.observe(row.root);
  return observer;
}

// front/linked.ts
var LinkedRow = class extends Slider {
  /** `slider` counts from 0. */
  constructor(view, slider) {
    super(view, slider, `${view.id}-links${slider}`);
    this.name = element("span", { className: "bv-name" });
    const links = element("div", { className: "bv-links", id: `${view.id}-links${slider}` });
    this.choosers = view.columns.map((column) => this.chooser(column));
    const look = () => view.look(slider);
    this.root = element(
      "div",
      { className: "bv-row", role: "group", onpointerenter: look, onfocusin: look },
      this.name,
      element("div", { className: "bv-track" }, this.slider, this.beyond),
      this.number,
      element("div", { className: "bv-tools" }, this.play, this.back),
      links
    );
    links.append(...this.choosers.map(({ root }) => root));
  }
  /** What it is called: by the first model that it moves something of. */
  get title() {
    const of = this.view.columns.find((column) => column.link(this.dimension));
    const link = of?.link(this.dimension);
    if (!of || !link) return `Slider ${this.dimension + 1}, not linked`;
    if (this.view.way === "matched") return of.label(link[0]);
    return this.view.way === "kl" ? `KL rank ${this.dimension + 1}` : `Slider ${this.dimension + 1}`;
  }
  chooser(column) {
    const select = element("select", {
      // Long lists are written when somebody asks for them.
      onfocus: () => this.fill(column, select),
      onpointerdown: () => this.fill(column, select),
      onchange: () => this.view.choose(this.dimension, column.at, read(select.value))
    });
    const about = element("small");
    const root = element("label", { className: "bv-link" }, element("b", {}, column.letter), select, about);
    return { root, select, about, column };
  }
  fill(column, select) {
    if (select.options.length > 1) return;
    const now = select.value;
    const options = [element("option", { value: "" }, "none")];
    for (let d = 0; d < column.model.latents; d += 1) {
      options.push(element("option", { value: `${d}` }, column.label(d)));
      options.push(element("option", { value: `-${d}` }, `−${column.label(d)}`));
    }
    select.replaceChildren(...options);
    select.value = now;
  }
  describe() {
    const { view, dimension } = this;
    this.name.textContent = this.title;
    this.root.setAttribute("aria-label", this.title);
    this.call(this.title);
    for (const { root, select, about, column } of this.choosers) {
      const link = column.link(dimension);
      select.replaceChildren(element("option", { value: written(link) }, column.linked(dimension) || "none"));
      select.disabled = !column.model.shape;
      select.setAttribute("aria-label", `What ${this.title} moves in ${column.model.name}`);
      const kl = link && column.model.dims[link[0]].kl;
      const said2 = [];
      if (kl !== null) said2.push(nats(kl));
      if (link && link[2] !== null) said2.push(`|ρ| ${Math.abs(link[2]).toFixed(2)}`);
      const alone = !link && view.way !== "hand";
      if (alone) said2.push("no partner");
      select.hidden = alone;
      about.textContent = said2.join(" · ");
      root.title = `${column.model.name}: ${column.linked(dimension) || "nothing"}${said2.length ? `, ${said2.join(", ")}` : ""}`;
      root.classList.toggle("bv-none", !link);
    }
  }
};

// front/save.ts
var STEPS = 11;
var SIDE = 170;
function savePicture(view, smooth) {
  const [width, height] = cellSize(view.data, true);
  const factor = Math.max(1, Math.round(512 / Math.max(height, width)));
  const large = element("canvas", { width: factor * width, height: factor * height });
  const context = context2d(large);
  context.imageSmoothingEnabled = smooth;
  context.drawImage(view.stage.canvas, 0, 0, large.width, large.height);
  download(large, `${fileName(view.data)}.png`, originOf(view));
}
function savePictures({ columns, data }) {
  const shown = columns.flatMap(({ letter, model, screen }) => {
    if (!model.shape || !screen) return [];
    const [width2, height] = cellSize(model, true);
    const factor = Math.max(1, Math.round(256 / Math.max(height, width2)));
    const name = model.doubtful ? `${model.name} (doubtful)` : model.name;
    return { letter, name, canvas: screen.canvas, wide: factor * width2, high: factor * height };
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
  const models = columns.filter(({ model }) => model.shape).map(({ model: { name, hash } }) => ({ name, hash }));
  const query = location.search.slice(1) || String(new URLSearchParams(models.map(({ name }) => ["model", name])));
  const file = `${fileName({ name: shown.map(({ name }) => name).join("-") }).slice(0, 120)}.png`;
  download(sheet, file, { page: "compare", query, models, version: data.version });
}
async function saveGrid(view) {
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
      z[step * from.length + d] = low[d] + step / (STEPS - 1) * (high[d] - low[d]);
    }
    const values = await between(() => view.decode(z, STEPS));
    for (let step = 0; step < STEPS; step += 1) {
      cells.paint(values, step);
      context.drawImage(cell, SIDE + step * (width + 2), row * (height + 4) + 2, width, height);
    }
  }
  download(sheet, `${fileName(view.data)}-traversal.png`, originOf(view));
}
function originOf({ data, z, beta }) {
  const { name, hash, version } = data;
  const query = new URLSearchParams({ model: name, z: Array.from(z, (value) => String(value)).join(",") });
  if (beta) query.set("beta", String(beta.value));
  return { page: "explore", query: String(query), models: [{ name, hash }], version };
}
function between(work) {
  return new Promise((resolve) => setTimeout(() => resolve(work()), 0));
}
function fileName({ name, doubtful }) {
  const plain = name.replace(/[^\p{L}\p{N}._-]+/gu, "-") || "model";
  return doubtful ? `${plain}-doubtful` : plain;
}

// front/skip.ts
var HIDDEN = "position:fixed;top:0.5rem;left:0.5rem;z-index:1000000;opacity:0;pointer-events:none;";
var SHOWN = `${HIDDEN}opacity:1;padding:0.5rem 0.9rem;border-radius:0.4rem;background:#0f6e6a;color:#fff;font:600 1rem system-ui,sans-serif;`;
function skipLink(first) {
  const link = element(
    "a",
    {
      href: "#sliders",
      className: "bv-skip",
      onclick: (event) => {
        event.preventDefault();
        first()?.focus();
      },
      onfocus: () => link.setAttribute("style", SHOWN),
      onblur: () => link.setAttribute("style", HIDDEN)
    },
    "Skip to the sliders"
  );
  link.setAttribute("style", HIDDEN);
  document.body.prepend(link);
  return () => link.remove();
}

// front/comparison.ts
var WAYS = { kl: "KL rank", matched: "Matched dimensions", hand: "By hand" };
var eachWay = Object.keys(WAYS);
var count = 0;
var Comparison = class extends Latents {
  constructor(root, data, host) {
    super();
    this.root = root;
    this.host = host;
    this.columns = [];
    // The slider whose traversal is shown.
    this.looked = 0;
    this.key = "";
    // says which models these are
    this.committed = [];
    // the values that the host knows
    this.rows = [];
    this.observer = null;
    this.saidAt = -1e9;
    count += 1;
    this.id = `bc${count}`;
    this.seq = data.seq;
    this.show(data);
    this.unskip = skipLink(() => this.list.querySelector("input.bv-slider:enabled"));
    join(this);
  }
  // --- what the host says --------------------------------------------------------------------------
  /** Take what the host has now. What the person is doing goes on. */
  update(data) {
    if (data.key !== this.key) {
      this.show(data);
      return;
    }
    const before = this.data;
    this.take(data);
    const starts = ({ models, span }) => JSON.stringify([span, models.map(({ start }) => start)]);
    const again = starts(data) !== starts(before);
    if (!this.isKnownTo(data)) this.data.links.hand = before.links.hand;
    for (const column of this.columns) column.update(data.models[column.at]);
    if (this.isKnownTo(data)) {
      const slots = JSON.stringify(this.data.links[data.link]);
      if (data.link !== this.way || slots !== JSON.stringify(this.slots)) {
        this.arrange(data.link, this.data.links[data.link] ?? [], data.z);
      } else if (String(data.z) !== String(this.committed)) {
        this.z.set(data.z);
        this.touchAll();
      }
      this.committed = data.z;
    }
    if (again) this.touchAll();
    for (const row of this.rows) row.show();
    this.describe();
    this.tell();
  }
  /** Show models from their beginning. */
  show(data) {
    for (const column of this.columns) column.destroy();
    this.key = data.key;
    this.committed = data.z;
    this.looked = data.slider;
    this.columns = [];
    this.rows = [];
    this.version = 0;
    this.slots = data.links[data.link] ?? [];
    this.take(data);
    this.place(data.z);
    this.way = data.link;
    this.columns = data.models.map((_, at) => new Column(this, at));
    this.layOut();
    this.arrange(data.link, this.slots, data.z);
  }
  take(data) {
    this.data = { ...data, links: { ...data.links }, ...this.ends(data.span) };
  }
  /** Ends and start of each slider, as Latents asks for them. */
  ends(span) {
    const all = (value) => this.slots.map(() => value);
    return { low: all(-span), high: all(span), start: all(0) };
  }
  destroy() {
    leave(this);
    this.unskip();
    this.rest();
    for (const column of this.columns) column.destroy();
    this.observer?.disconnect();
    this.root.classList.remove("bv-compared");
    this.root.replaceChildren();
  }
  // --- what stands on the page ---------------------------------------------------------------------
  layOut() {
    const { columns } = this;
    this.ways = eachWay.map(
      (way) => element("button", { type: "button", "data-way": way, onclick: () => this.relink(way) }, WAYS[way])
    );
    this.badge = new Badge();
    this.about = element("p", { className: "bv-note" });
    this.list = element("div", { className: "bv-rows", id: "sliders" });
    this.title = element("h2", {});
    const button = (text, title, onclick) => element("button", { type: "button", title, onclick }, text);
    this.root.classList.add("bv-compared");
    this.root.replaceChildren(
      element(
        "div",
        { className: "bv-side" },
        element(
          "section",
          { className: "bv-stage", "aria-label": "Pictures" },
          grid(
            "bv-columns",
            columns.map((column) => column.figure)
          ),
          this.badge.root
        ),
        grid(
          "bv-columns bv-starts",
          columns.map((column) => column.facts)
        ),
        element(
          "section",
          { className: "bv-traversal", "aria-label": "Traversal" },
          this.title,
          ...columns.map((column) => column.line)
        )
      ),
      element(
        "section",
        { className: "bv-sliders", "aria-label": "Linked sliders" },
        element(
          "div",
          { className: "bv-buttons", role: "group", "aria-label": "How sliders are linked" },
          element("span", {}, "Linked by"),
          ...this.ways
        ),
        this.about,
        element(
          "div",
          { className: "bv-buttons" },
          button(
            "Reset all",
            "Every slider back to 0: each model at its own start",
            () => this.reset(this.slots.map((_, k) => k))
          ),
          button("Save pictures", "The pictures side by side as a PNG file", () => savePictures(this))
        ),
        this.list
      )
    );
    this.observer?.disconnect();
    this.observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const column = columns.find(({ line }) => line === target);
        if (column) column.visible = isIntersecting;
      }
      ask();
    });
    for (const column of columns) this.observer.observe(column.line);
  }
  /** Link by these slots, and put the sliders at these values. */
  arrange(way, slots, values) {
    this.way = way;
    this.slots = slots;
    const { version } = this;
    this.place(values);
    this.version = version;
    Object.assign(this.data, this.ends(this.data.span));
    this.touchAll();
    if (this.looked >= slots.length) this.looked = 0;
    this.rows = slots.map((_, k) => new LinkedRow(this, k));
    this.list.replaceChildren(...this.rows.map((row) => row.root));
    for (const row of this.rows) row.show();
    this.describe();
    this.tell();
  }
  describe() {
    const { why } = this.data;
    for (const [k, button] of this.ways.entries()) {
      const way = eachWay[k];
      button.setAttribute("aria-pressed", String(way === this.way));
      button.disabled = way !== "hand" && !this.data.links[way];
      button.title = this.data.about[way];
    }
    const { about } = this.data;
    const lacking = Object.keys(why).filter((way) => way === this.way || !this.data.links[way]);
    const sentences = [about[this.way], about.value, ...lacking.map((way) => why[way])];
    this.about.textContent = sentences.join(" ");
    for (const row of this.rows) row.describe();
    this.describeTraversal();
  }
  describeTraversal() {
    const { span } = this.data;
    const which = this.rows[this.looked]?.title ?? "";
    this.title.textContent = `Traversal: ${which} from −${span} to ${span}`;
    for (const column of this.columns) column.describeLine();
  }
  /** Look at another slider's traversal. */
  look(slider) {
    if (this.looked === slider) return;
    this.looked = slider;
    for (const column of this.columns) column.drawn.fill(-1);
    this.describeTraversal();
    ask();
  }
  /** Whether any picture is decoded here. */
  get local() {
    return this.columns.some((column) => column.local && column.model.shape !== null);
  }
  // --- links ---------------------------------------------------------------------------------------
  /** Link in another way; the first model's picture stays as it is. */
  relink(way) {
    const slots = this.data.links[way] ?? this.slots;
    if (way === this.way) return;
    const first = this.columns.findIndex((column) => column.model.shape);
    const values = carried(this.slots, this.z, slots, first);
    if (way === "hand") this.data.links.hand = slots;
    this.arrange(way, slots, values);
    this.commit();
  }
  /** By hand: let a slider move another dimension of a model; what moved that one takes the old one. */
  choose(slider, at, link) {
    const slots = chosen(this.slots, slider, at, link);
    this.data.links.hand = slots;
    this.arrange("hand", slots, Array.from(this.z));
    this.rows[slider].choosers[at].select.focus();
    this.commit();
  }
  // --- values --------------------------------------------------------------------------------------
  moved(slider) {
    this.rows[slider].show();
    this.look(slider);
  }
  /** Everything is to be drawn again. */
  touchAll() {
    this.version += 1;
    this.changed.fill(this.version);
    ask();
  }
  /** The offset under the middle of a cell of the strips. */
  cellValue(cell) {
    return this.data.span * ((2 * cell + 1) / STRIP - 1);
  }
  /** Tell the host what to keep. */
  commit() {
    this.rest();
    this.seq += 1;
    this.committed = Array.from(this.z);
    this.tell();
    const hand = this.data.links.hand;
    this.host.commit({
      seq: this.seq,
      key: this.key,
      t: Array.from(this.z, (value) => Math.abs(value) > 5e-5 ? value : null),
      link: this.way,
      hand: hand ? this.columns.map((_, at) => hand.map((slot) => written(slot[at])).join(",")) : [],
      slider: this.looked,
      local: this.columns.map((column) => column.local)
    });
  }
  /** The pictures' text alternative. */
  tell() {
    for (const column of this.columns) {
      const moved = this.slots.flatMap(
        (slot, k) => slot[column.at] && this.isMoved(k) ? [`${column.linked(k)} ${this.z[k].toFixed(2)} from its start`] : []
      );
      column.tell(moved.slice(0, 12).join(", ") || "its start");
    }
  }
  // --- frames (frames.ts) --------------------------------------------------------------------------
  get cost() {
    return Math.max(...this.columns.map((column) => column.cost));
  }
  get stale() {
    return this.columns.some((column) => column.stale);
  }
  /** Decode the newest values of every model whose latents have changed. */
  async paint() {
    for (const column of this.columns) {
      if (!column.stale) continue;
      try {
        await column.paint();
      } catch (error) {
        column.unable(error);
      }
    }
    this.report();
  }
  /** Say how long a frame takes, now and then. */
  report() {
    const now = performance.now();
    if (now - this.saidAt < 250) return;
    this.saidAt = now;
    const here = this.columns.filter((column) => column.decoder);
    const cost = here.reduce((sum, column) => sum + column.cost, 0);
    const all = here.length === this.columns.length;
    const which = all ? "" : ` · ${here.length} of ${this.columns.length} models`;
    this.badge.decodes(cost, which);
  }
  hasDetail() {
    return this.columns.some((column) => column.staleCell() >= 0);
  }
  /** Make one cell of a strip, the one drawn longest ago. */
  async detail() {
    let best = null;
    for (const column of this.columns) {
      const cell = column.staleCell();
      if (cell >= 0 && (best === null || column.drawn[cell] < best.column.drawn[best.cell])) {
        best = { column, cell };
      }
    }
    if (best === null) return false;
    await best.column.paintCell(best.cell);
    this.report();
    return true;
  }
};
function grid(className, children) {
  const made = element("div", { className }, ...children);
  made.style.setProperty("--across", String(children.length > 4 ? 3 : children.length));
  return made;
}

// front/beta.ts
var DIGITS = 4;
var PACE = 0.06;
function pointAt(curve, beta) {
  if (!curve.length) return null;
  const after = curve.findIndex((point) => point.beta > beta);
  const low = curve[after < 0 ? curve.length - 1 : Math.max(after - 1, 0)];
  const high = curve[after < 0 ? curve.length - 1 : after];
  const share = low === high ? 0 : Math.log(beta / low.beta) / Math.log(high.beta / low.beta);
  const mixed = (a, b) => a + share * (b - a);
  return {
    beta,
    rate: mixed(low.rate, high.rate),
    distortion: mixed(low.distortion, high.distortion),
    slope: mixed(low.slope, high.slope),
    kl: low.kl.map((kl, d) => mixed(kl, high.kl[d])),
    active: share < 0.5 ? low.active : high.active
  };
}
var Beta = class extends Latents {
  constructor(view, given) {
    super();
    this.view = view;
    this.local = true;
    // β as the host has it
    this.late = false;
    // β moved since it was told what that changes
    this.passed = 0;
    this.costs = element("p", { className: "bv-note bv-costs" });
    this.dot = svg("circle", { r: "2.2" });
    this.given = given;
    this.said = given.value;
    const logs = [given.low, given.high, given.start].map(Math.log);
    this.data = { low: [logs[0]], high: [logs[1]], start: [logs[2]] };
    this.place([Math.log(given.value)]);
    this.costs.id = `${view.id}-costs`;
    this.row = new BetaRow(this, this.costs.id);
    this.at = within(given.curve);
    this.root = element(
      "section",
      { className: "bv-beta", "aria-label": "β" },
      this.row.root,
      element("div", { className: "bv-walk" }, ...given.curve.length ? [this.curve()] : [], this.costs)
    );
    this.describe();
    this.row.show();
    this.tell();
    this.hold();
  }
  get value() {
    const { low, high } = this.given;
    return Math.max(low, Math.min(high, Number(Math.exp(this.z[0]).toPrecision(DIGITS))));
  }
  /** KL and activity of each dimension at this β; null where they were not measured. */
  get dims() {
    const point = pointAt(this.given.curve, this.value);
    return point?.kl.map((kl, d) => ({ kl, active: point.active[d] })) ?? null;
  }
  /** The most KL that any dimension has anywhere on the curve. */
  get most() {
    return Math.max(0, ...this.given.curve.flatMap(({ kl }) => kl));
  }
  /** Take what the host has now; `known` says that it knows all that was touched here. */
  update(given, known) {
    const other = given.image !== this.given.image;
    this.given = given;
    if (known && given.value !== this.said) {
      this.set(0, Math.log(given.value));
      this.said = given.value;
    }
    if (known || other) this.hold();
    if (this.value === given.value) return;
    const { data, encoder } = this.view;
    this.view.data = { ...data, dims: this.dims ?? data.dims, start: encoder.start ?? data.start };
  }
  moved() {
    this.row.show();
    this.late = true;
    this.view.refit();
  }
  describe() {
    this.row.call("β");
  }
  commit() {
    this.rest();
    this.said = this.value;
    this.view.commit();
  }
  /** Let the encoder have the image that the sliders start from, so that it can follow β. */
  hold() {
    const { given, version, view } = this;
    if (!given.image && !given.values) {
      view.encoder.forget();
      return;
    }
    const { start } = view.data;
    const image = given.values ? Float32Array.from(given.values) : imageAt(given.image, view.shape);
    Promise.resolve(image).then((pixels) => {
      if (this.given === given && this.version === version) view.encoder.hold(pixels, start);
    });
  }
  animate(seconds) {
    const playing = super.animate(seconds);
    this.passed += seconds;
    if (this.late && this.passed > PACE) {
      this.late = false;
      this.passed = 0;
      this.tell();
      this.view.describeKl();
    }
    return playing || this.late;
  }
  /** What the model costs at this β, and where that is on its curve. */
  tell() {
    const point = pointAt(this.given.curve, this.value);
    if (!point) return;
    const [x, y] = this.at(point);
    this.dot.setAttribute("cx", String(x));
    this.dot.setAttribute("cy", String(y));
    const { rate, distortion, slope } = point;
    this.costs.textContent = `Rate R ${rate.toFixed(2)} nats, distortion D ${distortion.toFixed(2)} nats. A nat less of rate costs −dD/dR = ${slope.toPrecision(3)} nats of distortion.`;
  }
  curve() {
    const points = this.given.curve.map((point) => this.at(point).join(",")).join(" ");
    const label = "The measured curve of the model: rate across, distortion upwards, and where β is on it";
    const picture = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": label });
    const axes = svg("text", { x: "26", y: "10" });
    axes.textContent = "D ↑ R →";
    picture.append(svg("polyline", { points }), this.dot, axes);
    return picture;
  }
};
var BetaRow = class extends Slider {
  constructor(beta, describedBy) {
    super(beta, 0, describedBy);
    this.slider.dataset.dimension = "beta";
    this.number.min = "0";
    this.root = element(
      "div",
      { className: "bv-row" },
      element("b", { className: "bv-name" }, "β"),
      this.slider,
      this.number,
      element("div", { className: "bv-tools" }, this.play, this.back)
    );
  }
  show() {
    super.show();
    this.slider.setAttribute("aria-valuetext", String(this.view.value));
    if (document.activeElement !== this.number) this.number.value = this.written();
  }
  typed() {
    const value = this.number.valueAsNumber;
    if (value > 0)
      this.view.set(0, Math.max(this.view.data.low[0], Math.min(this.view.data.high[0], Math.log(value))));
    this.number.value = this.written();
    this.view.commit();
  }
  written() {
    return String(Number(this.view.value.toPrecision(3)));
  }
};
var WIDE = 60;
var HIGH = 52;
var EDGE = 4;
function within(curve) {
  const scale = (values, from, to) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return (value) => +(from + (value - low) / (high - low || 1) * (to - from)).toFixed(2);
  };
  const x = scale(
    curve.map(({ rate }) => rate),
    EDGE,
    WIDE - EDGE
  );
  const y = scale(
    curve.map(({ distortion }) => distortion),
    HIGH - EDGE,
    EDGE
  );
  return (point) => [x(point.rate), y(point.distortion)];
}
function svg(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// front/details.ts
function nextDetail(explorer) {
  const { stage, pad, rows } = explorer;
  const { difference } = stage;
  if (difference.isStale()) return () => difference.paint();
  const stale = pad.staleCell();
  if (stale >= 0) return () => pad.paintCell(stale);
  let oldest = null;
  for (const row of rows) {
    const cell = row.visible && !row.strip.hidden ? row.staleCell() : -1;
    if (cell >= 0 && (oldest === null || row.drawn[cell] < oldest.row.drawn[oldest.cell]))
      oldest = { row, cell };
  }
  const found = oldest;
  return found && (() => paintStrip(explorer, found));
}
async function paintStrip(explorer, { row, cell }) {
  const version = explorer.versionWithout(row.dimension);
  const z = explorer.with({ [row.dimension]: row.cellValue(cell) });
  row.cells.paint(await explorer.decode(z, 1), 0, cell);
  row.drawn[cell] = version;
}

// front/encoder.ts
var Encoder = class {
  /** `complain` is told why nothing can be encoded here. */
  constructor(view, host, complain) {
    this.view = view;
    this.host = host;
    this.complain = complain;
    this.network = null;
    this.key = null;
    // The newest image `(C, H, W)` in [0, 1], and what is done with its posterior.
    this.wanted = null;
    // The image that the sliders are at, or are moved away from, and its posterior's mean.
    this.held = null;
  }
  /** Whether an image waits that can be encoded. */
  get stale() {
    return this.network !== null && this.wanted !== null;
  }
  /** Encode an image `(C, H, W)` in [0, 1] at the next frame, and put the sliders at its posterior's mean. */
  encode(pixels, then) {
    this.want(pixels, (mean, kl) => {
      this.view.setAll((d) => mean[d]);
      this.held = { pixels, mean: rounded(mean), isStart: false };
      then(kl);
    });
  }
  /** The sliders start from this image, whose posterior's mean is `start`. */
  hold(pixels, start) {
    this.held = { pixels, mean: start, isStart: true };
    this.open();
  }
  /** The mean of the image that the sliders start from, at the β of now; null where they start from none. */
  get start() {
    return this.held?.isStart ? this.held.mean : null;
  }
  /** The sliders are at no image. */
  forget() {
    this.held = null;
  }
  /** β was moved: the sliders stay as far from the image's mean as they are, wherever that is now. */
  follow() {
    if (!this.held) return;
    const { pixels } = this.held;
    this.want(pixels, (found) => {
      const { held, view } = this;
      if (held?.pixels !== pixels) return;
      const mean = rounded(found);
      this.held = { ...held, mean };
      if (held.isStart) view.data = { ...view.data, start: mean };
      view.setAll((d) => view.z[d] + mean[d] - held.mean[d]);
    });
  }
  want(pixels, then) {
    this.wanted = { pixels, then };
    this.open();
    ask();
  }
  open() {
    if (this.key || !this.view.local) return;
    const key = `${this.view.data.hash}:encoder`;
    this.key = key;
    acquire(key, this.host.assets, () => this.host.bytes("encoder")).then(
      (network) => {
        if (this.key !== key) return;
        this.network = network;
        ask();
      },
      (error) => {
        if (this.key !== key) return;
        this.wanted = null;
        this.complain(`This browser can't encode here: ${reason(error)}.`);
      }
    );
  }
  async run() {
    if (!this.network || !this.wanted) return;
    const { pixels, then } = this.wanted;
    this.wanted = null;
    const { mean, log_var: logVar } = await this.network.run(
      pixels,
      [1, ...this.view.shape],
      this.view.beta?.value
    );
    const kl = mean.reduce((sum, m, d) => sum + (m * m + Math.exp(logVar[d]) - 1 - logVar[d]) / 2, 0);
    then(mean, kl);
  }
  close() {
    if (this.key) release(this.key);
    this.key = this.network = this.wanted = this.held = null;
  }
};
function rounded(values) {
  return Array.from(values, (value) => Math.round(value * 1e4) / 1e4);
}

// front/groups.ts
var REACH = 4;
function along(direction, z, start) {
  let sum = 0;
  for (const [d, weight] of Object.entries(direction)) sum += weight * (z[Number(d)] - start[Number(d)]);
  return sum;
}
var GroupRow = class {
  constructor(view, group) {
    this.view = view;
    this.group = group;
    this.value = element("output", { className: "bv-group-value" });
    this.cost = element("span", { className: "bv-kl" });
    this.slider = element("input", {
      type: "range",
      step: "any",
      min: String(-REACH),
      max: String(REACH),
      className: "bv-slider",
      "aria-label": `Group ${group.name}`,
      oninput: () => this.move(this.slider.valueAsNumber),
      onchange: () => this.view.commit(),
      ondblclick: () => this.view.reset(this.latents)
    });
    const what = element("span", { className: "bv-group-name" }, group.name);
    this.root = element(
      "div",
      { className: "bv-row bv-group", role: "group", "aria-label": `Group ${group.name}` },
      element("div", { className: "bv-what" }, what, this.cost),
      element("div", { className: "bv-track" }, this.slider),
      this.value
    );
  }
  get latents() {
    return Object.keys(this.group.direction).map(Number);
  }
  /** Where the group stands, from where its latents start. */
  get place() {
    return along(this.group.direction, this.view.z, this.view.data.start);
  }
  move(to) {
    const by = to - this.place;
    for (const [d, weight] of Object.entries(this.group.direction)) {
      const dimension = Number(d);
      if (!this.view.locked.has(dimension)) this.view.set(dimension, this.view.z[dimension] + by * weight);
    }
  }
  show() {
    const { place } = this;
    const shown = Math.max(-REACH, Math.min(REACH, place));
    if (document.activeElement !== this.slider || Math.abs(this.slider.valueAsNumber - shown) > 0.01)
      this.slider.value = String(shown);
    this.value.textContent = place.toFixed(2);
  }
  describe() {
    this.slider.disabled = this.latents.every((d) => this.view.locked.has(d));
    this.describeKl();
  }
  describeKl() {
    const costs = this.latents.map((d) => this.view.data.dims[d].kl);
    const latents = this.latents.map((d) => `z${d}`).join(", ");
    const known = costs.every((kl) => kl !== null);
    this.cost.textContent = known ? `${nats(costs.reduce((sum, kl) => sum + (kl ?? 0), 0))} · ${latents}` : latents;
  }
};
var Groups = class {
  constructor(view, groups) {
    this.root = element("div", { className: "bv-groups" });
    this.rows = groups.map((group) => new GroupRow(view, group));
    this.root.replaceChildren(...this.rows.map(({ root }) => root));
    this.root.hidden = groups.length === 0;
  }
  /** Put the sliders where their latents are: those with `dimension`, or all. */
  show(dimension) {
    for (const row of this.rows) {
      if (dimension === void 0 || String(dimension) in row.group.direction) row.show();
    }
  }
  describe() {
    for (const row of this.rows) row.describe();
  }
  describeKl() {
    for (const row of this.rows) row.describeKl();
  }
};

// front/keys.ts
var KEYS = [
  ["← →, Page ↑ ↓", "move the slider; with Shift in larger steps"],
  ["Enter", "type its value; Enter or Escape goes back"],
  ["P", "play and stop"],
  ["L", "lock"],
  ["F2", "rename"],
  ["Delete", "back to its start"],
  ["Alt + ↑ ↓", "move the row"]
];
function keysPanel() {
  const rows = KEYS.map(([key, what]) => element("li", {}, element("b", {}, key), ` ${what}`));
  return element(
    "details",
    { className: "bv-panel" },
    element("summary", {}, "Keys of a slider"),
    element("ul", { className: "bv-keys" }, ...rows)
  );
}

// front/pad.ts
var SIDE2 = 7;
var Pad = class {
  // across, upwards
  constructor(view) {
    this.view = view;
    // By cell, the version that it shows.
    this.drawn = new Array(SIDE2 * SIDE2).fill(-1);
    const chooser = (label, at) => element("select", { "aria-label": label, onchange: () => this.choose(at) });
    this.choosers = [chooser("Dimension across", 0), chooser("Dimension upwards", 1)];
    this.canvas = element("canvas", { "aria-hidden": "true" });
    this.cells = Cells.of(this.canvas, view.data, SIDE2, SIDE2);
    this.dot = element("i");
    this.plane = element(
      "div",
      {
        className: "bv-plane",
        tabIndex: 0,
        role: "application",
        "aria-roledescription": "slider in two dimensions",
        onpointerdown: (event) => this.press(event),
        onpointermove: (event) => {
          if (event.buttons) this.follow(event);
        },
        onpointerup: () => view.commit(),
        onpointercancel: () => view.commit(),
        ondblclick: () => view.reset(this.dimensions),
        onkeydown: (event) => this.key(event)
      },
      this.canvas,
      this.dot
    );
    this.text = element("p", { className: "bv-note", id: `${view.id}-plane` });
    this.plane.setAttribute("aria-describedby", this.text.id);
    this.root = element(
      "details",
      { className: "bv-panel", ontoggle: () => this.show() },
      element("summary", {}, "Plane of two dimensions"),
      element(
        "div",
        { className: "bv-choosers" },
        "across ",
        this.choosers[0],
        " upwards ",
        this.choosers[1]
      ),
      this.plane,
      this.text
    );
    this.dimensions = view.order.slice(0, 2);
    if (this.dimensions.length < 2) this.root.hidden = true;
  }
  describe() {
    if (this.dimensions.length < 2) return;
    this.root.hidden = !this.view.local;
    for (const [at, chooser] of this.choosers.entries()) {
      const options = this.view.order.map(
        (d) => element("option", { value: String(d), selected: d === this.dimensions[at] }, this.view.label(d))
      );
      chooser.replaceChildren(...options);
    }
    this.show();
  }
  choose(at) {
    const chosen2 = Number(this.choosers[at].value);
    if (chosen2 === this.dimensions[1 - at]) this.dimensions[1 - at] = this.dimensions[at];
    this.dimensions[at] = chosen2;
    this.drawn.fill(-1);
    this.describe();
    this.view.wake();
  }
  show() {
    if (!this.root.open || this.dimensions.length < 2) return;
    const { z, data } = this.view;
    const part = (d) => Math.max(0, Math.min(1, (z[d] - data.low[d]) / (data.high[d] - data.low[d])));
    const [across, up] = this.dimensions;
    this.dot.style.left = `${100 * part(across)}%`;
    this.dot.style.top = `${100 * (1 - part(up))}%`;
    const values = this.dimensions.map((d) => `${this.view.label(d)} ${z[d].toFixed(2)}`).join(", ");
    this.text.textContent = `${values}. Drag, or use the arrow keys.`;
    this.plane.setAttribute("aria-label", values);
    if (this.staleCell() >= 0) this.view.wake();
  }
  /** The cell drawn longest ago from other values of the other dimensions, or −1. */
  staleCell() {
    if (!this.root.open || this.root.hidden) return -1;
    const current = this.view.versionWithout(...this.dimensions);
    let oldest = -1;
    this.drawn.forEach((version, cell) => {
      if (version !== current && (oldest < 0 || version < this.drawn[oldest])) oldest = cell;
    });
    return oldest;
  }
  async paintCell(cell) {
    const version = this.view.versionWithout(...this.dimensions);
    const [across, up] = this.dimensions;
    const right = (cell % SIDE2 + 0.5) / SIDE2;
    const above = 1 - (Math.floor(cell / SIDE2) + 0.5) / SIDE2;
    const z = this.view.with({ [across]: this.at(across, right), [up]: this.at(up, above) });
    this.cells.paint(await this.view.decode(z, 1), 0, cell);
    this.drawn[cell] = version;
  }
  at(dimension, part) {
    const { low, high } = this.view.data;
    return low[dimension] + part * (high[dimension] - low[dimension]);
  }
  press(event) {
    this.plane.setPointerCapture(event.pointerId);
    this.plane.focus();
    this.follow(event);
    event.preventDefault();
  }
  follow(event) {
    const box = this.plane.getBoundingClientRect();
    const part = (value) => Math.max(0, Math.min(1, value));
    const [across, up] = this.dimensions;
    this.view.set(across, this.at(across, part((event.clientX - box.left) / box.width)));
    this.view.set(up, this.at(up, part(1 - (event.clientY - box.top) / box.height)));
  }
  key(event) {
    const [across, up] = this.dimensions;
    const moves = {
      ArrowLeft: [across, -1],
      ArrowRight: [across, 1],
      ArrowDown: [up, -1],
      ArrowUp: [up, 1]
    };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const [dimension, sign] = moves[event.key];
    const { low, high } = this.view.data;
    const step = (high[dimension] - low[dimension]) * sign / (event.shiftKey ? 10 : 50);
    const next = Math.max(low[dimension], Math.min(high[dimension], this.view.z[dimension] + step));
    this.view.set(dimension, next);
    this.view.commitSoon();
  }
};

// front/panels.ts
function standBeside(panel, beside) {
  const home = document.createComment("");
  panel.before(home);
  panel.addEventListener("toggle", () => {
    if (panel.open === beside.contains(panel)) return;
    const focused = panel.contains(panel.ownerDocument.activeElement);
    if (panel.open) beside.prepend(panel);
    else home.after(panel);
    if (focused) panel.querySelector("summary")?.focus({ preventScroll: true });
    panel.scrollIntoView({ block: panel.offsetHeight > innerHeight / 2 ? "start" : "nearest" });
  });
}

// front/present.ts
var Present = class {
  constructor(root, name, step) {
    this.root = root;
    /** The model's name, and what the keys do; seen on the full screen only. */
    this.title = element("p", { className: "bv-title" });
    this.button = element(
      "button",
      {
        type: "button",
        title: "The picture and the sliders on the full screen; Escape leaves it",
        hidden: !document.fullscreenEnabled,
        onclick: () => this.show()
      },
      "Present"
    );
    const keys = step ? "[ and ]: the model before, the next one" : "";
    this.title.append(element("b", {}, name), element("small", {}, keys));
    root.onkeydown = (event) => {
      const by = event.key === "]" ? 1 : event.key === "[" ? -1 : 0;
      if (!by || !step || document.fullscreenElement !== root || event.target instanceof HTMLTextAreaElement)
        return;
      event.preventDefault();
      step(by);
    };
  }
  async show() {
    await this.root.requestFullscreen();
    this.focus();
  }
  /** On the full screen the first slider has the keys; asked again once it shows another model. */
  focus() {
    if (document.fullscreenElement !== this.root) return;
    this.root.querySelector("input.bv-slider:enabled")?.focus();
  }
};

// front/sketch.ts
var MAX_BYTES = 3e7;
var Sketch = class {
  constructor(view) {
    this.view = view;
    this.drawing = null;
    // where the pen is, while it is down
    this.erasing = false;
    this.cursor = null;
    // of the arrow keys
    this.offered = "";
    const [channels, height, width] = view.shape;
    const drawn = view.data.kind !== null;
    this.channels = channels;
    this.height = height;
    this.width = width;
    this.canvas = element("canvas", {
      className: "bv-sketch",
      width,
      height,
      tabIndex: 0,
      role: "application",
      "aria-label": "Drawing for the encoder. Arrow keys move the pen, Space puts it down or lifts it, E erases, Delete clears.",
      onpointerdown: (event) => this.press(event),
      onpointermove: (event) => {
        if (this.drawing) this.stroke(this.place(event));
      },
      onpointerup: () => this.lift(),
      onpointercancel: () => this.lift(),
      onkeydown: (event) => this.key(event),
      onblur: () => this.canvas.classList.remove("bv-penned")
    });
    this.canvas.style.aspectRatio = `${width} / ${height}`;
    this.context = context2d(this.canvas, { willReadFrequently: true });
    this.pen = element("i", { className: "bv-pen", hidden: true });
    const button = (text, onclick) => element("button", { type: "button", onclick }, text);
    this.eraser = button("Eraser", () => this.toggleEraser());
    this.size = element("input", {
      type: "range",
      min: "1",
      max: String(Math.max(4, Math.round(width / 4))),
      step: "1",
      value: String(Math.max(2, Math.round(width / 10))),
      "aria-label": "Width of the pen in pixels"
    });
    this.color = element("input", { type: "color", value: "#ffffff", "aria-label": "Colour of the pen" });
    this.color.hidden = channels !== 3;
    this.file = element("input", {
      type: "file",
      accept: "image/*",
      "aria-label": "An image file to encode",
      onchange: () => {
        if (this.file.files?.[0]) this.read(this.file.files[0]);
      }
    });
    this.samples = element("div", { className: "bv-samples" });
    this.note = element("p", { className: "bv-note", role: "status" });
    this.root = element(
      "details",
      {
        className: "bv-panel",
        ontoggle: () => {
          if (this.root.open) view.encoder.open();
        },
        ondragover: (event) => event.preventDefault(),
        ondrop: (event) => {
          if (!drawn) this.dropped(event);
        }
      },
      element(
        "summary",
        {},
        drawn ? "Encode a sample of the data" : "Encode a picture: draw, drop or pick one"
      ),
      element(
        "div",
        { className: "bv-drawing", hidden: drawn },
        element("div", { className: "bv-board" }, this.canvas, this.pen),
        element(
          "div",
          { className: "bv-brush" },
          element("label", {}, "Pen ", this.size),
          this.color,
          this.eraser,
          button("Invert", () => this.invert()),
          button("Clear", () => this.clear()),
          element("label", { className: "bv-file" }, "Image file ", this.file)
        )
      ),
      this.samples,
      this.note
    );
    this.blank();
  }
  describe() {
    this.root.hidden = !this.view.local;
    this.eraser.setAttribute("aria-pressed", String(this.erasing));
  }
  say(text) {
    this.note.textContent = text;
  }
  /** Show small pictures of the data set to choose from. */
  offer(samples) {
    const known = JSON.stringify(samples.map(({ index }) => index));
    if (!samples.length || known === this.offered) return;
    this.offered = known;
    this.samples.replaceChildren(
      ...samples.map(({ index, source, values }) => {
        const image = element("img", { src: source, alt: "" });
        const title = `Encode image ${index} of the data set`;
        return element(
          "button",
          { type: "button", title, "aria-label": title, onclick: () => this.take(image, index, values) },
          image
        );
      })
    );
  }
  // --- from the board to the latents ---------------------------------------------------------------
  blank() {
    this.context.fillStyle = "black";
    this.context.fillRect(0, 0, this.width, this.height);
  }
  /** Let the encoder see the board; `last` says that it is finished. */
  encode(last2, others = {}) {
    const { data } = this.context.getImageData(0, 0, this.width, this.height);
    this.look(imageOf(data, this.channels), last2, others);
  }
  look(values, last2, others) {
    this.view.encoder.encode(values, (kl) => {
      this.say(`Encoded in this page: the sliders stand at the posterior's mean, KL ${kl.toFixed(2)} nats.`);
      if (last2) this.view.commit(others);
    });
  }
  // --- pen -----------------------------------------------------------------------------------------
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      (event.clientX - box.left) / box.width * this.width,
      (event.clientY - box.top) / box.height * this.height
    ];
  }
  press(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.focus();
    event.preventDefault();
    this.drawing = this.place(event);
    this.stroke(this.drawing);
  }
  /** Draw from where the pen is. */
  stroke(to) {
    const { context } = this;
    const from = this.drawing ?? to;
    context.strokeStyle = this.erasing ? "black" : this.channels === 3 ? this.color.value : "white";
    Object.assign(context, { lineWidth: Number(this.size.value), lineCap: "round", lineJoin: "round" });
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(to[0] + 1e-3, to[1]);
    context.stroke();
    this.drawing = to;
    this.encode(false);
  }
  lift() {
    if (!this.drawing) return;
    this.drawing = null;
    this.encode(true);
  }
  key(event) {
    const far = event.shiftKey ? 4 : 1;
    const moves = {
      ArrowLeft: [-far, 0],
      ArrowRight: [far, 0],
      ArrowUp: [0, -far],
      ArrowDown: [0, far]
    };
    this.cursor ??= [this.width / 2, this.height / 2];
    if (event.key in moves) {
      const limit = (value, most2) => Math.max(0, Math.min(most2, value));
      const [x, y] = moves[event.key];
      this.cursor = [limit(this.cursor[0] + x, this.width), limit(this.cursor[1] + y, this.height)];
      if (this.drawing) this.stroke(this.cursor);
    } else if (event.key === " ") {
      if (this.drawing) this.lift();
      else this.stroke(this.cursor);
    } else if (event.key === "e" || event.key === "E") this.toggleEraser();
    else if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else return;
    event.preventDefault();
    this.pen.hidden = false;
    this.pen.style.left = `${100 * this.cursor[0] / this.width}%`;
    this.pen.style.top = `${100 * this.cursor[1] / this.height}%`;
    this.say(
      `The pen is ${this.drawing ? "down" : "up"} at ${this.cursor.map(Math.round).join(", ")}${this.erasing ? ", erasing" : ""}.`
    );
  }
  toggleEraser() {
    this.erasing = !this.erasing;
    this.describe();
  }
  clear() {
    this.drawing = null;
    this.blank();
    this.encode(true);
  }
  invert() {
    const image = this.context.getImageData(0, 0, this.width, this.height);
    for (let at = 0; at < image.data.length; at += 1) if (at % 4 !== 3) image.data[at] = 255 - image.data[at];
    this.context.putImageData(image, 0, 0);
    this.encode(true);
  }
  // --- files and samples ---------------------------------------------------------------------------
  dropped(event) {
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file) this.read(file);
  }
  async read(file) {
    if (file.size > MAX_BYTES) {
      this.say(`${file.name} has more than ${MAX_BYTES / 1e6} MB; take a smaller image.`);
      return;
    }
    try {
      const image = await createImageBitmap(file);
      this.fit(image, image.width, image.height);
      image.close();
      this.encode(true);
    } catch {
      this.say(`${file.name} can't be read as an image; PNG, JPEG, WebP and GIF can.`);
    }
    this.file.value = "";
  }
  take(image, index, values) {
    if (values) {
      this.look(Float32Array.from(values), true, { image: index });
      return;
    }
    this.fit(image, image.naturalWidth, image.naturalHeight);
    this.encode(true, { image: index });
  }
  /** Fill the board with the middle of an image. */
  fit(image, width, height) {
    const scale = Math.max(this.width / width, this.height / height);
    const [w, h] = [this.width / scale, this.height / scale];
    Object.assign(this.context, { imageSmoothingEnabled: scale !== 1, imageSmoothingQuality: "high" });
    this.blank();
    this.context.drawImage(image, (width - w) / 2, (height - h) / 2, w, h, 0, 0, this.width, this.height);
  }
};

// front/difference.ts
var NOTHING = "No slider was pointed at yet";
var Difference = class {
  constructor(view) {
    this.view = view;
    this.dimension = null;
    this.drawn = -1;
    this.canvas = element("canvas", { className: "bv-small", role: "img", "aria-label": NOTHING });
    this.cells = Cells.of(this.canvas, view.data);
    this.text = element(
      "figcaption",
      {},
      `${touched() ? "Touch" : "Point at"} a slider to see what it changes.`
    );
    this.root = element("figure", { className: "bv-difference" }, this.canvas, this.text);
  }
  /** Show what this dimension changes, from now on. */
  of(dimension) {
    if (this.dimension === dimension || !this.view.local) return;
    this.dimension = dimension;
    this.renew();
  }
  renew() {
    this.drawn = -1;
    this.view.wake();
  }
  isStale() {
    return this.dimension !== null && this.drawn !== this.view.versionWithout(this.dimension);
  }
  async paint() {
    const { view, dimension: d } = this;
    if (d === null) return;
    const { data } = view;
    const [low, high] = [data.low[d], data.high[d]];
    const version = view.versionWithout(d);
    const ends = new Float32Array(2 * data.latents);
    ends.set(view.with({ [d]: low }));
    ends.set(view.with({ [d]: high }), data.latents);
    const values = await view.decode(ends, 2);
    const half = values.length / 2;
    const change = values.slice(half).map((value, at) => value - values[at]);
    const most2 = this.cells.paintChange(change);
    const words = data.kind ? "its values higher or lower" : "orange brighter, blue darker";
    const text = `What ${view.label(d)} changes from ${low.toFixed(2)} to ${high.toFixed(2)}: ${words}, up to ${most2.toFixed(2)}${data.kind ? " of the range" : ""}`;
    this.text.textContent = text;
    this.canvas.setAttribute("aria-label", text);
    this.drawn = version;
  }
};

// front/stage.ts
var Stage = class {
  /** `title` stands above the picture. */
  constructor(view, title) {
    this.view = view;
    this.badge = new Badge();
    this.canvas = element("canvas", { className: "bv-picture", role: "img" });
    this.cells = Cells.of(this.canvas, view.data, 1, 1, true);
    this.canvas.style.aspectRatio = `${this.cells.width} / ${this.cells.height}`;
    this.difference = new Difference(view);
    this.root = section("bv-stage", "Picture", title, this.canvas, this.badge.root, this.difference.root);
  }
  /** Show pixels `(C, H, W)` that were decoded here of latents `(D,)`, and at this β where the model takes one. */
  paint(values, z, beta) {
    this.cells.paint(values);
    if (beta !== void 0) this.canvas.dataset.beta = String(beta);
    this.canvas.values = values;
    this.canvas.dataset.shown = JSON.stringify([...z].map((value) => +value.toFixed(4)));
  }
  /** Show the host's picture, at this address, where this page can't decode. */
  serve(source) {
    const { view } = this;
    const image = new Image();
    image.onload = () => {
      if (view.data.picture !== source || view.decodes) return;
      this.cells.context.drawImage(image, 0, 0, this.cells.width, this.cells.height);
      this.canvas.dataset.shown = JSON.stringify(view.data.z);
    };
    image.src = source;
  }
  /** The picture's text alternative. */
  tell() {
    const { view } = this;
    const values = view.order.slice(0, 12).map((d) => `${view.label(d)} ${view.z[d].toFixed(2)}`);
    const more = view.order.length > 12 ? ` and ${view.order.length - 12} more` : "";
    const beta = view.beta ? `β = ${view.beta.value}, ` : "";
    const text = `Picture decoded by ${view.data.name} at ${beta}${values.join(", ")}${more}`;
    this.canvas.setAttribute("aria-label", text);
  }
};

// front/tools.ts
var Tools = class {
  /** `more` stands with the others. */
  constructor(view, more) {
    this.view = view;
    const button = (text, title, onclick) => element("button", { type: "button", title, onclick }, text);
    const smooth = element("input", {
      type: "checkbox",
      onchange: () => view.stage.canvas.classList.toggle("bv-smooth", smooth.checked)
    });
    this.walk = button("Random walk", "Drift through the prior N(0, I)", () => view.toggleWalk());
    this.grid = button("Save grid", "The traversal of every dimension as a PNG file", () => this.keepGrid());
    const blocks = element("label", { className: "bv-switch" }, smooth, "Smooth pixels");
    this.root = element(
      "div",
      { className: "bv-buttons" },
      button("Reset all", "Every dimension back to its start", () => view.reset(view.order)),
      button("Draw from the prior", "Latents from N(0, I)", () => view.draw()),
      this.walk,
      button("Save picture", "The picture as a PNG file", () => savePicture(view, smooth.checked)),
      this.grid,
      more,
      ...view.data.kind ? [] : [blocks]
    );
  }
  describe() {
    this.walk.textContent = this.view.walking ? "Stop" : "Random walk";
    for (const part of [this.walk, this.grid]) part.disabled = !this.view.local;
  }
  async keepGrid() {
    this.grid.disabled = true;
    await saveGrid(this.view);
    this.grid.disabled = false;
  }
};

// front/walk.ts
var DRIFT = 1.2;
var FRICTION = 1.6;
function normal() {
  const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
  return radius * Math.cos(2 * Math.PI * Math.random());
}
var Walk = class {
  constructor(dimensions) {
    this.velocities = Array.from({ length: dimensions }, () => DRIFT * normal());
  }
  /** Where a value is some seconds later. */
  step(dimension, value, seconds) {
    const noise = Math.sqrt(2 * FRICTION * seconds) * DRIFT;
    const before = this.velocities[dimension];
    const velocity = before - (FRICTION * before + DRIFT ** 2 * value) * seconds + noise * normal();
    this.velocities[dimension] = velocity;
    return value + velocity * seconds;
  }
};

// front/explorer.ts
var count2 = 0;
var Explorer = class extends Latents {
  constructor(root, data, host) {
    super();
    this.root = root;
    this.host = host;
    this.local = false;
    this.cost = 4;
    // KL of the dimension with the most, which bars are drawn against.
    this.mostKl = 0;
    this.unskip = skipLink(() => this.list.querySelector("input.bv-slider:enabled"));
    this.decoder = null;
    this.decoderKey = null;
    this.walking = null;
    this.painted = -1;
    // the version that the picture shows
    this.committed = [];
    // the values that the host knows
    this.saidAt = -1e9;
    this.again = false;
    this.tried = false;
    count2 += 1;
    this.id = `bv${count2}`;
    this.seq = data.seq;
    this.encoder = new Encoder(this, host, (text) => this.sketch.say(text));
    this.show(data);
    join(this);
  }
  // --- what the host says --------------------------------------------------------------------------
  /** Take what the host has now. What the person is doing goes on. */
  update(data) {
    const before = this.data;
    if (data.hash !== before.hash || data.ready !== before.ready) {
      const here = data.hash === before.hash ? Array.from(this.z) : data.z;
      this.leaveModel();
      this.show({ ...data, z: here });
      return;
    }
    this.data = data;
    if (data.beta) this.beta?.update(data.beta, this.isKnownTo(data));
    this.mostKl = this.mostOf(data);
    if (this.isKnownTo(data)) {
      this.names = { ...data.names };
      this.order = [...data.order];
      this.locked = new Set(data.locked);
      this.layRows();
      if (String(data.z) !== String(this.committed)) {
        this.z.set(data.z);
        this.committed = data.z;
        this.touchAll();
      }
    }
    if (String([data.low, data.high]) !== String([before.low, before.high])) this.touchAll();
    if (data.picture && data.picture !== before.picture) this.stage.serve(data.picture);
    if (this.again) {
      this.again = false;
      this.local = true;
      this.open();
    }
    this.sketch.offer(data.samples);
    this.describe();
    for (const row of [...this.rows, this.groups]) row.show();
    this.pad.show();
    this.stage.tell();
  }
  /** Show a model from its beginning. */
  show(data) {
    this.place(data.z);
    this.data = data;
    this.shape = data.shape;
    this.names = { ...data.names };
    this.order = [...data.order];
    this.locked = new Set(data.locked);
    this.local = data.ready;
    this.beta = data.beta ? new Beta(this, data.beta) : null;
    this.mostKl = this.mostOf(data);
    this.committed = data.z;
    this.decoder = this.walking = null;
    this.painted = -1;
    this.again = this.tried = false;
    this.layOut();
    this.describe();
    if (data.picture) this.stage.serve(data.picture);
    if (data.ready) this.open();
    else this.say(data.waiting, true);
    this.touchAll();
    for (const row of [...this.rows, this.groups]) row.show();
    this.stage.tell();
  }
  mostOf(data) {
    return Math.max(most(data), this.beta?.most ?? 0);
  }
  async open() {
    const key = `${this.data.hash}:decoder`;
    this.decoderKey = key;
    this.say("starting the decoder…");
    try {
      const decoder = await acquire(key, this.host.assets, () => this.host.bytes("decoder"));
      if (this.decoderKey !== key) return;
      this.cost = await decoder.warm(Float32Array.from(this.z), [1, this.data.latents], this.beta?.value);
      this.saidAt = -1e9;
      this.decoder = decoder;
      ask();
    } catch (error) {
      if (this.decoderKey !== key) return;
      this.unable(error);
    }
  }
  /** Nothing can be decoded here: the host does it, when a slider is let go. */
  unable(error) {
    this.again = error instanceof Unserved && !this.tried;
    this.tried = true;
    this.decoder = null;
    this.local = false;
    const who = this.host.decodes ? "the server decodes when you let go" : "no picture can be made";
    this.say(`this browser can't decode here (${reason(error)}): ${who}`, true);
    this.describe();
    this.commit();
  }
  get decodes() {
    return this.decoder !== null;
  }
  leaveModel() {
    if (this.decoderKey) release(this.decoderKey);
    this.decoderKey = null;
    this.encoder.close();
    this.observer?.disconnect();
    this.rest();
    this.beta?.rest();
  }
  destroy() {
    leave(this);
    this.unskip();
    this.leaveModel();
    this.root.replaceChildren();
  }
  // --- what stands on the page ---------------------------------------------------------------------
  layOut() {
    const step = this.host.decodes ? (by) => this.commit({ step: by }) : null;
    const present = new Present(this.root, this.data.name, step);
    this.stage = new Stage(this, present.title);
    this.tools = new Tools(this, present.button);
    this.pad = new Pad(this);
    this.sketch = new Sketch(this);
    this.groups = new Groups(this, this.data.groups);
    this.list = element("div", { className: "bv-rows", id: "sliders" });
    this.rows = Array.from({ length: this.data.latents }, (_, d) => new Row(this, d));
    const more = section("bv-more", "Tools", this.tools.root, this.pad.root, this.sketch.root, keysPanel());
    const above = this.beta ? [this.beta.root, this.groups.root] : [this.groups.root];
    const right = element("div", { className: "bv-right" }, ...above, this.list);
    this.root.replaceChildren(element("div", { className: "bv-left" }, this.stage.root, more), right);
    for (const { root } of [this.pad, this.sketch]) standBeside(root, right);
    this.layRows();
    this.sketch.offer(this.data.samples);
    this.observer = watched(this.rows, ask);
    present.focus();
  }
  layRows() {
    const wanted = this.order.map((dimension) => this.rows[dimension].root);
    if (wanted.some((row, at) => this.list.children[at] !== row)) {
      const focused = document.activeElement;
      const held = focused instanceof HTMLElement && this.list.contains(focused);
      this.list.replaceChildren(...wanted);
      if (held) focused.focus();
    }
  }
  /** Names, locks, ranges: everything but the values. */
  describe() {
    for (const part of [...this.rows, this.groups, this.tools, this.pad, this.sketch]) part.describe();
  }
  say(text, wrong = false) {
    this.stage.badge.say(text, wrong);
  }
  label(dimension) {
    const name = this.names[dimension];
    return name ? `${name} (z${dimension})` : `z${dimension}`;
  }
  // --- latents -------------------------------------------------------------------------------------
  moved(dimension) {
    this.rows[dimension].show();
    this.groups.show(dimension);
    this.pad.show();
  }
  /** Everything is to be drawn again. */
  touchAll() {
    this.version += 1;
    this.changed.fill(this.version);
    for (const row of this.rows) row.drawn.fill(-1);
    this.pad.drawn.fill(-1);
    this.stage.difference.drawn = -1;
    ask();
  }
  /** β was moved: the same latents are another picture now, and the image has other latents. */
  refit() {
    this.encoder.follow();
    this.version += 1;
    this.changed.fill(this.version);
    ask();
  }
  /** Tell the KL of each dimension at the β of now. */
  describeKl() {
    const dims = this.beta?.dims;
    if (dims) this.data = { ...this.data, dims };
    for (const row of [...this.rows, this.groups]) row.describeKl();
  }
  draw() {
    this.encoder.forget();
    this.setAll(normal);
    this.commit();
  }
  rename(dimension, name) {
    if (name) this.names[dimension] = name;
    else delete this.names[dimension];
    this.stage.difference.renew();
    this.describe();
    this.commit();
    ask();
  }
  shift(dimension, by) {
    const at = this.order.indexOf(dimension);
    const to = at + by;
    if (to < 0 || to >= this.order.length) return;
    [this.order[at], this.order[to]] = [this.order[to], this.order[at]];
    this.layRows();
    this.commitSoon();
  }
  toggleLock(dimension) {
    if (!this.locked.delete(dimension)) {
      this.locked.add(dimension);
      this.playing.delete(dimension);
    }
    this.describe();
    this.commit();
  }
  toggleWalk() {
    if (this.walking) this.commit();
    this.encoder.forget();
    this.walking = this.walking ? null : new Walk(this.data.latents);
    this.describe();
    ask();
  }
  /** Tell the host what to keep. */
  commit(others = {}) {
    this.rest();
    this.seq += 1;
    this.committed = Array.from(this.z);
    this.stage.tell();
    this.host.commit({
      seq: this.seq,
      hash: this.data.hash,
      // With another start, which an image is, what is locked stays where it is.
      z: Array.from(
        this.z,
        (value, d) => this.isMoved(d) || others.image !== void 0 && this.locked.has(d) ? value : null
      ),
      locked: [...this.locked].sort((a, b) => a - b),
      names: { ...this.names },
      order: [...this.order],
      local: this.local,
      beta: this.beta?.value ?? null,
      ...others
    });
  }
  // --- frames (frames.ts) --------------------------------------------------------------------------
  /** Move what plays and walks; whether anything does. */
  animate(seconds) {
    const playing = [super.animate(seconds), this.beta?.animate(seconds)].some(Boolean);
    if (this.walking) {
      for (let d = 0; d < this.data.latents; d += 1) {
        if (this.locked.has(d) || this.playing.has(d)) continue;
        this.set(d, this.walking.step(d, this.z[d], seconds));
      }
    }
    return playing || this.walking !== null;
  }
  get stale() {
    const late = this.decoder !== null && this.painted !== this.version;
    return late || this.encoder.stale;
  }
  /** Decode the newest latents and show them. */
  async paint() {
    if (this.encoder.stale) await this.encoder.run();
    if (!this.decoder || this.painted === this.version) return;
    const { version } = this;
    const [z, beta] = [Float32Array.from(this.z), this.beta?.value];
    try {
      this.stage.paint(await this.decode(z, 1), z, beta);
    } catch (error) {
      this.unable(error);
      return;
    }
    this.painted = version;
  }
  /** Pixels `(n, C, H, W)` of latents `(n, D)`, both flat. */
  async decode(z, n) {
    const began = performance.now();
    const { images } = await this.decoder.run(z, [n, this.data.latents], this.beta?.value);
    const now = performance.now();
    this.cost += 0.1 * ((now - began) / n - this.cost);
    if (now - this.saidAt > 250) {
      this.saidAt = now;
      this.stage.badge.decodes(this.cost);
    }
    return images;
  }
  /** Latents as they are, but for some dimensions. */
  with(changes) {
    const z = Float32Array.from(this.z);
    for (const [dimension, value] of Object.entries(changes)) z[Number(dimension)] = value;
    return z;
  }
  hasDetail() {
    return this.decoder !== null && nextDetail(this) !== null;
  }
  /** Make one detail: a cell of a strip, of the pad's grid, or half of the difference. */
  async detail() {
    const next = this.decoder && nextDetail(this);
    if (!next) return false;
    await next();
    return true;
  }
};

// front/main.ts
var mounted = /* @__PURE__ */ new WeakMap();
function attach({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".bv");
  const known = mounted.get(parentElement);
  if (known && known.root === root) {
    known.server.use(data, setStateValue);
    known.view.update(data);
    return;
  }
  known?.view.destroy();
  const server = new Server(data, setStateValue);
  mounted.set(parentElement, { root, server, view: viewOf(root, data, server) });
}
function detach(parentElement) {
  mounted.get(parentElement)?.view.destroy();
  mounted.delete(parentElement);
}
function viewOf(root, data, host) {
  return "models" in data ? new Comparison(root, data, host) : new Explorer(root, data, host);
}
var Server = class {
  constructor(data, setStateValue) {
    this.decodes = true;
    this.use(data, setStateValue);
    const address = (path) => new URL(path, document.baseURI).href;
    this.assets = { script: address(data.assets.script), wasm: address(data.assets.wasm) };
  }
  use(data, setStateValue) {
    this.parts = data.parts ?? {};
    this.setStateValue = setStateValue;
  }
  commit(state) {
    this.setStateValue("state", state);
  }
  async bytes(part) {
    const answer = await fetch(new URL(this.parts[part].replace(/^\//, ""), base()));
    if (!answer.ok) throw new Unserved(`the ${part} was not served (${answer.status})`);
    return new Uint8Array(await answer.arrayBuffer());
  }
};
function base() {
  return new URL(".", document.baseURI);
}
function open(root, data, assets, bytes) {
  return viewOf(root, data, { decodes: false, commit() {
  }, assets, bytes });
}
export {
  attach,
  detach,
  open
};
