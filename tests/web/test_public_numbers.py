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
from tests.web.api.client import Client, anonymous, another
from tests.web.crawler import filled, reading
from tests.web.memory import ask
from tests.web.visitor import Town, Visitor, town

TAG, OTHER_TAG = "tea", "teapot"
ONCE = re.compile(r'name="(?:csrf|key)" value="[^"]*"|data-(?:now|position)="[^"]*"|(?<=>)[^<>]*(?=</time>)')  # another with every reading
QUERIES = ("", "?q=te", "?q=tea&type=hashtags", "?order=active&local=true", "?order=new")


@define(eq=False)
class Village:
    """Two people who know each other, with posts for everybody; and two strangers, one of them without an account."""

    site: Town
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
        for route in reading(self.site):
            for query in QUERIES if route.path.endswith(("search", "directory", "complete", "tags")) else QUERIES[:1]:
                target = filled(route.path, values) + query
                bearer = {"Authorization": f"Bearer {self.stranger.token}"}
                replies = {
                    "nobody": ask(self.site.server, "GET", target, {}),
                    "stranger": ask(self.site.server, "GET", target, bearer) if route.options.api else self.visitor.get(target),
                }
                for who, reply in replies.items():
                    text = reply.body.decode("utf-8", "replace")
                    read.append((target, who, ONCE.sub("", f"{reply.status} {text}")))
        return read


@pytest.fixture
def village(cursor: Cursor, tmp_path: Path) -> Village:
    site = town(cursor, tmp_path, rate_limits="off")
    for name in ("author", "friend", "stranger"):
        site.resident(name)
    author, friend, stranger = (another(site, site.viewer(name)) for name in ("author", "friend", "stranger"))
    for one, other in ((author, friend), (friend, author)):
        make.follow(cursor, one.person, other.person)
    post = author.post("/v1/statuses", status=f"Hello #{TAG}").json
    author.post("/v1/statuses", status=f"A #{OTHER_TAG}")
    friend.post("/v1/statuses", status=f"Good morning #{TAG}", in_reply_to_id=post["id"])
    poll = author.ask("POST", "/v1/statuses", json={"status": "Tea?", "poll": {"options": ["yes", "no"], "expires_in": 3600}}).json
    yesterday = datetime.now(UTC) - timedelta(days=1)
    execute(cursor, "update account_counts set last_post_on = %(day)s", {"day": yesterday.date()})
    visitor = site.visitor()
    visitor.submit("/login", username="stranger", password="correct horse battery")
    return Village(site, author, friend, stranger, visitor, post, poll, [])


def written(village: Village, who: Client, visibility: Visibility, text: str, **fields: object) -> str:
    """The id of a new post that strangers may not see."""
    made = who.post("/v1/statuses", status=text, visibility=visibility, **fields).json
    assert anonymous(village.site).get(f"/v1/statuses/{made['id']}").status == 404
    village.hidden.append(made["id"])
    return str(made["id"])


def speak(village: Village) -> None:
    written(village, village.author, Visibility.DIRECT, f"@friend #{TAG} #{OTHER_TAG} #{OTHER_TAG}s")


def answer(village: Village) -> None:
    written(village, village.friend, Visibility.DIRECT, "@author well", in_reply_to_id=village.post["id"])


def answer_in_a_thread(village: Village) -> None:
    first = written(village, village.author, Visibility.DIRECT, "@friend one", in_reply_to_id=village.post["id"])
    written(village, village.friend, Visibility.DIRECT, "@author two", in_reply_to_id=first)


def show(village: Village) -> None:
    picture = village.author.upload("POST", "/v2/media", {"file": files.picture()}).json["id"]
    written(village, village.author, Visibility.DIRECT, "@friend look", media_ids=[picture])


def ask_friends(village: Village) -> None:
    said = {"status": "@friend?", "visibility": "direct", "poll": {"options": ["a", "b"], "expires_in": 3600}}
    poll = village.author.ask("POST", "/v1/statuses", json=said).json["poll"]["id"]
    village.friend.post(f"/v1/polls/{poll}/votes", choices=["0"])


def edit(village: Village) -> None:
    id = written(village, village.author, Visibility.DIRECT, "@friend first")
    village.author.put(f"/v1/statuses/{id}", status=f"@friend second #{OTHER_TAG}")


