// Favourite, boost, bookmark, pin and follow without a new page. The buttons are ordinary submit buttons: what is refused here is sent
// as it would be without scripts, so that a page says why.

import { AWAY, isAway, toast } from "./toast.js";

const TOGGLE = /^(\/posts\/(\d+)|\/@\w+)\/(un)?(favourite|boost|bookmark|follow)$/;
const busy = new Set();

/**
 * @param {HTMLElement} button
 * @param {1 | -1} by
 */
function count(button, by) {
  const shown = button.querySelector(".n");
  if (!shown || !/^\d*$/.test(shown.textContent)) return; // "1.2K" stays what it is
  const now = Number(shown.textContent) + by;
  shown.textContent = now > 0 ? String(now) : "";
}

/** @param {HTMLElement} button one whose address is such a one */
function flip(button) {
  const found = /** @type {RegExpMatchArray} */ (button.getAttribute("formaction")?.match(TOGGLE));
  const [, base, , undo, action] = found;
  button.setAttribute("formaction", `${base}/${undo ? "" : "un"}${action}`);
  if (action === "follow") return follow(button, undo ? "Follow" : "Following", !undo);
  button.setAttribute("aria-pressed", String(!undo));
  if (action !== "bookmark") count(button, undo ? -1 : 1); // nobody is shown how many keep a post
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
  const answer = await fetch(address, { method: "POST", body: fields, headers: { Accept: "application/json" }, redirect: "manual" });
  if (!answer.ok) throw Object.assign(new Error("refused"), { status: answer.status });
  return answer.headers.get("Content-Type")?.includes("json") ? answer.json() : {};
}

/**
 * @param {HTMLElement} button
 * @param {HTMLFormElement} form
 */
function plainly(button, form) {
  button.dataset.plainly = "1";
  form.requestSubmit(button);
}

/**
 * @param {HTMLElement} button
 * @param {HTMLFormElement} form
 * @param {string} address
 */
async function toggle(button, form, address) {
  const same = [...document.querySelectorAll(`button[formaction="${address}"]`)]; // a boost and its original may both be here
  busy.add(address);
  same.forEach(flip);
  try {
    const result = await send(form, address);
    if (result.requested) same.forEach((each) => follow(each, "Requested", true));
    else if (address.endsWith("/follow") && location.pathname === "/home") toast("You'll now see their posts in your timeline.", "/home");
  } catch (reason) {
    same.forEach(flip);
    if (isAway(reason)) toast(AWAY);
    else plainly(button, form);
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

// a click on the empty part of a post opens it
document.addEventListener("click", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const post = target.closest?.("[data-feed] .post, .replies .post, .ancestors .post");
  if (!post || event.defaultPrevented || target.closest("a, button, summary, details, input, label, fieldset, video, audio, .sheet")) return;
  if (String(getSelection())) return;
  const link = /** @type {HTMLAnchorElement} */ (post.querySelector(".at"));
  if (event.metaKey || event.ctrlKey) open(link.href, "_blank");
  else link.click();
});
