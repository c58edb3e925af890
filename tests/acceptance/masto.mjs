// Scenarios with masto.js on a started site. SITE is its URL, ADA and BOB are access tokens of two users, MAUD of a moderator.
// Run by test_masto.py; the tests do not depend on each other.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRestAPIClient, createStreamingAPIClient } from "masto";

const url = process.env.SITE;
const client = (accessToken) => createRestAPIClient({ url, accessToken });
const [ada, bob, anonymous] = [client(process.env.ADA), client(process.env.BOB), client()];
const [adasId, bobsId] = await Promise.all([ada, bob].map(async (one) => (await one.v1.accounts.verifyCredentials()).id));
const ids = (list) => list.map((one) => one.id);
const rejected = (status) => (error) => error.statusCode === status && typeof error.message === "string";

/** Waits until a condition holds. */
async function until(condition) {
  for (const end = Date.now() + 10_000; !(await condition()); await new Promise((go) => setTimeout(go, 50))) assert.ok(Date.now() < end, condition);
}

/** Returns all pages of a paginator. */
async function pages(paginator) {
  const all = [];
  for await (const page of paginator) {
    all.push(page);
    if (!page.length) break; // the end; also backwards, where an empty page links to itself for later requests
  }
  return all;
}

test("a post is published, answered, edited and deleted", async () => {
  const key = { requestInit: { headers: { "Idempotency-Key": "masto 1" } } };
  const text = { status: "Hello #Masto", visibility: "unlisted", spoilerText: "hi", language: "en" };
  const post = await ada.v1.statuses.create(text, key);
  assert.equal((await ada.v1.statuses.create(text, key)).id, post.id);
  assert.deepEqual([post.visibility, post.spoilerText, post.tags[0].name], ["unlisted", "hi", "masto"]);
  const reply = await bob.v1.statuses.create({ status: "yes", inReplyToId: post.id });
  const context = await ada.v1.statuses.$select(post.id).context.fetch();
  assert.deepEqual(ids(context.descendants), [reply.id]);
  await ada.v1.statuses.$select(post.id).update({ status: "Hello again", spoilerText: "" });
  assert.equal((await ada.v1.statuses.$select(post.id).source.fetch()).text, "Hello again");
  assert.deepEqual((await ada.v1.statuses.$select(post.id).history.list()).map((one) => one.spoilerText), ["hi", ""]);
  assert.deepEqual(ids(await bob.v1.statuses.fetch({ id: [post.id, reply.id] })), [post.id, reply.id]);
  assert.equal((await ada.v1.statuses.$select(post.id).remove()).text, "Hello again");
  await assert.rejects(anonymous.v1.statuses.$select(post.id).fetch(), rejected(404));
});

test("a post is favourited, boosted, bookmarked, pinned and muted", async () => {
  const { id } = await ada.v1.statuses.create({ status: "mark me" });
  const [his, hers] = [bob.v1.statuses.$select(id), ada.v1.statuses.$select(id)];
  assert.ok((await his.favourite()).favourited);
  assert.equal((await his.reblog({ visibility: "public" })).reblog.id, id);
  assert.ok((await his.bookmark()).bookmarked);
  assert.ok((await hers.pin()).pinned);
  assert.ok((await hers.mute()).muted);
  assert.deepEqual(ids(await hers.favouritedBy.list()), [bobsId]);
  assert.deepEqual(ids(await hers.rebloggedBy.list()), [bobsId]);
  assert.ok(ids(await bob.v1.favourites.list()).includes(id));
  assert.ok(ids(await bob.v1.bookmarks.list()).includes(id));
  assert.ok(ids(await anonymous.v1.accounts.$select(adasId).statuses.list({ pinned: true })).includes(id));
  const { reblog, reblogged } = await his.unreblog();
  assert.deepEqual([reblog, reblogged], [null, false]);
  assert.deepEqual([(await his.unfavourite()).favourited, (await his.unbookmark()).bookmarked], [false, false]);
  assert.deepEqual([(await hers.unpin()).pinned, (await hers.unmute()).muted], [false, false]);
});

test("pages lead forward to the end and back", async () => {
  const posts = [];
  for (let number = 0; number < 7; number++) posts.unshift((await ada.v1.statuses.create({ status: `${number} #CamelLeaves` })).id);
  const found = await pages(anonymous.v1.timelines.tag.$select("CamelLeaves").list({ limit: 3 }));
  assert.deepEqual(found.filter((page) => page.length).map(ids), [posts.slice(0, 3), posts.slice(3, 6), posts.slice(6)]);
  const back = await pages(ada.v1.timelines.home.list({ minId: posts[6], limit: 4 }).setDirection("prev"));
  assert.deepEqual(back.filter((page) => page.length).map(ids), [posts.slice(2, 6), posts.slice(0, 2)]);
  for (const id of posts.slice(0, 3)) await bob.v1.statuses.$select(id).favourite();
  const liked = await pages(bob.v1.favourites.list({ limit: 2 }));
  assert.deepEqual(liked.flatMap(ids).slice(0, 3), [posts[2], posts[1], posts[0]]);
});

