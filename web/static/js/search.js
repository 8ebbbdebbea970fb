// The results follow what is typed and chosen. The server's page for the new address is fetched and
// its results and filters replace those here; the address moves along. Without this module the same
// forms and links load the page.

const WAIT_MS = 150;
const WIDE = matchMedia("(min-width: 75.01rem)");
const REGIONS = ["results", "filters", "preview"];

/** @type {AbortController | null} */
let asking = null;
/** @type {AbortController | null} */
let looking = null;
let timer = 0;

/** @param {string} id @returns {HTMLElement | null} */
const byId = (id) => document.getElementById(id);

const box = /** @type {HTMLInputElement | null} */ (byId("q"));

/** The address of what the forms say now: words, checked values, order.
 * @returns {URL} */
const wanted = () => {
  const url = new URL("/search", location.origin);
  const words = box?.value.trim();
  if (words) url.searchParams.set("q", words);
  for (const one of document.querySelectorAll("#filters input:checked")) {
    if (one instanceof HTMLInputElement) url.searchParams.append(one.name, one.value);
  }
  const sort = /** @type {HTMLSelectElement | null} */ (byId("sort"))?.value;
  if (sort && sort !== "relevance") url.searchParams.set("sort", sort);
  return url;
};

/** What has the focus, in a way that survives a replacement.
 * @returns {string} */
const focused = () => {
  const one = document.activeElement;
  if (one instanceof HTMLInputElement && one.type === "checkbox") {
    return `input[name="${CSS.escape(one.name)}"][value="${CSS.escape(one.value)}"]`;
  }
  return one instanceof HTMLSelectElement && one.id ? `#${CSS.escape(one.id)}` : "";
};

/** Which facets are unfolded stays as the reader left it.
 * @param {Document} page */
const keepFolds = (page) => {
  for (const old of document.querySelectorAll("details[data-facet]")) {
    const name = /** @type {HTMLElement} */ (old).dataset.facet ?? "";
    const made = page.querySelector(`details[data-facet="${CSS.escape(name)}"]`);
    made?.toggleAttribute("open", /** @type {HTMLDetailsElement} */ (old).open);
  }
};

/** @param {Document} page */
const replaceRegions = (page) => {
  const focus = focused();
  keepFolds(page);
  for (const id of REGIONS) {
    const made = page.getElementById(id);
    if (made) byId(id)?.replaceWith(document.adoptNode(made));
  }
  document.title = page.title;
  const said = byId("search-said");
  if (said) said.textContent = document.querySelector("#results h1")?.textContent ?? "";
  if (focus) /** @type {HTMLElement | null} */ (document.querySelector(focus))?.focus();
};

/** @param {URL} url @param {"push" | "replace" | "stay"} how */
const show = async (url, how) => {
  clearTimeout(timer);
  looking?.abort();
  asking?.abort();
  const mine = (asking = new AbortController());
  byId("results")?.setAttribute("aria-busy", "true");
  try {
    const reply = await fetch(url, { headers: { accept: "text/html" }, signal: mine.signal });
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    // Signed out meanwhile, or the server fails: its own page says so.
    if (!page.getElementById("results")) return location.assign(url);
    replaceRegions(page);
    if (how === "push") history.pushState(null, "", url);
    if (how === "replace") history.replaceState(null, "", url);
  } catch (error) {
    if (!mine.signal.aborted) location.assign(url);
  }
};

/** The preview follows the hit that has the focus.
 * @param {HTMLElement} hit */
const look = async (hit) => {
  const id = hit.dataset.id;
  if (!id || !WIDE.matches || hit.classList.contains("is-current")) return;
  looking?.abort();
  const mine = (looking = new AbortController());
  const url = new URL("/search/preview", location.origin);
  url.searchParams.set("id", id);
  const words = new URL(location.href).searchParams.get("q");
  if (words) url.searchParams.set("q", words);
  try {
    const reply = await fetch(url, { signal: mine.signal });
    if (!reply.ok) return;
    const made = new DOMParser().parseFromString(await reply.text(), "text/html");
    byId("preview")?.replaceChildren(...made.body.childNodes);
    for (const one of document.querySelectorAll(".hit")) one.classList.toggle("is-current", one === hit);
    const here = new URL(location.href);
    here.searchParams.set("preview", id);
    history.replaceState(null, "", here);
  } catch (error) {
    if (!mine.signal.aborted) throw error;
  }
};

/** Links between states of this page are followed in place.
 * @param {MouseEvent} event */
const onClick = (event) => {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest("#results a[href]") : null;
  if (!(link instanceof HTMLAnchorElement) || link.pathname !== "/search" || link.hash) return;
  event.preventDefault();
  const hit = link.closest(".hit");
  if (link.classList.contains("hit-look") && hit instanceof HTMLElement) return look(hit);
  const url = new URL(link.href);
  if (box) box.value = url.searchParams.get("q") ?? "";
  show(url, "push").then(() => {
    if (link.closest(".pager")) scrollTo({ top: 0 });
    byId("results")?.focus({ preventScroll: true });
  });
};

if (box) {
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => show(wanted(), "replace"), WAIT_MS);
  });
  byId("ask")?.addEventListener("submit", (event) => {
    event.preventDefault();
    show(wanted(), "push");
    // The suggestions over the results have done their work.
    box.blur();
    byId("results")?.focus({ preventScroll: true });
  });
}
document.addEventListener("change", (event) => {
  const one = event.target;
  if (one instanceof Element && one.matches("#filters input, #sort")) show(wanted(), "push");
});
for (const name of ["filters", "results"]) {
  document.addEventListener("submit", (event) => {
    if (!(event.target instanceof Element) || !event.target.closest(`#${name}`)) return;
    event.preventDefault();
    show(wanted(), "push");
  });
}
document.addEventListener("click", onClick);
document.addEventListener("focusin", (event) => {
  const link = event.target instanceof Element ? event.target.closest(".hit h2 a") : null;
  const hit = link?.closest(".hit");
  if (hit instanceof HTMLElement) look(hit);
});
addEventListener("popstate", () => {
  const url = new URL(location.href);
  if (box) box.value = url.searchParams.get("q") ?? "";
  show(url, "stay");
});
