"""Cached responses are never stale: after each kind of change, a site with caches responds as one without them.

test_histories.py has random sequences of changes, several processes and requests at the same time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from attrs import define, evolve, field

from microblog.application import build_broadcaster
from microblog.application.federation import Federation
from microblog.application.server import build_server
from microblog.application.services import Domain
from microblog.config import load
from microblog.domain.client_info import ClientInfo
from microblog.domain.rate_limits import MemoryCounter, RateLimiter
from microblog.model.accounts import Account, Viewer
from microblog.render.html.pages import Pages
from microblog.storage import posts as stored_posts
from microblog.storage.database import Cursor, execute, first_column
from microblog.web.http.response import Response
from microblog.web.http.response_cache import ResponseCache
from microblog.web.http.server import HttpServer
from tests import make
from tests.fakes import RolledBackDatabase, external_services, quick_passwords, result_of
from tests.federation.internet import Internet
from tests.web.histories import ARRIVALS, FAR, ONE_TIME, STATES_ELSEWHERE, comparable
from tests.web.http_client import FORM, request
from tests.web.visitor import FRONTEND, HOST, SiteFixture, SynchronousReactor, build_site

NAMES = ("ada", "bob", "cyd")
SCOPES = "read write follow"
VISIBILITIES = ("public", "public", "unlisted", "private", "direct")
_numbers = count()


def commands(number: int, post: str, other: str, id: str) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Return API requests on a post, on the account `other` with this id, and on the own account."""
    draft = {"status": f"#tea {number} @{other}", "visibility": VISIBILITIES[number % 5]}
    poll = {"poll[options][]": ["yes", "no"], "poll[expires_in]": "3600"}
    return {
        "post": ("POST", "statuses", draft),
        "reply": ("POST", "statuses", {"status": f"well, {number}", "visibility": VISIBILITIES[number % 4], "in_reply_to_id": post}),
        "ask": ("POST", "statuses", {"status": f"tea? {number}"} | poll),
        "edit": ("PUT", f"statuses/{post}", {"status": f"changed {number} @{other}"}),
        "delete": ("DELETE", f"statuses/{post}", {}),
        **{way: ("POST", f"statuses/{post}/{way}", {}) for way in ("reblog", "unreblog", "favourite", "unfavourite", "bookmark")},
        **{way: ("POST", f"statuses/{post}/{way}", {}) for way in ("pin", "unpin", "mute", "unmute")},
        **{f"{way} them": ("POST", f"accounts/{id}/{way}", {}) for way in ("follow", "unfollow", "block", "unblock", "mute", "unmute")},
        "dismiss suggestion": ("DELETE", f"suggestions/{id}", {}),
        "read notifications": ("POST", "notifications/clear", {}),
        "hide boosts": ("POST", f"accounts/{id}/follow", {"reblogs": "false"}),
        "rename": ("PATCH", "accounts/update_credentials", {"display_name": f"Name {number}", "locked": "false"}),
        "lock": ("PATCH", "accounts/update_credentials", {"locked": "true"}),
        "filter": ("POST", "../v2/filters", {"title": f"T{number}", "context[]": "home", "keywords_attributes[0][keyword]": "tea"}),
        "hide": (
            "POST",
            "../v2/filters",
            {"title": "H", "context[]": "public", "filter_action": "hide", "keywords_attributes[0][keyword]": "1"},
        ),
        "follow tag": ("POST", "tags/tea/follow", {}),
        "unfollow tag": ("POST", "tags/tea/unfollow", {}),
        "clear": ("POST", "notifications/clear", {}),
        "list of all": ("POST", "lists", {"title": "M", "replies_policy": "followed"}),
        "list": ("POST", "lists", {"title": "L", "exclusive": "true"}),
        "block domain": ("POST", "domain_blocks", {"domain": FAR}),
        "unblock domain": ("DELETE", f"domain_blocks?domain={FAR}", {}),
    }


STATES = {
    "suspend": "update accounts set suspended_at = now() where id = %(id)s",
    "limit": "update accounts set limited_at = now() where id = %(id)s",
    "restore": "update accounts set suspended_at = null, limited_at = null where id = %(id)s",
    "shut": "update users set disabled_at = now() where account_id = %(id)s",
    "open": "update users set disabled_at = null where account_id = %(id)s",
    "vote": "insert into votes (poll_id, account_id, choice, created_at) select q.id, %(id)s, 0, now() from polls q on conflict do nothing",
    "end filters": "delete from filters where account_id = %(id)s",
    "count votes": "update polls set counts[1] = counts[1] + 1, voters = voters + 1",
    "notify": """insert into notifications (id, account_id, kind, from_account_id, post_id, group_key, created_at)
                 select new_id(now()), m.account_id, 'mention', p.account_id, p.id, '', now() from mentions m
                 join posts p on p.id = m.post_id on conflict do nothing""",
    "put on list": """insert into list_members (id, list_id, account_id, member_id)
                      select new_id(now()), l.id, f.follower_id, f.followee_id from lists l join follows f on f.follower_id = l.account_id
                      where f.followee_id = %(id)s on conflict do nothing""",
    "end sessions": "delete from sessions where account_id = %(id)s",
    "revoke": "update tokens set revoked_at = now() where account_id = %(id)s",
    **STATES_ELSEWHERE,
}
OWN = ("edit", "delete", "pin", "unpin", "ask", "rename", "lock")  # only the author can do these
OWN_PATHS = (
    "/api/v1/timelines/home",
    "/api/v1/notifications",
    "/api/v1/notifications?types[]=favourite&types[]=follow",
    "/api/v2/notifications",
    "/api/v2/notifications?expand_accounts=partial_avatars",
    "/api/v1/accounts/verify_credentials",
)
# /notifications without a type marks what it shows as read.
OWN_PAGES = ("/home", "/local", "/federated", "/tags/tea", "/notifications?type=mention", "/lists", "/favourites", "/bookmarks")


