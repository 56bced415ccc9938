// Panels that are used beside the picture: the plane of two dimensions, and the pad to draw on.

/**
 * Let a panel stand where it is while it is shut, and at the head of `beside` while it is open, so that nobody who uses it
 * loses sight of the picture.
 */
export function standBeside(panel: HTMLDetailsElement, beside: HTMLElement): void {
  const home = document.createComment("");
  panel.before(home);
  panel.addEventListener("toggle", () => {
    if (panel.open === beside.contains(panel)) return;
    const focused = panel.contains(panel.ownerDocument.activeElement);
    if (panel.open) beside.prepend(panel);
    else home.after(panel);
    if (focused) panel.querySelector("summary")?.focus({ preventScroll: true });
    panel.scrollIntoView({ block: panel.offsetHeight > innerHeight / 2 ? "start" : "nearest" });
  });
}
