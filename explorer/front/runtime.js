// The ONNX runtime and the networks that it runs: one runtime for the whole page, each network once.

const KEPT = 8; // networks that nobody shows any more, in case they are shown again

let runtime = null;
const networks = new Map(); // key -> {promise, users}, the one used longest ago first

/** onnxruntime-web, fetched when it is first needed. `script` is an address, `wasm` one too (gzip) or bytes. */
function load({ script, wasm }) {
  runtime ??= Promise.all([import(script), typeof wasm === "string" ? unpacked(wasm) : wasm]).then(
    ([ort, bytes]) => {
      ort.env.wasm.numThreads = 1;
      ort.env.wasm.wasmBinary = bytes;
      return ort;
    },
  );
  runtime.catch(() => (runtime = null)); // a later network asks for it again
  return runtime;
}

async function unpacked(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`its runtime was not served (${answer.status})`);
  const stream = answer.body.pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A network of one input, ready to run. */
class Network {
  constructor(ort, session) {
    this.ort = ort;
    this.session = session;
    this.input = session.inputNames[0];
  }

  /** Run it once to make room, and again: how many milliseconds that takes. */
  async warm(values, dimensions) {
    await this.run(values, dimensions);
    const began = performance.now();
    await this.run(values, dimensions);
    return performance.now() - began;
  }

  /** The outputs by name, as Float32Arrays, for a batch `values` of the shape `dimensions`. */
  async run(values, dimensions) {
    const tensor = new this.ort.Tensor("float32", values, dimensions);
    const outputs = await this.session.run({ [this.input]: tensor });
    return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data]));
  }
}

/**
 * The network called `key`, made from the bytes that `fetchBytes` promises if it is not here yet.
 * Whoever acquires it releases it. Rejects with the reason where this browser can't run it.
 */
export function acquire(key, assets, fetchBytes) {
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

/** Why a network can't be had or run, in a few words. */
export function reason(error) {
  return String(error?.message ?? error).split("\n")[0].slice(0, 160);
}

export function release(key) {
  const entry = networks.get(key);
  if (entry) entry.users -= 1;
  const idle = [...networks].filter(([, { users }]) => users <= 0);
  for (const [old, { promise }] of idle.slice(0, Math.max(0, idle.length - KEPT))) {
    networks.delete(old);
    promise.then(({ session }) => session.release()).catch(() => {});
  }
}
