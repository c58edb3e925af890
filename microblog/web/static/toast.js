// A sentence at the foot of the window for some seconds, seen and heard, with a link where there is something to look at.

const SHOWN_MS = 8_000;
const said = document.getElementById("said");

export const AWAY = "Could not reach the server. Nothing was changed. Please try again.";

/**
 * @param {string} text
 * @param {string} [url]
 */
export function toast(text, url) {
  document.querySelector(".toast")?.remove();
  const note = Object.assign(document.createElement("div"), { className: "toast" });
  note.append(text);
  if (url) note.append(Object.assign(document.createElement("a"), { href: url, textContent: "View" }));
  document.body.append(note);
  said.textContent = text;
  setTimeout(() => note.remove(), SHOWN_MS);
}

/**
 * No answer, or one that says that the server has trouble: a new page would only show an error in place of what stands here.
 *
 * @param {any} reason
 * @returns {boolean}
 */
export const isAway = (reason) => reason instanceof TypeError || reason.status >= 500;
