// Voting without reloading the page: the results replace the form. If a vote is rejected, the form is submitted as without scripts.

import { AWAY, isAway, toast } from "./toast.js";

const VOTE = /^\/polls\/(\d+)\/vote$/;
const liveRegion = document.getElementById("live-region");

document.addEventListener("submit", async (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const button = /** @type {HTMLButtonElement | null} */ (event.submitter);
  const found = button?.getAttribute("formaction")?.match(VOTE);
  if (!button || !found || button.dataset.plainly) return;
  const name = `choice-${found[1]}`;
  const chosen = [...new FormData(form)].filter(([field]) => field === name);
  event.preventDefault();
  if (!chosen.length) {
    liveRegion.textContent = "Please choose an option first.";
    button.closest(".poll")?.querySelector("input")?.focus();
    return;
  }
  button.disabled = true;
  try {
    const body = new URLSearchParams({ csrf: form.elements.csrf.value });
    for (const [field, value] of chosen) body.append(field, String(value));
    const response = await fetch(found[0], { method: "POST", body, headers: { Accept: "application/json" } });
    if (!response.ok) throw Object.assign(new Error("refused"), { status: response.status });
    const result = await response.json();
    const made = document.createRange().createContextualFragment(result.html).querySelector(".poll");
    if (!made) throw new Error("no poll in the response");
    for (const each of document.querySelectorAll(`button[formaction="${found[0]}"]`)) {
      each.closest("[data-for]")?.nextElementSibling?.remove();
      each.closest(".poll")?.replaceWith(made.cloneNode(true));
    }
    liveRegion.textContent = "Vote counted.";
  } catch (reason) {
    button.disabled = false;
    if (isAway(reason)) return toast(AWAY);
    button.dataset.plainly = "1";
    form.requestSubmit(button);
  }
});
