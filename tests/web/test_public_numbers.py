"""No number, date or order that a stranger can read depends on what the stranger may not see.

Every GET route is requested before and after, by an anonymous visitor and by a user without relations to the author.
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
from tests.fakes import RolledBackDatabase, result_of
from tests.web.api.client import Client, anonymous_client, new_client_for
from tests.web.crawler import fill_path, finite_get_routes
from tests.web.http_client import request
from tests.web.visitor import PASSWORD, SiteFixture, Visitor, build_site

TAG, OTHER_TAG = "tea", "teapot"
ONE_TIME = re.compile(
    r'name="(?:csrf|key)" value="[^"]*"|data-(?:now|position)="[^"]*"|(?<=>)[^<>]*(?=</time>)'
)  # different on each request
QUERIES = ("", "?q=te", "?q=tea&type=hashtags", "?order=active&local=true", "?order=new")


@define(eq=False)
class Neighbours:
    """Two users who follow each other and have public posts, and two strangers, one of them without an account."""

    site: SiteFixture
    author: Client
    friend: Client
    stranger: Client
    visitor: Visitor
    post: dict[str, Any]
    poll: dict[str, Any]
    hidden: list[str]

    def numbers(self) -> dict[str, str]:
        """Return what the strangers read at every path, without one-time values."""
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
                responses = {
                    "nobody": request(self.site.server, "GET", target, {}),
                    "stranger": request(self.site.server, "GET", target, bearer) if route.options.api else self.visitor.get(target),
                }
                for who, response in responses.items():
                    text = response.body.decode("utf-8", "replace")
                    read.append((target, who, ONE_TIME.sub("", f"{response.status} {text}")))
        return read


@pytest.fixture
def neighbours(cursor: Cursor, tmp_path: Path) -> Neighbours:
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
    assert visitor.submit("/login", name="stranger", password=PASSWORD).status == 303
    return Neighbours(site, author, friend, stranger, visitor, post, poll, [])


def publish_hidden(neighbours: Neighbours, who: Client, visibility: Visibility, text: str, **fields: object) -> str:
    """Publish a post that strangers may not see, and return its id."""
    created = who.post("/v1/statuses", status=text, visibility=visibility, **fields).json
    assert anonymous_client(neighbours.site).get(f"/v1/statuses/{created['id']}").status == 404
    neighbours.hidden.append(created["id"])
    return str(created["id"])


def write_direct_message(neighbours: Neighbours) -> None:
    publish_hidden(neighbours, neighbours.author, Visibility.DIRECT, f"@friend #{TAG} #{OTHER_TAG} #{OTHER_TAG}s")


def reply_directly(neighbours: Neighbours) -> None:
    publish_hidden(neighbours, neighbours.friend, Visibility.DIRECT, "@author well", in_reply_to_id=neighbours.post["id"])


def reply_directly_in_a_thread(neighbours: Neighbours) -> None:
    first = publish_hidden(neighbours, neighbours.author, Visibility.DIRECT, "@friend one", in_reply_to_id=neighbours.post["id"])
    publish_hidden(neighbours, neighbours.friend, Visibility.DIRECT, "@author two", in_reply_to_id=first)


def post_image_directly(neighbours: Neighbours) -> None:
    picture = neighbours.author.upload("POST", "/v2/media", {"file": files.image()}).json["id"]
    publish_hidden(neighbours, neighbours.author, Visibility.DIRECT, "@friend look", media_ids=[picture])


def post_poll_directly(neighbours: Neighbours) -> None:
    fields = {"status": "@friend?", "visibility": "direct", "poll": {"options": ["a", "b"], "expires_in": 3600}}
    poll = neighbours.author.request("POST", "/v1/statuses", json=fields).json["poll"]["id"]
    neighbours.friend.post(f"/v1/polls/{poll}/votes", choices=["0"])


def edit_direct_message(neighbours: Neighbours) -> None:
    id = publish_hidden(neighbours, neighbours.author, Visibility.DIRECT, "@friend first")
    neighbours.author.put(f"/v1/statuses/{id}", status=f"@friend second #{OTHER_TAG}")


def delete_direct_message(neighbours: Neighbours) -> None:
    id = publish_hidden(neighbours, neighbours.author, Visibility.DIRECT, "@friend gone", in_reply_to_id=neighbours.post["id"])
    assert neighbours.author.request("DELETE", f"/v1/statuses/{id}").status == 200


def favourite_direct_message(neighbours: Neighbours) -> None:
    id = publish_hidden(neighbours, neighbours.author, Visibility.DIRECT, f"@friend #{TAG}")
    for action in ("favourite", "bookmark", "mute"):
        assert neighbours.friend.post(f"/v1/statuses/{id}/{action}").status == 200


def bookmark_and_mute(neighbours: Neighbours) -> None:
    for action in ("bookmark", "unbookmark", "mute", "bookmark"):
        assert neighbours.friend.post(f"/v1/statuses/{neighbours.post['id']}/{action}").status in (200, 403)


def upload_and_schedule(neighbours: Neighbours) -> None:
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    neighbours.author.upload("POST", "/v2/media", {"file": files.image()})
    assert neighbours.author.post("/v1/statuses", status=f"Later #{OTHER_TAG}", scheduled_at=later).status == 200


def follow_tags_and_organize(neighbours: Neighbours) -> None:
    neighbours.friend.post(f"/v1/tags/{OTHER_TAG}/follow")
    list_id = neighbours.friend.post("/v1/lists", title="Close").json["id"]
    neighbours.friend.post(f"/v1/lists/{list_id}/accounts", account_ids=[neighbours.author.id])
    neighbours.friend.post("/v2/filters", title="Coffee", context=["home"])
    neighbours.friend.post(f"/v1/accounts/{neighbours.author.id}/note", comment="kind")
    neighbours.friend.post(f"/v1/accounts/{neighbours.author.id}/mute")


ACTIONS: tuple[Callable[[Neighbours], None], ...] = (
    write_direct_message,
    reply_directly,
    reply_directly_in_a_thread,
    post_image_directly,
    post_poll_directly,
    edit_direct_message,
    delete_direct_message,
    favourite_direct_message,
    bookmark_and_mute,
    upload_and_schedule,
    follow_tags_and_organize,
)


def differences(before: dict[str, str], after: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Return the paths at which the strangers read something different."""
    return {target: (before[target], after[target]) for target in before if before[target] != after[target]}


