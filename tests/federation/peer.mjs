// A server of Fedify, another implementation of ActivityPub, on a free port of 127.0.0.1; it prints its address. Every name is an actor
// (/users/NAME), and all have the same keys, which are kept in the file of the first argument. With more arguments it has a name: its
// origin, behind a TLS terminator, and a JSON object of the hosts that it can reach, with their ports on 127.0.0.1.
// POST /control {command, as, ...} makes it act; GET /control returns what it received.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:tls";
import { Agent, setGlobalDispatcher } from "undici";

globalThis.Temporal ??= (await import("@js-temporal/polyfill")).Temporal; // Node 20 lacks both
globalThis.navigator ??= { userAgent: "Node.js" };
const { createFederation, exportJwk, generateCryptoKeyPair, importJwk, MemoryKvStore } = await import("@fedify/fedify");
const vocab = await import("@fedify/fedify/vocab");
const { Activity, Collection, Note, PUBLIC_COLLECTION, Question, Undo } = vocab;

const [, , keyFile, publicOrigin, names] = process.argv;
if (names) {
  const ports = JSON.parse(names);
  const open = ({ hostname }, done) => {
    const socket = connect({ host: "127.0.0.1", port: ports[hostname], servername: hostname, ALPNProtocols: ["http/1.1"] });
    socket.once("secureConnect", () => done(null, socket)).once("error", (error) => done(error, null));
  };
  setGlobalDispatcher(new Agent({ connect: open }));
}
if (!existsSync(keyFile)) {
  const pairs = await Promise.all(["RSASSA-PKCS1-v1_5", "Ed25519"].map((algorithm) => generateCryptoKeyPair(algorithm)));
  const keys = pairs.map((pair) => Promise.all([exportJwk(pair.privateKey), exportJwk(pair.publicKey)]));
  writeFileSync(keyFile, JSON.stringify(await Promise.all(keys)));
}
const load = async ([own, shown]) => ({ privateKey: await importJwk(own, "private"), publicKey: await importJwk(shown, "public") });
const keyPairs = await Promise.all(JSON.parse(readFileSync(keyFile)).map(load));
const CONTEXT = "https://www.w3.org/ns/activitystreams";
const requests = []; // {method, path, signature, status} of each request
const activities = []; // each activity that was accepted, as it was understood
const followers = new Map(); // name -> Map(actor id -> recipient)
const notes = new Map(); // id -> Note or Question
const pins = []; // pinned posts of bo
// Of `configure`: firstKnock, the signature that is tried first; refuse, the one that is answered with 401; secure: GETs must be signed;
// icon, the address of everybody's avatar.
let origin, federation, options = {};
const followersOf = (name) => followers.get(name) ?? followers.set(name, new Map()).get(name);

function build(options) {
  const fed = createFederation({ kv: new MemoryKvStore(), allowPrivateAddress: true, origin, firstKnock: options.firstKnock });
  const isAllowed = async (ctx) => !options.secure || (await ctx.getSignedKeyOwner()) != null;
  fed
    .setActorDispatcher("/users/{identifier}", async (ctx, name) => {
      const keys = await ctx.getActorKeyPairs(name);
      const type = name.startsWith("group") ? vocab.Group : vocab.Person;
      return new type({
        id: ctx.getActorUri(name), preferredUsername: name, name, url: ctx.getActorUri(name), followers: ctx.getFollowersUri(name),
        featured: ctx.getFeaturedUri(name), ...(options.icon && { icon: new vocab.Image({ url: new URL(options.icon) }) }),
        inbox: ctx.getInboxUri(name), endpoints: new vocab.Endpoints({ sharedInbox: ctx.getInboxUri() }),
        publicKey: keys[0].cryptographicKey, assertionMethods: keys.map((key) => key.multikey),
      });
    })
    .setKeyPairsDispatcher(() => keyPairs)
    .authorize(isAllowed);
  fed.setFollowersDispatcher("/users/{identifier}/followers", (_, name) => ({ items: [...followersOf(name).values()] }));
  fed.setFeaturedDispatcher("/users/{identifier}/featured", (_, name) => ({ items: name === "bo" ? pins : [] }));
  fed.setObjectDispatcher(Question, "/users/{identifier}/polls/{id}", (ctx, values) => notes.get(ctx.getObjectUri(Question, values).href) ?? null);
  const find = (ctx, values) => notes.get(ctx.getObjectUri(Note, values).href) ?? null;
  fed.setObjectDispatcher(Note, "/users/{identifier}/notes/{id}", find).authorize(isAllowed);
  fed.setInboxListeners("/users/{identifier}/inbox", "/inbox").on(Activity, async (ctx, activity) => {
    activities.push(await activity.toJsonLd({ format: "compact" }));
    const object = activity instanceof Undo ? await activity.getObject(ctx) : activity;
    const name = object instanceof vocab.Follow ? ctx.parseUri(object.objectId)?.identifier : undefined;
    if (name === undefined) return;
    if (activity instanceof Undo) return followersOf(name).delete(activity.actorId.href);
    const actor = await activity.getActor(ctx);
    followersOf(name).set(actor.id.href, actor);
    const accept = new vocab.Accept({ id: new URL(`#accepts/${crypto.randomUUID()}`, object.objectId), actor: object.objectId, object });
    await ctx.sendActivity({ identifier: name }, actor, accept, { immediate: true });
  });
  return fed;
}

