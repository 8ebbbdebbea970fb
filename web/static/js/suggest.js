// Search as you type. Without this module the box is a plain form. With it, the server's fragment
// (a list of options) appears under the box; arrows move, Enter opens, Escape closes.

const WAIT_MS = 80;

class Suggest {
  /** @param {HTMLInputElement} input */
  constructor(input) {
    this.input = input;
    this.timer = 0;
    this.asked = 0;
    this.list = document.createElement("ul");
    this.list.className = "suggest";
    this.list.id = `${input.id}-suggest`;
    this.list.hidden = true;
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", "Suggestions");
    input.after(this.list);
    for (const [name, value] of [
      ["role", "combobox"],
      ["aria-autocomplete", "list"],
      ["aria-expanded", "false"],
      ["aria-controls", this.list.id],
    ]) input.setAttribute(name, value);

    input.addEventListener("input", () => this.later());
    input.addEventListener("keydown", (event) => this.onKey(event));
    // A click on an option blurs the box first; pointerdown comes before the blur.
    this.list.addEventListener("pointerdown", (event) => this.onPick(event));
    input.addEventListener("blur", () => this.close());
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), WAIT_MS);
  }

  async ask() {
    const words = this.input.value.trim();
    if (words === "") return this.close();
    const turn = ++this.asked;
    const reply = await fetch(`${this.input.dataset.suggest}?q=${encodeURIComponent(words)}`);
    // A slow answer to an old question must not replace a newer one.
    if (!reply.ok || turn !== this.asked) return;
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    const found = [...page.querySelectorAll("[role=option]")];
    this.list.replaceChildren(...found);
    [...this.list.children].forEach((option, at) => { option.id = `${this.list.id}-${at}`; });
    this.show(found.length > 0);
  }

  /** @param {boolean} open */
  show(open) {
    this.list.hidden = !open;
    this.input.setAttribute("aria-expanded", String(open));
    if (!open) this.input.removeAttribute("aria-activedescendant");
  }

  close() {
    clearTimeout(this.timer);
    this.asked += 1;
    this.show(false);
  }

  /** @param {number} step */
  move(step) {
    const options = [...this.list.children];
    const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    // From nothing chosen, up goes to the last.
    const next = (Math.max(at, step < 0 ? 0 : -1) + step + options.length) % options.length;
    options.forEach((option, i) => option.setAttribute("aria-selected", String(i === next)));
    this.input.setAttribute("aria-activedescendant", options[next].id);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.key === "Escape") return this.list.hidden ? this.input.blur() : this.close();
    if (this.list.hidden) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      this.move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter") {
      const chosen = this.list.querySelector("[aria-selected=true]");
      if (!(chosen instanceof HTMLElement) || !chosen.dataset.href) return;
      event.preventDefault();
      location.assign(chosen.dataset.href);
    }
  }

  /** @param {Event} event */
  onPick(event) {
    const option = event.target instanceof Element ? event.target.closest("[role=option]") : null;
    if (option instanceof HTMLElement && option.dataset.href) location.assign(option.dataset.href);
  }
}

/** Every box that names an address to ask. */
export const suggestAll = () => {
  for (const input of document.querySelectorAll("input[data-suggest]")) {
    new Suggest(/** @type {HTMLInputElement} */ (input));
  }
};