def changed_numbers(neighbours: Neighbours, action: Callable[[], object]) -> dict[str, tuple[str, str]]:
    """Return what the strangers read differently after the action."""
    neighbours.numbers()  # the first visit counts as a visit
    before = neighbours.numbers()
    action()
    return differences(before, neighbours.numbers())


def test_hidden_activity_changes_nothing_that_strangers_read(neighbours: Neighbours) -> None:
    neighbours.numbers()  # the first visit counts as a visit
    before = neighbours.numbers()
    assert len(before) > 150
    for action in ACTIONS:
        action(neighbours)
        assert differences(before, neighbours.numbers()) == {}, action.__name__


@frozen
class Counters:
    """The counters of an account and a post."""

    statuses: int
    last: str
    replies: int
    boosts: int


def read_counters(neighbours: Neighbours, who: Client) -> Counters:
    account = anonymous_client(neighbours.site).get(f"/v1/accounts/{who.id}").json
    post = anonymous_client(neighbours.site).get(f"/v1/statuses/{neighbours.post['id']}").json
    return Counters(account["statuses_count"], account["last_status_at"], post["replies_count"], post["reblogs_count"])


def test_followers_only_posts_count_only_as_posts_of_their_author(neighbours: Neighbours) -> None:
    before = read_counters(neighbours, neighbours.friend)
    publish_hidden(neighbours, neighbours.friend, Visibility.PRIVATE, "For followers", in_reply_to_id=neighbours.post["id"])
    neighbours.friend.post(f"/v1/statuses/{neighbours.post['id']}/reblog", visibility="private")
    today = datetime.now(UTC).date().isoformat()
    assert read_counters(neighbours, neighbours.friend) == Counters(before.statuses + 2, today, before.replies, before.boosts)
    for id in neighbours.hidden:
        neighbours.friend.request("DELETE", f"/v1/statuses/{id}")
    neighbours.friend.post(f"/v1/statuses/{neighbours.post['id']}/unreblog")
    assert read_counters(neighbours, neighbours.friend) == Counters(before.statuses, today, before.replies, before.boosts)


