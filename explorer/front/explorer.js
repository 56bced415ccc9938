// The live explorer of one model: its latents, and everything on the page that shows or moves them.
//
// `data` says what is explored (see explorer/live/payload.py), `host` where changes go:
//   host.commit(state)      the state to keep, once a movement has ended
//   host.bytes(part)        a promise of the "decoder" or "encoder" as an ONNX file
//   host.assets             where the runtime is (runtime.js)

import { Difference } from "./difference.js";
import { Cells, element } from "./dom.js";
import { ask, join, leave } from "./frames.js";
import { Latents } from "./latents.js";
import { Pad } from "./pad.js";
import { Row } from "./row.js";
import { acquire, reason, release } from "./runtime.js";
import { saveGrid, savePicture } from "./save.js";
import { Sketch } from "./sketch.js";

const DRIFT = 1.2; // radians a second of the random walk
const FRICTION = 1.6; // a second, of the same

let count = 0;

export class Explorer extends Latents {
  constructor(root, data, host) {
    super();
    Object.assign(this, { root, host, id: `bv${(count += 1)}`, seq: data.seq, cost: 4, timer: 0 });
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
    this.mostKl = most(data);
    if (this.isKnownTo(data)) {
      this.names = { ...data.names };
      this.order = [...data.order];
      this.locked = new Set(data.locked);
      this.layRows();
      // Values that come back from here are no news, and older than what is being dragged.
      if (String(data.z) !== String(this.committed)) {
        this.z.set(data.z);
        this.committed = data.z;
        this.touchAll();
      }
    }
    if (String([data.low, data.high]) !== String([before.low, before.high])) this.touchAll();
    if (data.picture && data.picture !== before.picture) this.showServed();
    if (this.again) {
      this.again = false;
      this.local = true;
      this.open();
    }
    this.sketch.offer(data.samples);
    this.describe();
    for (const row of this.rows.values()) row.show();
    this.pad.show();
    this.tell();
  }

  /** Show a model from its beginning. */
  show(data) {
    this.place(data.z);
    Object.assign(this, {
      data, shape: data.shape, names: { ...data.names }, order: [...data.order],
      locked: new Set(data.locked), walking: null, painted: -1, decoder: null, local: data.ready,
      encoder: null, wantsEncoding: null,
      mostKl: most(data), committed: data.z, again: false, tried: false,
    });
    this.layOut();
    this.describe();
    if (data.picture) this.showServed();
    if (data.ready) this.open();
    else this.say(data.waiting, true);
    this.touchAll();
    for (const row of this.rows.values()) row.show();
    this.tell();
  }

