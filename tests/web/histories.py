"""Histories: commands of several accounts on the processes of one site, and comparisons of what the processes respond."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from attrs import define, field, frozen

from microblog.domain.client_info import ClientInfo
from microblog.model.accounts import Account, Role, Viewer
from microblog.model.errors import Problem
from microblog.model.paging import Page
from microblog.storage import posts
from microblog.storage.database import Cursor, execute, fetch_all, first_column
from tests import make
from tests.fakes import result_of
from tests.web.http_client import FORM, HttpResponse
from tests.web.processes import Cluster, Process, response_on

NAMES = ("ada", "bob", "cyd", "eve")
MODERATOR = len(NAMES)
FAR = "far.example"
SCOPES = "read write follow admin:read admin:write"
SHARES = 4
VISIBILITIES = ("public", "unlisted", "private", "direct")
LANGUAGES = ("de", "en", "fr")
CONTEXTS = ("home", "public", "thread", "notifications", "account")
ONE_TIME = re.compile(rb'name="(?:csrf|key)" value="[^"]*"|data-(?:now|position)="[^"]*"')
# Who is popular may be a minute old; tests/domain/test_sidebar_cache.py has what may not.
SUGGESTIONS = re.compile(rb'<section class="(?:card"><h2>Who to follow|welcome"><h2>Welcome).*?</section>', re.DOTALL)
NOT_COMPARED = ("X-Request-Id", "Date", "Set-Cookie", "Content-Length")

Api = tuple[str, str, dict[str, Any]]
"""A request of the client API: method, path below /api/, fields."""


def post_commands(number: int, post: int, parent: int, other: str, poll: int) -> dict[str, Api]:
    """Commands about posts. `number` varies them."""
    tags = ("", "#tea ", "#tea #cup ")[number % 3]
    draft = {
        "status": f"{tags}{number} {('', f'@{other}')[number // 3 % 2]}",
        "visibility": VISIBILITIES[number // 5 % 4],
        "language": LANGUAGES[number % 3],
    }
    choice = {"poll[options][]": ["yes", "no"], "poll[expires_in]": "300", "poll[multiple]": ("true", "false")[number % 2]}
    return {
        "post": ("POST", "v1/statuses", draft | {"visibility": ("public", "unlisted")[number % 2]}),
        "post to some": ("POST", "v1/statuses", draft),
        "reply": ("POST", "v1/statuses", draft | {"in_reply_to_id": parent}),
        "ask": ("POST", "v1/statuses", {"status": f"tea? {number}"} | choice),
        "edit": ("PUT", f"v1/statuses/{post}", draft | ({} if number % 4 else choice)),
        "delete": ("DELETE", f"v1/statuses/{post}", {}),
        **{way: ("POST", f"v1/statuses/{parent}/{way}", {}) for way in ("reblog", "unreblog", "favourite", "unfavourite")},
        **{way: ("POST", f"v1/statuses/{parent}/{way}", {}) for way in ("bookmark", "unbookmark")},
        **{f"{way} thread": ("POST", f"v1/statuses/{parent}/{way}", {}) for way in ("mute", "unmute")},
        **{way: ("POST", f"v1/statuses/{post}/{way}", {}) for way in ("pin", "unpin")},
        "vote": ("POST", f"v1/polls/{poll}/votes", {"choices[]": [str(number % 2)]}),
    }


def account_commands(number: int, other: int) -> dict[str, Api]:
    """Commands about accounts, and about the own one."""
    at = f"v1/accounts/{other}"
    plain = ("follow", "unfollow", "block", "unblock", "mute", "unmute", "remove_from_followers", "endorse", "unendorse")
    return {
        **{f"{way} them": ("POST", f"{at}/{way}", {}) for way in plain},
        "follow without boosts": ("POST", f"{at}/follow", {"reblogs": "false"}),
        "follow with boosts": ("POST", f"{at}/follow", {"reblogs": "true"}),
        "follow in a language": ("POST", f"{at}/follow", {"languages[]": [LANGUAGES[number % 3]]}),
        "mute for a minute": ("POST", f"{at}/mute", {"duration": "60"}),
        "accept": ("POST", f"v1/follow_requests/{other}/authorize", {}),
        "reject": ("POST", f"v1/follow_requests/{other}/reject", {}),
        "note": ("POST", f"{at}/note", {"comment": str(number)}),
        "rename": ("PATCH", "v1/accounts/update_credentials", {"display_name": f"Name {number}"}),
        "lock": ("PATCH", "v1/accounts/update_credentials", {"locked": "true"}),
        "unlock": ("PATCH", "v1/accounts/update_credentials", {"locked": "false", "bot": ("true", "false")[number % 2]}),
        "block domain": ("POST", "v1/domain_blocks", {"domain": FAR}),
        "unblock domain": ("DELETE", f"v1/domain_blocks?domain={FAR}", {}),
        "clear notifications": ("POST", "v1/notifications/clear", {}),
        "move markers": ("POST", "v1/markers", {"notifications[last_read_id]": str(2**62), "home[last_read_id]": str(number)}),
        **{way: ("POST", f"v1/admin/accounts/{other}/action", {"type": way}) for way in ("suspend", "silence", "disable")},
        **{way: ("POST", f"v1/admin/accounts/{other}/{way}", {}) for way in ("unsuspend", "unsilence", "enable")},
    }


def collection_commands(number: int, parent: int, other: int, owned: int, sieve: int) -> dict[str, Api]:
    """Commands about lists, filters and followed hashtags."""
    kind = {"replies_policy": ("list", "followed", "none")[number % 3], "exclusive": ("true", "false")[number // 3 % 2]}
    words = {"keywords_attributes[0][keyword]": ("tea", str(number % 10))[number % 2], "keywords_attributes[0][whole_word]": "false"}
    filtering = {"title": "F", "context[]": [CONTEXTS[number % 5], "home"], "filter_action": ("warn", "hide")[number // 2 % 2]}
    return {
        "make list": ("POST", "v1/lists", {"title": "L"} | kind),
        "change list": ("PUT", f"v1/lists/{owned}", {"title": "L"} | kind),
        "put on list": ("POST", f"v1/lists/{owned}/accounts", {"account_ids[]": [other]}),
        "take from list": ("DELETE", f"v1/lists/{owned}/accounts?account_ids[]={other}", {}),
        "delete list": ("DELETE", f"v1/lists/{owned}", {}),
        "filter": ("POST", "v2/filters", filtering | words),
        "filter for a minute": ("POST", "v2/filters", filtering | words | {"expires_in": "60"}),
        "change filter": ("PUT", f"v2/filters/{sieve}", filtering),
        "filter post": ("POST", f"v2/filters/{sieve}/statuses", {"status_id": parent}),
        "filter word": ("POST", f"v2/filters/{sieve}/keywords", {"keyword": str(number % 10)}),
        "delete filter": ("DELETE", f"v2/filters/{sieve}", {}),
        **{f"{way} tag": ("POST", f"v1/tags/{('tea', 'cup')[number % 2]}/{way}", {}) for way in ("follow", "unfollow", "feature")},
    }


BY_MODERATOR = ("suspend", "silence", "disable", "unsuspend", "unsilence", "enable")
NEWEST_ELSEWHERE = "select max(id) from posts where uri is not null and boost_of is null and deleted_at is null"
STATES_ELSEWHERE = {
    "profile arrives": "update accounts set display_name = 'Z' || now(), is_group = not is_group, memorial = true where host is not null",
    "counts arrive": """update account_counts set followers = followers + 5
                        where account_id in (select id from accounts where host is not null)""",
    "edit arrives": f"update posts set html = html || '!', edited_at = now() where id = ({NEWEST_ELSEWHERE})",
    "orphan arrives": f"update posts set reply_to_uri = 'https://far.example/1' where id = ({NEWEST_ELSEWHERE})",
    "parent arrives": f"""update posts p set reply_to_uri = null, reply_to = o.id, reply_to_account = o.account_id, thread_id = o.thread_id
                         from posts o where p.id = ({NEWEST_ELSEWHERE})
                         and o.id = (select min(id) from posts where deleted_at is null and visibility = 'public' and boost_of is null)""",
    "deletion arrives": f"update posts set deleted_at = now() where id = ({NEWEST_ELSEWHERE})",
}
"""Statements for what other servers say of the stranger and the newest of the stranger's posts, which may wait for its parent."""
ARRIVALS = ("post arrives", "reply arrives", "boost arrives")  # from another server
WITHOUT_API = ("delete account", "purge account", "revoke", "end sessions", *ARRIVALS, *STATES_ELSEWHERE)
COMMANDS = [*post_commands(0, 0, 0, "x", 0), *account_commands(0, 0), *collection_commands(0, 0, 0, 0, 0), *WITHOUT_API]


