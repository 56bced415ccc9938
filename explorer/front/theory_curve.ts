// The measured rate-distortion curve, with a constraint KL < ε on it or a line of slope −β under it.

import { Axes, clamp, escaped, type Point, type Range, said } from "./axes";
import { type Grab, Moving, mount } from "./theory_plot";
import type { CurveData, PointData } from "./wire";

type Row = [rate: number, distortion: number, beta: number];

class RateDistortion extends Moving<CurveData> {
  private value = NaN;
  private upper!: Axes;
  private lower!: Axes;
  private readonly name: CurveData["name"];
  private readonly sync: () => void;

  constructor(parent: HTMLElement, data: CurveData) {
    super(parent, data.label);
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
      data.name === "beta",
    );
  }

  protected values() {
    return { value: +this.value.toPrecision(6) };
  }

  receive(data: CurveData, send: (value: Record<string, number>) => void): void {
    const first = Number.isNaN(this.value);
    if (this.take(data, send) || first) this.value = clamp(data.value, ...data.limits);
  }

  protected grab(_x: number, y: number): Grab | null {
    const limit = (v: number) => {
      this.value = clamp(v, ...this.data.limits);
    };
    if (this.name === "epsilon") return (px) => limit(this.upper.xAt(px));
    if (y > this.lower.box.top - 20) return (_px, py) => limit(this.lower.yAt(py));
    return null;
  }

  /** [R, D, β] of the curve at a rate, or null outside of it. */
  private at(rate: number): Row | null {
    const { table } = this.data;
    const i = table.findIndex((row) => row[0] >= rate);
    if (i < 0 || rate < table[0][0]) return null;
    if (i === 0) return table[0];
    const part = (rate - table[i - 1][0]) / (table[i][0] - table[i - 1][0]);
    return table[i].map((v, k) => table[i - 1][k] + part * (v - table[i - 1][k])) as Row;
  }

  /** [lowest, highest] β at a rate of any falling convex curve through the curve's dots: `Curve.bracket` in Python. */
  private bracket(rate: number): Range {
    const { knots, chords } = this.data;
    const slopes = [Infinity, ...chords, 0];
    const at = knots.findIndex((knot) => Math.abs(knot - rate) <= 1e-9 * Math.max(knot, rate));
    if (at >= 0) return [slopes[at + 1], slopes[at]];
    const i = knots.findIndex((knot) => knot > rate);
    const [before, own, after] = slopes.slice(i - 1, i + 2);
    const left = rate - knots[i - 1],
      right = knots[i] - rate;
    return [
      Math.max(after, own - ((before - own) * left) / right),
      Math.min(before, own + ((own - after) * right) / left),
    ];
  }

  /** The outline of all brackets, for axes that end at `limits`. */
  private band(axes: Axes, limits: Range): string {
    const rates = this.data.table.map((row) => row[0]);
    const inside = (beta: number) => clamp(beta, ...limits);
    const low = rates.map((rate): Point => [rate, inside(this.bracket(rate)[0])]);
    const high = rates.map((rate): Point => [rate, inside(this.bracket(rate)[1])]);
    return `${axes.line([...low, ...high.reverse()])}Z`;
  }

  /** Where the curve is as steep as β; its ends where it is nowhere. */
  private touching(beta: number): Row {
    const { table } = this.data;
    return table.find((row) => row[2] <= beta) ?? table[table.length - 1];
  }

  protected show(width: number): void {
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
    const limited: Row | null = slack ? [end[0], end[1], 0] : this.at(value);
    const chosen = byRate ? limited : this.touching(value);
    const beta = byRate ? (chosen ? chosen[2] : null) : value;
    const point = byRate
      ? null
      : [...data.points, ...data.constrained].reduce((a, b) =>
          a.distortion + value * a.rate <= b.distortion + value * b.rate ? a : b,
        );
    const touch = point ? [point.rate, point.distortion] : chosen;
    const last = end[0];
    const first = table[0][0];
    let out = `<pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="tick" d="M0 0V7" opacity="0.4"/></pattern>
      <clipPath id="inside"><rect x="${box.left}" y="${upper.box.top}" width="${Math.max(0, box.right - box.left)}" height="${upper.box.bottom - upper.box.top}"/></clipPath>`;
    for (const axes of [upper, lower]) {
      const { top, bottom } = axes.box,
        high = bottom - top;
      out += `<rect class="unknown" x="${axes.sx(last)}" y="${top}" width="${Math.max(0, box.right - axes.sx(last))}" height="${high}"/>
        <rect class="unknown" x="${box.left}" y="${top}" width="${Math.max(0, axes.sx(first) - box.left)}" height="${high}"/>`;
      if (byRate)
        out += `<rect class="forbidden" x="${axes.sx(value)}" y="${top}" width="${Math.max(0, box.right - axes.sx(value))}" height="${high}"/>`;
    }
    out +=
      upper.frame("", "distortion D = −E[log p(x|z)], nats") +
      lower.frame("rate R = KL, nats", "β: slope of the curve (line), as it was set (dots)");
    out += `<path class="curve" d="${upper.line(table.map(([rate, distortion]) => [rate, distortion]))}"/>`;
    out += `<path class="band" d="${this.band(lower, data.betas)}"/>`;
    out += `<path class="curve" d="${lower.line(table.filter((row) => row[2] >= data.betas[0] && row[2] <= data.betas[1]).map((row): Point => [row[0], row[2]]))}"/>`;
    if (touch && beta !== null) {
      const [r, d] = touch,
        reach = data.rates[1] - data.rates[0];
      out += `<path class="tangent" clip-path="url(#inside)" d="${upper.line([
        [r - reach, d + beta * reach],
        [r + reach, d - beta * reach],
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

  private ofRate(epsilon: number, chosen: Row | null, slack: boolean): string {
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

  private ofPrice(beta: number, point: PointData): string {
    return `<b data-best="${escaped(point.name)}">β = ${said(beta)}: ${escaped(point.name)} costs least</b>
      <span>D + βR = ${said(point.distortion, 4)} + ${said(beta)} · ${said(point.rate, 3)} = ${(point.distortion + beta * point.rate).toFixed(1)} nats</span>`;
  }
}

export default mount(RateDistortion);
