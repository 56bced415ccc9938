// The line under the pictures: what decodes them, and how long a frame takes.

import { element } from "./dom";

/** Its words are read out when they change; the time of a frame, which changes all the time, is only seen. */
export class Badge {
  readonly root: HTMLElement;
  private readonly words = element("span", { role: "status" });
  private readonly time = element("span", { "aria-hidden": "true" });

  constructor() {
    this.root = element("p", { className: "bv-badge" }, this.words, this.time);
  }

  say(text: string, wrong = false): void {
    this.write(text, "");
    this.root.classList.toggle("bv-wrong", wrong);
  }

  /** `more` is read out with the words, and stands behind the time. */
  decodes(milliseconds: number, more = ""): void {
    this.write(`decoded in this page${more}`, ` · ${milliseconds.toFixed(1)} ms a frame`);
    this.root.classList.remove("bv-wrong");
  }

  private write(words: string, time: string): void {
    if (this.words.textContent !== words) this.words.textContent = words;
    this.time.textContent = time;
  }
}
