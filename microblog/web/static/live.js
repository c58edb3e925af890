// New posts and notifications as they happen, over server-sent events.
//
// Every event has a position. The page carries the position at which it was rendered, and each connection asks for all events since the last
// known position, so sleep, network loss and restarts leave no gaps. If the server cannot go back that far, it sends "gap", and a link
// appears where posts are missing.

const { stream = "", viewer } = document.body.dataset; // only loaded on pages with a stream
const feed = document.querySelector("[data-live]");
const replies = document.querySelector("[data-replies]");
const notes = document.querySelector("[data-notes]");
const conversations = document.querySelector("[data-conversations]");
const state = document.querySelector("[data-live-state]");
const liveRegion = document.getElementById("live-region");
const MIN_RETRY = 1_000, MAX_RETRY = 60_000, MAX_HIDDEN = 30_000, MAX_SILENCE = 40_000, CHECK_INTERVAL = 5_000, MAX_WAITING = 200, AT_TOP = 40;
const POSITION_KEY = `position:${stream}`;

let position = document.body.dataset.position || sessionStorage.getItem(POSITION_KEY) || "";
let unread = Number(document.body.dataset.unread) || 0;
/** @type {HTMLElement[]} */
let waiting = []; // posts behind the "new posts" button, oldest first
/** @type {EventSource | null} */
let source = null;
/** @type {((value?: unknown) => void) | null} */
let release = null; // releases the lock that one hidden tab holds
let retry = 0, timer = 0, lastEventAt = 0, hiddenAt = 0, ended = false, paused = false;

// the connection

/** @param {"live" | "reconnecting" | "offline"} name */
function show(name) {
  if (!state || state.dataset.state === name) return;
  state.hidden = false;
  state.dataset.state = name;
  state.textContent = { live: "Live", reconnecting: "Reconnecting", offline: "Offline" }[name];
}

function address() {
  const url = new URL(stream, location.href);
  if (position) url.searchParams.set("since", position);
  return url;
}

function connect() {
  clearTimeout(timer);
  source?.close();
  source = null;
  if (ended || paused) return;
  if (!navigator.onLine) return show("offline");
  if (retry) show("reconnecting");
  lastEventAt = Date.now();
  source = new EventSource(address());
  source.onerror = () => reconnect();
  for (const [kind, handle] of Object.entries(HANDLERS)) source.addEventListener(kind, (event) => received(event, handle));
}

/** @param {number} [wait] milliseconds; exponential back-off by default */
function reconnect(wait) {
  if (ended) return;
  source?.close();
  source = null;
  show(navigator.onLine ? "reconnecting" : "offline");
  const longest = Math.min(MAX_RETRY, MIN_RETRY * 2 ** retry++);
  clearTimeout(timer);
  timer = setTimeout(connect, wait ?? longest * (0.5 + Math.random() / 2));
}

// Reset the back-off only when the first event arrives: an opened connection may still be rejected.
/**
 * @param {MessageEvent<string>} event
 * @param {(data: string) => void} handle
 */
function received(event, handle) {
  lastEventAt = Date.now();
  retry = 0;
  show("live");
  handle(event.data);
  if (!event.lastEventId) return;
  position = event.lastEventId;
  sessionStorage.setItem(POSITION_KEY, position);
}

/** @type {Record<string, (data: string) => void>} */
const HANDLERS = {
  update: (data) => update(JSON.parse(data)),
  edit: (data) => edit(JSON.parse(data)),
  delete: (data) => remove(data.replaceAll('"', "")),
  notification: (data) => notify(JSON.parse(data)),
  conversation: (data) => updateConversation(JSON.parse(data)),
  announcement: (data) => showAnnouncement(JSON.parse(data)),
  withdrawn: (id) => document.querySelector(`[data-announcement="${id}"]`)?.remove(),
  badges: (data) => updateBadges(JSON.parse(data)),
  gap: () => gap(),
  resumed: () => {},
  beat: () => {}, // heartbeat: no events up to this position
  restart: (data) => reconnect(Number(data) || 500 + Math.random() * 4000),
  bye: () => { ended = true; source?.close(); show("offline"); liveRegion.textContent = "You have been logged out."; },
};

// posts

/**
 * The element of a post, adapted to the viewer.
 *
 * @param {string} html
 */
function article(html) {
  const element = document.createRange().createContextualFragment(html).querySelector("article");
  const own = element?.dataset.author === viewer;
  for (const menu of element?.querySelectorAll("[data-for]") ?? []) menu.hidden = (menu.dataset.for === "author") !== own;
  if (element) copyButtonStates(element, document.querySelector(`article[data-post="${element.dataset.post}"]`));
  return element;
}