@frozen
class Do:
    """A command of account `who` on process `at`; `to` and `which` choose its objects. `wake`: the other processes are woken up."""

    what: str
    who: int = 0
    to: int = 1
    which: int = 0
    at: int = 0
    wake: bool = True


@frozen
class Look:
    """A request for page `which` to process `at`, whose response may be stale."""

    which: int
    at: int = 0


@frozen
class Together:
    """Requests at the same time. `order`: in which order their operations on the database go on."""

    parts: tuple[Do | Look, ...]
    order: tuple[int, ...]


@frozen
class Wait:
    """Time that passes."""

    seconds: int


@frozen
class Compare:
    """Comparison of pages on every process that has learned what the others committed; all are woken up, poll, or stay as they are.

    `share`: which one of SHARES parts of the pages (0: all). `passes`: how often each page is compared; all but the first time the caches
    hold them.
    """

    how: str = "wake"
    share: int = 0
    passes: int = 1


Step = Do | Look | Together | Wait | Compare
START = (
    *(Do("follow them", who, to) for who, to in ((0, 1), (0, 2), (1, 0))),
    *(Do("post", 1, 0, 2), Do("make list", 0), Do("put on list", 0, 1)),
)
OWN_API_PAGES = (
    *("notifications", "notifications?limit=2", "notifications/unread_count", "conversations", "favourites", "bookmarks", "lists"),
    *("followed_tags", "blocks", "mutes", "follow_requests", "preferences", "markers?timeline[]=home&timeline[]=notifications"),
)
# /notifications without a type marks what it shows as read.
OWN_HTML_PAGES = (
    *("/home", "/conversations", "/lists", "/settings/filters", "/notifications?type=mention", "/favourites", "/bookmarks"),
    *(f"/@{name}/{which}" for name in ("ada", "bob") for which in ("followers", "following")),
)