  async open() {
    const key = `${this.data.hash}:decoder`;
    this.decoderKey = key;
    this.say("starting the decoder…");
    try {
      const decoder = await acquire(key, this.host.assets, () => this.host.bytes("decoder"));
      if (this.decoderKey !== key) return;
      this.cost = await decoder.warm(Float32Array.from(this.z), [1, this.data.latents]);
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
    this.again = error.unserved && !this.tried; // the host is told, and serves it anew
    this.tried = true;
    this.decoder = null;
    this.local = false;
    const who = this.host.decodes ? "the server decodes when you let go" : "no picture can be made";
    this.say(`this browser can't decode here (${reason(error)}): ${who}`, true);
    this.describe();
    this.commit();
  }

  leaveModel() {
    if (this.decoderKey) release(this.decoderKey);
    if (this.encoderKey) release(this.encoderKey);
    this.decoderKey = this.encoderKey = null;
    this.observer?.disconnect();
    this.rest();
  }

  destroy() {
    leave(this);
    this.leaveModel();
    this.root.replaceChildren();
  }

  // --- what stands on the page ---------------------------------------------------------------------

  layOut() {
    const [, height, width] = this.shape;
    this.canvas = element("canvas", { className: "bv-picture", role: "img" });
    this.picture = new Cells(this.canvas, this.shape);
    this.canvas.style.aspectRatio = `${width} / ${height}`;
    this.badge = element("p", { className: "bv-badge", role: "status" });
    this.difference = new Difference(this);
    const button = (text, title, onclick) => element("button", { type: "button", title, onclick }, text);
    this.walk = button("Random walk", "Drift through the prior N(0, I)", () => this.toggleWalk());
    this.smooth = element("input", {
      type: "checkbox",
      onchange: () => this.canvas.classList.toggle("bv-smooth", this.smooth.checked),
    });
    this.pad = new Pad(this);
    this.sketch = new Sketch(this);
    this.list = element("div", { className: "bv-rows" });
    this.rows = new Map();
    for (let d = 0; d < this.data.latents; d += 1) this.rows.set(d, new Row(this, d));
    this.root.replaceChildren(
      element(
        "div",
        { className: "bv-left" },
        element(
          "section",
          { className: "bv-stage", "aria-label": "Picture" },
          this.canvas,
          this.badge,
          this.difference.root,
        ),
        element(
          "section",
          { className: "bv-more", "aria-label": "Tools" },
          element(
            "div",
            { className: "bv-buttons" },
            button("Reset all", "Every dimension back to its start", () => this.reset(this.order)),
            button("Draw from the prior", "Latents from N(0, I)", () => this.draw()),
            this.walk,
            button("Save picture", "The picture as a PNG file", () =>
              savePicture(this, this.smooth.checked),
            ),
            (this.gridButton = button("Save grid", "The traversal of every dimension as a PNG file", () =>
              this.keepGrid(),
            )),
            element("label", { className: "bv-switch" }, this.smooth, "Smooth pixels"),
          ),
          this.pad.root,
          this.sketch.root,
        ),
      ),
      this.list,
    );
    this.layRows();
    this.sketch.offer(this.data.samples);
    this.observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) target.row.visible = isIntersecting;
      ask();
    });
    for (const row of this.rows.values()) {
      row.root.row = row;
      this.observer.observe(row.root);
    }
  }

  layRows() {
    const wanted = this.order.map((dimension) => this.rows.get(dimension).root);
    if (wanted.some((row, at) => this.list.children[at] !== row)) {
      const focused = this.list.contains(document.activeElement) ? document.activeElement : null;
      this.list.replaceChildren(...wanted);
      focused?.focus();
    }
  }

  /** Names, locks, ranges: everything but the values. */
  describe() {
    for (const row of this.rows.values()) row.describe();
    this.walk.textContent = this.walking ? "Stop" : "Random walk";
    for (const part of [this.walk, this.gridButton]) part.disabled = !this.local;
    this.pad.describe();
    this.sketch.describe();
  }

  say(text, wrong = false) {
    this.badge.textContent = text;
    this.badge.classList.toggle("bv-wrong", wrong);
  }

  label(dimension) {
    const name = this.names[dimension];
    return name ? `${name} (z${dimension})` : `z${dimension}`;
  }

  // --- latents -------------------------------------------------------------------------------------

  moved(dimension) {
    this.rows.get(dimension).show();
    this.pad.show();
  }

  /** Everything is to be drawn again. */
  touchAll() {
    this.version += 1;
    this.changed.fill(this.version);
    for (const row of this.rows.values()) row.drawn.fill(-1);
    this.pad.drawn.fill(-1);
    this.difference.drawn = -1;
    ask();
  }

  draw() {
    this.setAll(normal);
    this.commit();
  }

  rename(dimension, name) {
    if (name) this.names[dimension] = name;
    else delete this.names[dimension];
    this.difference.renew(); // its caption has the name
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
    this.walking = this.walking ? null : Float64Array.from(this.z, () => DRIFT * normal());
    this.describe();
    ask();
  }

  /** Tell the host what to keep. */
  commit(others = {}) {
    this.rest();
    this.seq += 1;
    this.committed = Array.from(this.z);
    this.tell();
    this.host.commit({
      seq: this.seq,
      hash: this.data.hash,
      // With another start, which an image is, what is locked stays where it is.
      z: Array.from(this.z, (value, d) =>
        this.isMoved(d) || (others.image !== undefined && this.locked.has(d)) ? value : null,
      ),
      locked: [...this.locked].sort((a, b) => a - b),
      names: { ...this.names },
      order: [...this.order],
      local: this.local,
      ...others,
    });
  }

  /** The picture's text alternative. */
  tell() {
    const values = this.order.slice(0, 12).map((d) => `${this.label(d)} ${this.z[d].toFixed(2)}`);
    const more = this.order.length > 12 ? ` and ${this.order.length - 12} more` : "";
    const text = `Picture decoded by ${this.data.name} at ${values.join(", ")}${more}`;
    this.canvas.setAttribute("aria-label", text);
  }

  // --- frames (frames.js) --------------------------------------------------------------------------

  /** Move what plays and walks; whether anything does. */
  animate(seconds) {
    const playing = super.animate(seconds);
    // Langevin's equation with inertia: smooth paths, whose every moment is a draw from N(0, I).
    if (this.walking) {
      const noise = Math.sqrt(2 * FRICTION * seconds) * DRIFT;
      for (let d = 0; d < this.data.latents; d += 1) {
        if (this.locked.has(d) || this.playing.has(d)) continue;
        this.walking[d] += -(FRICTION * this.walking[d] + DRIFT ** 2 * this.z[d]) * seconds + noise * normal();
        this.set(d, this.z[d] + this.walking[d] * seconds);
      }
    }
    return playing || this.walking !== null;
  }

  get stale() {
    const late = this.decoder !== null && this.painted !== this.version;
    return late || (this.encoder !== null && this.wantsEncoding !== null);
  }

  /** Decode the newest latents and show them. */
  async paint() {
    if (this.encoder && this.wantsEncoding) await this.encodeNow();
    if (!this.decoder || this.painted === this.version) return;
    const version = this.version;
    const z = Float32Array.from(this.z);
    try {
      const values = await this.decode(z, 1);
      this.picture.paint(values);
      this.canvas.values = values;
      this.canvas.dataset.shown = JSON.stringify([...z].map((value) => +value.toFixed(4)));
    } catch (error) {
      this.unable(error);
      return;
    }
    this.painted = version;
  }

  /** Pixels `(n, C, H, W)` of latents `(n, D)`, both flat. */
  async decode(z, n) {
    const began = performance.now();
    const { images } = await this.decoder.run(z, [n, this.data.latents]);
    const now = performance.now();
    this.cost += 0.1 * ((now - began) / n - this.cost);
    if (now - this.saidAt > 250) {
      this.saidAt = now;
      this.say(`decoded in this page · ${this.cost.toFixed(1)} ms a frame`);
    }
    return images;
  }

  /** Latents as they are, but for some dimensions. */
  with(changes) {
    const z = Float32Array.from(this.z);
    for (const [dimension, value] of Object.entries(changes)) z[dimension] = value;
    return z;
  }

  hasDetail() {
    return this.decoder !== null && this.nextDetail() !== null;
  }

  /** Make one detail: a cell of a strip, of the pad's grid, or half of the difference. */
  async detail() {
    const next = this.decoder && this.nextDetail();
    if (!next) return false;
    await next();
    return true;
  }

  nextDetail() {
    if (this.difference.isStale()) return () => this.difference.paint();
    const pad = this.pad.staleCell();
    if (pad >= 0) return () => this.pad.paintCell(pad);
    let best = null;
    for (const row of this.rows.values()) {
      const cell = row.visible && !row.strip.hidden ? row.staleCell() : -1;
      if (cell >= 0 && (best === null || row.drawn[cell] < best.row.drawn[best.cell])) best = { row, cell };
    }
    return best && (() => this.paintStrip(best));
  }

  async paintStrip({ row, cell }) {
    const version = this.versionWithout(row.dimension);
    const z = this.with({ [row.dimension]: row.cellValue(cell) });
    row.cells.paint(await this.decode(z, 1), 0, cell);
    row.drawn[cell] = version;
  }

  // --- images in -----------------------------------------------------------------------------------

  /** Encode an image `(C, H, W)` in [0, 1] at the next frame, and put the sliders at its posterior's mean. */
  encode(pixels, then) {
    this.wantsEncoding = { pixels, then };
    this.openEncoder();
    ask();
  }

  openEncoder() {
    if (this.encoderKey || !this.local) return;
    const key = `${this.data.hash}:encoder`;
    this.encoderKey = key;
    acquire(key, this.host.assets, () => this.host.bytes("encoder")).then(
      (encoder) => {
        if (this.encoderKey !== key) return;
        this.encoder = encoder;
        ask();
      },
      (error) => {
        if (this.encoderKey !== key) return;
        this.wantsEncoding = null;
        this.sketch.say(`This browser can't encode here: ${reason(error)}.`);
      },
    );
  }

  async encodeNow() {
    const { pixels, then } = this.wantsEncoding;
    this.wantsEncoding = null;
    const { mean, log_var: logVar } = await this.encoder.run(pixels, [1, ...this.shape]);
    this.setAll((d) => mean[d]);
    let kl = 0;
    mean.forEach((m, d) => (kl += (m * m + Math.exp(logVar[d]) - 1 - logVar[d]) / 2));
    then(kl);
  }

  // --- pictures out --------------------------------------------------------------------------------

  /** The picture from the host, where this page can't decode. */
  showServed() {
    const image = new Image();
    const source = this.data.picture;
    image.onload = () => {
      if (this.data.picture !== source || this.decoder) return;
      this.picture.context.drawImage(image, 0, 0);
      this.canvas.dataset.shown = JSON.stringify(this.data.z);
    };
    image.src = source;
  }

  async keepGrid() {
    this.gridButton.disabled = true;
    await saveGrid(this);
    this.gridButton.disabled = false;
  }
}

export function normal() {
  const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
  return radius * Math.cos(2 * Math.PI * Math.random()); // Box and Muller
}

function most({ dims }) {
  return Math.max(...dims.map(({ kl }) => kl ?? 0), 1e-9);
}