// A streamed post may be older than a click on this page: copy the state of the buttons from where the post is already shown.
/**
 * @param {HTMLElement} post
 * @param {HTMLElement | null} existing
 */
function copyButtonStates(post, existing) {
  for (const button of existing?.querySelectorAll(".act[aria-pressed]") ?? []) {
    const same = post.querySelector(`.act.${button.classList[1]}`);
    for (const name of ["aria-pressed", "formaction"]) same?.setAttribute(name, button.getAttribute(name) ?? "");
  }
}

/** @param {{ html: string, reply_to: string | null }} data */
function update(data) {
  const { html, reply_to: parent } = data;
  if (!feed && !replies) return;
  const post = article(html);
  if (post?.dataset.author === viewer && document.querySelector(".pending:not(.failed)")) {
    // already shown as being sent: wait for the response, which replaces it
    document.addEventListener("posts:own", () => update(data), { once: true });
    return;
  }
  if (replies && post && !document.getElementById(post.id)) return reply(replies, post, parent);
  if (!post || document.getElementById(post.id) || waiting.some((each) => each.id === post.id)) return;
  waiting.push(post);
  if (idleAtTop()) insertWaiting();
  else updateNewPostsButton();
}

// Insert a reply below its parent and the parent's earlier replies, one level deeper.
/**
 * @param {HTMLElement} thread
 * @param {HTMLElement} post
 * @param {string | null} parent
 */
function reply(thread, post, parent) {
  const above = document.getElementById(`p${parent}`)?.closest("[data-depth]") ?? null;
  const row = document.createElement("div");
  const depth = above && parent !== thread.dataset.replies ? Number(above.dataset.depth) + 1 : 0;
  row.dataset.depth = String(depth);
  row.className = `depth${Math.min(depth, 4)}`;
  row.append(post);
  post.classList.add("arrived");
  const next = (/** @type {HTMLElement | null} */ each) => /** @type {HTMLElement | null} */ (each?.nextElementSibling ?? null);
  let last = above;
  for (let below = next(above); below && Number(below.dataset.depth) > Number(above?.dataset.depth); below = next(below)) last = below;
  if (last) last.after(row);
  else thread.append(row);
  thread.dispatchEvent(new CustomEvent("posts:added", { bubbles: true }));
  if (thread.dataset.direct !== undefined) seen(post.dataset.post ?? null);
}

function idleAtTop() {
  const { value } = /** @type {HTMLElement & { value?: string }} */ (document.activeElement ?? {});
  const busy = value || document.querySelector("dialog[open], details.menu[open]");
  return scrollY < AT_TOP && !document.hidden && !busy && !String(getSelection());
}

function insertWaiting() {
  const posts = waiting.filter((post) => !document.getElementById(post.id));
  waiting = [];
  feed?.setAttribute("role", "feed");
  for (const post of posts) {
    post.classList.add("arrived");
    feed?.prepend(post);
  }
  feed?.dispatchEvent(new CustomEvent("posts:added", { bubbles: true }));
  updateNewPostsButton();
  return posts.at(-1);
}

function updateNewPostsButton() {
  let button = document.querySelector(".pill");
  if (waiting.length > MAX_WAITING) { // a tab that was open for a long time: replace the rest by a gap link
    waiting = waiting.slice(-1);
    waiting[0].dataset.after = "gap";
  }
  updateTitle();
  if (!waiting.length) return button?.parentElement?.remove();
  if (!button) {
    button = Object.assign(document.createElement("button"), { type: "button", className: "pill" });
    button.addEventListener("click", showWaiting);
    const row = Object.assign(document.createElement("div"), { className: "pill-row" });
    row.append(button);
    feed?.closest("form")?.before(row);
    liveRegion.textContent = "There are new posts."; // announced once, not per post
  }
  button.textContent = waiting.length === 1 ? "1 new post" : `${waiting.length} new posts`;
}

