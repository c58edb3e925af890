"""The plan of a demo site: lively, believable and reproducible."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from microblog.domain.demo.compose import compose
from microblog.domain.demo.library import load
from microblog.domain.demo.plan import Demo, PlannedBookmark, PlannedFavourite, PlannedPost
from microblog.domain.text import post_text
from microblog.model.posts import Visibility

NOW = datetime(2026, 3, 14, 15, 9, 26, 535897, tzinfo=UTC)


@pytest.fixture(scope="module")
def demo() -> Demo:
    return compose(1, NOW)


def may_see(demo: Demo, username: str, post: PlannedPost, at: datetime) -> bool:
    """Return True if the reader may see the post; the visibility rule restated on the plan."""
    if post.author == username or post.visibility in {Visibility.PUBLIC, Visibility.UNLISTED}:
        return True
    if username in post_text.parse(post.text, "example.org").mentions:
        return True
    follows = (follow for follow in demo.follows if (follow.follower, follow.followed) == (username, post.author))
    return post.visibility is Visibility.PRIVATE and any(follow.accepted and follow.at <= at for follow in follows)


def test_the_same_seed_and_time_give_the_same_plan(demo: Demo) -> None:
    assert compose(1, NOW) == demo


def test_another_seed_gives_another_plan_and_another_time_only_moves_it(demo: Demo) -> None:
    assert compose(2, NOW).posts != demo.posts
    moved = compose(1, NOW + timedelta(days=7))
    assert [post.text for post in moved.posts] == [post.text for post in demo.posts]
    assert moved.posts[0].at == demo.posts[0].at + timedelta(days=7)


@pytest.mark.parametrize("posts", [1500, 2000, 3000])
def test_the_plan_has_the_requested_number_of_posts(posts: int) -> None:
    assert len(compose(3, NOW, posts).posts) == posts


def test_the_site_is_lively(demo: Demo) -> None:
    assert 50 <= len(demo.people) <= 60
    assert len({post.language for post in demo.posts}) >= 20
    assert len(demo.follows) > 10 * len(demo.people)
    assert len(demo.favourites) > 2 * len(demo.posts)
    assert len(demo.bookmarks) > 100
    assert {post.visibility for post in demo.posts} == set(Visibility)
    public = sum(post.visibility is Visibility.PUBLIC for post in demo.posts)
    assert public > 0.7 * len(demo.posts)
    assert sum(post.reply_to is not None for post in demo.posts) > 500
    assert sum(post.boost_of is not None for post in demo.posts) > 200
    assert sum(bool(post.spoiler) for post in demo.posts) >= 5
    assert sum(bool(post.edits) for post in demo.posts) >= 5
    assert sum(person.locked for person in demo.people) >= 2
    assert any(not follow.accepted for follow in demo.follows)
    assert set(Counter(post.author for post in demo.posts)) == {person.username for person in demo.people}


def test_a_few_accounts_have_many_followers_and_most_have_few(demo: Demo) -> None:
    followers = sorted(Counter(follow.followed for follow in demo.follows).values())
    assert followers[-1] > 2 * followers[len(followers) // 2]


def test_no_author_repeats_a_text(demo: Demo) -> None:
    said = Counter((post.author, post.text) for post in demo.posts if post.boost_of is None)
    assert max(said.values()) == 1
    openings = Counter(post.text for post in demo.posts if post.boost_of is None and post.reply_to is None)
    assert max(openings.values()) == 1


def test_posts_are_in_order_and_within_the_last_sixty_days(demo: Demo) -> None:
    assert [post.index for post in demo.posts] == list(range(len(demo.posts)))
    times = [post.at for post in demo.posts]
    assert times == sorted(times)
    assert NOW - timedelta(days=60) <= times[0]
    assert times[-1] < NOW
    joined = {person.username: person.joined for person in demo.people}
    assert all(joined[post.author] < post.at for post in demo.posts)
    assert all(max(joined[follow.follower], joined[follow.followed]) <= follow.at < NOW for follow in demo.follows)
    assert all(post.at < edit.at < NOW and edit.text != post.text for post in demo.posts for edit in post.edits)


def test_a_reply_is_later_than_its_parent_in_the_same_language_and_no_more_public(demo: Demo) -> None:
    order = list(Visibility)
    for post in demo.posts:
        if post.reply_to is not None:
            parent = demo.posts[post.reply_to]
            assert parent.at < post.at
            assert parent.boost_of is None
            assert parent.language == post.language
            assert order.index(post.visibility) >= order.index(parent.visibility)
            assert may_see(demo, post.author, parent, post.at)
            assert may_see(demo, parent.author, post, post.at)


def test_a_boost_is_of_a_public_post_of_another_author_and_happens_once(demo: Demo) -> None:
    boosts = [post for post in demo.posts if post.boost_of is not None]
    assert len({(post.author, post.boost_of) for post in boosts}) == len(boosts)
    for post in boosts:
        assert post.boost_of is not None
        original = demo.posts[post.boost_of]
        assert original.visibility in {Visibility.PUBLIC, Visibility.UNLISTED}
        assert original.author != post.author
        assert original.at < post.at
        assert original.boost_of is None
        assert post.text == ""


def test_favourites_and_bookmarks_are_of_visible_posts(demo: Demo) -> None:
    marks: list[PlannedFavourite | PlannedBookmark] = [*demo.favourites, *demo.bookmarks]
    for favourite in marks:
        post = demo.posts[favourite.post]
        assert post.boost_of is None
        assert post.at < favourite.at < NOW
        assert may_see(demo, favourite.account, post, favourite.at)
    assert len({(favourite.account, favourite.post) for favourite in demo.favourites}) == len(demo.favourites)
    assert len({(favourite.account, favourite.post) for favourite in demo.bookmarks}) == len(demo.bookmarks)


def test_all_texts_are_valid(demo: Demo) -> None:
    for post in demo.posts:
        for said in (post.text, *(edit.text for edit in post.edits)):
            assert post_text.clean(said) == said
            assert post_text.length(said, post.spoiler) <= 500
            assert "{" not in said
    for person in demo.people:
        assert post_text.username(person.username) == person.username
        assert post_text.display_name(person.display_name) == person.display_name
        assert post_text.length(post_text.clean(person.bio)) <= 500


def test_every_mentioned_account_exists(demo: Demo) -> None:
    names = {person.username for person in demo.people}
    for post in demo.posts:
        assert set(post_text.parse(post.text, "example.org").mentions) <= names


def test_every_text_for_one_author_names_a_speaker_of_its_language() -> None:
    library = load()
    speaks = {person.username: person.speaks for person in library.people}
    for texts in library.languages:
        assert sum(texts.language in languages for languages in speaks.values()) >= 2
        for author in [*(entry.by for entry in texts.entries), *(script.by for script in texts.scripts)]:
            assert author is None or texts.language in speaks[author]
