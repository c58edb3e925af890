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


def status_of_file(site: SiteProcess, url: str) -> int:
    """Return the HTTP status of a file of the site."""
    assert url.startswith(site.url)
    return site.get(url.removeprefix(site.url))[0]


def test_images_are_described_focused_and_posted_in_order(shared_site: SiteProcess, ada: Mastodon, bob: Mastodon) -> None:
    first = ada.media_post(files.image(), "image/jpeg", description="red and blue", focus=(0.5, -0.25))
    second = ada.media_post(files.image("PNG"), "image/png", synchronous=True)
    assert (first.type, first.description, first.meta.focus) == ("image", "red and blue", {"x": 0.5, "y": -0.25})
    assert (first.meta.original.width, first.meta.original.size, len(first.blurhash) > 5) == (64, "64x48", True)
    assert ada.media_update(second, description="the same", focus=(0, 1)).description == "the same"
    assert ada.media(second).meta.focus.y == 1
    with pytest.raises(MastodonNotFoundError):
        bob.media(second)
    post = ada.status_post("look", media_ids=[second, first], sensitive=True)
    assert ([one.id for one in post.media_attachments], post.sensitive) == ([second.id, first.id], True)
    assert {status_of_file(shared_site, url) for one in post.media_attachments for url in (one.url, one.preview_url)} == {200}
    assert [one.id for one in ada.account_statuses(ada.me(), only_media=True)] == [post.id]
    assert [one.id for one in bob.timeline_public(only_media=True, limit=1)] == [post.id]
    edited = ada.status_update(post, "look!", media_attributes=[ada.generate_media_edit_attributes(first, "blue and red")])
    assert [(one.id, one.description) for one in edited.media_attachments] == [(first.id, "blue and red")]
    assert [len(one.media_attachments) for one in ada.status_history(post)] == [2, 1]


def test_an_unused_upload_can_be_deleted(shared_site: SiteProcess, ada: Mastodon) -> None:
    unused = ada.media_post(files.image(), "image/jpeg").id
    api_request = ada._Mastodon__api_request  # type: ignore[attr-defined]  # Mastodon.py has no method for this yet
    assert api_request("DELETE", f"/api/v1/media/{unused}") == {}
    with pytest.raises(MastodonNotFoundError):
        ada.media(unused)
    post = ada.status_post("with", media_ids=[ada.media_post(files.image(), "image/jpeg")])
    with pytest.raises(MastodonAPIError):
        ada.status_post("again", media_ids=post.media_attachments)
    with pytest.raises(MastodonAPIError, match="more than 4"):
        ada.status_post("many", media_ids=["1", "2", "3", "4", "5"])
    with pytest.raises(MastodonAPIError):
        ada.media_post(b"not a picture", "image/png")


def wait_until_processed(client: Mastodon, upload: Any) -> Any:
    """Wait until an upload is processed and return it. (Mastodon.py would wait five seconds between its requests.)"""
    assert wait_until(lambda: client.media(upload).url)
    return client.media(upload)


@needs_ffmpeg
def test_video_and_audio_are_available_after_processing(shared_site: SiteProcess, ada: Mastodon) -> None:
    thumbnail = {"thumbnail": files.image(), "thumbnail_mime_type": "image/jpeg"}
    upload = ada.media_post(files.video(), "video/mp4", description="a test card")
    video = wait_until_processed(ada, upload)
    animation = wait_until_processed(ada, ada.media_post(files.animation(), "image/gif"))
    audio = wait_until_processed(ada, ada.media_post(files.audio(), "audio/wav", **thumbnail))
    assert (upload.url, video.description) == (None, "a test card")
    assert [one.type for one in (video, animation, audio)] == ["video", "gifv", "audio"]
    assert {status_of_file(shared_site, url) for one in (video, animation, audio) for url in (one.url, one.preview_url)} == {200}
    assert (video.meta.original.width, video.meta.original.frame_rate) == (64, "10/1")
    assert ada.status_post("watch", media_ids=[video]).media_attachments[0].type == "video"
    with pytest.raises(MastodonAPIError):
        ada.status_post("both", media_ids=[audio, ada.media_post(files.image(), "image/jpeg")])


def test_polls_are_created_voted_on_and_counted(ada: Mastodon, bob: Mastodon) -> None:
    poll = ada.make_poll(["tea", "coffee", "water"], expires_in=3600, multiple=True, hide_totals=True)
    post = ada.status_post("what?", poll=poll)
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


