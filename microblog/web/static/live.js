// New posts and notifications as they happen, over server-sent events.
//
// Every event has a position. The page says as of which position it was read, so the first connection asks for all that came since, and
// so does every one after it: sleep, a lost network or a restart leave no hole. If the server cannot go back that far it says
// "gap", and a marker stands where posts are missing until it is clicked.

const { stream, viewer } = document.body.dataset;
const feed = document.querySelector("[data-live]");
const replies = document.querySelector("[data-replies]");
const notes = document.querySelector("[data-notes]");
const talks = document.querySelector("[data-talks]");
const state = document.querySelector("[data-live-state]");
const said = document.getElementById("said");
const RETRY_FIRST = 1_000, RETRY_LONGEST = 60_000, SLEPT = 30_000, SILENT = 40_000, WATCH = 5_000, WAITING_MOST = 200, AT_TOP = 40;
const KEPT = `position:${stream}`;

let position = document.body.dataset.position || sessionStorage.getItem(KEPT) || "";
let unread = Number(document.body.dataset.unread) || 0;
let waiting = []; // articles behind the pill, oldest first
let source = null, retry = 0, timer = 0, heardAt = 0, hiddenAt = 0, ended = false, resting = false, release = null;

// the connection

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
  if (ended || resting) return;
  if (!navigator.onLine) return show("offline");
  if (retry) show("reconnecting");
  heardAt = Date.now();
  source = new EventSource(address());
  source.onerror = again;
  for (const [kind, take] of Object.entries(TAKES)) source.addEventListener(kind, (event) => received(event, take));
}

function again(wait) {
  if (ended) return;
  source?.close();
  source = null;
  show(navigator.onLine ? "reconnecting" : "offline");
  const longest = Math.min(RETRY_LONGEST, RETRY_FIRST * 2 ** retry++);
  clearTimeout(timer);
  timer = setTimeout(connect, Number.isFinite(wait) ? wait : longest * (0.5 + Math.random() / 2));
}

// the server says something as soon as it has let us in: a connection that only opens is no reason to try again soon
function received(event, take) {
  heardAt = Date.now();
  retry = 0;
  show("live");
  take(event.data);
  if (!event.lastEventId) return;
  position = event.lastEventId;
  sessionStorage.setItem(KEPT, position);
}

const TAKES = {
  update: (data) => update(JSON.parse(data)),
  edit: (data) => edit(JSON.parse(data)),
  delete: (data) => remove(data.replaceAll('"', "")),
  notification: (data) => notify(JSON.parse(data)),
  conversation: (data) => converse(JSON.parse(data)),
  announcement: (data) => announce(JSON.parse(data)),
  withdrawn: (id) => document.querySelector(`[data-announcement="${id}"]`)?.remove(),
  badges: (data) => recount(JSON.parse(data)),
  gap: () => gap(),
  resumed: () => {},
  beat: () => {}, // nothing happened, up to this position
  restart: (data) => again(Number(data) || 500 + Math.random() * 4000),
  bye: () => { ended = true; source.close(); show("offline"); said.textContent = "You were logged out."; },
};

// posts

function article(html) {
  const made = document.createRange().createContextualFragment(html).querySelector("article");
  const mine = made?.dataset.author === viewer;
  for (const menu of made?.querySelectorAll("[data-for]") ?? []) menu.hidden = (menu.dataset.for === "author") !== mine;
  if (made) press(made, document.querySelector(`article[data-post="${made.dataset.post}"]`));
  return made;
}

// what comes live may be older than a click on this page: what one has pressed is known from where the post is shown already
function press(post, shown) {
  for (const button of shown?.querySelectorAll(".act[aria-pressed]") ?? []) {
    const same = post.querySelector(`.act.${button.classList[1]}`);
    for (const name of ["aria-pressed", "formaction"]) same?.setAttribute(name, button.getAttribute(name));
  }
}

function update(data) {
  const { html, reply_to: parent } = data;
  if (!feed && !replies) return;
  const post = article(html);
  if (post?.dataset.author === viewer && document.querySelector(".pending:not(.failed)")) {
    // shown already, as being sent: it takes that one's place once the answer is there
    document.addEventListener("posts:own", () => update(data), { once: true });
    return;
  }
  if (replies && post && !document.getElementById(post.id)) return reply(post, parent);
  if (!post || document.getElementById(post.id) || waiting.some((each) => each.id === post.id)) return;
  waiting.push(post);
  if (idleAtTop()) flow();
  else offer();
}

// below what it answers, and below what answered that before; one step deeper than it
function reply(post, parent) {
  const above = document.getElementById(`p${parent}`)?.closest("[data-depth]");
  const row = document.createElement("div");
  row.dataset.depth = above && parent !== replies.dataset.replies ? Number(above.dataset.depth) + 1 : 0;
  row.className = `depth${Math.min(row.dataset.depth, 4)}`;
  row.append(post);
  post.classList.add("arrived");
  let last = above;
  while (last?.nextElementSibling && Number(last.nextElementSibling.dataset.depth) > Number(above.dataset.depth)) last = last.nextElementSibling;
  if (last) last.after(row);
  else replies.append(row);
  replies.dispatchEvent(new CustomEvent("posts:added", { bubbles: true }));
  if (replies.dataset.direct !== undefined) seen(post.dataset.post);
}

