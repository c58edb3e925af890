"""Documents for other servers: accounts, posts and collections at their ids, and discovery."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import define
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from microblog.domain.account_deletion import AccountDeletion, begin_deletion
from microblog.domain.registration import SignUpForm
from microblog.federation.keys import SigningKey
from microblog.federation.signature_choice import SignatureForm, sign
from microblog.federation.signed_requests import HttpRequest
from microblog.model.accounts import Viewer
from microblog.model.errors import Invalid
from microblog.model.federation_posts import RemoteEmoji, RemoteImage
from microblog.model.ids import AccountId
from microblog.model.posts import Post, PostDraft, Visibility
from microblog.storage import emojis, relationships
from microblog.storage.database import Cursor, execute, fetch_all, fetch_value
from tests import make
from tests.fakes import result_of
from tests.federation.internet import Internet
from tests.federation.remote_server import RemoteUser, private_key
from tests.make import NOW
from tests.web.http_client import HttpResponse
from tests.web.visitor import SiteFixture, build_site

URL = "https://site.test"
JSON = "application/activity+json"
LD_JSON = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"


@define
class Peer:
    """Another server that reads documents."""

    site: SiteFixture

    def get(self, path: str, accept: str = JSON) -> HttpResponse:
        return self.site.visitor().get(path, Accept=accept)

    def read(self, path: str) -> Any:
        response = self.get(path.removeprefix(URL))
        assert response.status == 200, response.text
        assert response.header("Content-Type") == f"{JSON}; charset=utf-8"
        return json.loads(response.body)


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    return build_site(cursor, tmp_path, public_url=URL, federation="on")


@pytest.fixture
def peer(site: SiteFixture) -> Peer:
    site.registered_user("ada")
    return Peer(site)


def publish(site: SiteFixture, text: str, visibility: Visibility = Visibility.PUBLIC, reply_to: Post | None = None) -> Post:
    draft = PostDraft(text, visibility, reply_to=reply_to.id if reply_to else None)
    return result_of(site.domain.posts.publish(site.viewer("ada"), draft))


def test_an_account_has_a_document_with_its_key_and_collections(site: SiteFixture, peer: Peer) -> None:
    actor = peer.read("/users/ada")
    me = f"{URL}/users/ada"
    assert (actor["id"], actor["type"], actor["preferredUsername"], actor["url"]) == (me, "Person", "ada", f"{URL}/@ada")
    assert (actor["inbox"], actor["endpoints"]) == (f"{me}/inbox", {"sharedInbox": f"{URL}/inbox"})
    key = actor["publicKey"]
    assert (key["id"], key["owner"]) == (f"{me}#main-key", me)
    assert load_pem_public_key(key["publicKeyPem"].encode()).key_size == 2048  # type: ignore[union-attr]
    for name, path in {"outbox": "outbox", "followers": "followers", "following": "following", "featured": "collections/featured"}.items():
        assert actor[name] == f"{me}/{path}"
        assert peer.read(actor[name])["type"] == "OrderedCollection"
    assert peer.read(actor["featuredTags"])["orderedItems"] == []


def test_the_key_stays_and_is_not_stored_in_clear_text(site: SiteFixture, peer: Peer, tmp_path: Path) -> None:
    first = peer.read("/users/ada")["publicKey"]
    again = Peer(build_site(site.cursor, tmp_path, public_url=URL, federation="on"))
    assert again.read("/users/ada")["publicKey"] == first
    assert fetch_value(site.cursor, "select count(*) from actor_keys") == 1
    sealed = bytes(fetch_value(site.cursor, "select private_key from actor_keys"))
    assert b"PRIVATE KEY" not in sealed


def test_the_site_has_an_actor_of_its_own(peer: Peer) -> None:
    actor = peer.read("/actor")
    assert (actor["id"], actor["type"], actor["preferredUsername"]) == (f"{URL}/actor", "Application", "site.test")
    assert actor["publicKey"]["owner"] == f"{URL}/actor"
    links = json.loads(peer.get("/.well-known/webfinger?resource=acct:site.test@site.test").body)["links"]
    assert {"rel": "self", "type": JSON, "href": f"{URL}/actor"} in links


def test_webfinger_leads_to_the_document(peer: Peer) -> None:
    for resource in ("acct:ada@site.test", f"{URL}/@ada", f"{URL}/users/ada"):
        found = json.loads(peer.get(f"/.well-known/webfinger?resource={resource}").body)
        assert found["subject"] == "acct:ada@site.test"
        assert {"rel": "self", "type": JSON, "href": f"{URL}/users/ada"} in found["links"]
        [subscribe] = [link for link in found["links"] if "template" in link]
        assert subscribe == {"rel": "http://ostatus.org/schema/1.0/subscribe", "template": f"{URL}/authorize_interaction?uri={{uri}}"}


def test_nodeinfo_names_the_protocol(peer: Peer) -> None:
    links = json.loads(peer.get("/.well-known/nodeinfo").body)["links"]
    assert [link["href"] for link in links] == [f"{URL}/nodeinfo/2.0", f"{URL}/nodeinfo/2.1"]
    for link in links:
        found = json.loads(peer.get(link["href"].removeprefix(URL)).body)
        assert (found["protocols"], found["version"]) == (["activitypub"], link["rel"].rsplit("/", 1)[-1])


def test_a_public_post_has_a_document_and_an_activity(site: SiteFixture, peer: Peer) -> None:
    post = publish(site, "Hello #tea")
    uri = f"{URL}/users/ada/statuses/{post.id}"
    note = peer.read(uri)
    assert (note["id"], note["type"], note["attributedTo"], note["url"]) == (uri, "Note", f"{URL}/users/ada", f"{URL}/@ada/{post.id}")
    assert (note["to"], note["cc"]) == ([PUBLIC], [f"{URL}/users/ada/followers"])
    assert "Hello" in note["content"]
    create = peer.read(f"{uri}/activity")
    assert (create["type"], create["id"], create["object"]["id"]) == ("Create", f"{uri}/activity", uri)
    assert create["object"] == {name: value for name, value in note.items() if name != "@context"}


def test_custom_emoji_have_documents_and_accounts_name_theirs(site: SiteFixture, peer: Peer) -> None:
    ada, emoji = site.viewer("ada"), make.emoji(site.cursor, "cat").emoji
    execute(site.cursor, "update accounts set display_name = 'Ada :cat:' where id = %(id)s", {"id": ada.id})
    [tag] = peer.read("/users/ada")["tag"]
    document = peer.read(f"/emojis/{emoji.id}")
    assert {name: value for name, value in document.items() if name != "@context"} == tag
    assert (tag["id"], tag["name"]) == (f"{URL}/emojis/{emoji.id}", ":cat:")
    assert tag["icon"] == {"type": "Image", "mediaType": "image/png", "url": URL + emoji.path}
    [far] = emojis.store(site.cursor, host="b.example", emojis=[RemoteEmoji("dog", RemoteImage("https://b.example/dog.png"))], now=NOW)
    assert [peer.get(f"/emojis/{id}").status for id in (far.id, far.id + 1)] == [404, 404]


def test_a_reply_names_its_parent_and_the_parent_its_replies(site: SiteFixture, peer: Peer) -> None:
    parent = publish(site, "Question")
    reply = publish(site, "Answer", Visibility.UNLISTED, parent)
    publish(site, "Secret answer", Visibility.PRIVATE, parent)
    uri = f"{URL}/users/ada/statuses/{parent.id}"
    assert peer.read(f"{URL}/users/ada/statuses/{reply.id}")["inReplyTo"] == uri
    assert peer.read(f"{uri}/replies")["first"] == f"{uri}/replies?page=true"
    assert peer.read(f"{uri}/replies?page=true")["items"] == [f"{URL}/users/ada/statuses/{reply.id}"]
    assert peer.read(f"{uri}/likes")["totalItems"] == peer.read(f"{uri}/shares")["totalItems"] == 0


def test_the_outbox_has_public_posts_and_boosts_in_pages(site: SiteFixture, peer: Peer) -> None:
    first = publish(site, "First")
    publish(site, "For followers", Visibility.PRIVATE)
    publish(site, "@bob", Visibility.DIRECT)
    boost = make.boost(site.cursor, make.viewer(site.cursor, "bob"), first)
    outbox = peer.read("/users/ada/outbox")
    page = peer.read(outbox["first"])
    assert [item["object"]["id"] for item in page["orderedItems"]] == [f"{URL}/users/ada/statuses/{first.id}"]
    assert "next" not in page
    [announce] = peer.read(peer.read("/users/bob/outbox")["first"])["orderedItems"]
    assert (announce["type"], announce["object"]) == ("Announce", f"{URL}/users/ada/statuses/{first.id}")
    assert peer.read(f"/users/bob/statuses/{boost.id}/activity")["id"] == announce["id"]
    for number in range(25):
        publish(site, f"Post {number}")
    first_page = peer.read("/users/ada/outbox?page=true")
    second_page = peer.read(first_page["next"])
    ids = [item["id"] for item in first_page["orderedItems"] + second_page["orderedItems"]]
    assert len(set(ids)) == 26


def test_hidden_posts_have_no_document(site: SiteFixture, peer: Peer) -> None:
    post = publish(site, "Public")
    make.viewer(site.cursor, "bob")
    hidden = [publish(site, "x", Visibility.PRIVATE), publish(site, "@bob x", Visibility.DIRECT)]
    missing = peer.get(f"/users/ada/statuses/{post.id + 10_000_000}")
    for other in (
        *(f"/users/ada/statuses/{each.id}{part}" for each in hidden for part in ("", "/activity", "/replies", "/likes", "/shares")),
        f"/users/bob/statuses/{post.id}",
    ):
        response = peer.get(other)
        assert (response.status, response.body) == (404, missing.body)


def test_followers_are_listed_unless_the_account_hides_them(site: SiteFixture, peer: Peer) -> None:
    bob = make.viewer(site.cursor, "bob")
    make.follow(site.cursor, bob, site.viewer("ada"))
    assert peer.read("/users/ada/followers")["totalItems"] == 1
    assert peer.read("/users/ada/followers?page=true")["orderedItems"] == [f"{URL}/users/bob"]
    assert peer.read("/users/bob/following?page=true")["orderedItems"] == [f"{URL}/users/ada"]
    site.cursor.execute("update accounts set hide_relations = true where username = 'ada'")
    assert "first" not in peer.read("/users/ada/followers")
    assert peer.get("/users/ada/followers?page=true").status == 404


def test_deleted_and_suspended_accounts_say_so(site: SiteFixture, peer: Peer) -> None:
    publish(site, "Hello")
    make.suspend(site.cursor, site.viewer("ada"))
    actor = peer.read("/users/ada")
    assert (actor["suspended"], actor["summary"]) == (True, "")
    assert peer.get("/users/ada/outbox").status == 410
    site.cursor.execute("update accounts set deleted_at = now() where username = 'ada'")
    assert peer.get("/users/ada").status == peer.get("/users/ada/followers").status == 410
    assert peer.get("/users/nobody").status == 404


def test_everything_of_a_deleted_account_is_gone_for_ever(site: SiteFixture, peer: Peer) -> None:
    post, ada = publish(site, "Hello"), site.viewer("ada")
    peer.read("/users/ada")  # so that it has a key
    begin_deletion(site.cursor, ada.id, NOW)
    result_of(AccountDeletion(site.database, lambda: NOW).purge(ada.id))
    collections = ("outbox", "followers", "following", "collections/featured", "collections/tags")
    own = ("", "/activity", "/replies", "/likes", "/shares")
    paths = ["/users/ada", *(f"/users/ada/{name}" for name in collections), *(f"/users/ada/statuses/{post.id}{name}" for name in own)]
    for _ in range(2):
        assert {path: peer.get(path).status for path in paths} == dict.fromkeys(paths, 410)
        assert peer.get("/.well-known/webfinger?resource=acct:ada@site.test").status == 410
        site.cursor.execute("delete from posts")  # as the cleanup does after a month
    again = SignUpForm("ada", "other@example.org", "correct horse battery")
    for reattach in (False, True):
        with pytest.raises(Invalid, match="Username"):
            result_of(site.domain.registrations.create(again, reattach=reattach))


def test_a_deleted_post_is_gone_and_a_hidden_one_looks_like_none(site: SiteFixture, peer: Peer) -> None:
    shown, hidden = publish(site, "Hello"), make.post(site.cursor, site.viewer("ada"), "For followers", visibility=Visibility.PRIVATE)
    for post in (shown, hidden):
        result_of(site.domain.posts.delete(site.viewer("ada"), post.id))
    assert [peer.get(f"/users/ada/statuses/{post.id}").status for post in (shown, hidden)] == [410, 404]
    assert peer.get(f"/users/ada/statuses/{shown.id + 1}").status == 404


@pytest.mark.parametrize("accept", [BROWSER, "*/*", "text/html", ""])
def test_browsers_are_redirected_from_ids_to_pages(site: SiteFixture, peer: Peer, accept: str) -> None:
    post = publish(site, "Hello")
    for path, page in {
        "/users/ada": "/@ada",
        f"/users/ada/statuses/{post.id}": f"/posts/{post.id}",
        "/users/ada/followers": "/@ada/followers",
        "/actor": "/about",
    }.items():
        response = peer.get(path, accept)
        assert (response.status, response.header("Location")) == (302, page)
        assert "Accept" in (response.header("Vary") or "")


@pytest.mark.parametrize("accept", [JSON, LD_JSON, f"{LD_JSON}, {JSON}, text/html;q=0.1"])
def test_pages_lead_other_servers_to_documents(site: SiteFixture, peer: Peer, accept: str) -> None:
    post = publish(site, "Hello")
    for page, path in {"/@ada": "/users/ada", f"/@ada/{post.id}": f"/users/ada/statuses/{post.id}"}.items():
        response = peer.get(page, accept)
        assert (response.status, response.header("Location")) == (302, path)
        html = peer.get(page, BROWSER)
        assert html.status == 200
        assert f'<link rel="alternate" type="{JSON}" href="{URL}{path}">' in html.text
        assert "Accept" in [name.strip() for name in (html.header("Vary") or "").split(",")]


def test_without_federation_nothing_of_it_is_served(cursor: Cursor, tmp_path: Path) -> None:
    site = build_site(cursor, tmp_path, public_url=URL)
    site.registered_user("ada")
    peer, post = Peer(site), publish(site, "Hello")
    assert (peer.get("/users/ada").status, peer.get(f"/users/ada/statuses/{post.id}").status) == (302, 302)
    assert peer.get("/actor").status == peer.get("/users/ada/outbox").status == 404
    page = peer.get("/@ada")
    assert page.status == 200
    assert JSON not in page.text
    assert json.loads(peer.get("/nodeinfo/2.0").body)["protocols"] == []
    assert peer.get("/nodeinfo/2.1").status == 404
    links = json.loads(peer.get("/.well-known/webfinger?resource=acct:ada@site.test").body)["links"]
    assert [link["rel"].rsplit("/", 1)[-1] for link in links] == ["profile-page", "avatar"]


def test_the_viewer_does_not_matter(site: SiteFixture, peer: Peer) -> None:
    private = publish(site, "For followers", Visibility.PRIVATE)
    author = site.registered_user("carl")
    assert isinstance(site.viewer("carl"), Viewer)
    assert author.get(f"/users/ada/statuses/{private.id}", Accept=JSON).status == 404


def signed_get(bo: RemoteUser, path: str) -> HttpResponse:
    """Read a document with the signature of an account of another server."""
    headers = sign(HttpRequest("GET", URL + path), SigningKey(f"{bo.id}#main-key", bo.key), SignatureForm.CAVAGE, bo.now)
    return bo.site.visitor().get(path, Accept=JSON, **{name: value for name, value in headers.items() if name != "Host"})


@pytest.fixture
def bo(cursor: Cursor, tmp_path: Path) -> RemoteUser:
    """An account of another server that follows ada."""
    internet = Internet()
    site = build_site(cursor, tmp_path, internet, public_url=URL, federation="on")
    site.registered_user("ada")
    bo = RemoteUser(site, internet)
    bo.do("Follow", f"{URL}/users/ada")
    return bo


def test_servers_of_followers_and_mentioned_accounts_read_what_they_may_see(bo: RemoteUser) -> None:
    site = bo.site
    private, direct = publish(site, "For followers", Visibility.PRIVATE), publish(site, "Nobody", Visibility.DIRECT)
    named = publish(site, "Named", Visibility.DIRECT)
    [follower] = fetch_all(site.cursor, int, "select id from accounts where host is not null")
    site.cursor.execute("insert into mentions (post_id, account_id) values (%s, %s)", [named.id, follower])
    for post, status in ((private, 200), (direct, 404), (named, 200)):
        response = signed_get(bo, f"/users/ada/statuses/{post.id}")
        assert response.status == status, response.text
        assert "no-store" in (response.header("Cache-Control") or "")
    missing = signed_get(bo, "/users/ada/statuses/1")
    assert signed_get(bo, f"/users/ada/statuses/{direct.id}").body == missing.body
    stranger = RemoteUser(site, bo.internet, "eve", "e.example")
    assert signed_get(stranger, f"/users/ada/statuses/{private.id}").status == 404
    assert Peer(site).get(f"/users/ada/statuses/{private.id}").status == 404
    site.cursor.execute("delete from follows")
    assert signed_get(bo, f"/users/ada/statuses/{private.id}").status == 404


def test_a_suspended_reader_opens_nothing_to_others_of_its_host(bo: RemoteUser) -> None:
    site, neighbour = bo.site, RemoteUser(bo.site, bo.internet, "cy")
    private, named = publish(site, "For followers", Visibility.PRIVATE), publish(site, "Named", Visibility.DIRECT)
    [follower] = fetch_all(site.cursor, int, "select id from accounts where host is not null")
    site.cursor.execute("insert into mentions (post_id, account_id) values (%s, %s)", [named.id, follower])
    paths = [f"/users/ada/statuses/{post.id}" for post in (private, named)]
    assert [signed_get(neighbour, path).status for path in paths] == [200, 200]
    site.cursor.execute("update accounts set suspended_at = now() where id = %s", [follower])
    assert [signed_get(neighbour, path).status for path in paths] == [404, 404]


def test_a_forged_signature_reads_nothing_that_is_hidden(bo: RemoteUser) -> None:
    private = publish(bo.site, "For followers", Visibility.PRIVATE)
    bo.key = private_key(5)
    assert signed_get(bo, f"/users/ada/statuses/{private.id}").status == 401


def test_secure_mode_needs_signatures(cursor: Cursor, tmp_path: Path) -> None:
    internet = Internet()
    site = build_site(cursor, tmp_path, internet, public_url=URL, federation="on", federation_secure_mode="on")
    site.registered_user("ada")
    bo, peer, post = RemoteUser(site, internet), Peer(site), publish(site, "Hello")
    paths = [f"/users/ada/statuses/{post.id}", "/users/ada/outbox", "/users/ada/followers", "/users/ada/collections/featured"]
    paths += [f"/users/ada/statuses/{post.id}/{part}" for part in ("activity", "replies", "likes", "shares")]
    for path in paths:
        assert peer.get(path).status == 401, path
        assert signed_get(bo, path).status == 200, path
    assert peer.get("/actor").status == peer.get("/.well-known/webfinger?resource=acct:ada@site.test").status == 200
    stub = peer.read("/users/ada")
    assert stub["publicKey"]
    assert "outbox" not in stub
    assert "outbox" in json.loads(signed_get(bo, "/users/ada").body)
    [reader] = fetch_all(cursor, int, "select id from accounts where host is not null")
    relationships.block(cursor, account=site.viewer("ada").id, target=AccountId(reader), now=make.NOW)
    for path in (*paths, "/users/ada"):
        assert signed_get(bo, path).status == 404, path
    cursor.execute("update accounts set suspended_at = now() where host is not null")
    assert signed_get(bo, "/users/ada/outbox").status == 403