@define(eq=False)
class CachedAndUncached:
    """Two sites on one database: one with caches, the other without."""

    cached_site: SiteFixture
    uncached_server: HttpServer
    people: list[Viewer] = field(factory=list)
    headers: list[dict[str, str]] = field(factory=list)
    cookies: list[dict[str, str]] = field(factory=list)
    stranger: Account = field(init=False)

    def create_users(self) -> None:
        """Create three users, each with a session and a token, and an account of another server that the first two follow."""
        for name in NAMES:
            who = make.viewer(self.cached_site.cursor, name)
            token = result_of(self.cached_site.domain.tokens.issue(who.id, SCOPES, "Tapper")).text
            entry = result_of(self.cached_site.domain.sessions.begin(who.id, ClientInfo("192.0.2.1", "192.0.2.1", "")))
            self.people.append(who)
            self.headers.append({"Authorization": f"Bearer {token}"})
            self.cookies.append({"Cookie": f"session={entry.token}"})
        self.stranger = make.remote_account(self.cached_site.cursor, "zoe", FAR)
        for follower in self.people[:2]:
            make.follow(self.cached_site.cursor, follower, self.stranger)

    def arrive(self, what: str) -> None:
        """Store a post of the account of another server."""
        cursor, ids = self.cached_site.cursor, self.posts()
        others = [post for post in stored_posts.by_ids(cursor, ids).values() if post.boost is None and post.visibility.is_open]
        other = others[0] if others else None
        if what == "boost arrives" and other is not None:
            if stored_posts.boost_by(cursor, original=other.id, account=self.stranger.id) is None:
                make.remote_post(cursor, self.stranger, boost_of=other)
        else:
            make.remote_post(cursor, self.stranger, "tea", tags=["tea"], reply_to=other if what == "reply arrives" else None)

    def posts(self) -> list[int]:
        """Return the ids of all posts."""
        self.cached_site.cursor.execute("select id from posts order by id")
        return first_column(self.cached_site.cursor.fetchall())

    def lists(self) -> list[int]:
        """Return the ids of all lists."""
        self.cached_site.cursor.execute("select id from lists order by id desc limit 2")
        return first_column(self.cached_site.cursor.fetchall())

    def do(self, what: str, who: int, to: int) -> None:
        """Perform an action, which may be rejected."""
        if what in ARRIVALS:
            self.arrive(what)
            return
        if what in STATES:
            execute(self.cached_site.cursor, "savepoint state")
            execute(self.cached_site.cursor, STATES[what], {"id": self.people[to].id})
            execute(self.cached_site.cursor, "release savepoint state")
            return
        posts, other = self.posts() or [1], self.people[to]
        requests = commands(next(_numbers), str(posts[0]), other.account.username, str(other.id))
        method, path, fields = requests[what]
        target = f"/api/v1/{path}".replace("v1/../", "")
        response = request(
            self.uncached_server, method, target, self.headers[who] | {"Content-Type": FORM}, urlencode(fields, doseq=True).encode()
        )
        assert response.status < 500, (what, response.text)

    def addresses(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Return every cached path, with the headers of nobody, of the first and of the second account, which act on each other."""
        posts = self.posts()
        accounts = [f"/api/v1/accounts/{who.id}/statuses{query}" for who in self.people[:2] for query in ("", "?pinned=1")]
        threads = [f"/api/v1/statuses/{id}/context" for id in {*posts[:1], *posts[-1:]}]
        own = (*OWN_PATHS, *(f"/api/v1/timelines/list/{id}" for id in self.lists()))
        for headers in ({}, *self.headers[:2]):
            for path in (
                "/api/v1/timelines/public",
                "/api/v1/timelines/public?remote=1",
                "/api/v1/timelines/public?local=1",
                f"/api/v1/accounts/{self.stranger.id}",
                "/api/v1/timelines/tag/tea",
                *accounts,
                *threads,
                *(own if headers else ()),
            ):
                yield path, headers
        threads = [f"/@{name}/{id}" for name in NAMES for id in {*posts[:1], *posts[-1:]}]
        for path in ("/", "/local", "/@ada", "/@bob/with_replies", "/@ada/media", *threads):
            yield path, {}
        people = [f"/@{name}{tab}" for name in NAMES[:2] for tab in ("", "/with_replies", "/followers", "/following")]
        people += [f"/@zoe@{FAR}", f"/@zoe@{FAR}/followers", *(f"/@zoe@{FAR}/{id}" for id in posts[-2:])]
        own_pages = [*OWN_PAGES, *(f"/lists/{id}" for id in self.lists())]
        for cookie in self.cookies[:2]:
            yield from ((path, cookie) for path in (*own_pages, *people, *threads[:2]))

    def compare(self) -> None:
        """Fail if the responses of the two sites differ."""
        for path, headers in self.addresses():
            cached, read = (request(server, "GET", path, headers) for server in (self.cached_site.server, self.uncached_server))
            assert cached.status in (200, 302, 303, 401, 403, 404), cached.text
            assert comparable(cached) == comparable(read), path


def build_both(cursor: Cursor, data_dir: Path) -> CachedAndUncached:
    """Build both sites."""
    cached_site = build_site(cursor, data_dir, Internet(), rate_limits="off", federation="on", federation_test_addresses="127.0.0.1:9")
    environment = {"PUBLIC_URL": f"http://{HOST}", "DATA_DIR": str(data_dir), "REGISTRATION": "open"}
    environment |= {"CACHES": "none", "RATE_LIMITS": "off", "FEDERATION": "on", "FEDERATION_TEST_ADDRESSES": "127.0.0.1:9"}
    read = load({f"MICROBLOG_{name}": value for name, value in environment.items()}, None)
    database, clock = RolledBackDatabase(cursor), SynchronousReactor()
    domain = Domain.on(
        read, database, quick_passwords(), RateLimiter(MemoryCounter(clock.seconds), lambda: make.NOW, False), external_services(data_dir)
    )
    feed = build_broadcaster(database, clock)
    result_of(feed.start())
    frontend = evolve(FRONTEND, pages=Pages(FRONTEND.assets.url))  # the other one is shared by all tests
    federation = Federation.on(read, clock, database, domain, Internet())
    uncached_server = build_server(read, clock, domain, frontend, feed=feed, federation=federation)
    both = CachedAndUncached(cached_site, uncached_server)
    both.create_users()
    return both


ALL = [*ARRIVALS, *commands(0, "0", "x", "0"), *STATES]
LAST = ["delete", "shut", "end sessions", "revoke"]


def test_every_kind_of_change_invalidates_the_caches(cursor: Cursor, tmp_path: Path) -> None:
    both = build_both(cursor, tmp_path)
    for what, who, to in (("post", 0, 1), ("follow them", 1, 0), ("follow them", 2, 0), ("ask", 0, 1)):
        both.do(what, who, to)
    both.compare()
    for what in [*(what for what in ALL if what not in LAST), *LAST]:
        both.do(what, 0 if what in OWN else 1, 0)
        both.compare()
        if what in ("block them", "suspend", "hide"):  # later changes would be invisible
            both.do({"block them": "unblock them", "suspend": "restore", "hide": "end filters"}[what], 1, 1 if what == "hide" else 0)
            both.do("follow them", 1, 0)
            both.compare()


def test_a_cached_page_has_fresh_form_tokens(cursor: Cursor, tmp_path: Path) -> None:
    site = build_site(cursor, tmp_path)
    ada = site.registered_user("ada")
    make.follow(cursor, site.viewer("ada"), make.account(cursor))
    pages = [ada.get("/home").body for _ in range(3)]
    assert ONE_TIME.sub(b"", pages[1]) == ONE_TIME.sub(b"", pages[2])
    found = [dict(re.findall(rb'name="(csrf|key)" value="([^"]+)"', page)) for page in pages]
    assert len({forms[b"csrf"] for forms in found}) == len({forms[b"key"] for forms in found}) == 3
    for number, forms in enumerate(found):
        fields = {name.decode(): value.decode() for name, value in forms.items()}
        assert ada.post("/posts", {**fields, "text": f"written {number}"}).status == 303
    assert all(f"written {number}" in ada.get("/home").text for number in range(3))


def test_a_page_shows_a_change_of_the_viewer_that_came_after_authentication(
    cursor: Cursor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = build_site(cursor, tmp_path)
    ada = site.registered_user("ada")
    make.follow(cursor, site.viewer("ada"), make.account(cursor))
    get_or_make, changes = ResponseCache.get_or_make, ['{"theme": "dark"}']

    async def change_first(cache: ResponseCache, *arguments: Any) -> Response:
        if changes:
            execute(cursor, "update users set preferences = preferences || %(changed)s::jsonb", {"changed": changes.pop()})
            cache.invalidation_log.wake()
        return await get_or_make(cache, *arguments)

    monkeypatch.setattr(ResponseCache, "get_or_make", change_first)
    ada.get("/home")
    assert changes == []
    assert 'data-theme="dark"' in ada.get("/home").text
