// The random walk of the latents through the prior.

const DRIFT = 1.2; // radians a second
const FRICTION = 1.6; // a second

/** A draw from N(0, 1), as Box and Muller make it. */
export function normal(): number {
  const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
  return radius * Math.cos(2 * Math.PI * Math.random());
}

/** Langevin's equation with inertia: smooth paths, whose every moment is a draw from N(0, I). */
export class Walk {
  private readonly velocities: number[];

  constructor(dimensions: number) {
    this.velocities = Array.from({ length: dimensions }, () => DRIFT * normal());
  }

  /** Where a value is some seconds later. */
  step(dimension: number, value: number, seconds: number): number {
    const noise = Math.sqrt(2 * FRICTION * seconds) * DRIFT;
    const before = this.velocities[dimension];
    const velocity = before - (FRICTION * before + DRIFT ** 2 * value) * seconds + noise * normal();
    this.velocities[dimension] = velocity;
    return value + velocity * seconds;
  }
}
