// Several models side by side under linked sliders.
//
// `data` (see explorer/live/comparison.py) has the models, and for each way to link them `slots`: one a
// slider, with [dimension, sign, correlation] or null for each model. A slider's value is the offset of
// these dimensions from each model's own start. `host` is as for explorer.js.

import { Column, STRIP } from "./column.js";
import { element } from "./dom.js";
import { ask, join, leave } from "./frames.js";
import { Latents } from "./latents.js";
import { LinkedRow } from "./linked.js";
import { savePictures } from "./save.js";

const WAYS = { kl: "KL rank", matched: "Matched dimensions", hand: "By hand" };

let count = 0;

export class Comparison extends Latents {
  constructor(root, data, host) {
    super();
    Object.assign(this, { root, host, id: `bc${(count += 1)}`, seq: data.seq, timer: 0, columns: [] });
    this.show(data);
    join(this);
  }

  // --- what the host says --------------------------------------------------------------------------

  /** Take what the host has now. What the person is doing goes on. */
  update(data) {
    if (data.key !== this.key) {
      this.show(data);
      return;
    }
    const before = this.data;
    this.take(data);
    const starts = ({ models, span }) => JSON.stringify([span, models.map(({ start }) => start)]);
    const again = starts(data) !== starts(before);
    if (!this.isKnownTo(data)) this.data.links.hand = before.links.hand;
    this.columns.forEach((column) => column.update(data.models[column.at]));
    if (this.isKnownTo(data)) {
      const slots = JSON.stringify(this.data.links[data.link]);
      if (data.link !== this.way || slots !== JSON.stringify(this.slots)) {
        this.arrange(data.link, this.data.links[data.link], data.z);
      } else if (String(data.z) !== String(this.committed)) {
        // Values that come back from here are no news, and older than what is being dragged.
        this.z.set(data.z);
        this.touchAll();
      }
      this.committed = data.z;
    }
    if (again) this.touchAll();
    for (const row of this.rows) row.show();
    this.describe();
    this.tell();
  }

  /** Show models from their beginning. */
  show(data) {
    for (const column of this.columns) column.destroy();
    Object.assign(this, { key: data.key, committed: data.z, looked: data.slider, columns: [], rows: [] });
    this.version = 0;
    this.slots = data.links[data.link];
    this.take(data);
    this.place(data.z);
    this.way = data.link;
    this.columns = data.models.map((_, at) => new Column(this, at));
    this.layOut();
    this.arrange(data.link, this.slots, data.z);
  }

  take(data) {
    this.data = { ...data, links: { ...data.links } };
    this.ends();
  }

  /** Ends and start of each slider, as Latents asks for them. */
  ends() {
    const all = (value) => this.slots.map(() => value);
    Object.assign(this.data, { low: all(-this.data.span), high: all(this.data.span), start: all(0) });
  }

  destroy() {
    leave(this);
    this.rest();
    for (const column of this.columns) column.destroy();
    this.observer?.disconnect();
    this.root.classList.remove("bv-compared");
    this.root.replaceChildren();
  }

  // --- what stands on the page ---------------------------------------------------------------------