function idleAtTop() {
  const busy = document.activeElement?.value || document.querySelector("dialog[open], details.menu[open]");
  return scrollY < AT_TOP && !document.hidden && !busy && !String(getSelection());
}

function flow() {
  const fresh = waiting.filter((post) => !document.getElementById(post.id));
  waiting = [];
  feed.setAttribute("role", "feed");
  for (const post of fresh) {
    post.classList.add("arrived");
    feed.prepend(post);
  }
  feed.dispatchEvent(new CustomEvent("posts:added", { bubbles: true }));
  offer();
  return fresh.at(-1);
}

function offer() {
  let pill = document.querySelector(".pill");
  if (waiting.length > WAITING_MOST) { // a tab that was left open for a night: the rest is behind a marker
    waiting = waiting.slice(-1);
    waiting[0].dataset.after = "gap";
  }
  caption();
  if (!waiting.length) return pill?.parentElement.remove();
  if (!pill) {
    pill = Object.assign(document.createElement("button"), { type: "button", className: "pill" });
    pill.addEventListener("click", reveal);
    const row = Object.assign(document.createElement("div"), { className: "pill-row" });
    row.append(pill);
    feed.closest("form").before(row);
    said.textContent = "There are new posts."; // once, not for each
  }
  pill.textContent = waiting.length === 1 ? "1 new post" : `${waiting.length} new posts`;
}

