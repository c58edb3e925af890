"""Tests with Mastodon.py: profiles, relationships, lists, filters, hashtags, reports."""

from __future__ import annotations

import json
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


def size_of(site: SiteProcess, url: str) -> tuple[int, int]:
    """Of the picture that is served there."""
    assert url.startswith(site.url)
    status, body = site.get(url.removeprefix(site.url))
    assert status == 200
    return Image.open(BytesIO(body)).size


def test_a_profile_gets_pictures_and_keeps_what_is_not_sent(shared_site: SiteProcess, ada: Mastodon) -> None:
    plain = ada.me()
    changed = ada.account_update_credentials(
        display_name="Ada",
        note="I count. #engines",
        avatar=files.picture("PNG", (80, 80)).getvalue(),
        avatar_mime_type="image/png",
        header=files.picture("JPEG", (300, 100)).getvalue(),
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
    assert size_of(shared_site, changed.avatar)[0] == size_of(shared_site, changed.avatar_static)[1]
    assert size_of(shared_site, changed.header)[0] == 3 * size_of(shared_site, changed.header_static)[1]
    assert (changed.display_name, changed.source.note, changed.discoverable, changed.indexable) == ("Ada", "I count. #engines", True, True)
    assert [(one.name, one.value) for one in changed.source.fields] == [("home", "https://ada.example"), ("born", "1815")]
    assert 'rel="nofollow noopener me"' in changed.fields[0].value
    assert (changed.source.privacy, changed.source.sensitive, changed.source.language) == ("unlisted", True, "de")
    post = ada.status_post("by default", sensitive=None)
    assert (post.visibility, post.sensitive, post.language) == ("unlisted", True, "de")
    assert ada.preferences()["posting:default:visibility"] == "unlisted"
    again = ada.account_update_credentials(default_privacy="public", default_sensitive=False, bot=False)
    assert (again.source.privacy, again.source.language, again.display_name, again.avatar) == ("public", "de", "Ada", changed.avatar)
    ada.account_delete_header()
    assert ada.account_delete_avatar().avatar == plain.avatar
    assert ada.me().header == plain.header


def test_too_many_fields_are_refused_with_their_reason(ada: Mastodon) -> None:
    with pytest.raises(MastodonAPIError) as refused:
        ada.account_update_credentials(fields=[(str(number), "x") for number in range(5)])
    assert refused.value.args[1] == 422


def test_people_are_looked_up_one_by_one_and_together(ada: Mastodon, bob: Mastodon, cyd: Mastodon) -> None:
    them, others = bob.me(), [bob.me().id, cyd.me().id]
    assert ada.account_lookup(them.acct.upper()).id == them.id
    assert [one.id for one in ada.accounts(others)] == others
    assert {one.id for one in ada.account_relationships(others)} == set(others)
    with pytest.raises(MastodonNotFoundError):
        ada.account_lookup("nobody_here")
    bob.account_update_credentials(display_name="Bartholomew")
    assert [one.id for one in ada.account_search("bartho")] == [them.id]
    assert ada.account_search("bartho", following=True) == []
    ada.account_follow(them)
    assert [one.id for one in ada.account_search("bartho", following=True, limit=1)] == [them.id]
    ada.account_unfollow(them)


def test_a_mute_ends_by_itself(ada: Mastodon, bob: Mastodon) -> None:
    them = bob.me()
    muted = ada.account_mute(them, notifications=False, duration=1)
    assert (muted.muting, muted.muting_notifications) == (True, False)
    assert wait_until(lambda: not ada.account_relationships(them)[0].muting)
    assert ada.mutes() == []


def test_common_acquaintances_are_told(ada: Mastodon, bob: Mastodon, cyd: Mastodon) -> None:
    ada.account_follow(bob.me())
    bob.account_follow(cyd.me())
    familiar = ada.account_familiar_followers(cyd.me())
    assert [(one.id, [who.id for who in one.accounts]) for one in familiar] == [(cyd.me().id, [bob.me().id])]
    ada.account_unfollow(bob.me())
    bob.account_unfollow(cyd.me())


def test_people_are_shown_on_a_profile(ada: Mastodon, bob: Mastodon) -> None:
    them = bob.me()
    with pytest.raises(MastodonAPIError):
        ada.account_endorse(them)
    ada.account_follow(them)
    assert ada.account_endorse(them).endorsed
    assert [one.id for one in ada.endorsements()] == [them.id]
    assert not ada.account_unendorse(them).endorsed
    assert ada.endorsements() == []
    ada.account_unfollow(them)


def test_tags_are_followed_and_shown(ada: Mastodon, bob: Mastodon) -> None:
    post = bob.status_post("look #Orchids")
    assert ada.tag("orchids").following is False
    assert ada.tag_follow("orchids").following
    assert [one.name.lower() for one in ada.followed_tags()] == ["orchids"]
    assert post.id in [one.id for one in ada.timeline_home()]
    assert not ada.tag_unfollow("orchids").following
    ada.status_post("mine #tulips and #roses")
    assert {one.name for one in ada.featured_tag_suggestions()} >= {"tulips", "roses"}
    shown = ada.featured_tag_create("tulips")
    assert (shown.name, int(shown.statuses_count)) == ("tulips", 1)
    assert [one.id for one in ada.featured_tags()] == [shown.id]
    assert [one.name for one in bob.account_featured_tags(ada.me())] == ["tulips"]
    assert [one.account.id for one in bob.account_statuses(ada.me(), tagged="tulips")] == [ada.me().id]
    ada.featured_tag_delete(shown)
    assert ada.tag_feature("roses").featuring
    assert not ada.tag_unfeature("roses").featuring


def test_lists_are_kept_and_read(ada: Mastodon, bob: Mastodon, cyd: Mastodon) -> None:
    kept = ada.list_create("Friends", replies_policy="none", exclusive=True)
    assert (kept.title, kept.replies_policy, kept.exclusive) == ("Friends", "none", True)
    with pytest.raises(MastodonAPIError):
        ada.list_accounts_add(kept, [bob.me()])
    ada.account_follow(bob.me())
    ada.account_follow(cyd.me())
    ada.list_accounts_add(kept, [bob.me(), cyd.me()])
    assert {one.id for one in ada.list_accounts(kept)} == {bob.me().id, cyd.me().id}
    assert [one.id for one in ada.account_lists(bob.me())] == [kept.id]
    post = bob.status_post("for the list")
    cyd.status_reply(post, "not for it")
    assert [one.id for one in ada.timeline_list(kept)][:1] == [post.id]
    assert post.id not in [one.id for one in ada.timeline_home()]
    ada.list_accounts_delete(kept, [cyd.me()])
    changed = ada.list_update(kept, "Close friends", replies_policy="list", exclusive=False)
    assert (changed.title, ada.list(kept).exclusive) == ("Close friends", False)
    ada.account_unfollow(bob.me())
    assert ada.list_accounts(kept) == []
    ada.list_delete(kept)
    assert ada.lists() == []
    ada.account_unfollow(cyd.me())


def test_filters_say_what_they_found(ada: Mastodon, bob: Mastodon) -> None:
    ada.account_follow(bob.me())
    made = ada.create_filter_v2("Sport", ["home", "public"], "warn", 3600, [{"keyword": "football", "whole_word": True}])
    assert (made.title, made.filter_action, set(made.context)) == ("Sport", "warn", {"home", "public"})
    word = ada.add_filter_keyword_v2(made, "goal", whole_word=False)
    assert {one.keyword for one in ada.filter_keywords_v2(made)} == {"football", "goal"}
    plain, post = bob.status_post("chess"), bob.status_post("Many goals in Football")
    seen = {one.id: one for one in ada.timeline_home(limit=5)}
    assert (seen[plain.id].filtered, seen[post.id].filtered[0].filter.title) == ([], "Sport")
    assert set(seen[post.id].filtered[0].keyword_matches) == {"football", "goal"}
    chosen = ada.add_filter_status_v2(made, plain)
    assert (chosen.status_id, ada.filter_status_v2(chosen).id) == (plain.id, chosen.id)
    assert ada.status(plain).filtered[0].status_matches == [plain.id]
    ada.delete_filter_status_v2(chosen)
    assert ada.filter_statuses_v2(made) == []
    ada.delete_filter_keyword_v2(word)
    assert ada.update_filter_v2(made, title="Games", filter_action="hide").title == "Games"
    assert post.id not in [one.id for one in ada.timeline_home(limit=5)]
    assert [one.id for one in ada.filters_v2()] == [ada.filter_v2(made).id]
    ada.delete_filter_v2(made)
    assert post.id in [one.id for one in ada.timeline_home(limit=5)]
    ada.account_unfollow(bob.me())


@pytest.mark.filterwarnings("ignore::mastodon.errors.MastodonDeprecationWarning")
def test_filters_of_the_first_kind_are_applied_by_the_program(ada: Mastodon, bob: Mastodon) -> None:
    with pytest.warns(MastodonDeprecationWarning):
        made = ada.filter_create("rain", ["public"], irreversible=False, whole_word=True, expires_in=600)
    assert (ada.filter(made).phrase, made.whole_word, made.expires_at is not None) == ("rain", True, True)
    bob.status_post("rain again")
    page = ada.timeline_public(limit=1)
    assert ada.filters_apply(page, ada.filters(), "public") == []
    assert ada.filter_update(made, phrase="snow").phrase == "snow"
    ada.filter_delete(made)
    assert ada.filters() == []


def test_domains_are_blocked_for_oneself(ada: Mastodon) -> None:
    ada.domain_block("bad.example")
    assert ada.domain_blocks() == ["bad.example"]
    ada.domain_unblock("bad.example")
    assert ada.domain_blocks() == []


def test_somebody_is_reported(ada: Mastodon, bob: Mastodon) -> None:
    post = bob.status_post("buy this")
    made = ada.report(bob.me(), status_ids=[post], comment="again and again", category="spam")
    assert (made.category, made.comment, made.status_ids, made.target_account.id) == ("spam", "again and again", [post.id], bob.me().id)


def test_newcomers_are_shown_to_people(shared_site: SiteProcess, ada: Mastodon, bob: Mastodon, cyd: Mastodon) -> None:
    for one in (ada, bob, cyd):
        one.account_update_credentials(discoverable=True)
        one.status_post("I am #here")
    listed = {one.id for one in ada.directory(order="new", local=True, limit=10)}
    assert listed >= {bob.me().id, cyd.me().id}
    assert len(ada.directory(order="active", offset=1, limit=1)) == 1
    ada.account_follow(bob.me())
    cyd.account_follow(ada.me())
    proposed = [one.id for one in ada.suggestions()]
    assert bob.me().id not in proposed
    assert cyd.me().id in proposed
    ada.suggestion_delete(cyd.me())
    assert cyd.me().id not in [one.id for one in ada.suggestions()]


def test_people_sign_up_by_a_program(shared_site: SiteProcess) -> None:
    secrets = Mastodon.create_app("Tester", scopes=["read", "write", "profile"], api_base_url=shared_site.url)
    program = Mastodon(*secrets, api_base_url=shared_site.url)
    name = f"new{time.time_ns() % 10**9}"
    assert program.create_account(name, PASSWORD, f"{name}@example.org", agreement=True, scopes=["read", "write"])
    assert program.me().username == name
    assert program.status_post("here I am").account.username == name


def test_a_moderator_works_on_reports_and_people(shared_site: SiteProcess, bob: Mastodon) -> None:
    eve, maud = register_account(shared_site, "eve"), register_account(shared_site, "maud").me()
    shared_site.run_command("user", "role", maud.username, "moderator")
    made = shared_site.run_command("token", "create", maud.username, "--scopes", "admin:read admin:write", "--json")
    desk = Mastodon(access_token=json.loads(made)["token"], api_base_url=shared_site.url)
    reported = bob.report(eve.me(), comment="Rude")
    assert desk.admin_report(reported).target_account.username == eve.me().username
    assert desk.admin_report_assign(reported).assigned_account.username == maud.username
    assert desk.admin_report_resolve(reported).action_taken is True
    assert desk.admin_report_reopen(reported).action_taken is False
    desk.admin_account_moderate(eve.me(), action="silence", report_id=reported)
    assert reported.id not in [one.id for one in desk.admin_reports()]
    assert [one.username for one in desk.admin_accounts_v2(status="silenced")] == [eve.me().username]
    assert desk.admin_account_unsilence(eve.me()).silenced is False
    with pytest.raises(MastodonAPIError, match="outside the authorized scopes"):
        bob.admin_account(eve.me())
