// Several models side by side under linked sliders.
//
// A slider's value is the offset of the dimensions that it is linked with (slots.ts) from each model's own start.

import { Badge } from "./badge";
import { Column, STRIP } from "./column";
import { element } from "./dom";
import { ask, join, leave, type View } from "./frames";
import type { Host } from "./host";
import { Latents, type Limits } from "./latents";
import { LinkedRow } from "./linked";
import { savePictures } from "./save";
import { skipLink } from "./skip";
import { carried, chosen, type Link, type Slot, written } from "./slots";
import type { ComparisonData } from "./wire";

export type Way = ComparisonData["link"];

const WAYS: Record<Way, string> = { kl: "KL rank", matched: "Matched dimensions", hand: "By hand" };

const eachWay = Object.keys(WAYS) as Way[];

let count = 0;

export class Comparison extends Latents implements View {
  readonly id: string;
  data!: ComparisonData & Limits;
  columns: Column[] = [];
  slots!: Slot[];
  way!: Way;
  // The slider whose traversal is shown.
  looked = 0;
  private key = ""; // says which models these are
  private committed: number[] = []; // the values that the host knows
  private rows: LinkedRow[] = [];
  private ways!: HTMLButtonElement[];
  private badge!: Badge;
  private about!: HTMLElement;
  private list!: HTMLElement;
  private readonly unskip: () => void;
  private title!: HTMLElement;
  private observer: IntersectionObserver | null = null;
  private saidAt = -1e9;

  constructor(
    private readonly root: HTMLElement,
    data: ComparisonData,
    readonly host: Host,
  ) {
    super();
    count += 1;
    this.id = `bc${count}`;
    this.seq = data.seq;
    this.show(data);
    this.unskip = skipLink(() => this.list.querySelector<HTMLElement>("input.bv-slider:enabled"));
    join(this);
  }

  // --- what the host says --------------------------------------------------------------------------

