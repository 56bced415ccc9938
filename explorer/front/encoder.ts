// Images in: what the encoder makes of them is where the sliders go.

import type { Explorer } from "./explorer";
import { ask } from "./frames";
import type { Host } from "./host";
import { acquire, type Network, reason, release } from "./runtime";

export class Encoder {
  private network: Network | null = null;
  private key: string | null = null;
  // The newest image `(C, H, W)` in [0, 1], and what is done with its posterior.
  private wanted: { pixels: Float32Array; then: (mean: Float32Array, kl: number) => void } | null = null;
  // The image that the sliders are at, or are moved away from, and its posterior's mean.
  private held: { pixels: Float32Array; mean: number[]; isStart: boolean } | null = null;

  /** `complain` is told why nothing can be encoded here. */
  constructor(
    private readonly view: Explorer,
    private readonly host: Host,
    private readonly complain: (text: string) => void,
  ) {}

  /** Whether an image waits that can be encoded. */
  get stale(): boolean {
    return this.network !== null && this.wanted !== null;
  }

  /** Encode an image `(C, H, W)` in [0, 1] at the next frame, and put the sliders at its posterior's mean. */
  encode(pixels: Float32Array, then: (kl: number) => void): void {
    this.want(pixels, (mean, kl) => {
      this.view.setAll((d) => mean[d]);
      this.held = { pixels, mean: rounded(mean), isStart: false };
      then(kl);
    });
  }

  /** The sliders start from this image, whose posterior's mean is `start`. */
  hold(pixels: Float32Array, start: number[]): void {
    this.held = { pixels, mean: start, isStart: true };
    this.open();
  }

  /** The mean of the image that the sliders start from, at the β of now; null where they start from none. */
  get start(): number[] | null {
    return this.held?.isStart ? this.held.mean : null;
  }

  /** The sliders are at no image. */
  forget(): void {
    this.held = null;
  }

  /** β was moved: the sliders stay as far from the image's mean as they are, wherever that is now. */
  follow(): void {
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

  private want(pixels: Float32Array, then: (mean: Float32Array, kl: number) => void): void {
    this.wanted = { pixels, then };
    this.open();
    ask();
  }

  open(): void {
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
      },
    );
  }

  async run(): Promise<void> {
    if (!this.network || !this.wanted) return;
    const { pixels, then } = this.wanted;
    this.wanted = null;
    const { mean, log_var: logVar } = await this.network.run(
      pixels,
      [1, ...this.view.shape],
      this.view.beta?.value,
    );
    const kl = mean.reduce((sum, m, d) => sum + (m * m + Math.exp(logVar[d]) - 1 - logVar[d]) / 2, 0);
    then(mean, kl);
  }

  close(): void {
    if (this.key) release(this.key);
    this.key = this.network = this.wanted = this.held = null;
  }
}

/** As latents have it. */
function rounded(values: Float32Array): number[] {
  return Array.from(values, (value) => Math.round(value * 1e4) / 1e4);
}
