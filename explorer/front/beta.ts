// β of a model for every β: its slider, what the model costs there, and the measured curve that it walks along.

import { element, imageAt } from "./dom";
import type { Explorer } from "./explorer";
import { Latents, type Limits } from "./latents";
import { Slider } from "./slider";
import type { BetaData, BetaPointData, DimensionData } from "./wire";

const DIGITS = 4; // of a β
const PACE = 0.06; // seconds between two tellings of what β changes, while it moves: text takes a frame's time

/** What the model costs at a β, between the two points of its curve beside it: on a log scale, by their share. */
export function pointAt(curve: BetaPointData[], beta: number): BetaPointData | null {
  if (!curve.length) return null;
  const after = curve.findIndex((point) => point.beta > beta);
  const low = curve[after < 0 ? curve.length - 1 : Math.max(after - 1, 0)];
  const high = curve[after < 0 ? curve.length - 1 : after];
  const share = low === high ? 0 : Math.log(beta / low.beta) / Math.log(high.beta / low.beta);
  const mixed = (a: number, b: number) => a + share * (b - a);
  return {
    beta,
    rate: mixed(low.rate, high.rate),
    distortion: mixed(low.distortion, high.distortion),
    slope: mixed(low.slope, high.slope),
    kl: low.kl.map((kl, d) => mixed(kl, high.kl[d])),
    active: share < 0.5 ? low.active : high.active,
  };
}

/** Its one value is log β. */
export class Beta extends Latents {
  readonly root: HTMLElement;
  readonly local = true;
  data: Limits;
  private given: BetaData;
  private said: number; // β as the host has it
  private late = false; // β moved since it was told what that changes
  private passed = 0; // seconds since it was told
  private readonly row: BetaRow;
  private readonly costs = element("p", { className: "bv-note bv-costs" });
  private readonly dot = svg("circle", { r: "2.2" });
  private readonly at: (point: BetaPointData) => [x: number, y: number];

  constructor(
    private readonly view: Explorer,
    given: BetaData,
  ) {
    super();
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
      element("div", { className: "bv-walk" }, ...(given.curve.length ? [this.curve()] : []), this.costs),
    );
    this.describe();
    this.row.show();
    this.tell();
    this.hold();
  }

  get value(): number {
    const { low, high } = this.given;
    return Math.max(low, Math.min(high, Number(Math.exp(this.z[0]).toPrecision(DIGITS))));
  }

  /** KL and activity of each dimension at this β; null where they were not measured. */
  get dims(): DimensionData[] | null {
    const point = pointAt(this.given.curve, this.value);
    return point?.kl.map((kl, d) => ({ kl, active: point.active[d] })) ?? null;
  }

  /** The most KL that any dimension has anywhere on the curve. */
  get most(): number {
    return Math.max(0, ...this.given.curve.flatMap(({ kl }) => kl));
  }

  /** Take what the host has now; `known` says that it knows all that was touched here. */
  update(given: BetaData, known: boolean): void {
    const other = given.image !== this.given.image;
    this.given = given;
    if (known && given.value !== this.said) {
      this.set(0, Math.log(given.value));
      this.said = given.value;
    }
    if (known || other) this.hold();
    if (this.value === given.value) return;
    // What the host says is of the β before; here it is another one already.
    const { data, encoder } = this.view;
    this.view.data = { ...data, dims: this.dims ?? data.dims, start: encoder.start ?? data.start };
  }

  moved(): void {
    this.row.show();
    this.late = true;
    this.view.refit();
  }

  describe(): void {
    this.row.call("β");
  }

  commit(): void {
    this.rest();
    this.said = this.value;
    this.view.commit();
  }

  /** Let the encoder have the image that the sliders start from, so that it can follow β. */
  private hold(): void {
    const { given, version, view } = this;
    if (!given.image && !given.values) {
      view.encoder.forget();
      return;
    }
    const { start } = view.data;
    const image = given.values ? Float32Array.from(given.values) : imageAt(given.image as string, view.shape);
    Promise.resolve(image).then((pixels) => {
      if (this.given === given && this.version === version) view.encoder.hold(pixels, start);
    });
  }

  override animate(seconds: number): boolean {
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
  private tell(): void {
    const point = pointAt(this.given.curve, this.value);
    if (!point) return;
    const [x, y] = this.at(point);
    this.dot.setAttribute("cx", String(x));
    this.dot.setAttribute("cy", String(y));
    const { rate, distortion, slope } = point;
    this.costs.textContent =
      `Rate R ${rate.toFixed(2)} nats, distortion D ${distortion.toFixed(2)} nats. ` +
      `A nat less of rate costs −dD/dR = ${slope.toPrecision(3)} nats of distortion.`;
  }

  private curve(): Element {
    const points = this.given.curve.map((point) => this.at(point).join(",")).join(" ");
    const label = "The measured curve of the model: rate across, distortion upwards, and where β is on it";
    const picture = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": label });
    const axes = svg("text", { x: "26", y: "10" });
    axes.textContent = "D ↑ R →";
    picture.append(svg("polyline", { points }), this.dot, axes);
    return picture;
  }
}

/** The slider of β: along log β, with β itself in its field. */
class BetaRow extends Slider<Beta> {
  readonly root: HTMLElement;

  constructor(beta: Beta, describedBy: string) {
    super(beta, 0, describedBy);
    this.slider.dataset.dimension = "beta";
    this.number.min = "0";
    this.root = element(
      "div",
      { className: "bv-row" },
      element("b", { className: "bv-name" }, "β"),
      this.slider,
      this.number,
      element("div", { className: "bv-tools" }, this.play, this.back),
    );
  }

  override show(): void {
    super.show();
    this.slider.setAttribute("aria-valuetext", String(this.view.value));
    if (document.activeElement !== this.number) this.number.value = this.written();
  }

  override typed(): void {
    const value = this.number.valueAsNumber;
    if (value > 0)
      this.view.set(0, Math.max(this.view.data.low[0], Math.min(this.view.data.high[0], Math.log(value))));
    this.number.value = this.written();
    this.view.commit();
  }

  private written(): string {
    return String(Number(this.view.value.toPrecision(3)));
  }
}

const WIDE = 60;
const HIGH = 52;
const EDGE = 4;

/** Where a point of a curve is on its picture. */
function within(curve: BetaPointData[]): (point: BetaPointData) => [x: number, y: number] {
  const scale = (values: number[], from: number, to: number) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return (value: number) => +(from + ((value - low) / (high - low || 1)) * (to - from)).toFixed(2);
  };
  const x = scale(
    curve.map(({ rate }) => rate),
    EDGE,
    WIDE - EDGE,
  );
  const y = scale(
    curve.map(({ distortion }) => distortion),
    HIGH - EDGE,
    EDGE,
  );
  return (point) => [x(point.rate), y(point.distortion)];
}

function svg<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Record<string, string>,
): SVGElementTagNameMap[Name] {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
