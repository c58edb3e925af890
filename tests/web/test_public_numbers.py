"""No number, date or order that a stranger can read moves with what the stranger may not see.

Every reading route is asked before and after, by a visitor without an account and by somebody to whom the people have no relation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import define, frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from microblog.domain.interactions import Interactions
from microblog.model.accounts import Viewer
from microblog.model.posts import Post, Visibility
from microblog.storage import tags
from microblog.storage.bulk_insert import count_everything
from microblog.storage.database import Cursor, execute, fetch_all
from tests import files, make
from tests.fakes import RolledBackDatabase, done
from tests.web.api.client import Client, anonymous_client, new_client_for
from tests.web.crawler import fill_path, finite_get_routes
from tests.web.http_client import request
from tests.web.visitor import SiteFixture, Visitor, build_site

TAG, OTHER_TAG = "tea", "teapot"
ONCE = re.compile(r'name="(?:csrf|key)" value="[^"]*"|data-(?:now|position)="[^"]*"|(?<=>)[^<>]*(?=</time>)')  # another with every reading
QUERIES = ("", "?q=te", "?q=tea&type=hashtags", "?order=active&local=true", "?order=new")


@define(eq=False)
class Village:
    """Two people who know each other, with posts for everybody; and two strangers, one of them without an account."""

    site: SiteFixture
    author: Client
    friend: Client
    stranger: Client
    visitor: Visitor
    post: dict[str, Any]
    poll: dict[str, Any]
    hidden: list[str]

    def numbers(self) -> dict[str, str]:
        """What the strangers read at every address, without what is another each time."""
        tags.recount(self.site.cursor, after=0)
        values = {
            "username": "author",
            "name": TAG,
            "account_id": self.author.id,
            "poll_id": self.poll["poll"]["id"],
            "post_id": self.post["id"],
            "status_id": self.post["id"],
        }
        return {f"{who} {path}": text for path, who, text in self._read(values)}

    def _read(self, values: dict[str, str]) -> list[tuple[str, str, str]]:
        read = []
        for route in finite_get_routes(self.site):
            for query in QUERIES if route.path.endswith(("search", "directory", "complete", "tags")) else QUERIES[:1]:
                target = fill_path(route.path, values) + query
                bearer = {"Authorization": f"Bearer {self.stranger.token}"}
                replies = {
                    "nobody": request(self.site.server, "GET", target, {}),
                    "stranger": request(self.site.server, "GET", target, bearer) if route.options.api else self.visitor.get(target),
                }
                for who, response in replies.items():
                    text = response.body.decode("utf-8", "replace")
                    read.append((target, who, ONCE.sub("", f"{response.status} {text}")))
        return read


@pytest.fixture
def live_site(cursor: Cursor, tmp_path: Path) -> Village:
    site = build_site(cursor, tmp_path, rate_limits="off")
    for name in ("author", "friend", "stranger"):
        site.registered_user(name)
    author, friend, stranger = (new_client_for(site, site.viewer(name)) for name in ("author", "friend", "stranger"))
    for one, other in ((author, friend), (friend, author)):
        make.follow(cursor, one.owner, other.owner)
    post = author.post("/v1/statuses", status=f"Hello #{TAG}").json
    author.post("/v1/statuses", status=f"A #{OTHER_TAG}")
    friend.post("/v1/statuses", status=f"Good morning #{TAG}", in_reply_to_id=post["id"])
    poll = author.request("POST", "/v1/statuses", json={"status": "Tea?", "poll": {"options": ["yes", "no"], "expires_in": 3600}}).json
    yesterday = datetime.now(UTC) - timedelta(days=1)
    execute(cursor, "update account_counts set last_post_on = %(day)s", {"day": yesterday.date()})
    visitor = site.visitor()
    visitor.submit("/login", username="stranger", password="correct horse battery")
    return Village(site, author, friend, stranger, visitor, post, poll, [])


def written(live_site: Village, who: Client, visibility: Visibility, text: str, **fields: object) -> str:
    """The id of a new post that strangers may not see."""
    made = who.post("/v1/statuses", status=text, visibility=visibility, **fields).json
    assert anonymous_client(live_site.site).get(f"/v1/statuses/{made['id']}").status == 404
    live_site.hidden.append(made["id"])
    return str(made["id"])


def speak(live_site: Village) -> None:
    written(live_site, live_site.author, Visibility.DIRECT, f"@friend #{TAG} #{OTHER_TAG} #{OTHER_TAG}s")


def answer(live_site: Village) -> None:
    written(live_site, live_site.friend, Visibility.DIRECT, "@author well", in_reply_to_id=live_site.post["id"])


def answer_in_a_thread(live_site: Village) -> None:
    first = written(live_site, live_site.author, Visibility.DIRECT, "@friend one", in_reply_to_id=live_site.post["id"])
    written(live_site, live_site.friend, Visibility.DIRECT, "@author two", in_reply_to_id=first)


def show(live_site: Village) -> None:
    picture = live_site.author.upload("POST", "/v2/media", {"file": files.picture()}).json["id"]
    written(live_site, live_site.author, Visibility.DIRECT, "@friend look", media_ids=[picture])


def ask_friends(live_site: Village) -> None:
    said = {"status": "@friend?", "visibility": "direct", "poll": {"options": ["a", "b"], "expires_in": 3600}}
    poll = live_site.author.request("POST", "/v1/statuses", json=said).json["poll"]["id"]
    live_site.friend.post(f"/v1/polls/{poll}/votes", choices=["0"])


def edit(live_site: Village) -> None:
    id = written(live_site, live_site.author, Visibility.DIRECT, "@friend first")
    live_site.author.put(f"/v1/statuses/{id}", status=f"@friend second #{OTHER_TAG}")


def delete(live_site: Village) -> None:
    id = written(live_site, live_site.author, Visibility.DIRECT, "@friend gone", in_reply_to_id=live_site.post["id"])
    assert live_site.author.request("DELETE", f"/v1/statuses/{id}").status == 200


def like_what_is_hidden(live_site: Village) -> None:
    id = written(live_site, live_site.author, Visibility.DIRECT, f"@friend #{TAG}")
    for mark in ("favourite", "bookmark", "mute"):
        assert live_site.friend.post(f"/v1/statuses/{id}/{mark}").status == 200


def keep(live_site: Village) -> None:
    for way in ("bookmark", "unbookmark", "mute", "bookmark"):
        assert live_site.friend.post(f"/v1/statuses/{live_site.post['id']}/{way}").status in (200, 403)


def prepare(live_site: Village) -> None:
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    live_site.author.upload("POST", "/v2/media", {"file": files.picture()})
    assert live_site.author.post("/v1/statuses", status=f"Later #{OTHER_TAG}", scheduled_at=later).status == 200


def arrange(live_site: Village) -> None:
    live_site.friend.post(f"/v1/tags/{OTHER_TAG}/follow")
    list_id = live_site.friend.post("/v1/lists", title="Close").json["id"]
    live_site.friend.post(f"/v1/lists/{list_id}/accounts", account_ids=[live_site.author.id])
    live_site.friend.post("/v2/filters", title="Coffee", context=["home"])
    live_site.friend.post(f"/v1/accounts/{live_site.author.id}/note", comment="kind")
    live_site.friend.post(f"/v1/accounts/{live_site.author.id}/mute")


ACTS: tuple[Callable[[Village], None], ...] = (
    speak,
    answer,
    answer_in_a_thread,
    show,
    ask_friends,
    edit,
    delete,
    like_what_is_hidden,
    keep,
    prepare,
    arrange,
)


def differences(before: dict[str, str], after: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Where the strangers read something else."""
    return {target: (before[target], after[target]) for target in before if before[target] != after[target]}


