// Logs in by OAuth with an authorization code and PKCE, then uses masto.js: paging by Link, updates by WebSocket.
import { createRestAPIClient, createStreamingAPIClient } from "masto";

const SCOPES = "read write follow push";
const redirectUri = location.origin + location.pathname;
const at = (id) => document.getElementById(id);
const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const stored = (name, value) => (value === undefined ? sessionStorage.getItem(name) : sessionStorage.setItem(name, value));
const showError = (error) => { at("error").textContent = String(error?.stack ?? error); };
addEventListener("unhandledrejection", (event) => showError(event.reason));

async function json(url, fields) {
  const request = fields ? { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(fields) } : {};
  const response = await fetch(url, request);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.json();
}

async function signIn(server) {
  const about = await json(`${server}/.well-known/oauth-authorization-server`);
  const app = await json(about.app_registration_endpoint, { client_name: "Test client", redirect_uris: [redirectUri], scopes: SCOPES, website: redirectUri });
  const [verifier, state] = [64, 16].map((size) => base64url(crypto.getRandomValues(new Uint8Array(size))));
  const challenge = base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
  stored("flow", JSON.stringify({ server, state, verifier, app, token: about.token_endpoint, revoke: about.revocation_endpoint }));
  location.href = `${about.authorization_endpoint}?${new URLSearchParams({
    response_type: "code", client_id: app.client_id, redirect_uri: redirectUri, scope: SCOPES, state,
    code_challenge: challenge, code_challenge_method: "S256",
  })}`;
}

async function signedIn(returned) {
  const flow = JSON.parse(stored("flow"));
  if (returned.get("state") !== flow.state) throw new Error("The state does not match");
  if (returned.get("error")) throw new Error(returned.get("error"));
  const tokenResponse = await json(flow.token, {
    grant_type: "authorization_code", code: returned.get("code"), redirect_uri: redirectUri, code_verifier: flow.verifier,
    client_id: flow.app.client_id, client_secret: flow.app.client_secret,
  });
  history.replaceState(null, "", redirectUri);
  stored("access", tokenResponse.access_token);
  await use(flow, tokenResponse.access_token);
}

async function use(flow, accessToken) {
  const client = createRestAPIClient({ url: flow.server, accessToken });
  const [me, instance] = await Promise.all([client.v1.accounts.verifyCredentials(), client.v2.instance.fetch()]);
  const listening = listen(createStreamingAPIClient({ streamingApiUrl: instance.configuration.urls.streaming, accessToken }));
  at("me").textContent = `${me.acct} at ${instance.domain}, ${instance.configuration.statuses.maxCharacters}`;
  at("sign-in").hidden = true;
  const pages = client.v1.timelines.home.list({ limit: 3 }).values();
  const older = async () => {
    const { done, value } = await pages.next();
    for (const post of value ?? []) at("posts").append(renderPost(post));
    at("older").hidden = done || value.length === 0;
  };
  await older();
  at("older").onclick = () => older();
  at("write").onsubmit = (event) => {
    event.preventDefault();
    publish(client, new FormData(event.target)).then(() => event.target.reset(), showError);
  };
  at("sign-out").onclick = async () => {
    const { client_id, client_secret } = flow.app;
    await json(flow.revoke, { client_id, client_secret, token: accessToken });
    await client.v1.accounts.verifyCredentials().catch((error) => { at("me").textContent = `signed out: ${error.statusCode}`; });
  };
  at("write").hidden = at("sign-out").hidden = false;
  await listening;
}

async function publish(client, fields) {
  const file = fields.get("file");
  const media = file.size ? [await client.v2.media.create({ file, description: "sent from the test client" })] : [];
  const key = { requestInit: { headers: { "Idempotency-Key": crypto.randomUUID() } } };
  await client.v1.statuses.create({ status: fields.get("status"), mediaIds: media.map((one) => one.id) }, key);
}

async function listen(streaming) {
  for await (const { event, payload } of streaming.user.subscribe()) {
    if (event === "update" && !document.getElementById(payload.id)) at("posts").prepend(renderPost(payload));
    if (event === "delete") document.getElementById(payload)?.remove();
  }
}

function renderPost(post) {
  const item = document.createElement("li");
  item.id = post.id;
  item.innerHTML = post.content;
  for (const media of post.mediaAttachments) item.append(Object.assign(new Image(), { src: media.previewUrl, alt: media.description }));
  return item;
}

at("sign-in").onsubmit = (event) => {
  event.preventDefault();
  signIn(new FormData(event.target).get("server")).catch(showError);
};
const returned = new URLSearchParams(location.search);
if (returned.has("state")) signedIn(returned).catch(showError);
