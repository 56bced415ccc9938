// Opens the live explorer (explorer/front/) on the model that lies in this page, as all it needs does.

const data = JSON.parse(document.getElementById("model").textContent);
const root = document.querySelector(".bv");

/** The bytes of a part of this page, which is taken out of it. */
async function unpacked(id) {
  const holder = document.getElementById(id);
  const packed = Uint8Array.from(atob(holder.textContent), (letter) => letter.charCodeAt(0));
  holder.remove();
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function address(script) {
  return URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
}

async function start() {
  const [live, runtime, wasm] = await Promise.all(["live", "runtime", "wasm"].map(unpacked));
  const { open } = await import(address(live));
  open(root, data, { script: address(runtime), wasm }, unpacked);
}

start().catch((error) => {
  root.textContent = `This browser can't show the explorer: ${error?.message ?? error}`;
});