function reveal() {
  if (waiting[0]?.dataset.after) gap();
  const newest = flow();
  scrollTo({ top: 0, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth" });
  newest?.focus({ preventScroll: true });
}

function edit({ id, html }) {
  const fresh = article(html);
  const held = waiting.filter((post) => post.dataset.post === id); // behind the pill
  for (const post of [...document.querySelectorAll(`[data-post="${id}"]`), ...held]) {
    for (const part of [".post-head", ".text", ".warned"]) {
      const now = fresh?.querySelector(part);
      if (now) post.querySelector(part)?.replaceWith(now.cloneNode(true));
    }
    post.dispatchEvent(new CustomEvent("posts:added", { bubbles: true }));
  }
}

function remove(id) {
  waiting = waiting.filter((post) => post.dataset.id !== id && post.dataset.post !== id);
  for (const post of document.querySelectorAll(`[data-id="${id}"], [data-post="${id}"]`)) keepingPlace(() => post.remove());
  if (feed) offer();
}

// what the site announces to everybody stands above the timeline until it is dismissed
function announce({ id, html }) {
  const template = document.querySelector("template[data-announcements]");
  if (!template || document.querySelector(`[data-announcement="${id}"]`)) return;
  const form = template.content.cloneNode(true).querySelector("form");
  form.dataset.announcement = id;
  form.action = `/announcements/${id}/dismiss`;
  form.querySelector(".text").innerHTML = html;
  keepingPlace(() => template.before(form));
}

// what is above the reader's eyes may go, what is before them stays
function keepingPlace(change) {
  const height = document.documentElement.scrollHeight;
  const above = feed && feed.getBoundingClientRect().top < 0;
  change();
  if (above && !CSS.supports("overflow-anchor", "auto")) scrollBy(0, document.documentElement.scrollHeight - height);
}

function gap() {
  if (!feed || feed.querySelector("a.gap")) return replies && missed();
  const newest = feed.querySelector("article");
  const marker = document.createElement("a");
  Object.assign(marker, { className: "gap", textContent: "Load missing posts", href: newest ? `?min_id=${newest.dataset.id}` : "" });
  feed.prepend(marker);
}

function missed() {
  const marker = Object.assign(document.createElement("a"), { className: "gap", textContent: "Load missing replies", href: location.href });
  if (!document.querySelector("a.gap")) replies.prepend(marker);
}

// notifications, and the figure in the title

function notify({ html, unread: now, messages }) {
  unread = Number.isInteger(now) ? now : unread + 1;
  caption();
  count("bell", "/notifications", unread);
  count("letter", "/conversations", messages);
  const item = notes && document.createRange().createContextualFragment(html).querySelector("li");
  if (!item || notes.querySelector(`[data-note="${item.dataset.note}"]`)) return;
  if (notes.dataset.only && notes.dataset.only !== item.dataset.kind) return;
  item.classList.add("arrived");
  notes.prepend(item);
  notes.closest("form").hidden = false; // it was, while there was nothing in it
  notes.closest("main").querySelector(".empty")?.remove();
  item.dispatchEvent(new CustomEvent("posts:added", { bubbles: true }));
  markRead();
  gather(item.dataset.group);
}

// something was read or removed, here or wherever else one is logged in
function recount({ unread: now, messages, removed }) {
  unread = now;
  caption();
  count("bell", "/notifications", unread);
  count("letter", "/conversations", messages);
  const gone = removed && talks?.querySelector(`[data-talk="${removed}"]`);
  gone?.remove();
  if (gone && !talks.children.length) location.reload(); // it says what belongs there
}

const gathering = new Set();

// one more of a group that stands there already: they become one item, as the server would show them
async function gather(group) {
  const items = () => [...notes.children].filter((item) => item.dataset.group === group);
  if (gathering.has(group)) return;
  gathering.add(group);
  while (items().length > 1) {
    const [newest] = items();
    const answer = await fetch(`/notifications/groups/${encodeURIComponent(group)}`).catch(() => null);
    if (!answer?.ok) break;
    const whole = document.createRange().createContextualFragment(await answer.text()).querySelector("li");
    if (!whole) break;
    if (items()[0] !== newest) continue; // another came meanwhile
    whole.classList.add("new", "arrived");
    newest.before(whole);
    for (const item of items()) if (item !== whole) item.remove();
    whole.dispatchEvent(new CustomEvent("posts:added", { bubbles: true }));
  }
  gathering.delete(group);
}

// what stood before somebody's eyes is read, and not mailed to them any more
async function markRead() {
  const newest = notes?.querySelector("[data-note]")?.dataset.note;
  if (!newest || notes.dataset.only || document.hidden || !unread) return;
  const body = new URLSearchParams({ csrf: notes.closest("form").elements.csrf.value, up_to: newest });
  const answer = await fetch("/notifications/read", { method: "POST", body, headers: { Accept: "application/json" } }).catch(() => null);
  if (!answer?.ok) return;
  unread = 0;
  count("bell", "/notifications", unread);
  caption();
}

// the number beside a link of the navigation
function count(name, path, number) {
  let badge = document.querySelector(`[data-count="${name}"]`);
  if (!number) return badge?.remove();
  if (!badge) {
    badge = Object.assign(document.createElement("span"), { className: "count" });
    badge.dataset.count = name;
    document.querySelector(`.nav a[href="${path}"]`)?.append(badge);
  }
  badge.textContent = number > 99 ? "99+" : number;
}

// conversations

function converse({ id, html, last }) {
  const shown = talks?.querySelector(`[data-talk="${id}"]`);
  const item = talks && document.createRange().createContextualFragment(html).querySelector("li");
  if (!item) return;
  if (shown?.dataset.last === last) shown.replaceWith(item);
  else if (talks.dataset.talks === "newest") {
    shown?.remove();
    item.classList.add("arrived");
    talks.prepend(item);
    talks.closest("form").hidden = false;
    document.querySelector("main .empty")?.remove();
  } else return shown?.remove();
  item.dispatchEvent(new CustomEvent("posts:added", { bubbles: true }));
}

// what was answered while its conversation stood before somebody's eyes is read
let unseen = null;
async function seen(post) {
  unseen = post;
  if (!post || document.hidden) return;
  unseen = null;
  const body = new URLSearchParams({ csrf: replies.closest("form").elements.csrf.value });
  const asked = { method: "POST", body, headers: { Accept: "application/json" }, keepalive: true }; // also when they go on at once
  const answer = await fetch(`/posts/${post}/seen`, asked).catch(() => null);
  if (answer?.ok) count("letter", "/conversations", (await answer.json()).messages);
}

function caption() {
  const total = unread + waiting.length;
  const plain = document.title.replace(/^\(\d+\) /, "");
  document.title = total ? `(${total}) ${plain}` : plain;
}

// the composer has put a post on top already
document.addEventListener("posts:own", () => {
  waiting = waiting.filter((post) => !document.getElementById(post.id));
  if (feed) offer();
});

addEventListener("scroll", () => waiting.length && scrollY === 0 && idleAtTop() && flow(), { passive: true });

// Sleep, networks, and many tabs: a browser opens six connections to a site, so of all hidden tabs only one keeps its own.

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    hiddenAt = Date.now();
    navigator.locks?.request("live-while-hidden", { ifAvailable: true }, (lock) => {
      if (lock && document.hidden) return new Promise((resolve) => { release = resolve; });
      resting = document.hidden; // also when the network comes back
      if (resting) rest();
    });
    return;
  }
  resting = false;
  release?.();
  markRead();
  seen(unseen);
  if (!source || source.readyState !== EventSource.OPEN || Date.now() - hiddenAt > SLEPT) { retry = 0; connect(); }
});
function rest() {
  clearTimeout(timer);
  source?.close();
  source = null;
}
addEventListener("online", () => { retry = 0; connect(); });
addEventListener("offline", () => { rest(); show("offline"); });
addEventListener("pagehide", rest);
addEventListener("pageshow", (event) => event.persisted && connect());
// Every fifteen seconds comes a beat. Where nothing comes the connection is dead, though nobody has said so: after sleep, in another network.
setInterval(() => source && Date.now() - heardAt > SILENT && again(0), WATCH);

connect();
