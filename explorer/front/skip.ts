// A link before everything else on the page, seen when it has the focus: to the first slider.

import { element } from "./dom";

const HIDDEN = "position:fixed;top:0.5rem;left:0.5rem;z-index:1000000;opacity:0;pointer-events:none;";
const SHOWN = `${HIDDEN}opacity:1;padding:0.5rem 0.9rem;border-radius:0.4rem;background:#0f6e6a;color:#fff;font:600 1rem system-ui,sans-serif;`;

/** Put the link at the beginning of the page; gives what takes it away. `first` is asked where it leads. */
export function skipLink(first: () => HTMLElement | null): () => void {
  const link = element(
    "a",
    {
      href: "#sliders",
      className: "bv-skip",
      onclick: (event) => {
        event.preventDefault();
        first()?.focus();
      },
      onfocus: () => link.setAttribute("style", SHOWN),
      onblur: () => link.setAttribute("style", HIDDEN),
    },
    "Skip to the sliders",
  );
  link.setAttribute("style", HIDDEN);
  document.body.prepend(link);
  return () => link.remove();
}
