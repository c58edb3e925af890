// The composer: a character counter, drafts in local storage, and posts that are shown while they are being sent.
//
// The form contains an idempotency key. A retry sends the same key, so that a post is never published twice.

import { attach } from "./attach.js";
import { complete } from "./complete.js";
import { pickEmoji } from "./emojis.js";
import { length } from "./length.js";
import { toast } from "./toast.js";

const liveRegion = document.getElementById("live-region");
const viewer = document.body.dataset.viewer;

function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {ComposerForm} form */
function enhance(form) {
  const { text, spoiler, visibility, language, key, at, poll_seconds: duration, reply_to: replyTo } = form.elements;
  const options = [.../** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll('[name^="option_"]'))];
  const choices = [.../** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll('input[type="checkbox"][name]'))];
  const counter = /** @type {HTMLElement} */ (form.querySelector("[data-counter]"));
  const send = /** @type {HTMLButtonElement} */ (form.querySelector("button.primary"));
  const limit = Number(form.dataset.limit);
  let prepared = text.value;
  let unsaved = "unsaved" in form.dataset; // not stored anywhere else
  const to = unsaved ? "" : prepared.trim();
  const addressed = to || visibility.value === "direct"; // direct messages have drafts of their own
  const draft = `draft:${viewer}:${replyTo?.value ?? (addressed ? `${visibility.value}:${to}` : "new")}`;
  let announced = false;
  /** @type {Attachments} */
  let attachments = { count: () => 0, busy: () => false, values: () => [], restore: () => {}, remind: () => false };

  const isDirty = () =>
    unsaved || text.value.trim() !== prepared.trim() || spoiler.value !== spoiler.defaultValue || attachments.count() || options.some(({ value }) => value);
  const encoded = () => new URLSearchParams([...new FormData(form)].map(([name, value]) => [name, String(value)]));
  const draftFields = () => /** @type {Draft} */ ({ ...Object.fromEntries(encoded()), media: attachments.values() });

  function measure() {
    const left = limit - length(text.value) - length(spoiler.value);
    counter.textContent = String(left);
    counter.classList.toggle("over", left < 0);
    counter.setAttribute("aria-label", left < 0 ? `${-left} characters over the limit` : `${left} characters left`);
    send.disabled = left < 0 || !(text.value.trim() || attachments.count()) || attachments.busy();
    if (left <= 20 && !announced) liveRegion.textContent = `${left} characters left`;
    announced = left <= 20;
  }

  function saveDraft() {
    measure();
    if (isDirty()) localStorage.setItem(draft, JSON.stringify(draftFields()));
    else localStorage.removeItem(draft);
  }

  /** @param {Draft} fields */
  function fill(fields) {
    text.value = fields.text ?? "";
    spoiler.value = fields.spoiler ?? "";
    unfold(spoiler, spoiler.value);
    if ([...visibility.options].some((option) => option.value === fields.visibility)) visibility.value = fields.visibility ?? "";
    if (fields.language !== undefined) language.value = fields.language;
    if (fields.key) key.value = fields.key; // if the first attempt succeeded after all, the same key returns the same post
    for (const option of options) option.value = fields[option.name] ?? "";
    for (const choice of choices) choice.checked = choice.name in fields ? fields[choice.name] === "1" : choice.defaultChecked;
    if (fields.poll_seconds) duration.value = fields.poll_seconds;
    at.value = fields.at ?? "";
    unfold(options[0], options.some(({ value }) => value));
    unfold(at, at.value);
    attachments.restore(fields.media ?? []);
    measure();
  }

  function clear() {
    if (unsaved) prepared = "";
    unsaved = false;
    const first = (/** @type {HTMLSelectElement} */ select) => [...select.options].find((option) => option.defaultSelected)?.value ?? select.options[0].value;
    fill({ text: prepared, key: newKey(), visibility: first(visibility), language: first(language) });
  }

  attachments = attach(form, () => saveDraft());
  if (!form.querySelector(".error")) {
    /** @type {Draft | null} */
    const stored = JSON.parse(localStorage.getItem(draft) ?? "null");
    if (stored && (stored.text || stored.media?.length) && !isDirty()) fill(stored);
  }
  if (unsaved) saveDraft();
  else measure();
  complete(text);
  pickEmoji(form);
  form.addEventListener("input", saveDraft);
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !send.disabled) form.requestSubmit(send);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (attachments.busy() || attachments.remind()) return;
    const body = encoded();
    const fields = draftFields();
    clear();
    deliver(body, { edit: () => { fill(fields); saveDraft(); text.focus(); }, draft, fields });
    /** @type {HTMLDialogElement | null} */ (form.closest("dialog"))?.close();
  });
  addEventListener("beforeunload", (event) => isDirty() && form.isConnected && event.preventDefault());
}

