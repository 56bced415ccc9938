// Full screen, for a lecture: the picture and the sliders, in large type, and keys that step through the models.

import { element } from "./dom";

/** What steps to the model before or after the one that is shown. */
type Step = (by: 1 | -1) => void;

/** Shows `root` on the full screen, as live.css has it there. */
export class Present {
  readonly button: HTMLButtonElement;
  /** The model's name, and what the keys do; seen on the full screen only. */
  readonly title = element("p", { className: "bv-title" });

  constructor(
    private readonly root: HTMLElement,
    name: string,
    step: Step | null,
  ) {
    this.button = element(
      "button",
      {
        type: "button",
        title: "The picture and the sliders on the full screen; Escape leaves it",
        hidden: !document.fullscreenEnabled,
        onclick: () => this.show(),
      },
      "Present",
    );
    const keys = step ? "[ and ]: the model before, the next one" : "";
    this.title.append(element("b", {}, name), element("small", {}, keys));
    root.onkeydown = (event) => {
      const by = event.key === "]" ? 1 : event.key === "[" ? -1 : 0;
      if (!by || !step || document.fullscreenElement !== root || event.target instanceof HTMLTextAreaElement)
        return;
      event.preventDefault();
      step(by);
    };
  }

  private async show(): Promise<void> {
    await this.root.requestFullscreen();
    this.focus(); // the button is not seen there
  }

  /** On the full screen the first slider has the keys; asked again once it shows another model. */
  focus(): void {
    if (document.fullscreenElement !== this.root) return;
    this.root.querySelector<HTMLElement>("input.bv-slider:enabled")?.focus();
  }
}
