// What the keyboard does in a row, for who looks it up.

import { element } from "./dom";

const KEYS = [
  ["← →, Page ↑ ↓", "move the slider; with Shift in larger steps"],
  ["Enter", "type its value; Enter or Escape goes back"],
  ["P", "play and stop"],
  ["L", "lock"],
  ["F2", "rename"],
  ["Delete", "back to its start"],
  ["Alt + ↑ ↓", "move the row"],
];

export function keysPanel(): HTMLElement {
  const rows = KEYS.map(([key, what]) => element("li", {}, element("b", {}, key), ` ${what}`));
  return element(
    "details",
    { className: "bv-panel" },
    element("summary", {}, "Keys of a slider"),
    element("ul", { className: "bv-keys" }, ...rows),
  );
}
