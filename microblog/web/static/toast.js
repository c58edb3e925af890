// A short message at the bottom of the window, also announced to screen readers, with an optional link.

const SHOWN_MS = 8_000;
const liveRegion = document.getElementById("live-region");

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
  liveRegion.textContent = text;
  setTimeout(() => note.remove(), SHOWN_MS);
}

/**
 * True for network errors and server errors, where a full page load would only show an error page.
 *
 * @param {any} reason
 * @returns {boolean}
 */
export const isAway = (reason) => reason instanceof TypeError || reason.status >= 500;
