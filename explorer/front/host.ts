// Where changes go, and where networks come from: the app, or the page that holds all by itself.

import type { ComparisonTouch, ExplorerTouch } from "./wire";

/** Where the ONNX runtime is: `script` is an address, `wasm` one too (gzip) or its bytes. */
export interface Assets {
  script: string;
  wasm: string | Uint8Array;
}

export interface Host {
  /** Whether the host makes pictures where the browser can't. */
  readonly decodes: boolean;
  readonly assets: Assets;
  /** The state to keep, once a movement has ended. */
  commit(state: ExplorerTouch | ComparisonTouch): void;
  /** The "decoder" or "encoder" as an ONNX file; of several models "decoder0" and so on. */
  bytes(part: string): Promise<Uint8Array>;
}