def moved(live_site: Village, act: Callable[[], object]) -> dict[str, tuple[str, str]]:
    """What the strangers read otherwise after the act. What they read once more without it is the same."""
    live_site.numbers()  # a reader who comes for the first time is counted as one who was here
    before = live_site.numbers()
    act()
    return differences(before, live_site.numbers())


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_hidden_activity_changes_nothing_that_strangers_read(live_site: Village, act: Callable[[Village], None]) -> None:
    assert len(live_site.numbers()) > 150
    assert moved(live_site, lambda: act(live_site)) == {}


@frozen
class Counted:
    """The numbers of a person and of a post."""

    statuses: int
    last: str
    replies: int
    boosts: int


def counted(live_site: Village, who: Client) -> Counted:
    account = anonymous_client(live_site.site).get(f"/v1/accounts/{who.id}").json
    post = anonymous_client(live_site.site).get(f"/v1/statuses/{live_site.post['id']}").json
    return Counted(account["statuses_count"], account["last_status_at"], post["replies_count"], post["reblogs_count"])


def test_followers_only_posts_count_only_as_posts_of_their_author(live_site: Village) -> None:
    before = counted(live_site, live_site.friend)
    written(live_site, live_site.friend, Visibility.PRIVATE, "For followers", in_reply_to_id=live_site.post["id"])
    live_site.friend.post(f"/v1/statuses/{live_site.post['id']}/reblog", visibility="private")
    today = datetime.now(UTC).date().isoformat()
    assert counted(live_site, live_site.friend) == Counted(before.statuses + 2, today, before.replies, before.boosts)
    for id in live_site.hidden:
        live_site.friend.request("DELETE", f"/v1/statuses/{id}")
    live_site.friend.post(f"/v1/statuses/{live_site.post['id']}/unreblog")
    assert counted(live_site, live_site.friend) == Counted(before.statuses, today, before.replies, before.boosts)


