// The live explorer of one model: its latents, and everything on the page that shows or moves them.

import { Beta } from "./beta";
import { nextDetail } from "./details";
import { element, type Shape, section } from "./dom";
import { Encoder } from "./encoder";
import { ask, join, leave, type View } from "./frames";
import { Groups } from "./groups";
import type { Host } from "./host";
import { keysPanel } from "./keys";
import { Latents } from "./latents";
import { Pad } from "./pad";
import { standBeside } from "./panels";
import { Present } from "./present";
import { most, Row, watched } from "./row";
import { acquire, type Network, reason, release, Unserved } from "./runtime";
import { Sketch } from "./sketch";
import { skipLink } from "./skip";
import { Stage } from "./stage";
import { Tools } from "./tools";
import { normal, Walk } from "./walk";
import type { ExplorerData, ExplorerTouch } from "./wire";

let count = 0;

export class Explorer extends Latents implements View {
  readonly id: string;
  data!: ExplorerData;
  shape!: Shape;
  order!: number[];
  names!: Record<number, string>;
  local = false;
  cost = 4;
  // KL of the dimension with the most, which bars are drawn against.
  mostKl = 0;

  stage!: Stage;
  beta!: Beta | null; // of a model for every β
  private tools!: Tools;
  private list!: HTMLElement;
  private readonly unskip = skipLink(() => this.list.querySelector<HTMLElement>("input.bv-slider:enabled"));
  private groups!: Groups;
  pad!: Pad;
  private sketch!: Sketch;
  rows!: Row[]; // by dimension
  private observer!: IntersectionObserver;

  private decoder: Network | null = null;
  private decoderKey: string | null = null;
  readonly encoder: Encoder;
  walking: Walk | null = null;
  private painted = -1; // the version that the picture shows
  private committed: number[] = []; // the values that the host knows
  private saidAt = -1e9;
  private again = false;
  private tried = false;

  constructor(
    private readonly root: HTMLElement,
    data: ExplorerData,
    private readonly host: Host,
  ) {
    super();
    count += 1;
    this.id = `bv${count}`;
    this.seq = data.seq;
    this.encoder = new Encoder(this, host, (text) => this.sketch.say(text));
    this.show(data);
    join(this);
  }

  // --- what the host says --------------------------------------------------------------------------

