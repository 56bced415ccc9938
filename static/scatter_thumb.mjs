// front/scatter_thumb.ts
function scatter_thumb_default({ data }) {
  if (data?.png) window.dispatchEvent(new CustomEvent("scatter-thumb", { detail: data }));
}
export {
  scatter_thumb_default as default
};