test("an image is uploaded, described and posted", async () => {
  const file = await (await fetch(`${url}/avatars/original/missing.png`)).blob();
  const media = await ada.v2.media.create({ file, description: "nobody", focus: "0.5,0.5" });
  assert.deepEqual([media.type, media.description, media.meta.focus], ["image", "nobody", { x: 0.5, y: 0.5 }]);
  assert.equal((await ada.v1.media.$select(media.id).update({ description: "a figure" })).description, "a figure");
  const post = await ada.v1.statuses.create({ status: "look", mediaIds: [media.id] });
  assert.equal(post.mediaAttachments[0].id, media.id);
  assert.equal((await fetch(post.mediaAttachments[0].previewUrl)).status, 200);
});

test("a poll is created and voted on", async () => {
  const { poll } = await ada.v1.statuses.create({ status: "?", poll: { options: ["a", "b"], expiresIn: 600, multiple: true } });
  const voted = await bob.v1.polls.$select(poll.id).votes.create({ choices: [0, 1] });
  assert.deepEqual([voted.ownVotes, voted.votesCount, voted.votersCount], [[0, 1], 2, 1]);
  await assert.rejects(bob.v1.polls.$select(poll.id).votes.create({ choices: [0] }), rejected(422));
});

test("accounts are followed, annotated, muted and blocked", async () => {
  const them = ada.v1.accounts.$select(bobsId);
  assert.ok((await them.follow({ reblogs: false, notify: true, languages: ["en"] })).notifying);
  assert.ok(ids(await anonymous.v1.accounts.$select(bobsId).followers.list()).includes(adasId));
  assert.equal((await them.note.create({ comment: "a friend" })).note, "a friend");
  assert.ok((await them.mute({ notifications: false, duration: 60 })).muting);
  assert.equal((await them.unmute()).muting, false);
  assert.ok((await them.block()).blocking);
  assert.equal((await them.unblock()).blocking, false);
  const [relationship] = await ada.v1.accounts.relationships.fetch({ id: [bobsId] });
  assert.deepEqual([relationship.id, relationship.following], [bobsId, false]);
  await assert.rejects(anonymous.v1.accounts.$select(bobsId).follow(), rejected(401));
});

test("a profile is changed with an avatar", async () => {
  const avatar = await (await fetch(`${url}/avatars/original/missing.png`)).blob();
  const changed = await bob.v1.accounts.updateCredentials({
    displayName: "Bob", note: "hm", avatar, fieldsAttributes: [{ name: "home", value: "https://bob.example" }], source: { language: "fr" },
  });
  assert.deepEqual([changed.displayName, changed.source.note, changed.source.language], ["Bob", "hm", "fr"]);
  assert.deepEqual([changed.fields[0].name, changed.avatar.includes("missing")], ["home", false]);
  assert.equal((await anonymous.v1.accounts.lookup({ acct: changed.acct })).displayName, "Bob");
});

test("lists, filters, hashtags and markers are stored", async () => {
  await ada.v1.accounts.$select(bobsId).follow();
  const list = await ada.v1.lists.create({ title: "Masto" });
  await ada.v1.lists.$select(list.id).accounts.create({ accountIds: [bobsId] });
  assert.deepEqual(ids(await ada.v1.lists.$select(list.id).accounts.list()), [bobsId]);
  await ada.v1.lists.$select(list.id).accounts.remove({ accountIds: [bobsId] });
  await ada.v1.lists.$select(list.id).remove();
  const filter = await ada.v2.filters.create({
    title: "no", context: ["public"], filterAction: "warn", keywordsAttributes: [{ keyword: "zebra", wholeWord: true }],
  });
  const post = await bob.v1.statuses.create({ status: "a Zebra!" });
  assert.deepEqual((await ada.v1.statuses.$select(post.id).fetch()).filtered[0].keywordMatches, ["zebra"]);
  await ada.v2.filters.$select(filter.id).remove();
  assert.ok((await ada.v1.tags.$select("zebras").follow()).following);
  assert.ok((await ada.v1.followedTags.list()).some((one) => one.name === "zebras"));
  assert.equal((await ada.v1.tags.$select("zebras").unfollow()).following, false);
  await ada.v1.markers.create({ home: { lastReadId: post.id } });
  assert.equal((await ada.v1.markers.fetch({ timeline: ["home"] })).home.lastReadId, post.id);
});