function choices(options, several) {
  const made = Object.entries(options).map(([name, totalItems]) => new Note({ name, replies: new Collection({ totalItems }) }));
  const voters = Object.values(options).reduce((sum, votes) => sum + votes, 0);
  return several ? { inclusiveOptions: made, voters } : { exclusiveOptions: made, voters };
}

// Each command returns the id of the post or activity. `to`: ids of the actors that get it; without it, the followers. `send` takes the
// JSON of any activity without its actor.
const commands = {
  configure(_, values) {
    requests.length = activities.length = 0;
    [options, federation] = [values, build(values)];
  },
  forget: (act, { actor }) => followersOf(act.name).delete(actor), // a follower, without telling anybody
  fetch: async (act, { url }) => (await act.lookUp(url))?.toJsonLd({ format: "compact" }) ?? null,
  send: async (act, { activity, to }) => act.send(await Activity.fromJsonLd({ "@context": CONTEXT, ...activity }, { documentLoader: act.documentLoader }), to),
  async post(act, { content, to, replyTo, direct = false }) {
    const id = new URL(`/users/${act.name}/notes/${notes.size + 1}`, origin);
    const tos = direct ? to.map((each) => new URL(each)) : [PUBLIC_COLLECTION];
    const more = { published: Temporal.Now.instant(), replyTarget: replyTo && new URL(replyTo) };
    const note = new Note({ id, attribution: act.actor, content, tos, ...more });
    notes.set(id.href, note);
    return act.send(new vocab.Create({ object: note, tos }), to).then(() => id.href);
  },
  // `options`: name -> votes. `count` replaces the votes; with `to: []` it tells nobody.
  async poll(act, { content, options, several = false, to }) {
    const id = new URL(`/users/${act.name}/polls/${notes.size + 1}`, origin);
    const more = { published: Temporal.Now.instant(), endTime: Temporal.Now.instant().add({ hours: 1 }), tos: [PUBLIC_COLLECTION] };
    const question = new Question({ id, attribution: act.actor, content, ...choices(options, several), ...more });
    notes.set(id.href, question);
    return act.send(new vocab.Create({ object: question, tos: [PUBLIC_COLLECTION] }), to).then(() => id.href);
  },
  async count(act, { id, options, closed = false, several = false, to }) {
    const end = closed ? { closed: Temporal.Now.instant() } : {};
    notes.set(id, notes.get(id).clone({ ...choices(options, several), ...end }));
    return to?.length === 0 ? null : act.send(new vocab.Update({ object: notes.get(id), to: PUBLIC_COLLECTION }), to);
  },
  async pin(act, { id, to }) {
    pins.unshift(notes.get(id));
    if (to?.length === 0) return null;
    return act.send(new vocab.Add({ object: new URL(id), target: new URL(`${act.actor}/featured`), to: PUBLIC_COLLECTION }), to);
  },
  async edit(act, { id, content, to }) {
    notes.set(id, notes.get(id).clone({ content, updated: Temporal.Now.instant() }));
    return act.send(new vocab.Update({ object: notes.get(id), to: PUBLIC_COLLECTION }), to);
  },
  async delete(act, { id, to }) {
    notes.delete(id);
    return act.send(new vocab.Delete({ object: new vocab.Tombstone({ id: new URL(id) }), to: PUBLIC_COLLECTION }), to);
  },
};

async function control({ command, as: name = "bo", ...values }) {
  const ctx = federation.createContext(new URL(origin));
  const [actor, documentLoader] = [ctx.getActorUri(name), await ctx.getDocumentLoader({ identifier: name })];
  const lookUp = (url) => ctx.lookupObject(url, { documentLoader });
  async function send(activity, to) {
    const id = activity.id ?? new URL(`#activities/${crypto.randomUUID()}`, actor);
    const recipients = to ? await Promise.all(to.map(lookUp)) : "followers";
    const how = { immediate: true, preferSharedInbox: true, syncCollection: !to };
    return ctx.sendActivity({ identifier: name }, recipients, activity.clone({ id, actor }), how).then(() => id.href);
  }
  return (await commands[command]({ name, actor, documentLoader, lookUp, send }, values)) ?? null;
}

const server = createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray());
  const answer = (status, value) => response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
  if (request.url === "/control") {
    if (request.method === "GET") return answer(200, { requests, activities });
    return control(JSON.parse(body)).then((result) => answer(200, { result }), (error) => answer(500, { error: String(error) }));
  }
  const { method, url, headers } = request;
  const signature = headers["signature-input"] ? "rfc9421" : headers.signature ? "cavage" : "";
  const received = new Request(new URL(url, origin), { method, headers, body: body.length ? body : undefined });
  const refused = signature && signature === options.refuse;
  const result = refused ? new Response("", { status: 401 }) : await federation.fetch(received, {});
  requests.push({ method, path: url, signature, status: result.status });
  response.writeHead(result.status, Object.fromEntries(result.headers)).end(Buffer.from(await result.arrayBuffer()));
});
server.listen(0, "127.0.0.1", () => {
  const address = `http://127.0.0.1:${server.address().port}`;
  origin = publicOrigin ?? address;
  federation = build({});
  console.log(address);
});