def test_followers_only_posts_change_nothing_but_their_authors_counters(live_site: Village) -> None:
    """Where somebody's number of posts is read, and the day of the last, Mastodon lets it move: so both are set back before looking."""

    def act() -> None:
        written(live_site, live_site.friend, Visibility.PRIVATE, f"#{TAG} #{OTHER_TAG}", in_reply_to_id=live_site.post["id"])
        live_site.friend.post(f"/v1/statuses/{live_site.post['id']}/reblog", visibility="private")
        execute(live_site.site.cursor, "update account_counts set posts = posts - 2 where account_id = %(id)s", {"id": live_site.friend.id})
        execute(live_site.site.cursor, "update account_counts set last_post_on = last_post_on - 1 where last_post_on = current_date")

    assert moved(live_site, act) == {}


@given(steps=st.lists(st.tuples(st.integers(0, 8), st.sampled_from(Visibility), st.integers(0, 20)), max_size=14))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_counters_equal_a_recount_of_visible_posts(cursor: Cursor, steps: list[tuple[int, Visibility, int]]) -> None:
    execute(cursor, "savepoint example")
    try:
        live_through(cursor, steps)
        assert recounted(cursor) == counters(cursor)
    finally:
        execute(cursor, "rollback to savepoint example")


def live_through(cursor: Cursor, steps: list[tuple[int, Visibility, int]]) -> None:
    """Let two people who follow each other post, answer, boost and delete."""
    people = [make.viewer(cursor), make.viewer(cursor)]
    make.follow(cursor, people[0], people[1])
    make.follow(cursor, people[1], people[0])
    names = " ".join(f"@{one.account.username}" for one in people)
    made = [make.post(cursor, people[0])]
    for kind, visibility, number in steps:
        who, about = people[number % 2], made[number % len(made)]
        if kind < 3:
            made.append(make.post(cursor, who, f"Hello {names}", visibility=visibility))
        elif kind < 6:
            made.append(make.post(cursor, who, f"Well {names}", visibility=visibility, reply_to=about))
        elif about.boost is None and about.visibility is not Visibility.DIRECT and (about.visibility.is_open or about.author.id == who.id):
            made.append(make.boost(cursor, who, about) if kind < 8 else boosted_quietly(cursor, who, about))


def boosted_quietly(cursor: Cursor, who: Viewer, about: Post) -> Post:
    """A boost for followers alone."""
    return done(Interactions(RolledBackDatabase(cursor), lambda: make.NOW).boost(who, about.id, Visibility.PRIVATE))


def counters(cursor: Cursor) -> list[tuple[object, ...]]:
    """All counters, by account and by post."""
    people = "select account_id, posts, last_post_on from account_counts order by 1"
    posts = "select post_id, replies, boosts from post_counts order by 1"
    return [*fetch_all(cursor, lambda *row: row, people), *fetch_all(cursor, lambda *row: row, posts)]


def recounted(cursor: Cursor) -> list[tuple[object, ...]]:
    """The same, counted anew from the rows."""
    execute(cursor, "savepoint counted")
    execute(cursor, "delete from account_counts")
    execute(cursor, "delete from post_counts")
    count_everything(cursor)
    found = counters(cursor)
    execute(cursor, "rollback to savepoint counted")
    return found
