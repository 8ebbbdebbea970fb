// What every page gets: suggestions, keys, copying, the reader's time zone.
//
// Every page works without any of it. Modules of single pages lie beside this one.

import { watchKeys } from "./keys.js";
import { suggestAll } from "./suggest.js";

suggestAll();
watchKeys();

// Buttons that copy stay hidden where scripts do not run.
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!(button instanceof HTMLButtonElement)) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = button.dataset.copy || button.parentElement?.querySelector("pre")?.textContent || "";
    await navigator.clipboard.writeText(text);
    const before = button.getAttribute("aria-label") ?? "Copy";
    button.setAttribute("aria-label", "Copied");
    button.classList.add("is-done");
    setTimeout(() => {
      button.setAttribute("aria-label", before);
      button.classList.remove("is-done");
    }, 1500);
  });
}

// A select that submits its form at once; its button is for those without scripts.
for (const select of document.querySelectorAll("[data-submit]")) {
  if (!(select instanceof HTMLElement)) continue;
  select.addEventListener("change", () => select.closest("form")?.requestSubmit());
}

// The server writes times in the zone that this cookie names, from the next page on.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.includes("catalog_zone=")) {
  document.cookie = `catalog_zone=${zone}; path=/; max-age=31536000; samesite=lax`;
}
