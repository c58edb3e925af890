// The picker of custom emoji in a composer. Its content is loaded when it is opened first.

/** @param {ComposerForm} form */
export function pickEmoji(form) {
  /** @type {HTMLDetailsElement | null} */
  const picker = form.querySelector("[data-emoji-picker]");
  const grid = picker?.querySelector(".emoji-grid");
  if (!picker || !grid) return;
  const { text, spoiler } = form.elements;
  /** @type {HTMLTextAreaElement | HTMLInputElement} */
  let field = text; // that had the focus last
  let loaded = false;
  for (const each of [text, spoiler]) each.addEventListener("focus", () => { field = each; });

  picker.addEventListener("toggle", async () => {
    if (!picker.open || loaded) return;
    loaded = true;
    try {
      const response = await fetch("/compose/emojis");
      if (!response.ok) throw new Error(String(response.status));
      grid.replaceChildren(document.createRange().createContextualFragment(await response.text()));
    } catch {
      loaded = false; // the link to the page of all codes stays
    }
  });

  grid.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest("button");
    if (button?.dataset.code) insert(field, button.dataset.code);
  });
}

/**
 * Insert a code in place of the selection, with the spaces that it needs around it.
 *
 * @param {HTMLTextAreaElement | HTMLInputElement} field
 * @param {string} code
 */
function insert(field, code) {
  const { value, selectionStart, selectionEnd } = field;
  const [start, end] = [selectionStart ?? value.length, selectionEnd ?? value.length];
  const added = (start && !/\s$/.test(value.slice(0, start)) ? " " : "") + code + (/^\s/.test(value.slice(end)) ? "" : " ");
  field.focus();
  field.setSelectionRange(start, end);
  // execCommand keeps the undo history; setRangeText is the fallback
  if (document.execCommand("insertText", false, added)) return;
  field.setRangeText(added, start, end, "end");
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
}