/**
 * Open or close the <details> around a field.
 *
 * @param {HTMLElement} field
 * @param {unknown} filled
 */
function unfold(field, filled) {
  const fold = /** @type {HTMLDetailsElement} */ (field.closest("details"));
  fold.open = Boolean(filled);
}

// sending

/**
 * @param {URLSearchParams} body
 * @param {{ edit: () => void, draft: string, fields: Draft }} composed
 */
async function deliver(body, { edit, draft, fields }) {
  const waiting = pending(fields.text || "Media");
  const [stateLine, retry, change] = /** @type {NodeListOf<HTMLButtonElement>} */ (waiting.querySelectorAll(".pending-state > *"));
  const place = outbox();
  place.prepend(waiting);
  retry.addEventListener("click", attempt);
  change.addEventListener("click", () => { waiting.remove(); edit(); });
  localStorage.setItem(draft, JSON.stringify(fields)); // until the server has it
  addEventListener("beforeunload", warn);
  await attempt();

  async function attempt() {
    waiting.classList.remove("failed");
    retry.hidden = change.hidden = true;
    stateLine.textContent = "Sending…";
    let result;
    try {
      const response = await fetch("/posts", { method: "POST", body, headers: { Accept: "application/json" } });
      result = await response.json();
      if (!response.ok) throw new Error(result.error ?? "The server rejected the post.");
    } catch (reason) {
      const network = reason instanceof TypeError || reason instanceof SyntaxError;
      waiting.classList.add("failed");
      stateLine.textContent = network ? "Not sent: could not reach the server." : `Not sent: ${/** @type {Error} */ (reason).message}`;
      retry.hidden = change.hidden = false;
      liveRegion.textContent = stateLine.textContent;
      return;
    }
    if (JSON.parse(localStorage.getItem(draft) ?? "{}").key === body.get("key")) localStorage.removeItem(draft);
    removeEventListener("beforeunload", warn);
    waiting.remove();
    if (result.scheduled) toast("Post scheduled.", result.scheduled);
    else published(result, body.get("reply_to"));
  }

  /** @param {BeforeUnloadEvent} event */
  function warn(event) { event.preventDefault(); }
}

/** @param {string} text */
function pending(text) {
  const post = document.createElement("div");
  post.className = "sheet-of-posts post pending";
  const shown = Object.assign(document.createElement("p"), { className: "text", dir: "auto", textContent: text });
  const line = Object.assign(document.createElement("div"), { className: "pending-state" });
  const button = (/** @type {string} */ label) => Object.assign(document.createElement("button"), { type: "button", className: "button small", textContent: label });
  line.append(document.createElement("span"), button("Retry"), button("Edit"));
  post.append(shown, line);
  return post;
}

function outbox() {
  const found = document.querySelector("[data-outbox]");
  if (found) return found;
  const made = document.createElement("div");
  made.className = "outbox";
  made.dataset.outbox = "";
  document.querySelector("main")?.prepend(made);
  return made;
}

/**
 * @param {{ id: string, html: string, url: string }} post
 * @param {string | null} replyTo
 */