  layOut() {
    const { columns } = this;
    this.ways = Object.entries(WAYS).map(([way, title]) =>
      element("button", { type: "button", "data-way": way, onclick: () => this.relink(way) }, title),
    );
    this.badge = element("p", { className: "bv-badge", role: "status" });
    this.about = element("p", { className: "bv-note" });
    this.list = element("div", { className: "bv-rows" });
    this.title = element("h4", {});
    const button = (text, title, onclick) => element("button", { type: "button", title, onclick }, text);
    this.root.classList.add("bv-compared");
    this.root.replaceChildren(
      element(
        "div",
        { className: "bv-side" },
        element(
          "section",
          { className: "bv-stage", "aria-label": "Pictures" },
          grid("bv-columns", columns.map((column) => column.figure)),
          this.badge,
        ),
        grid("bv-columns bv-starts", columns.map((column) => column.facts)),
        element(
          "section",
          { className: "bv-traversal", "aria-label": "Traversal" },
          this.title,
          ...columns.map((column) => column.line),
        ),
      ),
      element(
        "section",
        { className: "bv-sliders", "aria-label": "Linked sliders" },
        element(
          "div",
          { className: "bv-buttons", role: "group", "aria-label": "How sliders are linked" },
          element("span", {}, "Linked by"),
          ...this.ways,
        ),
        this.about,
        element(
          "div",
          { className: "bv-buttons" },
          button("Reset all", "Every slider back to 0: each model at its own start", () =>
            this.reset(this.slots.map((_, k) => k)),
          ),
          button("Save pictures", "The pictures side by side as a PNG file", () => savePictures(this)),
        ),
        this.list,
      ),
    );
    this.observer?.disconnect();
    this.observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) target.column.visible = isIntersecting;
      ask();
    });
    for (const column of columns) {
      column.line.column = column;
      this.observer.observe(column.line);
    }
  }

  /** Link by these slots, and put the sliders at these values. */
  arrange(way, slots, values) {
    Object.assign(this, { way, slots });
    const { version } = this;
    this.place(values);
    this.version = version; // a picture that is being made is not of these values
    this.ends();
    this.touchAll();
    if (this.looked >= slots.length) this.looked = 0;
    this.rows = slots.map((_, k) => new LinkedRow(this, k));
    this.list.replaceChildren(...this.rows.map((row) => row.root));
    for (const row of this.rows) row.show();
    this.describe();
    this.tell();
  }

  describe() {
    const { why } = this.data;
    for (const button of this.ways) {
      const { way } = button.dataset;
      button.setAttribute("aria-pressed", way === this.way);
      button.disabled = way !== "hand" && !this.data.links[way];
      button.title = this.data.about[way];
    }
    const { about } = this.data;
    const lacking = Object.keys(why).filter((way) => way === this.way || !this.data.links[way]);
    const sentences = [about[this.way], about.value, ...lacking.map((way) => why[way])];
    this.about.textContent = sentences.join(" ");
    for (const row of this.rows) row.describe();
    this.describeTraversal();
  }

  describeTraversal() {
    const { span } = this.data;
    const which = this.rows[this.looked]?.title ?? "";
    this.title.textContent = `Traversal: ${which} from −${span} to ${span}`;
    this.columns.forEach((column) => column.describeLine());
  }

  /** Look at another slider's traversal. */
  look(slider) {
    if (this.looked === slider) return;
    this.looked = slider;
    for (const column of this.columns) column.drawn.fill(-1);
    this.describeTraversal();
    ask();
  }

  /** Whether any picture is decoded here. */
  get local() {
    return this.columns.some((column) => column.local && column.model.shape);
  }

  // --- links ---------------------------------------------------------------------------------------

  /** Link in another way; the first model's picture stays as it is. */
  relink(way) {
    const slots = this.data.links[way] ?? this.slots;
    if (way === this.way) return;
    const first = this.columns.findIndex((column) => column.model.shape);
    const of = new Map();
    this.slots.forEach((slot, k) => slot[first] && of.set(slot[first][0], slot[first][1] * this.z[k]));
    const values = slots.map((slot) => (slot[first] ? slot[first][1] * (of.get(slot[first][0]) ?? 0) : 0));
    if (way === "hand") this.data.links.hand = slots;
    this.arrange(way, slots, values);
    this.commit();
  }

  /** By hand: let a slider move another dimension of a model; what moved that one takes the old one. */
  choose(slider, at, link) {
    const slots = this.slots.map((slot) => [...slot]);
    const taken = link ? slots.findIndex((slot, k) => k !== slider && slot[at]?.[0] === link[0]) : -1;
    if (taken >= 0) slots[taken][at] = slots[slider][at];
    slots[slider][at] = link;
    this.data.links.hand = slots;
    this.arrange("hand", slots, Array.from(this.z));
    this.rows[slider].choosers[at].select.focus();
    this.commit();
  }

  // --- values --------------------------------------------------------------------------------------

  moved(slider) {
    this.rows[slider].show();
    this.look(slider);
  }

  /** Everything is to be drawn again. */
  touchAll() {
    this.version += 1;
    this.changed.fill(this.version);
    ask();
  }

  /** The offset under the middle of a cell of the strips. */
  cellValue(cell) {
    return this.data.span * ((2 * cell + 1) / STRIP - 1);
  }

  /** Tell the host what to keep. */
  commit() {
    this.rest();
    this.seq += 1;
    this.committed = Array.from(this.z);
    this.tell();
    const hand = this.data.links.hand;
    this.host.commit({
      seq: this.seq,
      key: this.key,
      t: Array.from(this.z, (value) => (Math.abs(value) > 5e-5 ? value : null)),
      link: this.way,
      hand: hand ? this.columns.map((_, at) => hand.map((slot) => written(slot[at])).join(",")) : [],
      slider: this.looked,
      local: this.columns.map((column) => column.local),
    });
  }

  /** The pictures' text alternative. */
  tell() {
    for (const column of this.columns) {
      const moved = this.slots.flatMap((slot, k) =>
        slot[column.at] && this.isMoved(k) ? [`${column.linked(k)} ${this.z[k].toFixed(2)} from its start`] : [],
      );
      column.tell(moved.slice(0, 12).join(", ") || "its start");
    }
  }

  // --- frames (frames.js) --------------------------------------------------------------------------

  get cost() {
    return Math.max(...this.columns.map((column) => column.cost));
  }

  get stale() {
    return this.columns.some((column) => column.stale);
  }

  /** Decode the newest values of every model whose latents have changed. */
  async paint() {
    for (const column of this.columns) {
      if (!column.stale) continue;
      try {
        await column.paint();
      } catch (error) {
        column.unable(error);
      }
    }
    this.report();
  }

  /** Say how long a frame takes, now and then. */
  report() {
    const now = performance.now();
    if (now - (this.saidAt ?? -1e9) < 250) return;
    this.saidAt = now;
    const here = this.columns.filter((column) => column.decoder);
    const cost = here.reduce((sum, column) => sum + column.cost, 0);
    const all = here.length === this.columns.length;
    const which = all ? "" : ` · ${here.length} of ${this.columns.length} models`;
    this.badge.textContent = `decoded in this page · ${cost.toFixed(1)} ms a frame${which}`;
  }

  hasDetail() {
    return this.columns.some((column) => column.staleCell() >= 0);
  }

  /** Make one cell of a strip, the one drawn longest ago. */
  async detail() {
    let best = null;
    for (const column of this.columns) {
      const cell = column.staleCell();
      if (cell >= 0 && (best === null || column.drawn[cell] < best.column.drawn[best.cell])) {
        best = { column, cell };
      }
    }
    if (best === null) return false;
    await best.column.paintCell(best.cell);
    this.report();
    return true;
  }
}

function grid(className, children) {
  const made = element("div", { className }, ...children);
  made.style.setProperty("--across", children.length > 4 ? 3 : children.length);
  return made;
}

/** A link as the address bar has it: "3", "-0", or nothing. */
export function written(link) {
  return link ? `${link[1] < 0 ? "-" : ""}${link[0]}` : "";
}
