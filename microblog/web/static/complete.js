// Autocomplete of mentions, hashtags and custom emoji: `@ad`, `#dem` or `:ca` opens a list below the caret, for keyboard, mouse and touch.
//
// The text field keeps the focus. For screen readers it is a combobox while the list is open, and a plain multi-line field otherwise.

const TOKEN = /(?:^|[^\p{L}\p{M}\p{N}_=/]|[\ufe0e\ufe0f\u20e3])(@[\p{L}\p{M}\p{N}_]{1,30}|(?<!\))[#\uff03][\p{L}\p{M}\p{N}_\u00b7\u30fb\u200c]{1,50}|(?<!:):[A-Za-z0-9_]{2,50})$/u;
/** @type {Record<string, string>} */
const LABELS = { "@": "People", "#": "Hashtags", ":": "Emoji" };
const CONTINUES = /^[\p{L}\p{M}\p{N}_]/u;
const WAIT_MS = 120; // debounce between a key and the request
const PAUSE_MS = 10_000; // pause after a rejected request
const CACHE_LIFETIME_MS = 60_000; // lifetime of cached responses
/** @type {("boxSizing" | "width" | "borderWidth" | "padding" | "font" | "letterSpacing" | "wordSpacing" | "textIndent" | "textAlign" |
 *   "direction" | "unicodeBidi" | "tabSize")[]} */
const COPIED_STYLES = [
  "boxSizing", "width", "borderWidth", "padding", "font", "letterSpacing", "wordSpacing", "textIndent", "textAlign", "direction", "unicodeBidi", "tabSize",
];
/** @type {Map<string, Completions>} */
const cache = new Map();
let lists = 0;
let pausedUntil = 0;
let cacheExpiresAt = 0;

/**
 * @param {string} typed
 * @param {AbortSignal} signal
 * @returns {Promise<Completions>}
 */
async function fetchCompletions(typed, signal) {
  if (Date.now() > cacheExpiresAt) {
    cache.clear();
    cacheExpiresAt = Date.now() + CACHE_LIFETIME_MS;
  }
  for (let length = 2; length <= typed.length; length++) {
    const known = cache.get(typed.slice(0, length)); // if a shorter prefix has no matches, a longer one has none
    if (known && (length === typed.length || !known.count)) return known;
  }
  const response = await fetch(`/compose/complete?q=${encodeURIComponent(typed)}`, { signal, headers: { Accept: "application/json" } });
  if (!response.ok) {
    pausedUntil = Date.now() + PAUSE_MS;
    throw new Error(String(response.status));
  }
  const result = await response.json();
  cache.set(typed, result);
  return result;
}

/**
 * The position of the caret in the window, measured on an off-screen copy of the text.
 *
 * @param {HTMLTextAreaElement} field
 * @param {number} end
 */
function caret(field, end) {
  const style = getComputedStyle(field);
  const copy = Object.assign(document.createElement("div"), { className: "caret-copy" });
  for (const name of COPIED_STYLES) copy.style[name] = style[name];
  const here = document.createElement("span");
  here.textContent = "\u200b";
  copy.append(field.value.slice(0, end), here, field.value.slice(end) || ".");
  copy.dir = field.dir;
  document.body.append(copy);
  const [outer, inner, box] = [copy.getBoundingClientRect(), here.getBoundingClientRect(), field.getBoundingClientRect()];
  copy.remove();
  const top = box.top + inner.top - outer.top - field.scrollTop;
  return { left: box.left + inner.left - outer.left, top, bottom: top + inner.height };
}

/** @param {HTMLTextAreaElement} field */
export function complete(field) {
  if (!("popover" in HTMLElement.prototype)) return;
  const list = document.createElement("ul");
  const liveRegion = Object.assign(document.createElement("p"), { className: "vh" });
  Object.assign(list, { id: `completion-${++lists}`, className: "completion" });
  list.setAttribute("role", "listbox");
  list.popover = "manual";
  liveRegion.setAttribute("role", "status");
  field.after(list, liveRegion); // inside the form, because a modal dialog makes everything outside inert
  /** @type {Token | null} */
  let token = null; // the mention or hashtag being typed, with its start and end
  /** @type {number | null} */
  let dismissed = null; // start of the token whose list was closed with Escape
  let active = -1;
  let moved = false;
  let timer = 0;
  let pending = new AbortController();

  const isOpen = () => list.matches(":popover-open");
  const options = () => /** @type {HTMLElement[]} */ ([...list.children]);

  /** @returns {Token | null} */
  function find() {
    const { selectionStart: end, selectionEnd, value } = field;
    if (end !== selectionEnd || CONTINUES.test(value.slice(end))) return null;
    const found = TOKEN.exec(value.slice(Math.max(0, end - 60), end));
    return found && { text: found[1].replace("\uff03", "#"), start: end - found[1].length, end };
  }

  function refresh() {
    const before = token;
    token = find();
    if (token === null || token.start !== dismissed) dismissed = null;
    if (!token || dismissed !== null || Date.now() < pausedUntil) return close();
    if (token.text === before?.text && token.start === before?.start) return;
    clearTimeout(timer);
    pending.abort();
    pending = new AbortController();
    timer = setTimeout(fill, cache.has(token.text) ? 0 : WAIT_MS, token, pending.signal);
  }

  /**
   * @param {Token} wanted
   * @param {AbortSignal} signal
   */
  async function fill(wanted, signal) {
    let result;
    try {
      result = await fetchCompletions(wanted.text, signal);
    } catch {
      if (!signal.aborted) close();
      return;
    }
    if (signal.aborted || document.activeElement !== field) return;
    if (!result.count) return close();
    list.replaceChildren(document.createRange().createContextualFragment(result.html));
    list.querySelectorAll(":scope > :not([role=option])").forEach((other) => other.remove());
    options().forEach((option, number) => { option.id = `${list.id}-${number}`; });
    list.setAttribute("aria-label", LABELS[wanted.text[0]]);
    open();
    moved = false;
    mark(0);
    place();
    liveRegion.textContent = result.count === 1
      ? "1 suggestion. Press Enter to insert it."
      : `${result.count} suggestions. Use the arrow keys to choose and Enter to insert.`;
  }

  function open() {
    if (isOpen()) return;
    list.showPopover();
    const attributes = { role: "combobox", "aria-expanded": "true", "aria-controls": list.id, "aria-autocomplete": "list", "aria-haspopup": "listbox" };
    for (const [name, value] of Object.entries(attributes)) field.setAttribute(name, value);
  }

  function close() {
    clearTimeout(timer);
    pending.abort();
    token = null;
    if (!isOpen()) return;
    list.hidePopover();
    for (const name of ["role", "aria-expanded", "aria-controls", "aria-autocomplete", "aria-haspopup", "aria-activedescendant"]) field.removeAttribute(name);
    liveRegion.textContent = "";
  }

  /** @param {number} number wraps around at both ends */
  function mark(number) {
    const all = options();
    active = (number + all.length) % all.length;
    all.forEach((option, at) => option.setAttribute("aria-selected", String(at === active)));
    field.setAttribute("aria-activedescendant", all[active].id);
    all[active].scrollIntoView({ block: "nearest" });
  }

  function place() {
    if (!isOpen() || !token) return;
    const at = caret(field, token.start);
    const seen = visualViewport ?? { offsetLeft: 0, offsetTop: 0, width: innerWidth, height: innerHeight };
    const { offsetWidth: width, offsetHeight: height } = list;
    const rightToLeft = getComputedStyle(field).direction === "rtl";
    const bottom = seen.offsetTop + seen.height;
    const left = Math.min(rightToLeft ? at.left - width : at.left, seen.offsetLeft + seen.width - width - 8);
    const above = at.bottom + height + 10 > bottom && at.top - height - 6 > seen.offsetTop;
    list.style.left = `${Math.max(seen.offsetLeft + 8, left)}px`;
    list.style.top = `${above ? at.top - height - 6 : at.bottom + 6}px`;
  }

  /** @param {HTMLElement} option */
  function insert(option) {
    if (!token) return;
    const { start, end } = token;
    const after = field.value.slice(end);
    const text = option.dataset.value + (/^\s/.test(after) ? "" : " ");
    close();
    field.focus();
    field.setSelectionRange(start, end);
    // execCommand keeps the undo history; setRangeText is the fallback
    if (!document.execCommand("insertText", false, text)) {
      field.setRangeText(text, start, end, "end");
      field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    }
    if (/^\s/.test(after)) field.setSelectionRange(field.selectionEnd + 1, field.selectionEnd + 1);
  }

  /** @type {Record<string, () => void>} */
  const KEYS = {
    ArrowDown: () => { moved = true; mark(active + 1); },
    ArrowUp: () => { moved = true; mark(active - 1); },
    Enter: () => insert(options()[active]),
    Tab: () => insert(options()[active]),
    Escape: () => { dismissed = token?.start ?? null; close(); },
  };

  field.addEventListener("input", refresh);
  field.addEventListener("compositionend", refresh);
  field.addEventListener("keydown", (event) => {
    if (!isOpen() || event.isComposing || event.keyCode === 229) return; // an input method editor handles the keys
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !KEYS[event.key]) return;
    if (event.key === "Enter" && !moved && options()[active].dataset.value === token?.text) return close(); // already typed in full
    event.preventDefault();
    event.stopPropagation();
    KEYS[event.key]();
  });
  document.addEventListener("selectionchange", () => document.activeElement === field && isOpen() && refresh());
  field.addEventListener("blur", close);
  field.form?.addEventListener("submit", close);
  list.addEventListener("mousedown", (event) => event.preventDefault()); // keep the focus in the text
  list.addEventListener("click", (event) => {
    const option = /** @type {HTMLElement} */ (event.target).closest("[role=option]");
    if (option) insert(option);
  });
  for (const moving of [window, visualViewport]) {
    moving?.addEventListener("resize", place);
    moving?.addEventListener("scroll", place, { passive: true });
  }
  document.addEventListener("scroll", place, { passive: true, capture: true });
}

// The edit form has no composer script.
for (const form of /** @type {NodeListOf<ComposerForm>} */ (document.querySelectorAll("[data-composer-edit]"))) complete(form.elements.text);