@define(eq=False, repr=False)
class History:
    """Accounts on a cluster, and what they do."""

    cluster: Cluster
    people: list[Viewer] = field(factory=list)
    headers: list[dict[str, str]] = field(factory=list)
    cookies: list[dict[str, str]] = field(factory=list)
    stranger: Account = field(init=False)

    def begin(self) -> None:
        """Empty the site, and create the accounts, each with a session and a token, and one of another server that some follow."""
        self.cluster.empty()
        plain = self.cluster.plain
        with plain.database.connection.cursor() as cursor:
            for name in (*NAMES, "mod"):
                self.people.append(make.viewer(cursor, name, role=Role.ADMIN if name == "mod" else Role.USER))
            self.stranger = make.remote_account(cursor, "zoe", FAR)
            for follower in self.people[:2]:
                make.follow(cursor, follower, self.stranger)
        for who in self.people:
            token = result_of(plain.domain.tokens.issue(who.id, SCOPES, "Tapper")).text
            entry = result_of(plain.domain.sessions.begin(who.id, ClientInfo("192.0.2.1", "192.0.2.1", "")))
            self.headers.append({"Authorization": f"Bearer {token}"})
            self.cookies.append({"Cookie": f"session={entry.token}"})

    def ids(self, sql: str, **params: object) -> list[int]:
        """Return the ids that a statement finds; 1 if it finds none."""
        with self.cluster.plain.database.connection.cursor() as cursor:
            cursor.execute(sql, params)
            return first_column(cursor.fetchall()) or [1]

    def run(self, step: Step) -> None:
        """Run one step."""
        match step:
            case Do():
                self.do(step)
            case Look():
                path, headers = self.page(step.which)
                assert self.cluster.cached[step.at].request("GET", path, headers).status < 500, path
            case Together():
                self.together(step)
            case Wait():
                self.cluster.clock.advance(seconds=step.seconds)
            case Compare():
                self.compare(step)

    def do(self, step: Do) -> None:
        """Run a command, which may be refused."""
        process = self.cluster.cached[step.at]
        if step.what in WITHOUT_API:
            self.do_without_api(process, step)
        else:
            method, target, headers, body = self.request_of(step)
            response = process.request(method, target, headers, body)
            assert response.status < 500, (step, response.text)
        self.cluster.committed(process, wake=step.wake)

    def do_without_api(self, process: Process, step: Do) -> None:
        """Run a command that the client API has not."""
        account = self.people[step.to].id
        try:
            match step.what:
                case "delete account":
                    result_of(process.domain.moderation.account_admin.delete(account))
                case "purge account":
                    result_of(process.deletion.purge(account))
                case "revoke":
                    sql = "update tokens set revoked_at = now() where account_id = %(id)s"
                    result_of(process.database.run(execute, sql, {"id": account}))
                case "end sessions":
                    result_of(process.database.run(execute, "delete from sessions where account_id = %(id)s", {"id": account}))
                case what if what in ARRIVALS:
                    result_of(process.database.run(self.arrive, what, step.which))
                case what:
                    result_of(process.database.run(execute, STATES_ELSEWHERE[what], {}))
        except Problem:
            return

    def arrive(self, cursor: Cursor, what: str, which: int) -> None:
        """Store a post of the account of another server."""
        ids = fetch_all(cursor, int, "select id from posts where deleted_at is null and boost_of is null order by id desc limit 20")
        others = [post for post in posts.by_ids(cursor, ids).values() if post.visibility.is_open]
        other = others[which % len(others)] if others else None
        if what != "boost arrives":
            make.remote_post(cursor, self.stranger, "tea", tags=["tea"], reply_to=other if what == "reply arrives" else None)
        elif other is not None and posts.boost_by(cursor, original=other.id, account=self.stranger.id) is None:
            make.remote_post(cursor, self.stranger, boost_of=other)

    def request_of(self, step: Do) -> tuple[str, str, dict[str, str], bytes]:
        """Return the request of a command: method, target, headers and body."""
        who = MODERATOR if step.what in BY_MODERATOR else step.who
        me, other = self.people[who], self.people[step.to]
        newest = self.ids("select id from posts order by id desc limit 20")
        own = self.ids("select id from posts where account_id = %(me)s order by id desc limit 5", me=me.id)
        polls = self.ids("select id from polls order by id desc limit 3")
        lists = self.ids("select id from lists where account_id = %(me)s order by id", me=me.id)
        sieves = self.ids("select id from filters where account_id = %(me)s order by id", me=me.id)
        parent, number = newest[step.which % len(newest)], step.which
        requests = post_commands(number, own[number % len(own)], parent, other.account.username, polls[number % len(polls)])
        requests |= account_commands(number, other.id)
        requests |= collection_commands(number, parent, other.id, lists[number % len(lists)], sieves[number % len(sieves)])
        method, path, fields = requests[step.what]
        return method, f"/api/{path}", self.headers[who] | {"Content-Type": FORM}, urlencode(fields, doseq=True).encode()

    def together(self, step: Together) -> None:
        """Run requests at the same time."""
        planned = [request for part in step.parts if (request := self.planned(part)) is not None]
        self.cluster.gate.closed = True
        sent = [(method, process.send(method, target, headers, body)) for process, method, target, headers, body in planned]
        self.cluster.gate.run(step.order)
        self.cluster.gate.closed = False
        for method, connection in sent:
            assert response_on(connection, method).status < 500
        for part in step.parts:
            if isinstance(part, Do):
                self.cluster.committed(self.cluster.cached[part.at], wake=part.wake)

    def planned(self, part: Do | Look) -> tuple[Process, str, str, dict[str, str], bytes | None] | None:
        """Return the process and the request of a part of a step; None if it is no request."""
        process = self.cluster.cached[part.at]
        if isinstance(part, Look):
            return process, "GET", *self.page(part.which), None
        return None if part.what in WITHOUT_API else (process, *self.request_of(part))

    def pages(self) -> list[tuple[str, dict[str, str]]]:
        """Return the paths of cached pages with the headers of each viewer."""
        chosen = self.ids("select id from posts order by id desc limit 30")
        some = list(dict.fromkeys([chosen[0], chosen[len(chosen) // 2], chosen[-1]]))
        found: list[tuple[str, dict[str, str]]] = []
        for who, headers in enumerate((*self.headers[:2], {})):
            lists = self.ids("select id from lists where account_id = %(me)s", me=self.people[who].id) if headers else []
            found += [(path, headers) for path in (*self.open_api_pages(some), *(self.own_api_pages(lists) if headers else ()))]
        found += [(path, {}) for path in self.open_html_pages(some)]
        for viewer, headers in zip(self.people[:2], self.cookies[:2], strict=True):
            lists = self.ids("select id from lists where account_id = %(me)s", me=viewer.id)
            own = (*OWN_HTML_PAGES, *(f"/lists/{id}" for id in lists))
            found += [(path, headers) for path in (*self.open_html_pages(some), *own)]
        return found

    def open_api_pages(self, posts: list[int]) -> Iterator[str]:
        """Yield API paths that anybody may read."""
        timelines = (
            "public",
            "public?limit=1",
            "tag/tea",
            "tag/tea?any[]=cup",
            "tag/tea?none[]=cup&limit=2",
            "tag/cup?all[]=tea",
            "public?remote=1",
        )
        yield from (f"/api/v1/timelines/{name}" for name in timelines)
        for who in self.people[:3]:
            at = f"/api/v1/accounts/{who.id}"
            yield f"/api/v1/accounts/lookup?acct={who.account.username}"
            yield from (at, f"{at}/statuses", f"{at}/statuses?exclude_replies=1&limit=2", f"{at}/statuses?exclude_reblogs=1")
            yield from (f"{at}/statuses?pinned=1", f"{at}/statuses?tagged=tea", f"{at}/featured_tags")
        yield from (f"/api/v2/search?q={prefix}&type=hashtags" for prefix in ("te", "cup", "%23TEA"))
        for post in posts:
            yield from (f"/api/v1/statuses/{post}", f"/api/v1/statuses/{post}/context", f"/api/v1/statuses/{post}/history")

    def own_api_pages(self, lists: list[int]) -> Iterator[str]:
        """Yield API paths for the owner of a token."""
        timelines = ("home?limit=1", "home?limit=3", "home", "home?limit=40", *(f"list/{id}" for id in lists))
        yield from (f"/api/v1/timelines/{name}" for name in timelines)
        yield from (
            "/api/v2/notifications",
            "/api/v2/notifications/unread_count",
            "/api/v2/filters",
            "/api/v2/search?q=%23tea",
            "/api/v1/accounts/verify_credentials",
        )
        yield from (f"/api/v1/{name}" for name in OWN_API_PAGES)
        ids = [*(who.id for who in self.people), self.stranger.id]
        yield "/api/v1/accounts/relationships?" + "&".join(f"id[]={id}" for id in ids)

    def open_html_pages(self, posts: list[int]) -> Iterator[str]:
        """Yield pages that anybody may read."""
        yield from ("/", "/local", "/@ada", "/@bob", "/@bob/with_replies", "/@ada/media", "/@cyd", "/tags/tea")
        yield from (f"/posts/{post}" for post in posts)
        with self.cluster.plain.database.connection.cursor() as cursor:
            sql = "select '/@' || a.username || '/' || p.id from posts p join accounts a on a.id = p.account_id where p.id = any(%s)"
            cursor.execute(sql, [posts])
            yield from first_column(cursor.fetchall())

    def page(self, which: int) -> tuple[str, dict[str, str]]:
        """Return one of the pages."""
        found = self.pages()
        return found[which % len(found)]

    def compare(self, step: Compare) -> None:
        """Compare pages of each process with those of the process without caches."""
        for process in self.cluster.cached:
            if step.how == "wake":
                process.wake()
            elif step.how == "poll":
                process.poll()
        pages = self.pages()[step.share - 1 :: SHARES] if step.share else self.pages()
        uncached = dict[int, tuple[int, tuple[object, ...]]]()  # with the number of commits before: reading a page may commit something
        for _ in range(step.passes):
            for place, (path, headers) in enumerate(pages):
                if place not in uncached or uncached[place][0] != self.cluster.commits:
                    uncached[place] = self.cluster.commits, self.uncached(path, headers)
                expected = uncached[place][1]
                for number, process in enumerate(self.cluster.cached):
                    if not process.unaware:
                        actual = comparable(process.request("GET", path, headers))
                        assert actual == expected, f"process {number}, {path} {headers}: {difference(actual, expected)}"
            self.compare_home()

    def uncached(self, path: str, headers: dict[str, str]) -> tuple[object, ...]:
        """Return what the process without caches responds."""
        self.cluster.plain.forget()
        expected = comparable(self.cluster.plain.request("GET", path, headers))
        assert expected[0] in (200, 302, 303, 401, 403, 404), path
        return expected

    def compare_home(self) -> None:
        """Compare home timelines with those that are read without caches."""
        everything = max(self.ids("select id from posts order by id desc limit 1")) + 1
        for who in self.people[:2]:
            for limit in (1, 2, 5):
                self.cluster.plain.forget()
                expected = result_of(self.cluster.plain.domain.timelines.home(who, Page(limit, max_id=everything)))
                for process in self.cluster.cached:
                    if not process.unaware:
                        assert result_of(process.domain.timelines.home(who, Page(limit))) == expected


def comparable(response: HttpResponse) -> tuple[object, ...]:
    """Return what must be equal in two responses, without one-time values."""
    headers = {name: value for name, value in response.headers if name not in NOT_COMPARED}
    return response.status, headers, SUGGESTIONS.sub(b"", ONE_TIME.sub(b"", response.body))


def difference(actual: tuple[object, ...], expected: tuple[object, ...]) -> str:
    """Return where two responses differ."""
    if actual[:2] != expected[:2]:
        return f"{actual[:2]} instead of {expected[:2]}"
    one, other = str(actual[2]), str(expected[2])
    first = next((place for place, (left, right) in enumerate(zip(one, other, strict=False)) if left != right), 0)
    start = max(0, first - 200)
    return f"\n{one[start : start + 500]}\ninstead of\n{other[start : start + 500]}"
