// Favourite, boost, bookmark, pin and follow without a new page. The buttons are ordinary submit buttons: what is refused here is sent
// as it would be without scripts, so that a page says why.

import { AWAY, isAway, toast } from "./toast.js";

const TOGGLE = /^(\/posts\/(\d+)|\/@\w+)\/(un)?(favourite|boost|bookmark|follow)$/;
const busy = new Set();

function count(button, by) {
  const shown = button.querySelector(".n");
  if (!shown || !/^\d*$/.test(shown.textContent)) return; // "1.2K" stays what it is
  const now = Number(shown.textContent) + by;
  shown.textContent = now > 0 ? String(now) : "";
}

function flip(button) {
  const [, base, , undo, action] = button.getAttribute("formaction").match(TOGGLE);
  button.setAttribute("formaction", `${base}/${undo ? "" : "un"}${action}`);
  if (action === "follow") return follow(button, undo ? "Follow" : "Following", !undo);
  button.setAttribute("aria-pressed", String(!undo));
  if (action !== "bookmark") count(button, undo ? -1 : 1); // nobody is shown how many keep a post
}

function follow(button, text, on) {
  button.dataset.follow = on ? "on" : "off";
  button.querySelector(".on").textContent = text;
}

async function send(form, address) {
  const fields = new URLSearchParams({ csrf: form.elements.csrf.value });
  const answer = await fetch(address, { method: "POST", body: fields, headers: { Accept: "application/json" }, redirect: "manual" });
  if (!answer.ok) throw Object.assign(new Error("refused"), { status: answer.status });
  return answer.headers.get("Content-Type")?.includes("json") ? answer.json() : {};
}

function plainly(button, form) {
  button.dataset.plainly = "1";
  form.requestSubmit(button);
}

async function toggle(button, form) {
  const address = button.getAttribute("formaction");
  const same = [...document.querySelectorAll(`button[formaction="${address}"]`)]; // a boost and its original may both be here
  busy.add(address);
  same.forEach(flip);
  try {
    const result = await send(form, address);
    if (result.requested) same.forEach((each) => follow(each, "Requested", true));
    else if (address.endsWith("/follow") && location.pathname === "/home") toast("Their posts are in your timeline now.", "/home");
  } catch (reason) {
    same.forEach(flip);
    if (isAway(reason)) toast(AWAY);
    else plainly(button, form);
  } finally {
    busy.delete(address);
  }
}

document.addEventListener("submit", (event) => {
  const address = event.submitter?.getAttribute("formaction") ?? "";
  if (!TOGGLE.test(address) || event.submitter.dataset.plainly) return;
  event.preventDefault();
  if (busy.has(address)) return;
  toggle(event.submitter, event.target);
});

// a click on the empty part of a post opens it
document.addEventListener("click", (event) => {
  const post = event.target.closest?.("[data-feed] .post, .replies .post, .ancestors .post");
  if (!post || event.defaultPrevented || event.target.closest("a, button, summary, details, input, label, fieldset, video, audio, .sheet")) return;
  if (String(getSelection())) return;
  const link = post.querySelector(".at");
  if (event.metaKey || event.ctrlKey) open(link.href, "_blank");
  else link.click();
});
