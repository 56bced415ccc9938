// Decodes the latents of the sliders with the ONNX runtime, as often as the screen is drawn. All that
// is needed lies in this page; texts of the model are only ever set as text.

const model = JSON.parse(document.getElementById("model").textContent);
const [channels, height, width] = model.shape;
const z = new Float32Array(model.latents);
const inputs = new Map(); // latent -> {slider, output}
const canvas = document.getElementById("picture");
const context = canvas.getContext("2d");
const statusLine = document.getElementById("status");

let session = null;
let Tensor = null;
let wanted = 0; // counts changes of z: a picture is made of the newest only
let shown = -1;
let busy = false;
let frame = 0; // the animation frame asked for; 0 where none is

function say(text, wrong = false) {
  statusLine.textContent = text;
  statusLine.classList.toggle("wrong", wrong);
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// --- what stands on the page ---------------------------------------------------------------------

function layOut() {
  document.getElementById("name").textContent = model.name;
  const { objective, network } = model.facts;
  document.getElementById("summary").textContent =
    `A Beta-VAE${objective ? " with " + objective : ""}. Move a slider: each is one of its ` +
    `${model.latents} latent dimensions, and the picture is what the ${network} decoder makes of them.`;
  canvas.width = width;
  canvas.height = height;
  const most = Math.max(...model.sliders.map(({ kl }) => kl ?? 0));
  for (const { index, kl } of model.sliders) {
    const slider = element("input", {
      type: "range", id: `z${index}`, min: -model.reach, max: model.reach, step: 0.01, value: 0,
    });
    const output = element("output", { textContent: "0.00" });
    output.htmlFor = slider.id;
    const cost = element("span", {
      className: "kl", textContent: kl === null ? "KL unknown" : `${kl.toFixed(2)} nats`,
    });
    if (kl !== null && most > 0) {
      const bar = element("i");
      bar.style.width = `${Math.max(0, (100 * kl) / most)}%`;
      cost.append(bar);
    }
    slider.setAttribute("aria-describedby", (cost.id = `kl${index}`));
    slider.addEventListener("input", () => set(index, slider.valueAsNumber));
    slider.addEventListener("dblclick", () => set(index, 0));
    const label = element("label", { htmlFor: slider.id, textContent: `z${index}` });
    document.getElementById("latents").append(
      element("div", { className: "latent" }, label, cost, slider, output),
    );
    inputs.set(index, { slider, output });
  }
  for (const [term, value] of Object.entries(model.facts)) {
    const facts = document.getElementById("facts");
    facts.append(element("dt", { textContent: term }), element("dd", { textContent: value }));
  }
  document.getElementById("card").textContent = model.card;
  document.getElementById("reset").addEventListener("click", () => setAll(() => 0));
  document.getElementById("draw").addEventListener("click", () => setAll(normal));
}

// --- from sliders to pixels ----------------------------------------------------------------------

function set(index, value) {
  z[index] = value;
  const { slider, output } = inputs.get(index);
  slider.value = value;
  output.textContent = value.toFixed(2);
  wanted += 1;
  schedule();
}

function setAll(value) {
  for (const index of inputs.keys()) set(index, value());
}

function normal() {
  const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
  const drawn = radius * Math.cos(2 * Math.PI * Math.random()); // Box and Muller
  return Math.abs(drawn) > model.reach ? normal() : Math.round(100 * drawn) / 100;
}

function schedule() {
  if (frame === 0) frame = requestAnimationFrame(show);
}

async function show() {
  frame = 0;
  if (session === null || busy || shown === wanted) return;
  busy = true;
  const number = wanted;
  try {
    const began = performance.now();
    const given = Float32Array.from(z);
    const result = await session.run({ z: new Tensor("float32", given, [1, model.latents]) });
    draw(result.images.data);
    say(`decoded here in ${(performance.now() - began).toFixed(1)} ms`);
    canvas.dataset.shown = JSON.stringify([...given]);
  } catch (error) {
    say(`The picture could not be decoded: ${error.message}`, true); // the last one stays
  }
  shown = number;
  busy = false;
  if (shown !== wanted) schedule();
}

function draw(values) {
  const image = context.createImageData(width, height);
  const area = height * width;
  for (let pixel = 0; pixel < area; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      const level = values[(channels === 1 ? 0 : channel) * area + pixel] * 255;
      image.data[4 * pixel + channel] = level; // clamped and rounded by its type
    }
    image.data[4 * pixel + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

// --- the decoder ---------------------------------------------------------------------------------

async function unpacked(id) {
  const holder = document.getElementById(id);
  const packed = Uint8Array.from(atob(holder.textContent), (letter) => letter.charCodeAt(0));
  holder.remove();
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function start() {
  const [runtime, wasm, decoder] = await Promise.all(["runtime", "wasm", "decoder"].map(unpacked));
  const address = URL.createObjectURL(new Blob([runtime], { type: "text/javascript" }));
  const ort = await import(address);
  URL.revokeObjectURL(address);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = wasm.buffer;
  session = await ort.InferenceSession.create(decoder, { executionProviders: ["wasm"] });
  Tensor = ort.Tensor;
  for (const button of document.querySelectorAll("button")) button.disabled = false;
  schedule();
}

layOut();
start().catch((error) => {
  say(`The decoder could not be started in this browser: ${error.message}`, true);
});
