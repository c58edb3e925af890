"""Tests with Mastodon.py: profiles, relationships, lists, filters, hashtags, reports."""

from __future__ import annotations

import time
from io import BytesIO

import pytest
from mastodon import Mastodon
from mastodon.errors import MastodonAPIError, MastodonDeprecationWarning, MastodonNotFoundError
from PIL import Image

from tests import files
from tests.acceptance.accounts import register_account
from tests.acceptance.site_client import PASSWORD
from tests.acceptance.site_process import SiteProcess, wait_until

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def ada(shared_site: SiteProcess) -> Mastodon:
    return register_account(shared_site, "ada")


@pytest.fixture(scope="module")
def bob(shared_site: SiteProcess) -> Mastodon:
    return register_account(shared_site, "bob")


@pytest.fixture(scope="module")
def cyd(shared_site: SiteProcess) -> Mastodon:
    return register_account(shared_site, "cyd")


def image_size(site: SiteProcess, url: str) -> tuple[int, int]:
    """Return the size of the image at this URL."""
    assert url.startswith(site.url)
    status, body = site.get(url.removeprefix(site.url))
    assert status == 200
    return Image.open(BytesIO(body)).size


def test_a_profile_update_changes_only_the_given_fields(shared_site: SiteProcess, ada: Mastodon) -> None:
    plain = ada.me()
    changed = ada.account_update_credentials(
        display_name="Ada",
        note="I count. #engines",
        avatar=files.image("PNG", (80, 80)).getvalue(),
        avatar_mime_type="image/png",
        header=files.image("JPEG", (300, 100)).getvalue(),
        header_mime_type="image/jpeg",
        fields=[("home", "https://ada.example"), ("born", "1815")],
        discoverable=True,
        indexable=True,
        hide_collections=False,
        default_privacy="unlisted",
        default_sensitive=True,
        default_language="de",
        attribution_domains=["ada.example"],
    )
    assert changed.avatar != plain.avatar
    assert changed.header != plain.header
    assert image_size(shared_site, changed.avatar)[0] == image_size(shared_site, changed.avatar_static)[1]
    assert image_size(shared_site, changed.header)[0] == 3 * image_size(shared_site, changed.header_static)[1]
    assert (changed.display_name, changed.source.note, changed.discoverable, changed.indexable) == ("Ada", "I count. #engines", True, True)
    assert [(one.name, one.value) for one in changed.source.fields] == [("home", "https://ada.example"), ("born", "1815")]
    assert 'rel="nofollow noopener me"' in changed.fields[0].value
    assert (changed.source.privacy, changed.source.sensitive, changed.source.language) == ("unlisted", True, "de")
    post = ada.status_post("by default", sensitive=None)
    assert (post.visibility, post.sensitive, post.language) == ("unlisted", True, "de")
    assert ada.preferences()["posting:default:visibility"] == "unlisted"
    changed_again = ada.account_update_credentials(default_privacy="public", default_sensitive=False, bot=False)
    assert (changed_again.source.privacy, changed_again.source.language, changed_again.display_name, changed_again.avatar) == (
        "public",
        "de",
        "Ada",
        changed.avatar,
    )
    ada.account_delete_header()
    assert ada.account_delete_avatar().avatar == plain.avatar
    assert ada.me().header == plain.header


def test_too_many_profile_fields_are_refused(ada: Mastodon) -> None:
    with pytest.raises(MastodonAPIError) as error:
        ada.account_update_credentials(fields=[(str(number), "x") for number in range(5)])
    assert error.value.args[1] == 422


def test_accounts_are_looked_up_singly_and_in_batches(ada: Mastodon, bob: Mastodon, cyd: Mastodon) -> None:
    bob_account, account_ids = bob.me(), [bob.me().id, cyd.me().id]
    assert ada.account_lookup(bob_account.acct.upper()).id == bob_account.id
    assert [one.id for one in ada.accounts(account_ids)] == account_ids
    assert {one.id for one in ada.account_relationships(account_ids)} == set(account_ids)
    with pytest.raises(MastodonNotFoundError):
        ada.account_lookup("nobody_here")
    bob.account_update_credentials(display_name="Bartholomew")
    assert [one.id for one in ada.account_search("bartho")] == [bob_account.id]
    assert ada.account_search("bartho", following=True) == []
    ada.account_follow(bob_account)
    assert [one.id for one in ada.account_search("bartho", following=True, limit=1)] == [bob_account.id]
    ada.account_unfollow(bob_account)


def test_a_mute_expires(ada: Mastodon, bob: Mastodon) -> None:
    bob_account = bob.me()
    muted = ada.account_mute(bob_account, notifications=False, duration=1)
    assert (muted.muting, muted.muting_notifications) == (True, False)
    assert wait_until(lambda: not ada.account_relationships(bob_account)[0].muting)
    assert ada.mutes() == []


