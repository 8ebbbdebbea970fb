// Check and preview answer beside the form, so that a typed secret stays in its field.
//
// Without this module the same buttons answer with the whole page.

const QUIET = new Set(["check", "preview", "runs"]);

for (const form of document.querySelectorAll("form[data-answer]")) {
  if (!(form instanceof HTMLFormElement)) continue;
  form.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!(button instanceof HTMLButtonElement) || !QUIET.has(button.value)) return;
    event.preventDefault();
    void answer(form, button);
  });
}

/** @param {HTMLFormElement} form @param {HTMLButtonElement} button */
async function answer(form, button) {
  const place = document.getElementById(form.dataset.answer ?? "");
  const body = new URLSearchParams();
  for (const [name, value] of new FormData(form, button)) body.append(name, String(value));
  button.disabled = true;
  place?.setAttribute("aria-busy", "true");
  try {
    const found = await fetch(form.action, { method: "POST", body, headers: { accept: "text/html" } });
    const page = new DOMParser().parseFromString(await found.text(), "text/html");
    const fresh = page.getElementById(form.dataset.answer ?? "");
    const wrong = page.getElementById("wrong");
    if (!fresh || !wrong) throw new Error("another page");
    place?.replaceWith(fresh);
    document.getElementById("wrong")?.replaceWith(wrong);
    fields(form, page);
    (wrong.textContent?.trim() ? wrong : fresh).scrollIntoView({ block: "nearest" });
  } catch {
    // As without this module: `submit` asks nobody, and says nothing of the button by itself.
    const pressed = document.createElement("input");
    pressed.type = "hidden";
    pressed.name = button.name;
    pressed.value = button.value;
    form.append(pressed);
    form.submit();
  } finally {
    button.disabled = false;
  }
}

/** What is wrong with single fields is said at them; what is typed in them stays.
 * @param {HTMLFormElement} form @param {Document} page */
function fields(form, page) {
  for (const old of form.querySelectorAll(".field-error")) old.remove();
  for (const fresh of page.querySelectorAll("form[data-answer] .field:has(.field-error)")) {
    const id = fresh.querySelector("[id]")?.id ?? "";
    const error = fresh.querySelector(".field-error");
    const field = document.getElementById(id)?.closest(".field");
    if (field && error) field.append(error);
  }
}
