// Images in: what the encoder makes of them is where the sliders go.

import type { Explorer } from "./explorer";
import { ask } from "./frames";
import type { Host } from "./host";
import { acquire, type Network, reason, release } from "./runtime";

export class Encoder {
  private network: Network | null = null;
  private key: string | null = null;
  // The newest image `(C, H, W)` in [0, 1], and what is done with its posterior's KL.
  private wanted: { pixels: Float32Array; then: (kl: number) => void } | null = null;

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
    const { mean, log_var: logVar } = await this.network.run(pixels, [1, ...this.view.shape]);
    this.view.setAll((d) => mean[d]);
    then(mean.reduce((kl, m, d) => kl + (m * m + Math.exp(logVar[d]) - 1 - logVar[d]) / 2, 0));
  }

  close(): void {
    if (this.key) release(this.key);
    this.key = this.network = this.wanted = null;
  }
}
