// Editing in place. Without this module each link leads to the form as a page of its own.
//
// A link with data-edit names a field; the form for it is fetched into the nearest place
// (data-place). Saved: the page is read again, and says so. Refused: the form comes back.

/** What stood in a place before its form. @type {WeakMap<Element, Node[]>} */
const before = new WeakMap();

/** @param {string} text @returns {Node[]} */
const parsed = (text) => [...new DOMParser().parseFromString(text, "text/html").body.childNodes];

/** @param {Element} link @returns {Element | null} */
const placeOf = (link) => {
  const near = link.closest("[data-place]");
  if (near) return near;
  const name = link.getAttribute("data-edit") ?? "";
  return document.querySelector(`[data-place="${CSS.escape(name)}"]`);
};

/** @param {Element} place */
const close = (place) => {
  const nodes = before.get(place);
  if (!nodes) return;
  place.replaceChildren(...nodes);
  before.delete(place);
  const link = place.querySelector("[data-edit]");
  if (link instanceof HTMLElement) link.focus();
};

/** @param {Element} place @param {string} text @returns {boolean} whether it holds a form */
const show = (place, text) => {
  const nodes = parsed(text);
  const isForm = nodes.some((node) => node instanceof Element && node.matches("[data-edit-form]"));
  if (!isForm) return false;
  if (!before.has(place)) before.set(place, [...place.childNodes]);
  const forms = nodes.filter((node) => node instanceof Element);
  const first = forms.map((form) => form.querySelector("[role=alert], [autofocus]")).find(Boolean);
  // The focus is ours to move: browsers heed the attribute only while a page loads.
  for (const form of forms) {
    for (const field of form.querySelectorAll("[autofocus]")) field.removeAttribute("autofocus");
  }
  place.replaceChildren(...nodes);
  if (first instanceof HTMLElement) {
    if (first.matches("[role=alert]")) first.tabIndex = -1;
    first.focus();
  }
  return true;
};

/** @param {HTMLAnchorElement} link */
const open = async (link) => {
  const place = placeOf(link);
  const reply = await fetch(`${link.href}&part=yes`);
  if (!place || !reply.ok || !show(place, await reply.text())) location.assign(link.href);
};

/** @param {HTMLFormElement} form */
const preview = async (form) => {
  const body = new URLSearchParams({ text: String(new FormData(form).get("description") ?? "") });
  const reply = await fetch("/preview", { method: "POST", body });
  const target = form.querySelector("[data-preview]");
  if (target && reply.ok) target.replaceChildren(...parsed(await reply.text()));
};

/** @param {HTMLFormElement} form @param {Element} place */
const send = async (form, place) => {
  const body = new URLSearchParams();
  for (const [name, value] of new FormData(form)) body.append(name, String(value));
  const buttons = form.querySelectorAll("button");
  for (const button of buttons) button.disabled = true;
  // The note of what was done waits in a cookie for the next page: that must be this one again.
  const reply = await fetch(form.action, { method: "POST", body, redirect: "manual" });
  if (reply.type === "opaqueredirect") return location.reload();
  if (show(place, await reply.text())) return;
  for (const button of buttons) button.disabled = false;
  form.submit();
};

document.addEventListener("click", (event) => {
  if (!(event.target instanceof Element) || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = event.target.closest("a[data-edit]");
  const cancel = event.target.closest("[data-edit-close]");
  const place = cancel?.closest("[data-place]");
  if (link instanceof HTMLAnchorElement && placeOf(link)) {
    event.preventDefault();
    open(link);
  } else if (place && before.has(place)) {
    event.preventDefault();
    close(place);
  }
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.matches("[data-edit-form]")) return;
  const button = /** @type {HTMLButtonElement | null} */ (event.submitter);
  if (button?.value === "preview") {
    event.preventDefault();
    preview(form);
    return;
  }
  const place = form.closest("[data-place]");
  if (!place || !before.has(place)) return;
  event.preventDefault();
  send(form, place);
});

document.addEventListener("keydown", (event) => {
  if (!(event.target instanceof Element)) return;
  const form = event.target.closest("[data-edit-form]");
  const place = form?.closest("[data-place]");
  if (event.key === "Escape" && place) close(place);
  else if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form instanceof HTMLFormElement) {
    form.requestSubmit();
  }
});