  /** Take what the host has now. What the person is doing goes on. */
  update(data: ComparisonData): void {
    if (data.key !== this.key) {
      this.show(data);
      return;
    }
    const before = this.data;
    this.take(data);
    const starts = ({ models, span }: ComparisonData) =>
      JSON.stringify([span, models.map(({ start }) => start)]);
    const again = starts(data) !== starts(before);
    if (!this.isKnownTo(data)) this.data.links.hand = before.links.hand;
    for (const column of this.columns) column.update(data.models[column.at]);
    if (this.isKnownTo(data)) {
      const slots = JSON.stringify(this.data.links[data.link]);
      if (data.link !== this.way || slots !== JSON.stringify(this.slots)) {
        this.arrange(data.link, this.data.links[data.link] ?? [], data.z);
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
  private show(data: ComparisonData): void {
    for (const column of this.columns) column.destroy();
    this.key = data.key;
    this.committed = data.z;
    this.looked = data.slider;
    this.columns = [];
    this.rows = [];
    this.version = 0;
    this.slots = data.links[data.link] ?? [];
    this.take(data);
    this.place(data.z);
    this.way = data.link;
    this.columns = data.models.map((_, at) => new Column(this, at));
    this.layOut();
    this.arrange(data.link, this.slots, data.z);
  }

  private take(data: ComparisonData): void {
    this.data = { ...data, links: { ...data.links }, ...this.ends(data.span) };
  }

  /** Ends and start of each slider, as Latents asks for them. */
  private ends(span: number): Limits {
    const all = (value: number) => this.slots.map(() => value);
    return { low: all(-span), high: all(span), start: all(0) };
  }

  destroy(): void {
    leave(this);
    this.unskip();
    this.rest();
    for (const column of this.columns) column.destroy();
    this.observer?.disconnect();
    this.root.classList.remove("bv-compared");
    this.root.replaceChildren();
  }

  // --- what stands on the page ---------------------------------------------------------------------

  private layOut(): void {
    const { columns } = this;
    this.ways = eachWay.map((way) =>
      element("button", { type: "button", "data-way": way, onclick: () => this.relink(way) }, WAYS[way]),
    );
    this.badge = new Badge();
    this.about = element("p", { className: "bv-note" });
    this.list = element("div", { className: "bv-rows", id: "sliders" });
    this.title = element("h2", {});
    const button = (text: string, title: string, onclick: () => void) =>
      element("button", { type: "button", title, onclick }, text);
    this.root.classList.add("bv-compared");
    this.root.replaceChildren(
      element(
        "div",
        { className: "bv-side" },
        element(
          "section",
          { className: "bv-stage", "aria-label": "Pictures" },
          grid(
            "bv-columns",
            columns.map((column) => column.figure),
          ),
          this.badge.root,
        ),
        grid(
          "bv-columns bv-starts",
          columns.map((column) => column.facts),
        ),
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
      for (const { target, isIntersecting } of entries) {
        const column = columns.find(({ line }) => line === target);
        if (column) column.visible = isIntersecting;
      }
      ask();
    });
    for (const column of columns) this.observer.observe(column.line);
  }

  /** Link by these slots, and put the sliders at these values. */
  private arrange(way: Way, slots: Slot[], values: ArrayLike<number>): void {
    this.way = way;
    this.slots = slots;
    const { version } = this;
    this.place(values);
    this.version = version; // a picture that is being made is not of these values
    Object.assign(this.data, this.ends(this.data.span));
    this.touchAll();
    if (this.looked >= slots.length) this.looked = 0;
    this.rows = slots.map((_, k) => new LinkedRow(this, k));
    this.list.replaceChildren(...this.rows.map((row) => row.root));
    for (const row of this.rows) row.show();
    this.describe();
    this.tell();
  }

  describe(): void {
    const { why } = this.data;
    for (const [k, button] of this.ways.entries()) {
      const way = eachWay[k];
      button.setAttribute("aria-pressed", String(way === this.way));
      button.disabled = way !== "hand" && !this.data.links[way];
      button.title = this.data.about[way];
    }
    const { about } = this.data;
    const lacking = Object.keys(why).filter((way) => way === this.way || !this.data.links[way as Way]);
    const sentences = [about[this.way], about.value, ...lacking.map((way) => why[way])];
    this.about.textContent = sentences.join(" ");
    for (const row of this.rows) row.describe();
    this.describeTraversal();
  }

  private describeTraversal(): void {
    const { span } = this.data;
    const which = this.rows[this.looked]?.title ?? "";
    this.title.textContent = `Traversal: ${which} from −${span} to ${span}`;
    for (const column of this.columns) column.describeLine();
  }

  /** Look at another slider's traversal. */
  look(slider: number): void {
    if (this.looked === slider) return;
    this.looked = slider;
    for (const column of this.columns) column.drawn.fill(-1);
    this.describeTraversal();
    ask();
  }

  /** Whether any picture is decoded here. */
  get local(): boolean {
    return this.columns.some((column) => column.local && column.model.shape !== null);
  }

  // --- links ---------------------------------------------------------------------------------------

  /** Link in another way; the first model's picture stays as it is. */
  private relink(way: Way): void {
    const slots = this.data.links[way] ?? this.slots;
    if (way === this.way) return;
    const first = this.columns.findIndex((column) => column.model.shape);
    const values = carried(this.slots, this.z, slots, first);
    if (way === "hand") this.data.links.hand = slots;
    this.arrange(way, slots, values);
    this.commit();
  }

  /** By hand: let a slider move another dimension of a model; what moved that one takes the old one. */
  choose(slider: number, at: number, link: Link | null): void {
    const slots = chosen(this.slots, slider, at, link);
    this.data.links.hand = slots;
    this.arrange("hand", slots, Array.from(this.z));
    this.rows[slider].choosers[at].select.focus();
    this.commit();
  }

  // --- values --------------------------------------------------------------------------------------

  moved(slider: number): void {
    this.rows[slider].show();
    this.look(slider);
  }

  /** Everything is to be drawn again. */
  private touchAll(): void {
    this.version += 1;
    this.changed.fill(this.version);
    ask();
  }

  /** The offset under the middle of a cell of the strips. */
  cellValue(cell: number): number {
    return this.data.span * ((2 * cell + 1) / STRIP - 1);
  }

  /** Tell the host what to keep. */
  commit(): void {
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
  private tell(): void {
    for (const column of this.columns) {
      const moved = this.slots.flatMap((slot, k) =>
        slot[column.at] && this.isMoved(k)
          ? [`${column.linked(k)} ${this.z[k].toFixed(2)} from its start`]
          : [],
      );
      column.tell(moved.slice(0, 12).join(", ") || "its start");
    }
  }

  // --- frames (frames.ts) --------------------------------------------------------------------------

  get cost(): number {
    return Math.max(...this.columns.map((column) => column.cost));
  }

  get stale(): boolean {
    return this.columns.some((column) => column.stale);
  }

  /** Decode the newest values of every model whose latents have changed. */
  async paint(): Promise<void> {
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
  private report(): void {
    const now = performance.now();
    if (now - this.saidAt < 250) return;
    this.saidAt = now;
    const here = this.columns.filter((column) => column.decoder);
    const cost = here.reduce((sum, column) => sum + column.cost, 0);
    const all = here.length === this.columns.length;
    const which = all ? "" : ` · ${here.length} of ${this.columns.length} models`;
    this.badge.decodes(cost, which);
  }

  hasDetail(): boolean {
    return this.columns.some((column) => column.staleCell() >= 0);
  }

  /** Make one cell of a strip, the one drawn longest ago. */
  async detail(): Promise<boolean> {
    let best: { column: Column; cell: number } | null = null;
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

function grid(className: string, children: HTMLElement[]): HTMLElement {
  const made = element("div", { className }, ...children);
  made.style.setProperty("--across", String(children.length > 4 ? 3 : children.length));
  return made;
}