def test_familiar_followers_are_listed(ada: Mastodon, bob: Mastodon, cyd: Mastodon) -> None:
    ada.account_follow(bob.me())
    bob.account_follow(cyd.me())
    familiar = ada.account_familiar_followers(cyd.me())
    assert [(one.id, [who.id for who in one.accounts]) for one in familiar] == [(cyd.me().id, [bob.me().id])]
    ada.account_unfollow(bob.me())
    bob.account_unfollow(cyd.me())


def test_accounts_are_endorsed_on_a_profile(ada: Mastodon, bob: Mastodon) -> None:
    bob_account = bob.me()
    with pytest.raises(MastodonAPIError):
        ada.account_endorse(bob_account)
    ada.account_follow(bob_account)
    assert ada.account_endorse(bob_account).endorsed
    assert [one.id for one in ada.endorsements()] == [bob_account.id]
    assert not ada.account_unendorse(bob_account).endorsed
    assert ada.endorsements() == []
    ada.account_unfollow(bob_account)


def test_hashtags_are_followed_and_featured(ada: Mastodon, bob: Mastodon) -> None:
    post = bob.status_post("look #Orchids")
    assert ada.tag("orchids").following is False
    assert ada.tag_follow("orchids").following
    assert [one.name.lower() for one in ada.followed_tags()] == ["orchids"]
    assert post.id in [one.id for one in ada.timeline_home()]
    assert not ada.tag_unfollow("orchids").following
    ada.status_post("mine #tulips and #roses")
    assert {one.name for one in ada.featured_tag_suggestions()} >= {"tulips", "roses"}
    featured_tag = ada.featured_tag_create("tulips")
    assert (featured_tag.name, int(featured_tag.statuses_count)) == ("tulips", 1)
    assert [one.id for one in ada.featured_tags()] == [featured_tag.id]
    assert [one.name for one in bob.account_featured_tags(ada.me())] == ["tulips"]
    assert [one.account.id for one in bob.account_statuses(ada.me(), tagged="tulips")] == [ada.me().id]
    ada.featured_tag_delete(featured_tag)
    assert ada.tag_feature("roses").featuring
    assert not ada.tag_unfeature("roses").featuring


def test_lists_are_created_changed_and_read(ada: Mastodon, bob: Mastodon, cyd: Mastodon) -> None:
    friends_list = ada.list_create("Friends", replies_policy="none", exclusive=True)
    assert (friends_list.title, friends_list.replies_policy, friends_list.exclusive) == ("Friends", "none", True)
    with pytest.raises(MastodonAPIError):
        ada.list_accounts_add(friends_list, [bob.me()])
    ada.account_follow(bob.me())
    ada.account_follow(cyd.me())
    ada.list_accounts_add(friends_list, [bob.me(), cyd.me()])
    assert {one.id for one in ada.list_accounts(friends_list)} == {bob.me().id, cyd.me().id}
    assert [one.id for one in ada.account_lists(bob.me())] == [friends_list.id]
    post = bob.status_post("for the list")
    cyd.status_reply(post, "not for it")
    assert [one.id for one in ada.timeline_list(friends_list)][:1] == [post.id]
    assert post.id not in [one.id for one in ada.timeline_home()]
    ada.list_accounts_delete(friends_list, [cyd.me()])
    changed = ada.list_update(friends_list, "Close friends", replies_policy="list", exclusive=False)
    assert (changed.title, ada.list(friends_list).exclusive) == ("Close friends", False)
    ada.account_unfollow(bob.me())
    assert ada.list_accounts(friends_list) == []
    ada.list_delete(friends_list)
    assert ada.lists() == []
    ada.account_unfollow(cyd.me())


def test_filters_report_their_matches(ada: Mastodon, bob: Mastodon) -> None:
    ada.account_follow(bob.me())
    filter_ = ada.create_filter_v2("Sport", ["home", "public"], "warn", 3600, [{"keyword": "football", "whole_word": True}])
    assert (filter_.title, filter_.filter_action, set(filter_.context)) == ("Sport", "warn", {"home", "public"})
    word = ada.add_filter_keyword_v2(filter_, "goal", whole_word=False)
    assert {one.keyword for one in ada.filter_keywords_v2(filter_)} == {"football", "goal"}
    plain, post = bob.status_post("chess"), bob.status_post("Many goals in Football")
    posts_by_id = {one.id: one for one in ada.timeline_home(limit=5)}
    assert (posts_by_id[plain.id].filtered, posts_by_id[post.id].filtered[0].filter.title) == ([], "Sport")
    assert set(posts_by_id[post.id].filtered[0].keyword_matches) == {"football", "goal"}
    filter_status = ada.add_filter_status_v2(filter_, plain)
    assert (filter_status.status_id, ada.filter_status_v2(filter_status).id) == (plain.id, filter_status.id)
    assert ada.status(plain).filtered[0].status_matches == [plain.id]
    ada.delete_filter_status_v2(filter_status)
    assert ada.filter_statuses_v2(filter_) == []
    ada.delete_filter_keyword_v2(word)
    assert ada.update_filter_v2(filter_, title="Games", filter_action="hide").title == "Games"
    assert post.id not in [one.id for one in ada.timeline_home(limit=5)]
    assert [one.id for one in ada.filters_v2()] == [ada.filter_v2(filter_).id]
    ada.delete_filter_v2(filter_)
    assert post.id in [one.id for one in ada.timeline_home(limit=5)]
    ada.account_unfollow(bob.me())