test("notifications, search and instance information work", async () => {
  const { acct } = await ada.v1.accounts.verifyCredentials();
  const post = await bob.v1.statuses.create({ status: `@${acct} have you seen the okapi?` });
  const mentions = () => ada.v1.notifications.list({ types: ["mention"], limit: 1 });
  await until(async () => (await mentions())[0]?.status.id === post.id);
  const [notification] = await mentions();
  assert.deepEqual([notification.type, notification.status.id, notification.account.id], ["mention", post.id, bobsId]);
  assert.equal((await ada.v1.notifications.$select(notification.id).fetch()).id, notification.id);
  await ada.v1.notifications.$select(notification.id).dismiss();
  assert.ok(ids((await ada.v2.search.list({ q: "okapi" })).statuses).includes(post.id));
  assert.equal((await anonymous.v2.instance.fetch()).domain, new URL(url).host);
  assert.equal((await anonymous.v1.instance.fetch()).uri, new URL(url).host);
  assert.deepEqual(await anonymous.v1.customEmojis.list(), []);
  assert.equal((await ada.v1.preferences.fetch())["posting:default:visibility"], "public");
  assert.ok(Array.isArray(await anonymous.v1.trends.tags.list()));
  const scheduled = await ada.v1.statuses.create({ status: "later", scheduledAt: new Date(Date.now() + 3_600_000).toISOString() });
  assert.equal((await ada.v1.scheduledStatuses.$select(scheduled.id).fetch()).params.text, "later");
  await ada.v1.scheduledStatuses.$select(scheduled.id).remove();
});

test("several streams share one WebSocket", async () => {
  const { configuration } = await ada.v2.instance.fetch();
  const streaming = createStreamingAPIClient({ streamingApiUrl: configuration.urls.streaming, accessToken: process.env.ADA });
  const received = [];
  const collect = async (name, subscription) => {
    for await (const event of subscription) received.push([name, event.event, event.payload?.id ?? event.payload]);
  };
  const receives = (name, event, id) => until(() => received.some((one) => one[0] === name && one[1] === event && one[2] === id));
  const subscriptions = { user: streaming.user.subscribe(), tag: streaming.hashtag.subscribe({ tag: "otters" }), all: streaming.public.subscribe() };
  const ends = Object.entries(subscriptions).map(([name, one]) => collect(name, one));
  // A client cannot know when its subscriptions are active, so it publishes until each stream has received a post.
  await until(async () => {
    await ada.v1.statuses.create({ status: "anybody? #otters" });
    return Object.keys(subscriptions).every((name) => received.some((one) => one[0] === name));
  });
  const post = await ada.v1.statuses.create({ status: "two #otters" });
  for (const name of Object.keys(subscriptions)) await receives(name, "update", post.id);
  await ada.v1.statuses.$select(post.id).update({ status: "three #otters" });
  await receives("user", "status.update", post.id);
  await ada.v1.statuses.$select(post.id).remove();
  await receives("user", "delete", post.id);
  assert.equal(received.filter((one) => one[0] === "all" && one[1] === "update" && one[2] === post.id).length, 1);
  streaming.close();
  await Promise.all(ends);
});

test("a moderator reads numbers of the site and reviews trends", async () => {
  const { admin } = client(process.env.MAUD).v1;
  const { id } = await ada.v1.statuses.create({ status: "#Measured" });
  await bob.v1.statuses.create({ status: "#Measured" });
  await bob.v1.statuses.$select(id).favourite();
  const tag = await ada.v1.tags.$select("Measured").fetch();
  const today = new Date().toISOString();
  const period = { startAt: today, endAt: today };
  const [uses, users] = await admin.measures.create({ keys: ["tag_uses", "new_users"], tagUses: { id: tag.id }, ...period });
  assert.deepEqual([uses.total, uses.data.map((day) => day.value), Number(users.total) > 0], ["2", ["2"], true]);
  const [servers] = await admin.dimensions.create({ keys: ["tag_servers"], tagServers: { id: tag.id }, limit: "1", ...period });
  assert.deepEqual(servers.data.map((entry) => entry.value), ["2"]);
  const [cohort] = await admin.retention.create({ ...period, frequency: "day" });
  assert.ok(cohort.data[0].rate > 0);
  assert.equal((await admin.trends.tags.$select(tag.id).reject()).trendable, false);
  assert.equal((await admin.trends.tags.$select(tag.id).approve()).requiresReview, false);
  assert.equal((await admin.trends.statuses.$select(id).reject()).id, id);
  assert.ok(!ids(await anonymous.v1.trends.statuses.list()).includes(id));
  assert.ok(Array.isArray(await admin.trends.tags.list()) && Array.isArray(await admin.trends.links.list()));
});
