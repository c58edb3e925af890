"""Single accounts of other servers that are limited or suspended: by moderators here, or by their own server."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from microblog.domain.remote_suspensions import CUT_JOB, EMPTY_JOB, KEPT_FOR, RemoteSuspensions
from microblog.model.accounts import Account, Role
from microblog.model.ids import AccountId, SeveranceEventId
from microblog.model.posts import Post
from microblog.storage import follows, posts
from microblog.storage.database import Cursor, fetch_all, fetch_value
from tests import make
from tests.fakes import result_of
from tests.federation.documents import PUBLIC
from tests.federation.internet import Internet
from tests.federation.outgoing import OutboundFixture
from tests.federation.remote_server import URL, RemoteUser, run_effects
from tests.federation.remote_side import known_actor
from tests.web.api.client import Client, client
from tests.web.test_moderation import with_role
from tests.web.visitor import SiteFixture, build_site, main_text

ADA = f"{URL}/users/ada"
BO = "https://b.example/users/bo"


@pytest.fixture
def internet() -> Internet:
    return Internet()


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path, internet: Internet) -> SiteFixture:
    return build_site(cursor, tmp_path, internet, public_url=URL, federation="on", rate_limits="off")


@pytest.fixture
def moderator(site: SiteFixture) -> Client:
    return client(site, "marla", "read write follow admin:read admin:write", role=Role.MODERATOR)


@pytest.fixture
def ada(site: SiteFixture) -> Client:
    return client(site, "ada")


@pytest.fixture
def bo(site: SiteFixture, internet: Internet, ada: Client) -> RemoteUser:
    """An account that follows ada, and that ada follows."""
    bo = RemoteUser(site, internet)
    bo.publish(url=BO, name="Bo", summary="<p>all about Bo</p>")
    bo.do("Follow", ADA)
    make.follow(site.cursor, ada.owner, known_actor(site.cursor))
    return bo


def note(number: int, **more: Any) -> dict[str, Any]:
    id = f"{BO}/statuses/{number}"
    plain = {"id": id, "type": "Note", "content": f"<p>note {number}</p>", "attributedTo": BO, "url": id, "published": make.NOW.isoformat()}
    return plain | {"to": [PUBLIC], "cc": [f"{BO}/followers"]} | more


def post(bo: RemoteUser, number: int = 1) -> Post:
    bo.do("Create", note(number), to=[PUBLIC])
    id = fetch_value(bo.site.cursor, "select id from posts where uri = %(uri)s", {"uri": f"{BO}/statuses/{number}"})
    assert id is not None
    return posts.by_ids(bo.site.cursor, [id])[id]


def suspend(moderator: Client, account: Account, **more: Any) -> None:
    assert moderator.post(f"/v1/admin/accounts/{account.id}/action", type="suspend", **more).status == 200


def jobs(site: SiteFixture, kind: str) -> list[dict[str, str]]:
    return fetch_all(site.cursor, dict[str, str], "select payload from jobs where kind = %(kind)s and state = 'waiting'", {"kind": kind})


def run_cuts(site: SiteFixture) -> None:
    for payload in jobs(site, CUT_JOB):
        work = RemoteSuspensions(site.database, lambda: make.NOW)
        result_of(work.cut_follows(AccountId(int(payload["account"])), SeveranceEventId(int(payload["event"]))))
    site.cursor.execute("delete from jobs where kind = %s", [CUT_JOB])


def empty(site: SiteFixture, account: Account, after: timedelta = KEPT_FOR) -> None:
    """Run the job that deletes the data, that long after now."""
    since = fetch_value(site.cursor, "select suspended_at from accounts where id = %(id)s", {"id": account.id}) or make.NOW
    result_of(RemoteSuspensions(site.database, lambda: since + after).empty(account.id))


def seen(ada: Client, shown: Post) -> bool:
    paths = ("/v1/timelines/home", "/v1/timelines/public", "/v1/timelines/public?remote=true")
    listed = {one["id"] for path in paths for one in ada.get(path).json}
    status = ada.get(f"/v1/statuses/{shown.id}").status
    assert (str(shown.id) in listed) == (status == 200)
    return status == 200


def test_a_suspended_account_vanishes_at_once_and_comes_back(site: SiteFixture, moderator: Client, ada: Client, bo: RemoteUser) -> None:
    shown, account = post(bo), known_actor(site.cursor)
    assert seen(ada, shown)
    suspend(moderator, account)
    assert not seen(ada, shown)
    assert ada.get(f"/v1/accounts/{account.id}/statuses").json == []
    assert ada.get(f"/v1/accounts/{account.id}").json["suspended"] is True
    assert ada.get("/v2/search?q=bo&type=accounts").json["accounts"] == []
    restored = moderator.post(f"/v1/admin/accounts/{account.id}/unsuspend").json
    assert (restored["suspended"], restored["domain"]) == (False, "b.example")
    assert ada.get(f"/v1/statuses/{shown.id}").status == 200
    assert ada.get("/v2/search?q=bo&type=accounts").json["accounts"] != []


def test_follows_are_cut_and_its_server_and_people_here_are_told(site: SiteFixture, moderator: Client, ada: Client, bo: RemoteUser) -> None:
    outbound, account = OutboundFixture(site.cursor), known_actor(site.cursor)
    outbound.run()
    suspend(moderator, account)
    run_cuts(site)
    assert fetch_value(site.cursor, "select count(*) from follows") == 0
    assert {one.kind for one in outbound.run()} == {"undo_follow", "reject_follow"}
    told = [one for one in ada.get("/v1/notifications").json if one["type"] == "severed_relationships"]
    assert [(one["event"]["type"], one["event"]["target_name"]) for one in told] == [("account_suspension", "bo@b.example")]
    assert make.reload(site.cursor, ada.owner).followers_count == 0


def test_nothing_new_is_taken_but_what_takes_something_back(site: SiteFixture, moderator: Client, ada: Client, bo: RemoteUser) -> None:
    first, second, account = post(bo), post(bo, 2), known_actor(site.cursor)
    like = bo.do("Like", f"{ADA}/statuses/{make.post(site.cursor, ada.owner).id}")
    suspend(moderator, account)
    for kind, object in (("Create", note(3)), ("Follow", ADA), ("Like", first.uri), ("Announce", first.uri), ("Block", ADA), ("Flag", ADA)):
        assert bo.deliver(bo.activity(kind, object, to=[PUBLIC])) == 403, kind
    assert fetch_value(site.cursor, "select count(*) from favourites") == 1
    bo.do("Undo", like)
    assert fetch_value(site.cursor, "select count(*) from favourites") == 0
    bo.do("Delete", {"id": second.uri, "type": "Tombstone"})
    assert fetch_value(site.cursor, "select deleted_at is not null from posts where id = %(id)s", {"id": second.id})
    bo.do("Update", note(1, content="<p>changed</p>", updated="2100-01-01T00:00:00Z"), to=[PUBLIC])
    assert not seen(ada, first)


def test_a_rejection_by_a_suspended_account_ends_the_follow(site: SiteFixture, moderator: Client, ada: Client, bo: RemoteUser) -> None:
    account = known_actor(site.cursor)
    suspend(moderator, account)
    bo.do("Reject", {"type": "Follow", "actor": ADA, "object": BO})
    assert follows.follow_options(site.cursor, follower=ada.owner.id, followee=account.id) is None


def test_its_data_is_deleted_after_thirty_days_and_never_comes_back(
    site: SiteFixture, internet: Internet, moderator: Client, ada: Client, bo: RemoteUser
) -> None:
    shown, account = post(bo), known_actor(site.cursor)
    suspend(moderator, account)
    [payload] = jobs(site, EMPTY_JOB)
    assert payload["account"] == str(account.id)
    empty(site, account, KEPT_FOR - timedelta(minutes=1))
    assert fetch_value(site.cursor, "select count(*) from posts where deleted_at is null and uri is not null") == 1
    empty(site, account)
    assert fetch_value(site.cursor, "select count(*) from posts where deleted_at is null and uri is not null") == 0
    site.cursor.execute("delete from posts where uri is not null")  # as the cleanup does
    assert site.federation is not None
    # Neither a boost by somebody else, nor a search, nor an update brings anything back.
    internet.documents[f"{BO}/statuses/1"] = note(1)
    di = RemoteUser(site, internet, "di", "c.example")
    make.follow(site.cursor, ada.owner, known_actor(site.cursor, di.id) if di.deliver(di.activity("Follow", ADA)) == 202 else account)
    run_effects(site)
    di.do("Announce", f"{BO}/statuses/1", to=[PUBLIC])
    ada.get("/v2/search", q=f"{BO}/statuses/1", resolve=True)
    ada.get("/v2/search", q="@bo@b.example", resolve=True)
    bo.do("Update", bo.document(url=BO, name="Bo again", summary="<p>all about Bo</p>"), to=[PUBLIC])
    result_of(site.federation.effects.actors.fetch(BO))
    bo.do("Update", note(1, updated="2100-01-01T00:00:00Z"), to=[PUBLIC])
    assert fetch_value(site.cursor, "select count(*) from posts where uri like 'https://b.example/%%'", {}) == 0
    left = fetch_all(site.cursor, str, "select display_name || bio from accounts where uri = %(uri)s", {"uri": BO})
    assert left == [""]
    assert shown.uri == f"{BO}/statuses/1"


def test_the_thirty_days_begin_anew_with_each_suspension(site: SiteFixture, moderator: Client, bo: RemoteUser) -> None:
    post(bo)
    account = known_actor(site.cursor)
    suspend(moderator, account)
    site.cursor.execute("delete from jobs where kind = %s", [EMPTY_JOB])  # it runs now
    empty(site, account, KEPT_FOR - timedelta(days=1))
    assert len(jobs(site, EMPTY_JOB)) == 1
    moderator.post(f"/v1/admin/accounts/{account.id}/unsuspend")
    empty(site, account)
    assert fetch_value(site.cursor, "select count(*) from posts where deleted_at is null and uri is not null") == 1


def test_a_limited_account_is_shown_to_followers_only(site: SiteFixture, moderator: Client, ada: Client, bo: RemoteUser) -> None:
    shown, account = post(bo), known_actor(site.cursor)
    ben = client(site, "ben")
    assert moderator.post(f"/v1/admin/accounts/{account.id}/action", type="silence").status == 200
    assert str(shown.id) in {one["id"] for one in ada.get("/v1/timelines/home").json}
    assert ben.get("/v1/timelines/public").json == []
    assert moderator.get(f"/v1/admin/accounts/{account.id}").json["silenced"] is True
    assert moderator.post(f"/v1/admin/accounts/{account.id}/unsilence").json["silenced"] is False
    assert [one["id"] for one in ben.get("/v1/timelines/public").json] == [str(shown.id)]


def test_other_actions_are_refused(site: SiteFixture, moderator: Client, ada: Client, bo: RemoteUser) -> None:
    account = known_actor(site.cursor)
    assert moderator.post(f"/v1/admin/accounts/{account.id}/action", type="disable").status == 422
    assert moderator.post(f"/v1/admin/accounts/{account.id}/approve").status == 404
    assert ada.post(f"/v1/admin/accounts/{account.id}/action", type="suspend").status == 403


@pytest.mark.parametrize(("type", "state"), [("silence", "silenced"), ("sensitive", "sensitized"), ("suspend", "suspended")])
def test_an_act_is_a_strike_that_is_undone_within_thirty_days(
    site: SiteFixture, moderator: Client, bo: RemoteUser, type: str, state: str
) -> None:
    id, mod = known_actor(site.cursor).id, with_role(site, "mod", "moderator")
    assert moderator.post(f"/v1/admin/accounts/{id}/action", type=type, text="No moss.").status == 200
    page = f"/admin/accounts/{id}"
    assert ("No moss." in main_text(mod.get(page)), moderator.get(f"/v1/admin/accounts/{id}").json[state]) == (True, True)
    strike = fetch_value(site.cursor, "select id from account_warnings")
    assert mod.submit(f"/admin/strikes/{strike}/undo", page=page).status == 303
    assert ("Undone" in main_text(mod.get(page)), moderator.get(f"/v1/admin/accounts/{id}").json[state]) == (True, False)
    assert fetch_value(site.cursor, "select count(*) from notifications where kind = 'moderation_warning'") == 0


def test_a_message_has_the_same_limit_as_one_to_somebody_here(site: SiteFixture, moderator: Client, bo: RemoteUser) -> None:
    id = known_actor(site.cursor).id
    assert moderator.post(f"/v1/admin/accounts/{id}/action", type="silence", text="x" * 5_001).status == 422
    assert fetch_value(site.cursor, "select count(*) from account_warnings") == 0


def test_moderators_find_accounts_of_other_servers(site: SiteFixture, internet: Internet, moderator: Client, bo: RemoteUser) -> None:
    di = RemoteUser(site, internet, "di", "c.example")
    di.do("Follow", ADA)
    account = known_actor(site.cursor)

    def found(path: str, **query: object) -> list[str]:
        return [one["account"]["acct"] for one in moderator.get(path, **query).json]

    assert found("/v2/admin/accounts", origin="remote") == ["di@c.example", "bo@b.example"]
    assert found("/v2/admin/accounts", by_domain="B.example") == ["bo@b.example"]
    assert found("/v2/admin/accounts", origin="remote", username="d") == ["di@c.example"]
    assert found("/v1/admin/accounts", remote=True, limit=1) == ["di@c.example"]
    assert "bo@b.example" not in found("/v2/admin/accounts")
    suspend(moderator, account)
    assert found("/v2/admin/accounts", origin="remote", status="suspended") == ["bo@b.example"]
    assert found("/v1/admin/accounts", remote=True) == ["di@c.example"]
    assert found("/v2/admin/accounts", origin="remote", email="x") == []


def test_a_report_about_it_is_resolved_by_the_action(site: SiteFixture, moderator: Client, ada: Client, bo: RemoteUser) -> None:
    account = known_actor(site.cursor)
    ada.post("/v1/reports", account_id=account.id, comment="rude")
    [report] = moderator.get("/v1/admin/reports").json
    assert report["target_account"]["domain"] == "b.example"
    suspend(moderator, account, report_id=report["id"])
    assert moderator.get("/v1/admin/reports").json == []


def test_moderators_suspend_it_on_the_pages(site: SiteFixture, bo: RemoteUser) -> None:
    visitor = site.registered_user("mona")
    site.cursor.execute("update users set role = 'moderator' where email like 'mona%'")
    assert "No accounts" in main_text(visitor.get("/admin/people?type=elsewhere"))
    found = visitor.get("/admin/people?q=@bo@b.example")
    assert "@bo@b.example" in main_text(found)
    assert "within 30 days" in main_text(visitor.get("/admin/people/bo@b.example/suspend"))
    assert visitor.submit("/admin/people/bo@b.example/limit", "/admin/people?q=@bo@b.example").status == 303
    assert known_actor(site.cursor).limited_at is not None
    assert "Limited" in main_text(visitor.get("/admin/people?type=elsewhere"))
    assert visitor.submit("/admin/people/bo@b.example/unlimit", "/admin/people?q=@bo@b.example").status == 303
    assert visitor.submit("/admin/people/bo@b.example/suspend").status == 303
    assert known_actor(site.cursor).suspended_at is not None
    assert "Suspended" in main_text(visitor.get("/admin/people?type=elsewhere"))
    assert visitor.submit("/admin/people/bo@b.example/restore", "/admin/people?type=elsewhere").status == 303
    assert known_actor(site.cursor).suspended_at is None


def test_the_form_for_acting_offers_nothing_that_needs_a_login(site: SiteFixture, ada: Client, bo: RemoteUser) -> None:
    mod, account = with_role(site, "mod", "moderator"), known_actor(site.cursor)
    report = ada.post("/v1/reports", account_id=account.id, status_ids=[str(post(bo).id)]).json["id"]
    for page in (f"/admin/accounts/{account.id}", f"/admin/reports/{report}"):
        form = mod.get(page).text
        assert 'name="notify"' not in form, page
        assert [action for action in ("none", "disable", "suspend") if f'<option value="{action}"' in form] == ["suspend"], page


# --- By its own server


def test_an_account_that_its_own_server_suspends_is_hidden_until_it_says_otherwise(site: SiteFixture, ada: Client, bo: RemoteUser) -> None:
    shown = post(bo)
    bo.do("Update", bo.document(url=BO, suspended=True), to=[PUBLIC])
    assert not seen(ada, shown)
    assert len(jobs(site, CUT_JOB)) == 1
    bo.do("Update", bo.document(url=BO, suspended=True), to=[PUBLIC])
    assert len(jobs(site, CUT_JOB)) == 1
    bo.do("Update", bo.document(url=BO, name="Bo is back"), to=[PUBLIC])
    assert seen(ada, shown) or ada.get(f"/v1/statuses/{shown.id}").status == 200
    assert known_actor(site.cursor).display_name == "Bo is back"


def test_its_own_server_does_not_end_what_moderators_decided(site: SiteFixture, moderator: Client, ada: Client, bo: RemoteUser) -> None:
    shown, account = post(bo), known_actor(site.cursor)
    bo.do("Update", bo.document(url=BO, suspended=True), to=[PUBLIC])
    suspend(moderator, account)
    bo.do("Update", bo.document(url=BO), to=[PUBLIC])
    assert ada.get(f"/v1/statuses/{shown.id}").status == 404
    moderator.post(f"/v1/admin/accounts/{account.id}/unsuspend")
    assert ada.get(f"/v1/statuses/{shown.id}").status == 200


def test_an_actor_that_is_suspended_when_it_becomes_known_is_hidden(site: SiteFixture, internet: Internet, ada: Client) -> None:
    di = RemoteUser(site, internet, "di", "c.example")
    di.publish(suspended=True)
    assert di.deliver(di.activity("Follow", ADA)) == 403
    assert known_actor(site.cursor, di.id).suspended_at is not None
    assert ada.get("/v2/search?q=di&type=accounts").json["accounts"] == []