@pytest.mark.filterwarnings("ignore::mastodon.errors.MastodonDeprecationWarning")
def test_filters_of_api_version_1_are_applied_by_the_client(ada: Mastodon, bob: Mastodon) -> None:
    with pytest.warns(MastodonDeprecationWarning):
        filter_ = ada.filter_create("rain", ["public"], irreversible=False, whole_word=True, expires_in=600)
    assert (ada.filter(filter_).phrase, filter_.whole_word, filter_.expires_at is not None) == ("rain", True, True)
    bob.status_post("rain again")
    page = ada.timeline_public(limit=1)
    assert ada.filters_apply(page, ada.filters(), "public") == []
    assert ada.filter_update(filter_, phrase="snow").phrase == "snow"
    ada.filter_delete(filter_)
    assert ada.filters() == []


def test_a_user_blocks_a_domain(ada: Mastodon) -> None:
    ada.domain_block("bad.example")
    assert ada.domain_blocks() == ["bad.example"]
    ada.domain_unblock("bad.example")
    assert ada.domain_blocks() == []


def test_an_account_is_reported(ada: Mastodon, bob: Mastodon) -> None:
    post = bob.status_post("buy this")
    report = ada.report(bob.me(), status_ids=[post], comment="again and again", category="spam")
    assert (report.category, report.comment, report.status_ids, report.target_account.id) == (
        "spam",
        "again and again",
        [post.id],
        bob.me().id,
    )


def test_the_directory_and_suggestions_list_accounts(shared_site: SiteProcess, ada: Mastodon, bob: Mastodon, cyd: Mastodon) -> None:
    for one in (ada, bob, cyd):
        one.account_update_credentials(discoverable=True)
        one.status_post("I am #here")
    listed_ids = {one.id for one in ada.directory(order="new", local=True, limit=10)}
    assert listed_ids >= {bob.me().id, cyd.me().id}
    assert len(ada.directory(order="active", offset=1, limit=1)) == 1
    ada.account_follow(bob.me())
    cyd.account_follow(ada.me())
    suggested_ids = [one.id for one in ada.suggestions()]
    assert bob.me().id not in suggested_ids
    assert cyd.me().id in suggested_ids
    ada.suggestion_delete(cyd.me())
    assert cyd.me().id not in [one.id for one in ada.suggestions()]


def test_an_app_creates_an_account(shared_site: SiteProcess) -> None:
    secrets = Mastodon.create_app("Tester", scopes=["read", "write", "profile"], api_base_url=shared_site.url)
    client = Mastodon(*secrets, api_base_url=shared_site.url)
    name = f"new{time.time_ns() % 10**9}"
    assert client.create_account(name, PASSWORD, f"{name}@example.org", agreement=True, scopes=["read", "write"])
    assert client.me().username == name
    assert client.status_post("here I am").account.username == name


def test_a_moderator_handles_reports_and_accounts(shared_site: SiteProcess, bob: Mastodon) -> None:
    eve, maud = register_account(shared_site, "eve"), register_account(shared_site, "maud").me()
    shared_site.run_command("user", "role", maud.username, "moderator")
    token = shared_site.run_json("token", "create", maud.username, "--scopes", "admin:read admin:write")["token"]
    admin_client = Mastodon(access_token=token, api_base_url=shared_site.url)
    reported = bob.report(eve.me(), comment="Rude")
    assert admin_client.admin_report(reported).target_account.username == eve.me().username
    assert admin_client.admin_report_assign(reported).assigned_account.username == maud.username
    assert admin_client.admin_report_resolve(reported).action_taken is True
    assert admin_client.admin_report_reopen(reported).action_taken is False
    admin_client.admin_account_moderate(eve.me(), action="silence", report_id=reported)
    assert reported.id not in [one.id for one in admin_client.admin_reports()]
    assert [one.username for one in admin_client.admin_accounts_v2(status="silenced")] == [eve.me().username]
    assert admin_client.admin_account_unsilence(eve.me()).silenced is False
    with pytest.raises(MastodonAPIError, match="outside the authorized scopes"):
        bob.admin_account(eve.me())