def test_posts_are_scheduled(ada: Mastodon) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    scheduled = ada.status_post("later", scheduled_at=later, visibility="unlisted", idempotency_key="later 1")
    assert (scheduled.params.text, scheduled.params.visibility, abs(scheduled.scheduled_at - later) < timedelta(seconds=1)) == (
        "later",
        "unlisted",
        True,
    )
    assert ada.status_post("later", scheduled_at=later, idempotency_key="later 1").id == scheduled.id
    assert [one.id for one in ada.scheduled_statuses()] == [ada.scheduled_status(scheduled).id]
    rescheduled = ada.scheduled_status_update(scheduled, later + timedelta(hours=1))
    assert rescheduled.scheduled_at > scheduled.scheduled_at
    with pytest.raises(MastodonAPIError):
        ada.status_post("too soon", scheduled_at=datetime.now(UTC) + timedelta(seconds=30))
    ada.scheduled_status_delete(scheduled)
    assert ada.scheduled_statuses() == []


def test_the_visibility_of_a_post_is_enforced(ada: Mastodon, bob: Mastodon) -> None:
    posts = {
        visibility: ada.status_post(f"for {visibility}", visibility=visibility, language="fr")
        for visibility in ("public", "unlisted", "private", "direct")
    }
    assert [posts[visibility].visibility for visibility in posts] == list(posts)
    assert [one.id for one in bob.account_statuses(ada.me(), limit=2)] == [posts["unlisted"].id, posts["public"].id]
    for visibility in ("private", "direct"):
        with pytest.raises(MastodonNotFoundError):
            bob.status(posts[visibility])
        with pytest.raises(MastodonNotFoundError):
            bob.status_favourite(posts[visibility])
    bob.account_follow(ada.me())
    assert bob.status(posts["private"]).language == "fr"
    with pytest.raises(MastodonAPIError):
        bob.status_reblog(posts["private"])
    assert ada.status_reblog(posts["public"], visibility="unlisted").visibility == "unlisted"
    named = ada.status_post(f"@{bob.me().acct} psst", visibility="direct")
    assert [one.acct for one in bob.status(named).mentions] == [bob.me().acct]
    bob.account_unfollow(ada.me())


def test_a_reply_inherits_visibility_and_content_warning(ada: Mastodon, bob: Mastodon) -> None:
    post = ada.status_post("quiet", visibility="unlisted", spoiler_text="careful")
    reply = bob.status_reply(post, "yes")
    assert (reply.visibility, reply.spoiler_text, reply.in_reply_to_id) == ("unlisted", "careful", post.id)
    assert [one.id for one in reply.mentions] == [ada.me().id]
    second_reply = ada.status_reply(reply, "and")
    context = bob.status_context(reply)
    assert ([one.id for one in context.ancestors], [one.id for one in context.descendants]) == ([post.id], [second_reply.id])


@pytest.fixture(scope="module")
def pages(shared_site: SiteProcess) -> tuple[Mastodon, list[str]]:
    """An author with seven posts; their ids, newest first."""
    author = register_account(shared_site, "cat")
    return author, [author.status_post(f"number {number} #leaves").id for number in range(7)][::-1]


def iterate_pages(client: Mastodon, first: Any) -> Iterator[str]:
    """Yield the ids of this page and all following pages."""
    page = first
    while page:
        yield from (one.id for one in page)
        page = client.fetch_next(page)


def test_pages_lead_forward_to_the_end(pages: tuple[Mastodon, list[str]], bob: Mastodon) -> None:
    author, posts = pages
    for post in reversed(posts):
        bob.status_favourite(post)
        bob.status_bookmark(post)
    me = author.me()
    for first in (
        author.timeline_home(limit=2),
        author.timeline_hashtag("leaves", limit=3),
        author.account_statuses(me, limit=2, exclude_replies=True),
        bob.account_statuses(me, limit=2, tagged="leaves"),
        bob.favourites(limit=3),
        bob.bookmarks(limit=3),
    ):
        assert list(iterate_pages(author if first[0].favourited is not True else bob, first)) == posts
    assert [one.status.id for one in author.fetch_remaining(author.notifications(types=["favourite"], limit=2))] == posts
    assert [one.id for one in author.pagination_iterator(author.timeline_home(limit=2))] == posts


def test_pages_lead_back_to_the_beginning(pages: tuple[Mastodon, list[str]]) -> None:
    author, posts = pages
    last = author.timeline_home(max_id=posts[4], limit=2)
    pages_back = []
    page = author.fetch_previous(last)
    while page:
        pages_back += [[one.id for one in page]]
        page = author.fetch_previous(page)
    assert pages_back == [posts[3:5], posts[1:3], posts[:1]]
    assert [one.id for one in author.timeline_home(since_id=posts[5])] == posts[:5]
    assert [one.id for one in author.timeline_home(min_id=posts[6], max_id=posts[3])] == posts[4:6]


