// Keyboard shortcuts; ignored while typing, and not loaded if the viewer turned them off.

const posts = () => [...document.querySelectorAll("article.post, li.note")];
const current = () => document.activeElement?.closest("article.post, li.note") ?? null;
let chord = 0; // when g was pressed
let leaving = false; // navigation has started: further keys are meant for the next page
addEventListener("pageshow", () => { leaving = false; });

/** @param {1 | -1} by */
function move(by) {
  const all = posts();
  const here = all.findIndex((post) => post === current());
  const start = here >= 0 ? here + by : all.findIndex((post) => post.getBoundingClientRect().bottom > 80);
  const next = all[Math.min(Math.max(start, 0), all.length - 1)];
  if (!next) return;
  next.tabIndex = -1;
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

const press = (/** @type {string} */ selector) => current()?.querySelector(selector)?.click();
const visit = (/** @type {string} */ path) => {
  leaving = true;
  location.href = path;
};

/** @type {Record<string, () => unknown>} */
const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  Enter: () => press(".at, .note-post"),
  r: () => press(".act.reply, .note-do a"),
  f: () => press(".act.favourite"),
  b: () => press(".act.boost"),
  m: () => press(".act.bookmark"),
  ".": () => document.querySelector(".pill")?.click(),
  "/": () => {
    const field = document.getElementById("q");
    if (field) field.focus();
    else visit("/search");
  },
  n: () => document.dispatchEvent(new CustomEvent("compose:open")),
  "?": () => /** @type {HTMLDialogElement | null} */ (document.getElementById("shortcuts"))?.showModal(),
};
/** @type {Record<string, string>} */
const PLACES = { h: document.body.dataset.viewer ? "/home" : "/", l: "/local", n: "/notifications" };

document.addEventListener("keydown", (event) => {
  if (leaving || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.isComposing) return;
  if (/** @type {HTMLElement} */ (event.target).closest("input, textarea, select, [contenteditable], dialog")) return;
  if (Date.now() - chord < 1500 && PLACES[event.key]) {
    event.preventDefault();
    return visit(PLACES[event.key]);
  }
  chord = event.key === "g" ? Date.now() : 0;
  const act = KEYS[event.key];
  if (!act) return;
  if (event.key === "Enter" && (!current() || document.activeElement !== current())) return; // leave Enter on buttons and links alone
  event.preventDefault();
  act();
});
