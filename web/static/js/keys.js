// Keys: "/" search, "?" help, "j" "k" through a list, "g" and a letter to a page.

/** @type {Record<string, string>} */
const PLACES = { h: "/", b: "/browse", s: "/sources", a: "/activity" };
const CHORD_MS = 1200;

/** @param {EventTarget | null} target @returns {boolean} */
const isTyping = (target) =>
  target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable]");

/** The links that "j" and "k" step through: those of results, else of the first rows.
 * @returns {HTMLElement[]} */
const stops = () => {
  for (const selector of [".hit h2 a", "[data-steps] a.name", ".rows a.name"]) {
    const found = [...document.querySelectorAll(selector)];
    if (found.length) return /** @type {HTMLElement[]} */ (found);
  }
  return [];
};

/** @param {number} by */
const step = (by) => {
  const all = stops();
  if (!all.length) return;
  const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by));
  all[next].focus();
  all[next].scrollIntoView({ block: "nearest" });
};

const focusSearch = () => {
  const box = document.querySelector("input[data-suggest]");
  if (!(box instanceof HTMLInputElement)) return;
  box.focus();
  box.select();
};

/** Listens from now on. */
export const watchKeys = () => {
  let chord = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const place = PLACES[event.key];
    if (place && event.timeStamp - chord < CHORD_MS) return location.assign(place);
    chord = event.key === "g" ? event.timeStamp : 0;
    if (event.key === "/") focusSearch();
    else if (event.key === "?") document.getElementById("help")?.togglePopover();
    else if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else return;
    event.preventDefault();
  });
};