  /** Take what the host has now. What the person is doing goes on. */
  update(data: ExplorerData): void {
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
      // Values that come back from here are no news, and older than what is being dragged.
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
  private show(data: ExplorerData): void {
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

  private mostOf(data: ExplorerData): number {
    return Math.max(most(data), this.beta?.most ?? 0);
  }

  private async open(): Promise<void> {
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
  private unable(error: unknown): void {
    this.again = error instanceof Unserved && !this.tried; // the host is told, and serves it anew
    this.tried = true;
    this.decoder = null;
    this.local = false;
    const who = this.host.decodes ? "the server decodes when you let go" : "no picture can be made";
    this.say(`this browser can't decode here (${reason(error)}): ${who}`, true);
    this.describe();
    this.commit();
  }

  get decodes(): boolean {
    return this.decoder !== null;
  }

  private leaveModel(): void {
    if (this.decoderKey) release(this.decoderKey);
    this.decoderKey = null;
    this.encoder.close();
    this.observer?.disconnect();
    this.rest();
    this.beta?.rest();
  }

  destroy(): void {
    leave(this);
    this.unskip();
    this.leaveModel();
    this.root.replaceChildren();
  }

  // --- what stands on the page ---------------------------------------------------------------------

  private layOut(): void {
    const step = this.host.decodes ? (by: 1 | -1) => this.commit({ step: by }) : null;
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

  private layRows(): void {
    const wanted = this.order.map((dimension) => this.rows[dimension].root);
    if (wanted.some((row, at) => this.list.children[at] !== row)) {
      const focused = document.activeElement;
      const held = focused instanceof HTMLElement && this.list.contains(focused);
      this.list.replaceChildren(...wanted);
      if (held) focused.focus();
    }
  }

  /** Names, locks, ranges: everything but the values. */
  describe(): void {
    for (const part of [...this.rows, this.groups, this.tools, this.pad, this.sketch]) part.describe();
  }

  private say(text: string, wrong = false): void {
    this.stage.badge.say(text, wrong);
  }

  label(dimension: number): string {
    const name = this.names[dimension];
    return name ? `${name} (z${dimension})` : `z${dimension}`;
  }

  // --- latents -------------------------------------------------------------------------------------

  moved(dimension: number): void {
    this.rows[dimension].show();
    this.groups.show(dimension);
    this.pad.show();
  }

  /** Everything is to be drawn again. */
  private touchAll(): void {
    this.version += 1;
    this.changed.fill(this.version);
    for (const row of this.rows) row.drawn.fill(-1);
    this.pad.drawn.fill(-1);
    this.stage.difference.drawn = -1;
    ask();
  }

  /** β was moved: the same latents are another picture now, and the image has other latents. */
  refit(): void {
    this.encoder.follow();
    this.version += 1;
    this.changed.fill(this.version);
    ask();
  }

  /** Tell the KL of each dimension at the β of now. */
  describeKl(): void {
    const dims = this.beta?.dims;
    if (dims) this.data = { ...this.data, dims };
    for (const row of [...this.rows, this.groups]) row.describeKl();
  }

  draw(): void {
    this.encoder.forget();
    this.setAll(normal);
    this.commit();
  }

  rename(dimension: number, name: string): void {
    if (name) this.names[dimension] = name;
    else delete this.names[dimension];
    this.stage.difference.renew(); // its caption has the name
    this.describe();
    this.commit();
    ask();
  }

  shift(dimension: number, by: number): void {
    const at = this.order.indexOf(dimension);
    const to = at + by;
    if (to < 0 || to >= this.order.length) return;
    [this.order[at], this.order[to]] = [this.order[to], this.order[at]];
    this.layRows();
    this.commitSoon();
  }

  toggleLock(dimension: number): void {
    if (!this.locked.delete(dimension)) {
      this.locked.add(dimension);
      this.playing.delete(dimension);
    }
    this.describe();
    this.commit();
  }

  toggleWalk(): void {
    if (this.walking) this.commit();
    this.encoder.forget();
    this.walking = this.walking ? null : new Walk(this.data.latents);
    this.describe();
    ask();
  }

  /** Tell the host what to keep. */
  commit(others: Pick<ExplorerTouch, "image" | "step"> = {}): void {
    this.rest();
    this.seq += 1;
    this.committed = Array.from(this.z);
    this.stage.tell();
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
      beta: this.beta?.value ?? null,
      ...others,
    });
  }

  // --- frames (frames.ts) --------------------------------------------------------------------------

  /** Move what plays and walks; whether anything does. */
  override animate(seconds: number): boolean {
    const playing = [super.animate(seconds), this.beta?.animate(seconds)].some(Boolean);
    if (this.walking) {
      for (let d = 0; d < this.data.latents; d += 1) {
        if (this.locked.has(d) || this.playing.has(d)) continue;
        this.set(d, this.walking.step(d, this.z[d], seconds));
      }
    }
    return playing || this.walking !== null;
  }

  get stale(): boolean {
    const late = this.decoder !== null && this.painted !== this.version;
    return late || this.encoder.stale;
  }

  /** Decode the newest latents and show them. */
  async paint(): Promise<void> {
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
  async decode(z: Float32Array, n: number): Promise<Float32Array> {
    const began = performance.now();
    const { images } = await (this.decoder as Network).run(z, [n, this.data.latents], this.beta?.value);
    const now = performance.now();
    this.cost += 0.1 * ((now - began) / n - this.cost);
    if (now - this.saidAt > 250) {
      this.saidAt = now;
      this.stage.badge.decodes(this.cost);
    }
    return images;
  }

  /** Latents as they are, but for some dimensions. */
  with(changes: Record<number, number>): Float32Array {
    const z = Float32Array.from(this.z);
    for (const [dimension, value] of Object.entries(changes)) z[Number(dimension)] = value;
    return z;
  }

  hasDetail(): boolean {
    return this.decoder !== null && nextDetail(this) !== null;
  }

  /** Make one detail: a cell of a strip, of the pad's grid, or half of the difference. */
  async detail(): Promise<boolean> {
    const next = this.decoder && nextDetail(this);
    if (!next) return false;
    await next();
    return true;
  }
}
