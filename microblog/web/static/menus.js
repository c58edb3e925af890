// Menus close on outside clicks and Escape, passwords can be revealed, the first invalid field gets the focus, the current tab is scrolled
// into view, and the menu of a post can copy its link.

import { toast } from "./toast.js";

document.addEventListener("click", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  for (const menu of /** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll("details.menu[open]"))) {
    if (!menu.contains(target) || target.closest(".sheet")) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  /** @type {HTMLDetailsElement | null} */
  const menu = event.key === "Escape" ? document.querySelector("details.menu[open]") : null;
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary")?.focus();
});

for (const field of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("input[data-reveal]"))) {
  const row = document.createElement("div");
  const button = document.createElement("button");
  row.className = "reveal-row";
  Object.assign(button, { type: "button", className: "button", textContent: "Show" });
  button.setAttribute("aria-label", "Show password");
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    button.textContent = shown ? "Hide" : "Show";
    button.setAttribute("aria-pressed", String(shown));
  });
  const typing = document.activeElement === field; // moving a field loses the focus
  field.replaceWith(row);
  row.append(field, button);
  if (typing) field.focus();
}

document.querySelector("form[data-form] [aria-invalid=true]")?.focus();

for (const tab of document.querySelectorAll(".tabs.scroll [aria-current]")) {
  const row = /** @type {HTMLElement} */ (tab.parentElement);
  row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
}

// "Copy link" is added below "View post", which works without scripts. Posts of other servers are shared by their own address.
document.addEventListener("toggle", ({ target }) => {
  const menu = /** @type {HTMLDetailsElement} */ (target);
  if (!menu.open || !navigator.clipboard || !menu.closest(".acts") || menu.querySelector("[data-copy]")) return;
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (menu.querySelectorAll(".sheet > a:first-child"))) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Copy link" });
    const original = /** @type {HTMLAnchorElement | null} */ (link.parentElement?.querySelector("a[data-original]"));
    button.dataset.copy = (original ?? link).href;
    link.after(button);
  }
}, true);

document.addEventListener("click", async ({ target }) => {
  const address = /** @type {HTMLElement} */ (target).closest("[data-copy]")?.dataset.copy;
  if (!address) return;
  const copied = await navigator.clipboard.writeText(address).then(() => true, () => false);
  toast(copied ? "Link copied." : `Could not copy the link: ${address}`);
});
