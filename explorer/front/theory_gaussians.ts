// KL of one dimension: q = N(µ, σ²) against p = N(0, 1), both under the pointer, and what is integrated.

import { Axes, clamp, minus, type Point, said } from "./axes";
import { type Grab, Moving, mount } from "./theory_plot";
import type { GaussiansData } from "./wire";

const FROM = -5,
  TO = 5;
const LOW_SIGMA = 0.05,
  HIGH_SIGMA = 3,
  FAR = 4;
const density = (z: number, mu: number, sigma: number) =>
  Math.exp(-0.5 * ((z - mu) / sigma) ** 2) / (sigma * Math.sqrt(2 * Math.PI));
/** q(z) ln(q(z) / p(z)): the logarithm is inside the integral. */
const integrand = (z: number, mu: number, sigma: number) =>
  density(z, mu, sigma) * (0.5 * z * z - 0.5 * ((z - mu) / sigma) ** 2 - Math.log(sigma));

const PLACES: [name: string, mu: number, sigma: number][] = [
  ["Asleep: q = p", 0, 1],
  ["Awake: far and narrow", 1.5, 0.1],
  ["A doubt: wide", 0.8, 1.8],
];

class Gaussians extends Moving<GaussiansData> {
  private mu = NaN;
  private sigma = NaN;
  private upper!: Axes;
  private readonly sync: (() => void)[];

  constructor(parent: HTMLElement, data: GaussiansData) {
    super(parent, data.label);
    this.sync = [
      this.slider(
        "mu",
        "µ",
        -FAR,
        FAR,
        () => this.mu,
        (mu) => {
          this.mu = mu;
        },
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
        true,
      ),
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

  protected values() {
    return { mu: +this.mu.toFixed(4), sigma: +this.sigma.toFixed(4) };
  }

  receive(data: GaussiansData, send: (value: Record<string, number>) => void): void {
    const first = Number.isNaN(this.mu);
    if (!this.take(data, send) && !first) return;
    this.mu = data.mu;
    this.sigma = data.sigma;
  }

  /** The top of q takes the pointer along with µ, its flank with σ; elsewhere q comes to the pointer. */
  protected grab(x: number, y: number): Grab {
    const { upper } = this;
    const near = (z: number) => Math.hypot(upper.sx(z) - x, upper.sy(density(z, this.mu, this.sigma)) - y);
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

  protected show(width: number): void {
    const { mu, sigma } = this;
    const box = { left: 40, right: width - 10 };
    const top = Math.max(0.45, density(mu, mu, sigma) * 1.08);
    const step = sigma / 40;
    const curve: Point[] = [],
      inside: Point[] = [],
      prior: Point[] = [];
    for (let z = Math.max(FROM, mu - 8 * sigma); z <= Math.min(TO, mu + 8 * sigma); z += step) {
      curve.push([z, density(z, mu, sigma)]);
      inside.push([z, integrand(z, mu, sigma)]);
    }
    for (let z = FROM; z <= TO; z += 0.05) prior.push([z, density(z, 0, 1)]);
    const peak = Math.max(0.1, ...inside.map((p) => p[1])) * 1.1,
      dip = Math.min(-0.05, ...inside.map((p) => p[1])) * 1.2;
    const upper = new Axes({ ...box, top: 26, bottom: 236 }, [FROM, TO], [0, top]);
    this.upper = upper;
    const lower = new Axes({ ...box, top: 286, bottom: 410 }, [FROM, TO], [dip, peak]);
    const zero = lower.sy(0);
    const area = inside.length
      ? `${lower.line(inside)}L${lower.sx(inside[inside.length - 1][0])} ${zero}L${lower.sx(inside[0][0])} ${zero}Z`
      : "";
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
    let sum = 0; // over all of q, also where it leaves the picture
    for (let i = -400; i <= 400; i++) sum += integrand(mu + (i / 50) * sigma, mu, sigma) * (sigma / 50);
    const parts = [mu * mu, sigma * sigma, -2 * Math.log(sigma)];
    const kl = 0.5 * (parts[0] + parts[1] + parts[2] - 1);
    const sign = (v: number) => (v < 0 ? ` − ${said(-v)}` : ` + ${said(v)}`);
    this.readout.innerHTML = `<b data-kl="${kl}">KL = ${kl.toFixed(3)} nats</b>
      <span>½(µ² + σ² − ln σ² − 1) = ½(${said(parts[0])}${sign(parts[1])}${sign(parts[2])} − 1)</span>
      <span data-area="${sum}">area below: ${minus(sum.toFixed(3))}</span>`;
    for (const put of this.sync) put();
  }
}

export default mount(Gaussians);
