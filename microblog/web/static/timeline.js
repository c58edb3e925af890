// Infinite scrolling: older posts are loaded when the "Older posts" link comes near. Going back restores the position.

const POSITION_KEY = `place:${location.pathname}${location.search}`;
const MAX_PAGES = 20, PAGE_SIZE = 20;
const feed = /** @type {HTMLElement} */ (document.querySelector("[data-feed], [data-notes], .people")); // may be null, see the end of this file
/** @type {string[]} */
const loaded = []; // URLs of the pages appended so far

const items = (/** @type {ParentNode} */ root) => [...root.querySelectorAll("[data-feed] > article, [data-notes] > li, .people > li")];
const entries = () => /** @type {HTMLElement[]} */ ([...feed.children]);
const known = () => new Set(entries().map((item) => item.id || item.dataset.note).filter(Boolean));

/** @param {string} address */
async function page(address) {
  const response = await fetch(address, { headers: { Accept: "text/html" } });
  if (!response.ok) throw new Error(String(response.status));
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

async function older() {
  /** @type {HTMLAnchorElement | null} */
  const link = document.querySelector("a.older");
  if (!link || link.dataset.busy) return;
  link.dataset.busy = "1";
  try {
    const next = await page(link.href);
    const have = known();
    feed.append(...items(next).filter((item) => !have.has(item.id || item.dataset.note)));
    loaded.push(link.href);
    feed.dispatchEvent(new CustomEvent("posts:added", { bubbles: true }));
    const further = next.querySelector("a.older");
    if (further) link.replaceWith(document.adoptNode(further));
    else link.closest(".paging")?.remove();
    watch();
  } catch {
    delete link.dataset.busy; // the link still works
    observer.unobserve(link);
  }
}

const observer = new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && older(), { rootMargin: "900px" });

function watch() {
  observer.disconnect();
  const link = document.querySelector("a.older");
  if (link && loaded.length < MAX_PAGES) observer.observe(link);
}

// A gap link loads the posts that the stream could not deliver.
document.addEventListener("click", async (event) => {
  /** @type {HTMLAnchorElement | null} */
  const gap = /** @type {HTMLElement} */ (event.target).closest("a.gap");
  if (!gap || !feed) return;
  event.preventDefault();
  try {
    const missing = await page(gap.href);
    const have = known();
    const found = items(missing).filter((item) => !have.has(item.id));
    gap.after(...found);
    if (found.length >= PAGE_SIZE) gap.href = `?min_id=${found[0].dataset.id}`; // there may be more
    else gap.remove();
    feed.dispatchEvent(new CustomEvent("posts:added", { bubbles: true }));
  } catch {
    location.href = gap.href;
  }
});

function savePosition() {
  const first = entries().find((item) => item.getBoundingClientRect().bottom > 0);
  if (!first || scrollY < 1) return sessionStorage.removeItem(POSITION_KEY);
  sessionStorage.setItem(POSITION_KEY, JSON.stringify({ loaded: loaded.length, id: first.id, top: first.getBoundingClientRect().top }));
}

async function restore() {
  const saved = JSON.parse(sessionStorage.getItem(POSITION_KEY) ?? "null");
  if (!saved) return;
  while (loaded.length < saved.loaded && document.querySelector("a.older")) {
    const before = loaded.length;
    await older();
    if (loaded.length === before) break;
  }
  const item = saved.id && document.getElementById(saved.id);
  if (item) scrollBy({ top: item.getBoundingClientRect().top - saved.top, behavior: "instant" });
}

if (feed) {
  addEventListener("pagehide", savePosition);
  const [entered] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  const back = entered?.type === "back_forward";
  (back ? restore() : Promise.resolve()).finally(watch);
}

// The opened post gets the focus, and is scrolled to the top if there are ancestors above it.
const opened = document.querySelector("[data-focused] > article");
if (opened && !location.hash) {
  opened.tabIndex = -1;
  opened.classList.add("opened");
  opened.addEventListener("blur", () => opened.classList.remove("opened"), { once: true });
  opened.focus({ preventScroll: true });
  if (document.querySelector(".ancestors") && scrollY < 1) opened.scrollIntoView({ block: "start", behavior: "instant" });
}
