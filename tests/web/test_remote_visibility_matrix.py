"""Visibility of posts across servers, on every GET route: posts of this site for other servers, and posts of those for people here.

test_visibility_matrix.py is about posts and viewers of this site.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from attrs import field, frozen

from microblog.federation.keys import SigningKey
from microblog.federation.signature_choice import SignatureForm, sign
from microblog.federation.signed_requests import HttpRequest
from microblog.model.accounts import Account, Viewer
from microblog.model.posts import Post, Visibility
from microblog.storage.database import Cursor, fetch_one
from microblog.web.http.route_options import AccessLevel
from tests import make
from tests.fakes import result_of
from tests.federation.internet import JSON, Internet
from tests.federation.remote_server import URL, RemoteUser
from tests.federation.remote_side import known_actor
from tests.web.api.client import anonymous_client, new_client_for
from tests.web.crawler import fill_path, finite_get_routes
from tests.web.http_client import HttpResponse, request
from tests.web.test_visibility_matrix import (
    MAY_SEE,
    SECRET,
    TAG,
    WORD,
    SecretPost,
    ViewerClient,
    names_a_post,
    publish_secret,
    query_strings,
)
from tests.web.visitor import SiteFixture, build_site

HTML = "text/html,*/*;q=0.8"
DOCUMENT = "/users/<username:username>/statuses/<id:post_id>"
OPEN = (Visibility.PUBLIC, Visibility.UNLISTED)
READERS = ("unsigned", "forged", "stranger", "follower", "neighbour of the follower", "former follower", "mentioned", "suspended")
MAY_READ = {Visibility.PRIVATE: {"follower", "neighbour of the follower", "mentioned"}, Visibility.DIRECT: {"mentioned"}}
"""Who gets the document of a post that is not for everybody: servers of followers and of those who are mentioned."""


# --- Posts of people here, read by other servers


@frozen
class Servers:
    """A site with an author, and the servers that read what it serves."""

    site: SiteFixture
    internet: Internet
    users: dict[str, RemoteUser] = field(factory=dict)

    def user(self, kind: str, name: str, host: str) -> RemoteUser:
        """Create an account of another server that is known here."""
        user = self.users[kind] = RemoteUser(self.site, self.internet, name, host)
        assert self.site.federation is not None
        result_of(self.site.federation.resolution.actors.fetch(user.id))
        return user

    def account(self, kind: str) -> Account:
        """Return the account of a reader."""
        return known_actor(self.site.cursor, self.users[kind].id)

    def get(self, kind: str, target: str, accept: str) -> HttpResponse:
        """Request a target as a reader."""
        headers = {"Accept": accept}
        if kind != "unsigned":
            user = self.users["follower" if kind == "forged" else kind]
            key = SigningKey(f"{user.id}#main-key", user.key)
            signed = "/elsewhere" if kind == "forged" else target
            headers |= sign(HttpRequest("GET", URL + signed), key, SignatureForm.CAVAGE, user.now)
        return self.site.visitor().get(target, **{name: value for name, value in headers.items() if name != "Host"})

    def shown(self, kind: str, post: SecretPost, *, thorough: bool = True) -> set[str]:
        """Return the paths of the routes that show the secret to a reader.

        `thorough`: request them in every way, with the ids of all posts that refer to the hidden one too.
        """
        values = {id: post.values(id) for id in post.around}
        seen = set()
        for route in finite_get_routes(self.site):
            if route.options.viewer is not AccessLevel.ANYONE:
                response = self.get(kind, fill_path(route.path, values[post.id]), JSON)
                assert response.status in (303, 401), route.path  # the other requests cannot get further
                continue
            for id in post.around if thorough and names_a_post(route) else post.around[:1]:
                path = fill_path(route.path, values[id])
                queries = query_strings(route, id) if thorough else ("",)
                for query in (*queries, *(() if route.options.api else ("?page=true",))):
                    for accept in (JSON,) if route.options.api else (JSON, HTML):  # the client API is JSON alone
                        response = self.get(kind, path + query, accept)
                        assert response.status < 500, path + query
                        if SECRET.encode() in response.body:
                            seen.add(route.path)
        return seen


def build_servers(cursor: Cursor, tmp_path: Path, **settings: str) -> Servers:
    """Build the site and its readers. All but the strangers follow the author, are mentioned, or once did."""
    internet = Internet()
    site = build_site(cursor, tmp_path, internet, None, public_url=URL, federation="on", rate_limits="off", **settings)
    site.registered_user("author")
    servers, author = Servers(site, internet), site.viewer("author")
    hosts = {"follower": "b.example", "neighbour of the follower": "b.example", "mentioned": "c.example", "suspended": "d.example"}
    for number, kind in enumerate(READERS[2:]):
        servers.user(kind, f"reader{number}", hosts.get(kind, f"e{number}.example"))
    for kind in ("follower", "suspended"):
        make.follow(cursor, servers.account(kind), author)
    make.suspend(cursor, servers.account("suspended"))
    return servers


def mention(servers: Servers, post: SecretPost) -> None:
    """Let the post mention a reader, without a delivery."""
    sql = "insert into mentions (post_id, account_id) select id, %s from posts where thread_id = %s"
    servers.site.cursor.execute(sql, [servers.account("mentioned").id, post.id])


@pytest.mark.parametrize("secure", ["off", "on"])
@pytest.mark.parametrize("visibility", Visibility)
def test_other_servers_read_what_their_people_may_see(cursor: Cursor, tmp_path: Path, visibility: Visibility, secure: str) -> None:
    servers = build_servers(cursor, tmp_path, federation_secure_mode=secure)
    post = publish_secret(servers.site, visibility, "")
    mention(servers, post)
    anybody = servers.shown("unsigned", post)
    assert (DOCUMENT in anybody) == (visibility in OPEN and secure == "off")
    if visibility not in OPEN:
        assert anybody == set()
    for kind in READERS[1:]:
        is_refused = kind in ("forged", "suspended")
        seen = servers.shown(kind, post, thorough=visibility not in OPEN or is_refused) - anybody
        if visibility in OPEN and secure == "on" and not is_refused:
            assert DOCUMENT in seen, kind
        elif visibility in OPEN:
            assert seen == set(), kind
        else:
            assert seen == ({DOCUMENT} if kind in MAY_READ[visibility] else set()), kind


@pytest.mark.parametrize("visibility", MAY_READ)
def test_documents_of_hidden_posts_are_for_no_shared_cache_and_hidden_ones_are_as_missing(
    cursor: Cursor, tmp_path: Path, visibility: Visibility
) -> None:
    servers = build_servers(cursor, tmp_path)
    post = publish_secret(servers.site, visibility, "")
    mention(servers, post)
    for kind in READERS:
        found, missing = (servers.get(kind, f"/users/author/statuses/{id}", JSON) for id in (post.id, int(post.id) + 1))
        if kind in MAY_READ[visibility]:
            assert "no-store" in (found.header("Cache-Control") or ""), kind
        else:
            assert (found.status, found.body) == (missing.status, missing.body), kind
            assert found.status == {"forged": 401, "suspended": 403}.get(kind, 404)


def test_who_does_not_follow_any_more_reads_no_more(cursor: Cursor, tmp_path: Path) -> None:
    servers = build_servers(cursor, tmp_path)
    post = publish_secret(servers.site, Visibility.PRIVATE, "")
    path = f"/users/author/statuses/{post.id}"
    assert SECRET in servers.get("follower", path, JSON).text
    cursor.execute("delete from follows where follower_id = %s", [servers.account("follower").id])
    assert servers.get("follower", path, JSON).status == 404


# --- Posts of other servers, read by people here


VIEWERS = ("anonymous", "stranger", "follower", "mentioned", "silently addressed", "blocked", "moderator")
MAY_SEE_OTHERS = {visibility: kinds | ({"silently addressed"} if "mentioned" in kinds else set()) for visibility, kinds in MAY_SEE.items()}


@frozen
class SecretElsewhere:
    """A post of another server with the secret, and the posts that refer to it."""

    author: Account
    around: tuple[Post, ...]

    def values(self, id: int) -> dict[str, object]:
        """Return path variables that refer to this post."""
        return {"username": self.author.acct, "name": TAG, "account_id": self.author.id, "post_id": id, "status_id": id}


def others_post(site: SiteFixture, visibility: Visibility, readers: Mapping[str, Viewer]) -> SecretElsewhere:
    """Store a post of another server, which its author boosts, pins and answers. `readers`: people here, by kind."""
    cursor, author = site.cursor, make.remote_account(site.cursor, "author")
    named = [readers[kind].account for kind in ("mentioned", "silently addressed") if kind in readers]
    if readers:
        make.follow(cursor, readers["follower"], author)
        make.block(cursor, author, readers["blocked"])
    post = make.remote_post(cursor, author, f"{WORD} {SECRET} #{TAG}", visibility=visibility, mentions=named, tags=[TAG])
    cursor.execute("update mentions set silent = true where account_id = any(%s)", [[account.id for account in named[1:]]])
    boost = make.remote_post(cursor, author, boost_of=post, visibility=visibility)
    reply = make.remote_post(cursor, author, "harmless", reply_to=post)
    sql = "insert into pins (id, account_id, post_id, created_at) values (new_id(now()), %s, %s, now())"
    cursor.execute(sql, [author.id, post.id])
    return SecretElsewhere(author, (post, boost, reply))


def shown_of_others(site: SiteFixture, who: ViewerClient, secret: SecretElsewhere, *, thorough: bool) -> set[str]:
    """Return the paths of the routes that show the secret. `thorough`: request them in every way, with the ids of all posts around it."""
    seen = set()
    for route in finite_get_routes(site):
        for post in secret.around if thorough and names_a_post(route) else secret.around[:1]:
            path = fill_path(route.path, secret.values(post.id))
            for query in query_strings(route, str(post.id)) if thorough else ("",):
                response = who.request(route, path + query)
                assert response.status < 500, path + query
                if SECRET.encode() in response.body:
                    seen.add(route.path)
    return seen


@pytest.mark.parametrize("visibility", Visibility)
@pytest.mark.parametrize("shows_others", ["off", "on"])
def test_people_here_see_of_other_servers_what_is_for_them(
    cursor: Cursor, tmp_path: Path, visibility: Visibility, shows_others: str
) -> None:
    site = build_site(
        cursor, tmp_path, Internet(), public_url=URL, federation="on", rate_limits="off", federation_public_pages=shows_others
    )
    kinds = VIEWERS[1:] if shows_others == "off" else ()  # the setting is about pages for visitors without an account
    browsers = {kind: site.registered_user(f"reader{number}") for number, kind in enumerate(kinds)}
    readers = {kind: site.viewer(f"reader{number}") for number, kind in enumerate(kinds)}
    viewers = {kind: ViewerClient(browsers[kind], new_client_for(site, readers[kind])) for kind in kinds}
    viewers["anonymous"] = ViewerClient(site.visitor(), anonymous_client(site))
    if "moderator" in readers:
        cursor.execute("update users set role = 'moderator' where account_id = %s", [readers["moderator"].id])
    secret = others_post(site, visibility, readers)
    page, status = "/@<username:username>/<id:post_id>", "/api/v1/statuses/<id:status_id>"
    for kind, who in viewers.items():
        may_see = kind in MAY_SEE_OTHERS[visibility]
        seen = shown_of_others(site, who, secret, thorough=kind == "anonymous" or not may_see)
        if not may_see:
            assert seen == set(), kind
            continue
        assert status in seen, kind
        assert (page in seen) == (kind != "anonymous" or shows_others == "on"), kind
        if kind == "anonymous" and shows_others == "off":
            assert {path for path in seen if path.startswith(("/@", "/posts"))} == set()
        assert not any(path.startswith("/users") for path in seen), kind


def test_no_document_is_served_of_what_belongs_to_another_server(cursor: Cursor, tmp_path: Path) -> None:
    site = build_site(cursor, tmp_path, Internet(), public_url=URL, federation="on")
    secret = others_post(site, Visibility.PUBLIC, {})
    account = fetch_one(cursor, str, "select username from accounts where id = %(id)s", {"id": secret.author.id})
    for name in (account, secret.author.acct):
        for path in ("", "/outbox", "/followers", *(f"/statuses/{post.id}" for post in secret.around)):
            assert request(site.server, "GET", f"/users/{name}{path}", {"Accept": JSON}).status == 404, path