def test_lists_of_accounts_are_paged(shared_site: SiteProcess, bob: Mastodon) -> None:
    me = bob.me()
    others = [register_account(shared_site, "fan") for _ in range(5)]
    followers = []
    for one in others:
        one.account_follow(me)
        followers.append(one.me().id)
        bob.account_block(one.me().id) if one is others[0] else bob.account_mute(one.me().id)
    assert list(iterate_pages(bob, bob.account_followers(me, limit=2))) == followers[:0:-1]
    assert list(iterate_pages(bob, bob.mutes(limit=2))) == followers[:0:-1]
    assert [one.id for one in bob.blocks(limit=2)] == followers[:1]


def test_search_finds_posts_accounts_and_hashtags(shared_site: SiteProcess, ada: Mastodon, bob: Mastodon) -> None:
    private_post = ada.status_post("A quokka nobody sees", visibility="private")
    posts = [ada.status_post(f"The quokka number {number} #marsupial") for number in range(3)]
    found = bob.search_v2("quokka", result_type="statuses", limit=2)
    assert [one.id for one in found.statuses] == [posts[2].id, posts[1].id]
    assert [one.id for one in bob.search_v2("quokka", result_type="statuses", limit=2, offset=2).statuses] == [posts[0].id]
    assert [one.id for one in bob.search_v2("quokka", account_id=bob.me().id).statuses] == []
    assert private_post.id in [one.id for one in ada.search_v2("quokka", account_id=ada.me().id).statuses]
    assert [one.name for one in bob.search_v2("marsup", result_type="hashtags").hashtags] == ["marsupial"]
    assert [one.id for one in bob.search_v2(ada.me().username, result_type="accounts").accounts][:1] == [ada.me().id]
    assert bob.search("quokka").statuses
    anonymous = Mastodon(api_base_url=shared_site.url)
    assert anonymous.search_v2("quokka", resolve=False).statuses is not None
    with pytest.raises(MastodonUnauthorizedError):
        anonymous.search_v2("quokka", resolve=True)


def test_trends_are_listed(shared_site: SiteProcess, ada: Mastodon, bob: Mastodon) -> None:
    ada.status_post("look at #comet")
    bob.status_post("the #comet again")
    anonymous = Mastodon(api_base_url=shared_site.url)
    history = anonymous.tag("comet").history
    assert (len(history), int(history[0].accounts), int(history[0].uses)) == (7, 2, 2)
    # Trends are computed every few minutes, so their contents depend on the time.
    assert all(len(one.history) == 7 for one in anonymous.trending_tags(limit=20))
    assert all(one.reblog is None for one in anonymous.trending_statuses(limit=20))
    assert anonymous.trending_links() == []


def test_announcements_are_read_reacted_to_and_dismissed(shared_site: SiteProcess, ada: Mastodon, bob: Mastodon) -> None:
    shared_site.run_command("announce", "publish", "We move on #Friday.")
    announcement = ada.announcements()[0]
    assert ("We move on" in announcement.content, announcement.read, announcement.reactions) == (True, False, [])
    ada.announcement_reaction_create(announcement, "👍")
    bob.announcement_reaction_create(announcement, "👍")
    assert [(one.name, one.count, one.me) for one in ada.announcements()[0].reactions] == [("👍", 2, True)]
    ada.announcement_reaction_delete(announcement, "👍")
    assert [(one.count, one.me) for one in ada.announcements()[0].reactions] == [(1, False)]
    ada.announcement_dismiss(announcement)
    assert [one.read for one in ada.announcements()] in ([], [True])


def test_instance_information_is_complete(shared_site: SiteProcess, ada: Mastodon) -> None:
    anonymous = Mastodon(api_base_url=shared_site.url)
    assert anonymous.instance().domain == f"127.0.0.1:{shared_site.port}"
    assert anonymous.instance_health()
    assert {one.code for one in anonymous.instance_languages()} >= {"de", "en"}
    assert anonymous.instance_translation_languages() == {}
    assert anonymous.instance_extended_description().content is not None
    clock: Any = anonymous.get_approx_server_time()
    assert abs(clock.astimezone(UTC) - datetime.now(UTC)) < timedelta(minutes=1)
    assert anonymous.oauth_authorization_server_info().code_challenge_methods_supported == ["S256"]
    assert anonymous.timeline_is_available("public")
    assert anonymous.timeline_local(limit=1)
    with pytest.raises(MastodonNotFoundError):
        anonymous.instance_terms_of_service()
    assert anonymous.verify_minimum_version("4.4.0")


def test_the_read_position_in_a_timeline_is_stored(ada: Mastodon) -> None:
    posts = [ada.status_post("here").id, ada.status_post("there").id]
    first = ada.markers_set("home", posts[0])["home"]
    second = ada.markers_set("home", posts[1])["home"]
    assert (second.last_read_id, second.version - first.version) == (posts[1], 1)
    assert ada.markers_get(["home", "notifications"])["home"].last_read_id == posts[1]