function showWaiting() {
  if (waiting[0]?.dataset.after) gap();
  const newest = insertWaiting();
  scrollTo({ top: 0, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth" });
  newest?.focus({ preventScroll: true });
}

/** @param {{ id: string, html: string }} post */
function edit({ id, html }) {
  const edited = article(html);
  const behindButton = waiting.filter((post) => post.dataset.post === id); // behind the button
  for (const post of [...document.querySelectorAll(`[data-post="${id}"]`), ...behindButton]) {
    for (const part of [".post-head", ".text", ".warned"]) {
      const now = edited?.querySelector(part);
      if (now) post.querySelector(part)?.replaceWith(now.cloneNode(true));
    }
    post.dispatchEvent(new CustomEvent("posts:added", { bubbles: true }));
  }
}

/** @param {string} id */
function remove(id) {
  waiting = waiting.filter((post) => post.dataset.id !== id && post.dataset.post !== id);
  for (const post of document.querySelectorAll(`[data-id="${id}"], [data-post="${id}"]`)) keepScrollPosition(() => post.remove());
  if (feed) updateNewPostsButton();
}

// Show an announcement above the timeline until it is dismissed.
/** @param {{ id: string, html: string }} announcement */
function showAnnouncement({ id, html }) {
  /** @type {HTMLTemplateElement | null} */
  const template = document.querySelector("template[data-announcements]");
  const shown = document.querySelector(`[data-announcement="${id}"] .text`);
  if (shown) shown.innerHTML = html; // it was edited
  if (!template || shown) return;
  const content = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  /** @type {HTMLFormElement | null} */
  const form = content.querySelector("form");
  const text = form?.querySelector(".text");
  if (!form || !text) return;
  form.dataset.announcement = id;
  form.action = `/announcements/${id}/dismiss`;
  text.innerHTML = html;
  keepScrollPosition(() => template.before(form));
}

// Keep the scroll position when content above the viewport changes.
/** @param {() => void} change */
function keepScrollPosition(change) {
  const height = document.documentElement.scrollHeight;
  const above = feed && feed.getBoundingClientRect().top < 0;
  change();
  if (above && !CSS.supports("overflow-anchor", "auto")) scrollBy(0, document.documentElement.scrollHeight - height);
}

function gap() {
  if (!feed || feed.querySelector("a.gap")) return replies && markMissingReplies();
  const newest = feed.querySelector("article");
  const marker = document.createElement("a");
  Object.assign(marker, { className: "gap", textContent: "Load missing posts", href: newest ? `?min_id=${newest.dataset.id}` : "" });
  feed.prepend(marker);
}

function markMissingReplies() {
  const marker = Object.assign(document.createElement("a"), { className: "gap", textContent: "Load missing replies", href: location.href });
  if (!document.querySelector("a.gap")) replies?.prepend(marker);
}

// notifications, and the count in the title

/** @param {{ html: string, unread?: number, messages: number }} event */
function notify({ html, unread: now, messages }) {
  unread = now ?? unread + 1;
  updateTitle();
  setBadge("notifications", "/notifications", unread);
  setBadge("messages", "/conversations", messages);
  const item = notes && document.createRange().createContextualFragment(html).querySelector("li");
  if (!notes || !item || notes.querySelector(`[data-note="${item.dataset.note}"]`)) return;
  if (notes.dataset.only && notes.dataset.only !== item.dataset.kind) return;
  item.classList.add("arrived");
  notes.prepend(item);
  unhide(notes);
  notes.closest("main")?.querySelector(".empty")?.remove();
  item.dispatchEvent(new CustomEvent("posts:added", { bubbles: true }));
  markRead();
  mergeGroup(notes, item.dataset.group ?? "");
}

/**
 * Show the form around a list, which is hidden while the list is empty.
 *
 * @param {HTMLElement} list
 */
function unhide(list) {
  const form = list.closest("form");
  if (form) form.hidden = false;
}

/**
 * The CSRF token of the form around a list.
 *
 * @param {HTMLElement} list
 */
function csrf(list) {
  const form = /** @type {HTMLFormElement} */ (list.closest("form"));
  return form.elements.csrf.value;
}

// Update the badges after something was read or removed, here or in another session.
/** @param {{ unread: number, messages: number, removed?: string }} event */
function updateBadges({ unread: now, messages, removed }) {
  unread = now;
  updateTitle();
  setBadge("notifications", "/notifications", unread);
  setBadge("messages", "/conversations", messages);
  const gone = removed ? conversations?.querySelector(`[data-conversation="${removed}"]`) : null;
  gone?.remove();
  if (gone && !conversations?.children.length) location.reload(); // shows the text for an empty list
}

const merging = new Set();

// Merge a new notification with the group that is already shown, as the server renders it.
/**
 * @param {HTMLElement} list
 * @param {string} group
 */
async function mergeGroup(list, group) {
  const items = () => /** @type {HTMLElement[]} */ ([...list.children]).filter((item) => item.dataset.group === group);
  if (merging.has(group)) return;
  merging.add(group);
  while (items().length > 1) {
    const [newest] = items();
    const response = await fetch(`/notifications/groups/${encodeURIComponent(group)}`).catch(() => null);
    if (!response?.ok) break;
    const whole = document.createRange().createContextualFragment(await response.text()).querySelector("li");
    if (!whole) break;
    if (items()[0] !== newest) continue; // another one arrived meanwhile
    whole.classList.add("new", "arrived");
    newest.before(whole);
    for (const item of items()) if (item !== whole) item.remove();
    whole.dispatchEvent(new CustomEvent("posts:added", { bubbles: true }));
  }
  merging.delete(group);
}

// Mark visible notifications as read, so that they are not e-mailed.
async function markRead() {
  const newest = notes?.querySelector("[data-note]")?.dataset.note;
  if (!notes || !newest || notes.dataset.only || document.hidden || !unread) return;
  const body = new URLSearchParams({ csrf: csrf(notes), up_to: newest });
  const response = await fetch("/notifications/read", { method: "POST", body, headers: { Accept: "application/json" } }).catch(() => null);
  if (!response?.ok) return;
  unread = 0;
  setBadge("notifications", "/notifications", unread);
  updateTitle();
}

// Set the badge of a navigation link.
/**
 * @param {string} name
 * @param {string} path
 * @param {number} number
 */
function setBadge(name, path, number) {
  let badge = document.querySelector(`[data-count="${name}"]`);
  if (!number) return badge?.remove();
  if (!badge) {
    badge = Object.assign(document.createElement("span"), { className: "count" });
    badge.dataset.count = name;
    document.querySelector(`.nav a[href="${path}"]`)?.append(badge);
  }
  badge.textContent = number > 99 ? "99+" : String(number);
}

// conversations

/** @param {{ id: string, html: string, last: string }} event */
function updateConversation({ id, html, last }) {
  const existing = conversations?.querySelector(`[data-conversation="${id}"]`);
  const item = conversations && document.createRange().createContextualFragment(html).querySelector("li");
  if (!conversations || !item) return;
  if (existing?.dataset.last === last) existing.replaceWith(item);
  else if (conversations.dataset.conversations === "newest") {
    existing?.remove();
    item.classList.add("arrived");
    conversations.prepend(item);
    unhide(conversations);
    document.querySelector("main .empty")?.remove();
  } else return existing?.remove();
  item.dispatchEvent(new CustomEvent("posts:added", { bubbles: true }));
}

// Mark a reply that arrived in a visible conversation as read.
/** @type {string | null} */
let unreadReply = null;
/** @param {string | null} post */
async function seen(post) {
  unreadReply = post;
  if (!replies || !post || document.hidden) return;
  unreadReply = null;
  const body = new URLSearchParams({ csrf: csrf(replies) });
  const options = { method: "POST", body, headers: { Accept: "application/json" }, keepalive: true }; // survive an immediate navigation
  const response = await fetch(`/posts/${post}/seen`, options).catch(() => null);
  if (response?.ok) setBadge("messages", "/conversations", (await response.json()).messages);
}

function updateTitle() {
  const total = unread + waiting.length;
  const plain = document.title.replace(/^\(\d+\) /, "");
  document.title = total ? `(${total}) ${plain}` : plain;
}

// The composer has already added the viewer's own post.
document.addEventListener("posts:own", () => {
  waiting = waiting.filter((post) => !document.getElementById(post.id));
  if (feed) updateNewPostsButton();
});

addEventListener("scroll", () => waiting.length && scrollY === 0 && idleAtTop() && insertWaiting(), { passive: true });

// Sleep, network changes and many tabs. Browsers open at most six HTTP/1.1 connections per site, so only one hidden tab stays connected.

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    hiddenAt = Date.now();
    navigator.locks?.request("live-while-hidden", { ifAvailable: true }, (lock) => {
      if (lock && document.hidden) return new Promise((resolve) => { release = resolve; });
      paused = document.hidden; // stay disconnected even when the network returns
      if (paused) disconnect();
    });
    return;
  }
  paused = false;
  release?.();
  markRead();
  seen(unreadReply);
  if (!source || source.readyState !== EventSource.OPEN || Date.now() - hiddenAt > MAX_HIDDEN) { retry = 0; connect(); }
});
function disconnect() {
  clearTimeout(timer);
  source?.close();
  source = null;
}
addEventListener("online", () => { retry = 0; connect(); });
addEventListener("offline", () => { disconnect(); show("offline"); });
addEventListener("pagehide", disconnect);
addEventListener("pageshow", (event) => event.persisted && connect());
// The server sends a heartbeat every 15 seconds. Silence means that the connection is dead, for example after sleep.
setInterval(() => source && Date.now() - lastEventAt > MAX_SILENCE && reconnect(0), CHECK_INTERVAL);

connect();
