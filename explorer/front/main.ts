// Entry of the bundle static/live.mjs: as a Streamlit component, and as a page of its own.

import { Comparison } from "./comparison";
import { Explorer } from "./explorer";
import type { Assets, Host } from "./host";
import { Unserved } from "./runtime";
import type { ComparisonData, ComparisonTouch, ExplorerData, ExplorerTouch } from "./wire";

type Data = ExplorerData | ComparisonData;
/** With where the server serves the runtime and, once they are made, the networks. */
type ServedData = Data & { assets: { script: string; wasm: string }; parts: Record<string, string> | null };
type SetStateValue = (name: string, value: unknown) => void;

interface Shown {
  update(data: Data): void;
  destroy(): void;
}

interface Mounted {
  root: HTMLElement;
  server: Server;
  view: Shown;
}

const mounted = new WeakMap<HTMLElement, Mounted>(); // by Streamlit's element

interface Component {
  parentElement: HTMLElement;
  data: ServedData;
  setStateValue: SetStateValue;
}

/** Called by Streamlit at each change of the data: `component` is its argument to a component. */
export function attach({ parentElement, data, setStateValue }: Component): void {
  const root = parentElement.querySelector(".bv") as HTMLElement;
  const known = mounted.get(parentElement);
  if (known && known.root === root) {
    known.server.use(data, setStateValue);
    known.view.update(data);
    return;
  }
  known?.view.destroy();
  const server = new Server(data, setStateValue);
  mounted.set(parentElement, { root, server, view: viewOf(root, data, server) });
}

export function detach(parentElement: HTMLElement): void {
  mounted.get(parentElement)?.view.destroy();
  mounted.delete(parentElement);
}

/** What shows the data: one model, or several side by side. */
function viewOf(root: HTMLElement, data: Data, host: Host): Shown {
  return "models" in data ? new Comparison(root, data, host) : new Explorer(root, data, host);
}

/** The app: keeps what is committed, serves networks by address, decodes where the browser can't. */
class Server implements Host {
  readonly decodes = true;
  readonly assets: Assets;
  private parts!: Record<string, string>;
  private setStateValue!: SetStateValue;

  constructor(data: ServedData, setStateValue: SetStateValue) {
    this.use(data, setStateValue);
    const address = (path: string) => new URL(path, document.baseURI).href;
    this.assets = { script: address(data.assets.script), wasm: address(data.assets.wasm) };
  }

  use(data: ServedData, setStateValue: SetStateValue): void {
    this.parts = data.parts ?? {};
    this.setStateValue = setStateValue;
  }

  commit(state: ExplorerTouch | ComparisonTouch): void {
    this.setStateValue("state", state);
  }

  async bytes(part: string): Promise<Uint8Array> {
    const answer = await fetch(new URL(this.parts[part].replace(/^\//, ""), base()));
    if (!answer.ok) throw new Unserved(`the ${part} was not served (${answer.status})`);
    return new Uint8Array(await answer.arrayBuffer());
  }
}

/** Where the app is served: the page's address without the page's own name. */
function base(): URL {
  return new URL(".", document.baseURI);
}

/**
 * A page without a server: explore `data` in `root`. `bytes(part)` promises the "decoder" or "encoder" as an
 * ONNX file, of several models "decoder0" and so on; `assets` is `{script: address, wasm: address or bytes}` of the runtime.
 */
export function open(root: HTMLElement, data: Data, assets: Assets, bytes: Host["bytes"]): Shown {
  return viewOf(root, data, { decodes: false, commit() {}, assets, bytes });
}
