"""Tests with Mastodon.py: media, polls, scheduled posts, paging, instance information."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from mastodon import Mastodon
from mastodon.errors import MastodonAPIError, MastodonNotFoundError, MastodonUnauthorizedError

from tests import files
from tests.acceptance.accounts import register_account
from tests.acceptance.site_process import SiteProcess, wait_until
from tests.adapters.test_media_processing import needs_ffmpeg

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def ada(shared_site: SiteProcess) -> Mastodon:
    return register_account(shared_site, "ada")


@pytest.fixture(scope="module")
def bob(shared_site: SiteProcess) -> Mastodon:
    return register_account(shared_site, "bob")


def shown(site: SiteProcess, url: str) -> int:
    """The status with which this file is served."""
    assert url.startswith(site.url)
    return site.get(url.removeprefix(site.url))[0]


def test_a_picture_is_described_cropped_posted_and_kept_in_order(shared_site: SiteProcess, ada: Mastodon, bob: Mastodon) -> None:
    first = ada.media_post(files.picture(), "image/jpeg", description="red and blue", focus=(0.5, -0.25))
    second = ada.media_post(files.picture("PNG"), "image/png", synchronous=True)
    assert (first.type, first.description, first.meta.focus) == ("image", "red and blue", {"x": 0.5, "y": -0.25})
    assert (first.meta.original.width, first.meta.original.size, len(first.blurhash) > 5) == (64, "64x48", True)
    assert ada.media_update(second, description="the same", focus=(0, 1)).description == "the same"
    assert ada.media(second).meta.focus.y == 1
    with pytest.raises(MastodonNotFoundError):
        bob.media(second)
    post = ada.status_post("look", media_ids=[second, first], sensitive=True)
    assert ([one.id for one in post.media_attachments], post.sensitive) == ([second.id, first.id], True)
    assert {shown(shared_site, url) for one in post.media_attachments for url in (one.url, one.preview_url)} == {200}
    assert [one.id for one in ada.account_statuses(ada.me(), only_media=True)] == [post.id]
    assert [one.id for one in bob.timeline_public(only_media=True, limit=1)] == [post.id]
    edited = ada.status_update(post, "look!", media_attributes=[ada.generate_media_edit_attributes(first, "blue and red")])
    assert [(one.id, one.description) for one in edited.media_attachments] == [(first.id, "blue and red")]
    assert [len(one.media_attachments) for one in ada.status_history(post)] == [2, 1]


def test_a_picture_that_is_not_used_can_be_taken_back(shared_site: SiteProcess, ada: Mastodon) -> None:
    unused = ada.media_post(files.picture(), "image/jpeg").id
    program = ada._Mastodon__api_request  # type: ignore[attr-defined]  # it has no call for this yet
    assert program("DELETE", f"/api/v1/media/{unused}") == {}
    with pytest.raises(MastodonNotFoundError):
        ada.media(unused)
    post = ada.status_post("with", media_ids=[ada.media_post(files.picture(), "image/jpeg")])
    with pytest.raises(MastodonAPIError):
        ada.status_post("again", media_ids=post.media_attachments)
    with pytest.raises(MastodonAPIError, match="more than 4"):
        ada.status_post("many", media_ids=["1", "2", "3", "4", "5"])
    with pytest.raises(MastodonAPIError):
        ada.media_post(b"not a picture", "image/png")


def ready(client: Mastodon, sent: Any) -> Any:
    """What became of an upload, once it is done. (Mastodon.py would wait five seconds before it asks again.)"""
    assert wait_until(lambda: client.media(sent).url)
    return client.media(sent)


@needs_ffmpeg
def test_films_and_tunes_are_there_when_they_are_ready(shared_site: SiteProcess, ada: Mastodon) -> None:
    cover = {"thumbnail": files.picture(), "thumbnail_mime_type": "image/jpeg"}
    sent = ada.media_post(files.film(), "video/mp4", description="a test card")
    film = ready(ada, sent)
    silent = ready(ada, ada.media_post(files.animation(), "image/gif"))
    tune = ready(ada, ada.media_post(files.tune(), "audio/wav", **cover))
    assert (sent.url, film.description) == (None, "a test card")
    assert [one.type for one in (film, silent, tune)] == ["video", "gifv", "audio"]
    assert {shown(shared_site, url) for one in (film, silent, tune) for url in (one.url, one.preview_url)} == {200}
    assert (film.meta.original.width, film.meta.original.frame_rate) == (64, "10/1")
    assert ada.status_post("watch", media_ids=[film]).media_attachments[0].type == "video"
    with pytest.raises(MastodonAPIError):
        ada.status_post("both", media_ids=[tune, ada.media_post(files.picture(), "image/jpeg")])


def test_polls_are_made_voted_and_counted(ada: Mastodon, bob: Mastodon) -> None:
    made = ada.make_poll(["tea", "coffee", "water"], expires_in=3600, multiple=True, hide_totals=True)
    post = ada.status_post("what?", poll=made)
    assert ([one.title for one in post.poll.options], post.poll.multiple, post.poll.voted) == (["tea", "coffee", "water"], True, True)
    voted = bob.poll_vote(post.poll, [0, 2])
    assert (voted.own_votes, voted.voters_count, voted.votes_count, voted.options[0].votes_count) == ([0, 2], 1, 2, None)
    assert bob.poll(voted).voted
    with pytest.raises(MastodonAPIError, match="already voted"):
        bob.poll_vote(post.poll, [0])
    more = bob.poll_vote(post.poll, [1])
    assert (more.own_votes, more.voters_count, more.votes_count) == ([0, 1, 2], 1, 3)
    with pytest.raises(MastodonAPIError, match="your own"):
        ada.poll_vote(post.poll, [1])
    single = ada.status_post("one", poll=ada.make_poll(["yes", "no"], expires_in=300))
    with pytest.raises(MastodonAPIError, match="does not exist"):
        bob.poll_vote(single.poll, [2])
    assert [one.votes_count for one in bob.poll_vote(single.poll, [1]).options] == [0, 1]
    changed = ada.status_update(single, "one", poll=ada.make_poll(["yes", "never"], expires_in=300))
    assert [(one.title, one.votes_count) for one in changed.poll.options] == [("yes", 0), ("never", 0)]
    with pytest.raises(MastodonAPIError):
        ada.status_post("short", poll=ada.make_poll(["a", "b"], expires_in=10))


def test_posts_are_written_for_later(ada: Mastodon) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    kept = ada.status_post("later", scheduled_at=later, visibility="unlisted", idempotency_key="later 1")
    assert (kept.params.text, kept.params.visibility, abs(kept.scheduled_at - later) < timedelta(seconds=1)) == ("later", "unlisted", True)
    assert ada.status_post("later", scheduled_at=later, idempotency_key="later 1").id == kept.id
    assert [one.id for one in ada.scheduled_statuses()] == [ada.scheduled_status(kept).id]
    moved = ada.scheduled_status_update(kept, later + timedelta(hours=1))
    assert moved.scheduled_at > kept.scheduled_at
    with pytest.raises(MastodonAPIError):
        ada.status_post("too soon", scheduled_at=datetime.now(UTC) + timedelta(seconds=30))
    ada.scheduled_status_delete(kept)
    assert ada.scheduled_statuses() == []


def test_who_may_see_a_post_is_kept(ada: Mastodon, bob: Mastodon) -> None:
    posts = {how: ada.status_post(f"for {how}", visibility=how, language="fr") for how in ("public", "unlisted", "private", "direct")}
    assert [posts[how].visibility for how in posts] == list(posts)
    assert [one.id for one in bob.account_statuses(ada.me(), limit=2)] == [posts["unlisted"].id, posts["public"].id]
    for how in ("private", "direct"):
        with pytest.raises(MastodonNotFoundError):
            bob.status(posts[how])
        with pytest.raises(MastodonNotFoundError):
            bob.status_favourite(posts[how])
    bob.account_follow(ada.me())
    assert bob.status(posts["private"]).language == "fr"
    with pytest.raises(MastodonAPIError):
        bob.status_reblog(posts["private"])
    assert ada.status_reblog(posts["public"], visibility="unlisted").visibility == "unlisted"
    named = ada.status_post(f"@{bob.me().acct} psst", visibility="direct")
    assert [one.acct for one in bob.status(named).mentions] == [bob.me().acct]
    bob.account_unfollow(ada.me())


def test_the_parameters_of_a_reply_are_the_post_s(ada: Mastodon, bob: Mastodon) -> None:
    post = ada.status_post("quiet", visibility="unlisted", spoiler_text="careful")
    reply = bob.status_reply(post, "yes")
    assert (reply.visibility, reply.spoiler_text, reply.in_reply_to_id) == ("unlisted", "careful", post.id)
    assert [one.id for one in reply.mentions] == [ada.me().id]
    below = ada.status_reply(reply, "and")
    seen = bob.status_context(reply)
    assert ([one.id for one in seen.ancestors], [one.id for one in seen.descendants]) == ([post.id], [below.id])


@pytest.fixture(scope="module")
def pages(shared_site: SiteProcess) -> tuple[Mastodon, list[str]]:
    """Somebody with seven posts, the newest first."""
    cat = register_account(shared_site, "cat")
    return cat, [cat.status_post(f"number {number} #leaves").id for number in range(7)][::-1]


def all_of(client: Mastodon, first: Any) -> Iterator[str]:
    """What all pages hold, from this one on, one after the other."""
    page = first
    while page:
        yield from (one.id for one in page)
        page = client.fetch_next(page)


def test_lists_are_paged_forward_to_their_end(pages: tuple[Mastodon, list[str]], bob: Mastodon) -> None:
    cat, posts = pages
    for post in reversed(posts):
        bob.status_favourite(post)
        bob.status_bookmark(post)
    me = cat.me()
    for first in (
        cat.timeline_home(limit=2),
        cat.timeline_hashtag("leaves", limit=3),
        cat.account_statuses(me, limit=2, exclude_replies=True),
        bob.account_statuses(me, limit=2, tagged="leaves"),
        bob.favourites(limit=3),
        bob.bookmarks(limit=3),
    ):
        assert list(all_of(cat if first[0].favourited is not True else bob, first)) == posts
    assert [one.status.id for one in cat.fetch_remaining(cat.notifications(types=["favourite"], limit=2))] == posts
    assert [one.id for one in cat.pagination_iterator(cat.timeline_home(limit=2))] == posts


def test_lists_are_paged_back_to_their_beginning(pages: tuple[Mastodon, list[str]]) -> None:
    cat, posts = pages
    last = cat.timeline_home(max_id=posts[4], limit=2)
    back = []
    page = cat.fetch_previous(last)
    while page:
        back += [[one.id for one in page]]
        page = cat.fetch_previous(page)
    assert back == [posts[3:5], posts[1:3], posts[:1]]
    assert [one.id for one in cat.timeline_home(since_id=posts[5])] == posts[:5]
    assert [one.id for one in cat.timeline_home(min_id=posts[6], max_id=posts[3])] == posts[4:6]


def test_people_in_lists_are_paged(shared_site: SiteProcess, bob: Mastodon) -> None:
    me = bob.me()
    others = [register_account(shared_site, "fan") for _ in range(5)]
    followers = []
    for one in others:
        one.account_follow(me)
        followers.append(one.me().id)
        bob.account_block(one.me().id) if one is others[0] else bob.account_mute(one.me().id)
    assert list(all_of(bob, bob.account_followers(me, limit=2))) == followers[:0:-1]
    assert list(all_of(bob, bob.mutes(limit=2))) == followers[:0:-1]
    assert [one.id for one in bob.blocks(limit=2)] == followers[:1]


def test_words_people_and_tags_are_found(shared_site: SiteProcess, ada: Mastodon, bob: Mastodon) -> None:
    secret = ada.status_post("A quokka nobody sees", visibility="private")
    posts = [ada.status_post(f"The quokka number {number} #marsupial") for number in range(3)]
    found = bob.search_v2("quokka", result_type="statuses", limit=2)
    assert [one.id for one in found.statuses] == [posts[2].id, posts[1].id]
    assert [one.id for one in bob.search_v2("quokka", result_type="statuses", limit=2, offset=2).statuses] == [posts[0].id]
    assert [one.id for one in bob.search_v2("quokka", account_id=bob.me().id).statuses] == []
    assert secret.id in [one.id for one in ada.search_v2("quokka", account_id=ada.me().id).statuses]
    assert [one.name for one in bob.search_v2("marsup", result_type="hashtags").hashtags] == ["marsupial"]
    assert [one.id for one in bob.search_v2(ada.me().username, result_type="accounts").accounts][:1] == [ada.me().id]
    assert bob.search("quokka").statuses
    nobody = Mastodon(api_base_url=shared_site.url)
    assert nobody.search_v2("quokka", resolve=False).statuses is not None
    with pytest.raises(MastodonUnauthorizedError):
        nobody.search_v2("quokka", resolve=True)


def test_what_many_talk_about_is_asked_for(shared_site: SiteProcess, ada: Mastodon, bob: Mastodon) -> None:
    ada.status_post("look at #comet")
    bob.status_post("the #comet again")
    nobody = Mastodon(api_base_url=shared_site.url)
    used = nobody.tag("comet").history
    assert (len(used), int(used[0].accounts), int(used[0].uses)) == (7, 2, 2)
    # They are counted every few minutes, so what is among them depends on who asked when.
    assert all(len(one.history) == 7 for one in nobody.trending_tags(limit=20))
    assert all(one.reblog is None for one in nobody.trending_statuses(limit=20))
    assert nobody.trending_links() == []


def test_announcements_are_read_answered_and_put_away(shared_site: SiteProcess, ada: Mastodon, bob: Mastodon) -> None:
    shared_site.run_command("announce", "publish", "We move on #Friday.")
    told = ada.announcements()[0]
    assert ("We move on" in told.content, told.read, told.reactions) == (True, False, [])
    ada.announcement_reaction_create(told, "👍")
    bob.announcement_reaction_create(told, "👍")
    assert [(one.name, one.count, one.me) for one in ada.announcements()[0].reactions] == [("👍", 2, True)]
    ada.announcement_reaction_delete(told, "👍")
    assert [(one.count, one.me) for one in ada.announcements()[0].reactions] == [(1, False)]
    ada.announcement_dismiss(told)
    assert [one.read for one in ada.announcements()] in ([], [True])


def test_the_site_tells_about_itself(shared_site: SiteProcess, ada: Mastodon) -> None:
    nobody = Mastodon(api_base_url=shared_site.url)
    assert nobody.instance().domain == f"127.0.0.1:{shared_site.port}"
    assert nobody.instance_health()
    assert {one.code for one in nobody.instance_languages()} >= {"de", "en"}
    assert nobody.instance_translation_languages() == {}
    assert nobody.instance_extended_description().content is not None
    clock: Any = nobody.get_approx_server_time()
    assert abs(clock.astimezone(UTC) - datetime.now(UTC)) < timedelta(minutes=1)
    assert nobody.oauth_authorization_server_info().code_challenge_methods_supported == ["S256"]
    assert nobody.timeline_is_available("public")
    assert nobody.timeline_local(limit=1)
    with pytest.raises(MastodonNotFoundError):
        nobody.instance_terms_of_service()
    assert nobody.verify_minimum_version("4.4.0")


def test_the_place_in_a_timeline_is_kept(ada: Mastodon) -> None:
    posts = [ada.status_post("here").id, ada.status_post("there").id]
    first = ada.markers_set("home", posts[0])["home"]
    second = ada.markers_set("home", posts[1])["home"]
    assert (second.last_read_id, second.version - first.version) == (posts[1], 1)
    assert ada.markers_get(["home", "notifications"])["home"].last_read_id == posts[1]
