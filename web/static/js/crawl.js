// A crawl page that moves, and the box that chooses all held removals of a scope.
//
// The stream of events only says that something moved; what it looks like is the server's, which
// is asked for it at most once a second, and not at all while nobody looks. Without this module
// the page has a link that refreshes it.

const OFTEN = 1000;
const WITHOUT_EVENTS = 5000;

/** Whether somebody is at work in a part: it is not changed under their hands.
 * @param {Element} part */
function isBusy(part) {
  if (part.querySelector("details[open], input:checked")) return true;
  const focused = document.activeElement;
  return focused instanceof HTMLElement && part.contains(focused) && focused.matches("input, select, textarea");
}

/** Puts the parts that differ into the page.
 * @param {string} markup */
function show(markup) {
  const fresh = new DOMParser().parseFromString(markup, "text/html");
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const old = document.getElementById(part.id);
    if (!old || old.outerHTML === part.outerHTML || isBusy(old)) continue;
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    old.replaceWith(part);
    // Who stands on a button or link of the part stays on the same one.
    if (focused instanceof HTMLElement) sameAs(part, focused)?.focus();
  }
  chooseAll();
}

/** @param {Element} part @param {HTMLElement} before @returns {HTMLElement | undefined} */
function sameAs(part, before) {
  const all = /** @type {NodeListOf<HTMLElement>} */ (part.querySelectorAll("a, button, summary, [tabindex]"));
  return [...all].find((one) => one.tagName === before.tagName && one.textContent === before.textContent);
}

/** @param {HTMLElement} place */
function follow(place) {
  const live = place.dataset.live ?? "";
  const events = new EventSource(place.dataset.events ?? "");
  let asked = 0;
  let timer = 0;
  let ended = false;

  async function ask() {
    timer = 0;
    if (document.hidden && !ended) return; // asked again when somebody looks
    asked = Date.now();
    try {
      const found = await fetch(live, { headers: { accept: "text/html" } });
      if (found.ok) show(await found.text());
    } catch {
      // The server is away; the stream comes again by itself, and with it the next question.
    }
    if (events.readyState === EventSource.CLOSED && !ended) soon(WITHOUT_EVENTS);
  }

  /** @param {number} least */
  function soon(least = OFTEN) {
    if (timer) return;
    timer = window.setTimeout(ask, Math.max(0, asked + least - Date.now()));
  }

  events.addEventListener("progress", () => soon());
  events.addEventListener("end", () => {
    ended = true;
    events.close();
    // What is shown less than a second after the end may be from before it.
    window.setTimeout(ask, OFTEN);
  });
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED && !ended) soon(WITHOUT_EVENTS); // too many streams
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) soon();
  });
}

/** Shows the boxes that choose all; they are of no use without scripts. */
function chooseAll() {
  for (const box of document.querySelectorAll("input[data-all]")) {
    const label = box.closest("label");
    const form = box.closest("form");
    if (!(box instanceof HTMLInputElement) || !label?.hidden || !form) continue;
    label.hidden = false;
    box.addEventListener("change", () => {
      for (const one of form.querySelectorAll("input[name=hold]")) {
        if (one instanceof HTMLInputElement) one.checked = box.checked;
      }
    });
  }
}

const place = document.getElementById("crawl");
if (place?.dataset.live) follow(place);
chooseAll();
