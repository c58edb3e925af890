"""Suggestions of accounts and hashtags while typing."""

from __future__ import annotations

import pytest

from microblog.domain.autocomplete import Autocomplete
from microblog.model.accounts import Viewer
from microblog.model.posts import Visibility
from microblog.model.profile_features import MAX_USES
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase


@pytest.fixture
def completion(db: RolledBackDatabase) -> Autocomplete:
    return Autocomplete(db)


async def names(completion: Autocomplete, viewer: Viewer, prefix: str) -> list[str]:
    return [one.account.username for one in await completion.people(viewer, prefix)]


async def tags(completion: Autocomplete, viewer: Viewer, prefix: str) -> list[tuple[str, int]]:
    return [(one.tag.name, one.uses) for one in await completion.tags(viewer, prefix)]


async def test_followed_accounts_come_first_then_the_most_followed(completion: Autocomplete, cursor: Cursor) -> None:
    me, known, famous, other = (make.viewer(cursor, name) for name in ("me_self", "Teresa", "tea_famous", "tea"))
    make.follow(cursor, me, known)
    for _ in range(3):
        make.follow(cursor, make.viewer(cursor), famous)
    assert await names(completion, me, "TE") == ["Teresa", "tea_famous", "tea"]
    assert await names(completion, me, "tea") == ["tea", "tea_famous"]
    assert [one.followed for one in await completion.people(me, "te")] == [True, False, False]
    assert await names(completion, known, "tea_") == ["tea_famous"]  # no wildcard
    assert await names(completion, other, "me_s") == ["me_self"]
    assert await names(completion, me, "me_s") == []  # nobody names themselves


async def test_followed_accounts_are_found_by_any_word_of_the_display_name(completion: Autocomplete, cursor: Cursor) -> None:
    me = make.viewer(cursor)
    friend, stranger = (make.account(cursor, name, display_name="Jasmin علي Tea") for name in ("friend", "stranger"))
    make.follow(cursor, me, friend)
    for prefix in ("jas", "عل", "te"):
        assert await names(completion, me, prefix) == ["friend"]
    assert await names(completion, me, "asm") == []
    assert await names(completion, me, "str") == [stranger.username]


@pytest.mark.parametrize("relation", ["blocks me", "is blocked", "is suspended", "is limited"])
async def test_hidden_accounts_are_not_suggested(completion: Autocomplete, cursor: Cursor, relation: str) -> None:
    me, other = make.viewer(cursor), make.viewer(cursor, "teapot")
    assert await names(completion, me, "tea") == ["teapot"]
    match relation:
        case "blocks me":
            make.block(cursor, other, me)
        case "is blocked":
            make.block(cursor, me, other)
        case "is suspended":
            make.suspend(cursor, other)
        case _:
            cursor.execute("update accounts set limited_at = now() where id = %s", [other.id])
    assert await names(completion, me, "tea") == []


async def test_hashtag_counts_include_only_posts_that_the_viewer_may_see(completion: Autocomplete, cursor: Cursor) -> None:
    me, other, foe = (make.viewer(cursor) for _ in range(3))
    make.post(cursor, other, "#Tea")
    for _ in range(3):
        make.post(cursor, other, "#teatime #tea_time")
    make.post(cursor, other, "#teasecret", visibility=Visibility.PRIVATE)
    make.block(cursor, foe, me)
    make.post(cursor, foe, "#teafoe")
    assert await tags(completion, me, "TÉA") == [("Tea", 1), ("tea_time", 3), ("teatime", 3)]
    assert await tags(completion, me, "tea_") == [("tea_time", 3)]
    assert ("teasecret", 1) in await tags(completion, other, "tea")


async def test_uses_are_counted_up_to_a_limit(completion: Autocomplete, cursor: Cursor) -> None:
    me = make.viewer(cursor)
    for _ in range(MAX_USES + 5):
        make.post(cursor, me, "#often")
    [often] = await completion.tags(me, "of")
    assert (often.uses, often.at_limit) == (MAX_USES, True)


@pytest.mark.parametrize("prefix", ["", " ", "%", "\\", "\0", "\ud800", "a" * 1000])
async def test_text_that_is_no_name_gives_no_suggestions(completion: Autocomplete, cursor: Cursor, prefix: str) -> None:
    me = make.viewer(cursor)
    make.post(cursor, me, "#tea")
    assert await completion.people(me, prefix) == []
    assert await completion.tags(me, prefix) == []
