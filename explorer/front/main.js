// Entry of the bundle static/live.mjs: as a Streamlit component, and as a page of its own.

import { Comparison } from "./comparison.js";
import { Explorer } from "./explorer.js";

const mounted = new WeakMap(); // Streamlit's element -> Explorer or Comparison

/** Called by Streamlit at each change of the data: `component` is its argument to a component. */
export function attach({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".bv");
  const known = mounted.get(parentElement);
  if (known && known.root === root) {
    known.host.use(data, setStateValue);
    known.update(data);
    return;
  }
  known?.destroy();
  mounted.set(parentElement, viewOf(root, data, new Server(data, setStateValue)));
}

export function detach(parentElement) {
  mounted.get(parentElement)?.destroy();
  mounted.delete(parentElement);
}

/** What shows the data: one model, or several side by side. */
function viewOf(root, data, host) {
  return data.models ? new Comparison(root, data, host) : new Explorer(root, data, host);
}

/** The app: keeps what is committed, serves networks by address, decodes where the browser can't. */
class Server {
  decodes = true;

  constructor(data, setStateValue) {
    this.use(data, setStateValue);
    const address = (path) => new URL(path, document.baseURI).href;
    this.assets = { script: address(data.assets.script), wasm: address(data.assets.wasm) };
  }

  use(data, setStateValue) {
    this.parts = data.parts;
    this.setStateValue = setStateValue;
  }

  commit(state) {
    this.setStateValue("state", state);
  }

  async bytes(part) {
    const answer = await fetch(new URL(this.parts[part].replace(/^\//, ""), base()));
    if (!answer.ok) {
      const error = new Error(`the ${part} was not served (${answer.status})`);
      throw Object.assign(error, { unserved: true });
    }
    return new Uint8Array(await answer.arrayBuffer());
  }
}

/** Where the app is served: the page's address without the page's own name. */
function base() {
  return new URL(".", document.baseURI);
}

/**
 * A page without a server: explore `data` in `root`. `bytes(part)` promises the "decoder" or "encoder" as an
 * ONNX file, of several models "decoder0" and so on; `assets` is `{script: address, wasm: address or bytes}` of the runtime.
 */
export function open(root, data, assets, bytes) {
  return viewOf(root, data, { decodes: false, commit() {}, assets, bytes });
}
