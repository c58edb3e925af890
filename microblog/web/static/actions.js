// Favourite, boost, bookmark and follow without reloading the page. The buttons are ordinary submit buttons: if a request is rejected, the
// form is submitted as without scripts, so that a page shows the reason.

import { AWAY, isAway, toast } from "./toast.js";

const TOGGLE = /^(\/posts\/(\d+)|\/@[\w.@:-]+)\/(un)?(favourite|boost|bookmark|follow)$/;
const busy = new Set();

/**
 * @param {HTMLElement} button
 * @param {1 | -1} by
 */
function count(button, by) {
  const shown = button.querySelector(".n");
  if (!shown || !/^\d*$/.test(shown.textContent)) return; // abbreviated counts such as "1.2K" are left unchanged
  const now = Number(shown.textContent) + by;
  shown.textContent = now > 0 ? String(now) : "";
}

/** @param {HTMLElement} button a button whose formaction matches TOGGLE */
function flip(button) {
  const found = /** @type {RegExpMatchArray} */ (button.getAttribute("formaction")?.match(TOGGLE));
  const [, base, , undo, action] = found;
  button.setAttribute("formaction", `${base}/${undo ? "" : "un"}${action}`);
  if (action === "follow") return follow(button, undo ? "Follow" : "Following", !undo);
  button.setAttribute("aria-pressed", String(!undo));
  if (action !== "bookmark") count(button, undo ? -1 : 1); // bookmark counts are not shown
}

/**
 * @param {HTMLElement} button
 * @param {string} text
 * @param {boolean} on
 */
function follow(button, text, on) {
  button.dataset.follow = on ? "on" : "off";
  const label = /** @type {HTMLElement} */ (button.querySelector(".on"));
  label.textContent = text;
}

/**
 * @param {HTMLFormElement} form
 * @param {string} address
 * @returns {Promise<{ requested?: boolean }>}
 */
async function send(form, address) {
  const fields = new URLSearchParams({ csrf: form.elements.csrf.value });
  const response = await fetch(address, { method: "POST", body: fields, headers: { Accept: "application/json" }, redirect: "manual" });
  if (!response.ok) throw Object.assign(new Error("rejected"), { status: response.status });
  return response.headers.get("Content-Type")?.includes("json") ? response.json() : {};
}

/**
 * @param {HTMLElement} button
 * @param {HTMLFormElement} form
 */
function submitPlainly(button, form) {
  button.dataset.plainly = "1";
  form.requestSubmit(button);
}

/**
 * @param {HTMLElement} button
 * @param {HTMLFormElement} form
 * @param {string} address
 */
async function toggle(button, form, address) {
  const same = [...document.querySelectorAll(`button[formaction="${address}"]`)]; // the page may show a post and boosts of it
  busy.add(address);
  same.forEach(flip);
  try {
    const result = await send(form, address);
    if (result.requested) same.forEach((each) => follow(each, "Requested", true));
    else if (address.endsWith("/follow") && location.pathname === "/home") toast("You'll now see their posts in your timeline.", "/home");
  } catch (reason) {
    same.forEach(flip);
    if (isAway(reason)) toast(AWAY);
    else submitPlainly(button, form);
  } finally {
    busy.delete(address);
  }
}

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  const address = button?.getAttribute("formaction") ?? "";
  if (!button || !TOGGLE.test(address) || button.dataset.plainly) return;
  event.preventDefault();
  if (busy.has(address)) return;
  toggle(button, /** @type {HTMLFormElement} */ (event.target), address);
});

// A click on an empty part of a post opens the post.
document.addEventListener("click", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const post = target.closest?.("[data-feed] .post, .replies .post, .ancestors .post");
  if (!post || event.defaultPrevented || target.closest("a, button, summary, details, input, label, fieldset, video, audio, .sheet")) return;
  if (String(getSelection())) return;
  const link = /** @type {HTMLAnchorElement} */ (post.querySelector(".at"));
  if (event.metaKey || event.ctrlKey) open(link.href, "_blank");
  else link.click();
});
