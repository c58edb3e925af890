"""Favourites, boosts, bookmarks, pins and muted threads."""

from __future__ import annotations

import pytest

from microblog.domain.interactions import Interactions
from microblog.domain.notifications import NotificationQuery, Notifications
from microblog.domain.timelines import Timelines
from microblog.model.errors import Forbidden, Invalid, NotFound
from microblog.model.notifications import NotificationKind
from microblog.model.paging import Page
from microblog.model.posts import MAX_PINNED, Visibility
from microblog.storage.database import Cursor
from tests import make
from tests.fakes import RolledBackDatabase


@pytest.fixture
def interaction_service(db: RolledBackDatabase) -> Interactions:
    return Interactions(db, lambda: make.NOW)


async def test_a_favourite_counts_once_and_its_undo_leaves_nothing(
    interaction_service: Interactions, db: RolledBackDatabase, cursor: Cursor
) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    post = make.post(cursor, ada)
    await interaction_service.favourite(bob, post.id)
    assert (await interaction_service.favourite(bob, post.id)).favourites_count == 1
    told = Notifications(db, lambda: make.NOW)
    assert [one.kind for one in await told.page(ada, NotificationQuery(Page()))] == [NotificationKind.FAVOURITE]
    assert (await interaction_service.unfavourite(bob, post.id)).favourites_count == 0
    assert (await interaction_service.unfavourite(bob, post.id)).favourites_count == 0
    assert await told.page(ada, NotificationQuery(Page())) == []


async def test_boosting_again_returns_the_first_boost(interaction_service: Interactions, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    post = make.post(cursor, ada)
    boost = await interaction_service.boost(bob, post.id)
    assert boost.boost is not None
    assert (boost.boost.id, boost.boost.boosts_count) == (post.id, 1)
    assert (await interaction_service.boost(bob, boost.id)).id == boost.id
    assert (await interaction_service.unboost(bob, post.id)).boosts_count == 0
    assert make.reload(cursor, bob).posts_count == 0


async def test_only_an_own_followers_only_post_can_be_boosted_and_the_boost_stays_private(
    interaction_service: Interactions, cursor: Cursor
) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    make.follow(cursor, bob, ada)
    private = make.post(cursor, ada, visibility=Visibility.PRIVATE)
    with pytest.raises(Forbidden):
        await interaction_service.boost(bob, private.id)
    assert (await interaction_service.boost(ada, private.id, Visibility.PUBLIC)).visibility is Visibility.PRIVATE


async def test_a_direct_post_cannot_be_boosted(interaction_service: Interactions, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    with pytest.raises(Forbidden):
        await interaction_service.boost(ada, make.post(cursor, ada, visibility=Visibility.DIRECT).id)


async def test_posts_that_the_viewer_may_not_see_cannot_be_favourited_or_bookmarked(
    interaction_service: Interactions, cursor: Cursor
) -> None:
    hidden, stranger = make.post(cursor, make.viewer(cursor), visibility=Visibility.PRIVATE), make.viewer(cursor)
    for command in (
        interaction_service.favourite,
        interaction_service.boost,
        interaction_service.bookmark,
        interaction_service.pin,
        interaction_service.mute_thread,
    ):
        with pytest.raises(NotFound):
            await command(stranger, hidden.id)


async def test_bookmarks_are_listed_by_creation_time(interaction_service: Interactions, db: RolledBackDatabase, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    old, new = make.post(cursor, ada, "old"), make.post(cursor, ada, "new")
    await interaction_service.bookmark(bob, new.id)
    await interaction_service.bookmark(bob, old.id)
    timelines = Timelines(db, lambda: make.NOW)
    found = await timelines.bookmarks(bob, Page())
    assert [post.text for post in found.posts] == ["old", "new"]
    older = await timelines.bookmarks(bob, Page(max_id=found.marks[0]))
    assert [post.text for post in older.posts] == ["new"]
    await interaction_service.unbookmark(bob, old.id)
    assert [post.text for post in (await timelines.bookmarks(bob, Page())).posts] == ["new"]


async def test_the_number_of_pinned_posts_is_limited(interaction_service: Interactions, cursor: Cursor) -> None:
    ada = make.viewer(cursor)
    pinned = [make.post(cursor, ada) for _ in range(MAX_PINNED)]
    for post in pinned:
        await interaction_service.pin(ada, post.id)
    await interaction_service.pin(ada, pinned[0].id)
    with pytest.raises(Invalid, match="maximum number"):
        await interaction_service.pin(ada, make.post(cursor, ada).id)
    await interaction_service.unpin(ada, pinned[0].id)
    await interaction_service.pin(ada, make.post(cursor, ada).id)


async def test_an_invalid_pin_is_refused_with_a_reason(interaction_service: Interactions, cursor: Cursor) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    theirs = make.post(cursor, bob)
    for post, why in (
        (theirs, "Someone else's"),
        (make.boost(cursor, ada, theirs), "A boost"),
        (make.post(cursor, ada, visibility=Visibility.DIRECT), "mentioned users"),
    ):
        with pytest.raises(Invalid, match=why):
            await interaction_service.pin(ada, post.id)


async def test_a_muted_thread_sends_no_more_notifications(
    interaction_service: Interactions, db: RolledBackDatabase, cursor: Cursor
) -> None:
    ada, bob = make.viewer(cursor), make.viewer(cursor)
    post = make.post(cursor, ada)
    await interaction_service.mute_thread(ada, post.id)
    make.post(cursor, bob, reply_to=post)
    told = Notifications(db, lambda: make.NOW)
    assert await told.page(ada, NotificationQuery(Page())) == []
    await interaction_service.unmute_thread(ada, post.id)
    make.post(cursor, bob, reply_to=post)
    assert len(await told.page(ada, NotificationQuery(Page()))) == 1
