// The ONNX runtime and the networks that it runs: one runtime for the whole page, each network once.

import type { InferenceSession } from "onnxruntime-web";
import type { Assets } from "./host";

const KEPT = 8; // networks that nobody shows any more, in case they are shown again

type Ort = typeof import("onnxruntime-web");

interface Entry {
  promise: Promise<Network>;
  users: number;
}

let runtime: Promise<Ort> | null = null;
const networks = new Map<string, Entry>(); // the one used longest ago first

/** onnxruntime-web, fetched when it is first needed. */
function load({ script, wasm }: Assets): Promise<Ort> {
  runtime ??= Promise.all([
    import(script) as Promise<Ort>,
    typeof wasm === "string" ? unpacked(wasm) : wasm,
  ]).then(([ort, bytes]) => {
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmBinary = bytes;
    return ort;
  });
  runtime.catch(() => {
    runtime = null; // a later network asks for it again
  });
  return runtime;
}

async function unpacked(address: string): Promise<Uint8Array> {
  const answer = await fetch(address);
  if (!answer.ok || !answer.body) throw new Error(`its runtime was not served (${answer.status})`);
  const stream = answer.body.pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A network of one input, and of log β where it is for every β; ready to run. */
export class Network {
  private readonly input: string;

  constructor(
    private readonly ort: Ort,
    readonly session: InferenceSession,
  ) {
    this.input = session.inputNames.filter((name) => name !== "log_beta")[0];
  }

  /** Run it once to make room, and again: how many milliseconds that takes. */
  async warm(values: Float32Array, dimensions: number[], beta?: number): Promise<number> {
    await this.run(values, dimensions, beta);
    const began = performance.now();
    await this.run(values, dimensions, beta);
    return performance.now() - began;
  }

  /** The outputs by name, as Float32Arrays, for a batch `values` of the shape `dimensions`. */
  async run(values: Float32Array, dimensions: number[], beta = 1): Promise<Record<string, Float32Array>> {
    const tensor = (given: Float32Array, shape: number[]) => new this.ort.Tensor("float32", given, shape);
    const feeds = { [this.input]: tensor(values, dimensions) };
    if (this.session.inputNames.includes("log_beta")) {
      feeds.log_beta = tensor(Float32Array.of(Math.log(beta)), [1]);
    }
    const outputs = await this.session.run(feeds);
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array]),
    );
  }
}

/**
 * The network called `key`, made from the bytes that `fetchBytes` promises if it is not here yet.
 * Whoever acquires it releases it. Rejects with the reason where this browser can't run it.
 */
export function acquire(
  key: string,
  assets: Assets,
  fetchBytes: () => Promise<Uint8Array>,
): Promise<Network> {
  let entry = networks.get(key);
  if (!entry) {
    const promise = (async () => {
      if (typeof WebAssembly !== "object") throw new Error("it has no WebAssembly");
      const [ort, bytes] = await Promise.all([load(assets), fetchBytes()]);
      const options: InferenceSession.SessionOptions = { executionProviders: ["wasm"], logSeverityLevel: 3 };
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

/** A network that the host could not give. */
export class Unserved extends Error {}

/** Why a network can't be had or run, in a few words. */
export function reason(error: unknown): string {
  return String((error as Error | null)?.message ?? error)
    .split("\n")[0]
    .slice(0, 160);
}

export function release(key: string): void {
  const entry = networks.get(key);
  if (entry) entry.users -= 1;
  const idle = [...networks].filter(([, { users }]) => users <= 0);
  for (const [old, { promise }] of idle.slice(0, Math.max(0, idle.length - KEPT))) {
    networks.delete(old);
    promise.then(({ session }) => session.release()).catch(() => {});
  }
}