def test_followers_only_posts_change_nothing_but_their_authors_counters(neighbours: Neighbours) -> None:
    """Mastodon counts such posts and their day on the author's profile, so both are reset before the comparison."""

    def action() -> None:
        publish_hidden(neighbours, neighbours.friend, Visibility.PRIVATE, f"#{TAG} #{OTHER_TAG}", in_reply_to_id=neighbours.post["id"])
        neighbours.friend.post(f"/v1/statuses/{neighbours.post['id']}/reblog", visibility="private")
        execute(
            neighbours.site.cursor, "update account_counts set posts = posts - 2 where account_id = %(id)s", {"id": neighbours.friend.id}
        )
        execute(neighbours.site.cursor, "update account_counts set last_post_on = last_post_on - 1 where last_post_on = current_date")

    assert changed_numbers(neighbours, action) == {}


@given(steps=st.lists(st.tuples(st.integers(0, 8), st.sampled_from(Visibility), st.integers(0, 20)), max_size=14))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_counters_equal_a_recount_of_visible_posts(cursor: Cursor, steps: list[tuple[int, Visibility, int]]) -> None:
    execute(cursor, "savepoint example")
    try:
        perform_steps(cursor, steps)
        assert recounted(cursor) == counters(cursor)
    finally:
        execute(cursor, "rollback to savepoint example")


def perform_steps(cursor: Cursor, steps: list[tuple[int, Visibility, int]]) -> None:
    """Let two users who follow each other post, reply, boost and delete."""
    people = [make.viewer(cursor), make.viewer(cursor)]
    make.follow(cursor, people[0], people[1])
    make.follow(cursor, people[1], people[0])
    names = " ".join(f"@{one.account.username}" for one in people)
    created = [make.post(cursor, people[0])]
    for kind, visibility, number in steps:
        who, about = people[number % 2], created[number % len(created)]
        if kind < 3:
            created.append(make.post(cursor, who, f"Hello {names}", visibility=visibility))
        elif kind < 6:
            created.append(make.post(cursor, who, f"Well {names}", visibility=visibility, reply_to=about))
        elif about.boost is None and about.visibility is not Visibility.DIRECT and (about.visibility.is_open or about.author.id == who.id):
            created.append(make.boost(cursor, who, about) if kind < 8 else boost_for_followers(cursor, who, about))


def boost_for_followers(cursor: Cursor, who: Viewer, about: Post) -> Post:
    """Boost for followers only."""
    return result_of(Interactions(RolledBackDatabase(cursor), lambda: make.NOW).boost(who, about.id, Visibility.PRIVATE))


def counters(cursor: Cursor) -> list[tuple[object, ...]]:
    """Return all counters, by account and by post."""
    people = "select account_id, posts, last_post_on from account_counts order by 1"
    posts = "select post_id, replies, boosts from post_counts order by 1"
    return [*fetch_all(cursor, lambda *row: row, people), *fetch_all(cursor, lambda *row: row, posts)]


def recounted(cursor: Cursor) -> list[tuple[object, ...]]:
    """Return all counters, recounted from the rows."""
    execute(cursor, "savepoint counted")
    execute(cursor, "delete from account_counts")
    execute(cursor, "delete from post_counts")
    count_everything(cursor)
    found = counters(cursor)
    execute(cursor, "rollback to savepoint counted")
    return found