function published({ id, html, url }, replyTo) {
  const post = document.createRange().createContextualFragment(html).querySelector("article");
  const replies = document.querySelector(`[data-replies="${replyTo}"]`);
  const home = location.pathname === "/home" ? document.querySelector("[data-live]") : null;
  if (post && !document.getElementById(post.id) && (replies || home)) {
    post.classList.add("arrived");
    home?.setAttribute("role", "feed");
    if (replies) {
      const row = Object.assign(document.createElement("div"), { className: "depth0" });
      row.dataset.depth = "0";
      row.append(post);
      replies.append(row);
    } else home?.prepend(post);
    post.dispatchEvent(new CustomEvent("posts:added", { bubbles: true }));
  }
  document.dispatchEvent(new CustomEvent("posts:own", { detail: id }));
  if (replies || home) {
    liveRegion.textContent = "Post published.";
    return;
  }
  if (document.querySelector("main [data-composer]")) location.href = url; // the page of the composer
  else toast("Post published.", url);
}

// the dialog: the same form, fetched on demand

/** @param {string} address */
async function open(address) {
  /** @type {ComposerForm | null} */
  const here = document.querySelector("main [data-composer]");
  if (here && address === "/compose") return here.elements.text.focus();
  const from = /** @type {HTMLElement | null} */ (document.activeElement);
  try {
    const response = await fetch(address, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    /** @type {ComposerForm | null} */
    const form = page.querySelector("[data-composer]");
    if (!response.ok || !form) throw new Error("no composer there");
    dialog(document.adoptNode(form), from, quotation(page));
  } catch (reason) {
    if (reason instanceof TypeError) toast("Could not reach the server. Please try again.");
    else location.href = address; // its page shows the reason
  }
}

/**
 * A short quote of the post being replied to.
 *
 * @param {Document} page
 */
function quotation(page) {
  const post = page.querySelector(".answered article");
  if (!post) return "";
  const warned = post.querySelector(".warned:not(.sensitive) summary bdi");
  const text = warned ? [warned] : [...post.querySelectorAll(".text p")];
  const quote = Object.assign(document.createElement("blockquote"), { className: "answering" });
  const who = Object.assign(document.createElement("bdi"), { className: "name", textContent: post.querySelector(".who .name")?.textContent ?? "" });
  const words = Object.assign(document.createElement("span"), { dir: "auto", lang: post.querySelector(".text")?.lang ?? "" });
  words.textContent = text.map((line) => line.textContent).join(" ");
  quote.append(who, " ", words);
  return quote;
}

/**
 * @param {ComposerForm} form
 * @param {HTMLElement | null} from the element that gets the focus back
 * @param {HTMLElement | string} above
 */
function dialog(form, from, above) {
  const box = Object.assign(document.createElement("dialog"), { className: "dialog" });
  const head = Object.assign(document.createElement("div"), { className: "dialog-head" });
  const title = Object.assign(document.createElement("h2"), { id: "dialog-title" });
  const close = Object.assign(document.createElement("button"), { type: "button", className: "button small", textContent: "Close" });
  title.textContent = form.elements.reply_to ? "Reply" : form.elements.visibility.value === "direct" ? "New message" : "New post";
  box.setAttribute("aria-labelledby", title.id);
  close.addEventListener("click", () => box.close());
  head.append(title, close);
  box.append(head, above, form);
  box.addEventListener("close", () => { box.remove(); from?.focus?.(); }); // the draft stays in local storage
  document.body.append(box);
  enhance(form);
  box.showModal();
  const { text } = form.elements;
  text.focus();
  text.setSelectionRange(text.value.length, text.value.length);
}

for (const form of /** @type {NodeListOf<ComposerForm>} */ (document.querySelectorAll("[data-composer]"))) enhance(form);
document.addEventListener("compose:open", () => open("/compose"));
document.addEventListener("click", (event) => {
  /** @type {HTMLAnchorElement | null} */
  const link = /** @type {HTMLElement} */ (event.target).closest('a[href^="/compose"]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  open(link.getAttribute("href") ?? "");
});
