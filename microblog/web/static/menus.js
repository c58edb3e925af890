// Menus close when one clicks elsewhere or presses Escape; passwords can be shown; the first wrong field gets the focus; a row of tabs
// that is longer than the window shows the one that is open.

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target) || event.target.closest(".sheet")) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

for (const field of document.querySelectorAll("input[data-reveal]")) {
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
  field.replaceWith(row);
  row.append(field, button);
}

document.querySelector("form[data-form] [aria-invalid=true]")?.focus();

for (const tab of document.querySelectorAll(".tabs.scroll [aria-current]")) {
  const row = tab.parentElement;
  row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
}