def delete(village: Village) -> None:
    id = written(village, village.author, Visibility.DIRECT, "@friend gone", in_reply_to_id=village.post["id"])
    assert village.author.ask("DELETE", f"/v1/statuses/{id}").status == 200


def like_what_is_hidden(village: Village) -> None:
    id = written(village, village.author, Visibility.DIRECT, f"@friend #{TAG}")
    for mark in ("favourite", "bookmark", "mute"):
        assert village.friend.post(f"/v1/statuses/{id}/{mark}").status == 200


def keep(village: Village) -> None:
    for way in ("bookmark", "unbookmark", "mute", "bookmark"):
        assert village.friend.post(f"/v1/statuses/{village.post['id']}/{way}").status in (200, 403)


def prepare(village: Village) -> None:
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    village.author.upload("POST", "/v2/media", {"file": files.picture()})
    assert village.author.post("/v1/statuses", status=f"Later #{OTHER_TAG}", scheduled_at=later).status == 200


def arrange(village: Village) -> None:
    village.friend.post(f"/v1/tags/{OTHER_TAG}/follow")
    list_id = village.friend.post("/v1/lists", title="Close").json["id"]
    village.friend.post(f"/v1/lists/{list_id}/accounts", account_ids=[village.author.id])
    village.friend.post("/v2/filters", title="Coffee", context=["home"])
    village.friend.post(f"/v1/accounts/{village.author.id}/note", comment="kind")
    village.friend.post(f"/v1/accounts/{village.author.id}/mute")


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


def moved(village: Village, act: Callable[[], object]) -> dict[str, tuple[str, str]]:
    """What the strangers read otherwise after the act. What they read once more without it is the same."""
    village.numbers()  # a reader who comes for the first time is counted as one who was here
    before = village.numbers()
    act()
    return differences(before, village.numbers())


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_what_strangers_may_not_see_moves_nothing_that_they_read(village: Village, act: Callable[[Village], None]) -> None:
    assert len(village.numbers()) > 150
    assert moved(village, lambda: act(village)) == {}


@frozen
class Counted:
    """The numbers of a person and of a post."""

    statuses: int
    last: str
    replies: int
    boosts: int


def counted(village: Village, who: Client) -> Counted:
    account = anonymous(village.site).get(f"/v1/accounts/{who.id}").json
    post = anonymous(village.site).get(f"/v1/statuses/{village.post['id']}").json
    return Counted(account["statuses_count"], account["last_status_at"], post["replies_count"], post["reblogs_count"])


def test_posts_for_followers_count_as_posts_alone_as_on_mastodon(village: Village) -> None:
    before = counted(village, village.friend)
    written(village, village.friend, Visibility.PRIVATE, "For followers", in_reply_to_id=village.post["id"])
    village.friend.post(f"/v1/statuses/{village.post['id']}/reblog", visibility="private")
    today = datetime.now(UTC).date().isoformat()
    assert counted(village, village.friend) == Counted(before.statuses + 2, today, before.replies, before.boosts)
    for id in village.hidden:
        village.friend.ask("DELETE", f"/v1/statuses/{id}")
    village.friend.post(f"/v1/statuses/{village.post['id']}/unreblog")
    assert counted(village, village.friend) == Counted(before.statuses, today, before.replies, before.boosts)


def test_what_followers_alone_see_moves_nothing_but_the_numbers_of_its_author(village: Village) -> None:
    """Where somebody's number of posts is read, and the day of the last, Mastodon lets it move: so both are set back before looking."""

    def act() -> None:
        written(village, village.friend, Visibility.PRIVATE, f"#{TAG} #{OTHER_TAG}", in_reply_to_id=village.post["id"])
        village.friend.post(f"/v1/statuses/{village.post['id']}/reblog", visibility="private")
        execute(village.site.cursor, "update account_counts set posts = posts - 2 where account_id = %(id)s", {"id": village.friend.id})
        execute(village.site.cursor, "update account_counts set last_post_on = last_post_on - 1 where last_post_on = current_date")

    assert moved(village, act) == {}


@given(steps=st.lists(st.tuples(st.integers(0, 8), st.sampled_from(Visibility), st.integers(0, 20)), max_size=14))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_counters_are_what_a_stranger_could_count(cursor: Cursor, steps: list[tuple[int, Visibility, int]]) -> None:
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
