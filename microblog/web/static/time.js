// Relative times ("5m"), correct even if the device's clock is wrong, because the page carries the server's time.
// Without this script, absolute times are shown.

/** @type {[number, number, string][]} */
const STEPS = [[60, 1, "s"], [3600, 60, "m"], [86400, 3600, "h"], [604800, 86400, "d"]];
const skew = Date.parse(document.documentElement.dataset.now ?? "") - Date.now();
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const dated = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const datedWithYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const precise = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/**
 * @param {number} then
 * @param {number} now
 */
function relative(then, now) {
  const seconds = Math.max(0, (now - then) / 1000);
  if (seconds < 5) return "now";
  for (const [below, size, unit] of STEPS) if (seconds < below) return Math.floor(seconds / size) + unit;
  const date = new Date(then);
  return (date.getFullYear() === new Date(now).getFullYear() ? dated : datedWithYear).format(date);
}

/**
 * @param {HTMLTimeElement} time
 * @param {number} now
 */
function show(time, now) {
  const then = Date.parse(time.dateTime);
  if (Number.isNaN(then)) return;
  const text = time.closest(".focused") ? precise.format(then) : relative(then, now);
  if (time.textContent !== text) time.textContent = text;
  if (!time.dataset.formatted) time.title = exact.format(then);
  time.dataset.formatted = "1";
}

/** @param {ParentNode} root */
function formatAll(root = document) {
  const now = Date.now() + skew;
  for (const time of /** @type {NodeListOf<HTMLTimeElement>} */ (root.querySelectorAll("time[datetime]:not([data-plain])"))) show(time, now);
}

formatAll();
setInterval(() => document.hidden || formatAll(), 30_000);
document.addEventListener("visibilitychange", () => document.hidden || formatAll());
document.addEventListener("posts:added", (event) => formatAll(/** @type {HTMLElement} */ (event.target)));
