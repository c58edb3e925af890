"""Actors of other servers: confirmation of handles, cleaning, keys."""

from __future__ import annotations

from datetime import timedelta

import pytest

from microblog.federation import bounds
from microblog.federation.fetching import NotFetched
from microblog.federation.keys import generate_private_pem, load_private_key, public_pem
from microblog.federation.remote_actors import RemoteActors, public_key
from microblog.model.accounts import Account
from microblog.model.federation import InvalidDocument
from microblog.model.remote_requests import RemoteResponse
from microblog.storage.database import Cursor, fetch_value
from tests import make
from tests.fakes import RolledBackDatabase
from tests.federation.internet import Internet, build_fetcher
from tests.make import NOW

BO = "https://b.example/users/bo"
KEY_ID = f"{BO}#main-key"
PEM = public_pem(load_private_key(generate_private_pem()))
OTHER_PEM = public_pem(load_private_key(generate_private_pem()))


def actor(id: str = BO, *, key: str = PEM, **values: object) -> dict[str, object]:
    public = {"id": f"{id}#main-key", "owner": id, "publicKeyPem": key}
    return {"id": id, "type": "Person", "preferredUsername": "bo", "inbox": f"{id}/inbox", "publicKey": public, **values}


def webfinger(host: str = "b.example", name: str = "bo") -> str:
    return f"https://{host}/.well-known/webfinger?resource=acct%3A{name}%40{host}"


def finger(subject: str = "bo@b.example", id: str = BO) -> dict[str, object]:
    return {"subject": f"acct:{subject}", "links": [{"rel": "self", "type": "application/activity+json", "href": id}]}


@pytest.fixture
def internet() -> Internet:
    return Internet({BO: actor(), webfinger(): finger()})


@pytest.fixture
def actors(db: RolledBackDatabase, internet: Internet) -> RemoteActors:
    return RemoteActors(db, build_fetcher(db, internet), lambda: NOW)


async def refused(actors: RemoteActors, uri: str = BO) -> NotFetched:
    with pytest.raises(NotFetched) as caught:
        await actors.by_uri(uri)
    return caught.value


async def test_an_actor_becomes_an_account(actors: RemoteActors, internet: Internet, cursor: Cursor) -> None:
    internet.documents[BO] = actor(
        name="Bo\nB", summary="<p>Hi <script>x</script><b>there</b></p>", url="https://b.example/@bo", manuallyApprovesFollowers=True,
        published="2020-01-01T00:00:00Z", endpoints={"sharedInbox": "https://b.example/inbox"},
        attachment=[{"type": "PropertyValue", "name": "Site", "value": '<a href="javascript:x">x</a>'}],
    )  # fmt: skip
    account = await actors.by_uri(BO)
    assert (account.acct, account.uri, account.url, account.display_name) == ("bo@b.example", BO, "https://b.example/@bo", "Bo B")
    assert account.locked
    assert account.created_at.year == 2020
    assert "script" not in account.bio_html
    assert "there" in account.bio
    assert "javascript" not in account.fields[0].html
    assert fetch_value(cursor, "select shared_inbox from remote_actors") == "https://b.example/inbox"
    asked = len(internet.requests)
    assert await actors.by_uri(BO) == account
    assert len(internet.requests) == asked


async def test_a_bio_is_cut_off(actors: RemoteActors, internet: Internet) -> None:
    internet.documents[BO] = actor(summary=f"<p>{'long ' * 30_000}</p>")
    account = await actors.by_uri(BO)
    assert 0.9 * bounds.MAX_BIO < len(account.bio) <= bounds.MAX_BIO
    assert len(account.bio_html) < 1.1 * bounds.MAX_BIO


async def test_a_handle_needs_webfinger_that_loops_back(actors: RemoteActors, internet: Internet, cursor: Cursor) -> None:
    for wrong in (finger(id="https://b.example/users/other"), finger("eve@b.example"), finger("bo@c.example", "https://c.example/bo"), {}):
        internet.documents[webfinger()] = wrong
        with pytest.raises((NotFetched, InvalidDocument)):
            await actors.by_uri(BO)
    internet.documents[webfinger()] = RemoteResponse(404, {}, b"")
    await refused(actors)
    assert fetch_value(cursor, "select count(*) from accounts") == 0


async def test_a_handle_on_the_short_domain_of_a_site_is_asked_there(actors: RemoteActors, internet: Internet) -> None:
    id = "https://social.b.example/users/bo"
    internet.documents = {
        id: actor(id),
        webfinger("social.b.example"): finger("bo@b.example", id),
        webfinger("b.example"): finger("bo@b.example", id),
    }
    assert (await actors.by_uri(id)).acct == "bo@b.example"


async def test_a_domain_that_does_not_agree_gives_no_handle(actors: RemoteActors, internet: Internet) -> None:
    id = "https://evil.example/users/bo"
    internet.documents = {id: actor(id), webfinger("evil.example"): finger("bo@b.example", id), webfinger(): finger(), BO: actor()}
    await refused(actors, id)


async def test_an_update_changes_the_account_and_its_keys(actors: RemoteActors, internet: Internet) -> None:
    before = await actors.by_uri(BO)
    internet.documents[BO] = actor(name="New", key=OTHER_PEM)
    after = await actors.fetch(BO)
    assert (after.id, after.display_name) == (before.id, "New")
    known = await actors.known_key(KEY_ID)
    assert known is not None
    assert known.pem == OTHER_PEM
    assert (known.account_id, known.owner, known.suspended) == (after.id, BO, False)
    internet.documents[BO] = actor(publicKey=None)
    await actors.fetch(BO)
    assert await actors.known_key(KEY_ID) is None


async def test_a_name_belongs_to_the_actor_that_had_it_first(actors: RemoteActors, internet: Internet, cursor: Cursor) -> None:
    first = await actors.by_uri(BO)
    other = "https://b.example/users/second"
    internet.documents |= {other: actor(other), webfinger(): finger(id=other)}
    await refused(actors, other)
    assert make.reload(cursor, first).uri == BO


async def test_a_deleted_actor_does_not_come_back(actors: RemoteActors, cursor: Cursor) -> None:
    account = await actors.by_uri(BO)
    cursor.execute("update accounts set deleted_at = now() where id = %s", [account.id])
    assert (await refused(actors)).gone
    assert await actors.known_key(KEY_ID) is None


async def test_accounts_of_this_site_are_never_fetched(actors: RemoteActors, internet: Internet, cursor: Cursor) -> None:
    ada: Account = make.account(cursor, "ada")
    await refused(actors, f"https://site.test/users/{ada.username}")
    assert internet.requests == []


async def test_an_unknown_key_is_fetched_with_its_actor(actors: RemoteActors) -> None:
    assert await actors.known_key(KEY_ID) is None
    known = await actors.fetched_key(KEY_ID, None)
    assert known is not None
    assert public_key(known).owner == BO


async def test_a_key_that_is_a_document_of_its_own_must_be_listed_by_its_owner(actors: RemoteActors, internet: Internet) -> None:
    key_id = f"{BO}/main-key"
    key = {"id": key_id, "owner": BO, "publicKeyPem": PEM}
    internet.documents |= {key_id: key, BO: actor(publicKey=key)}
    found = await actors.fetched_key(key_id, None)
    assert found is not None
    assert found.owner == BO
    stranger = "https://b.example/keys/1"
    internet.documents[stranger] = {"id": stranger, "owner": BO, "publicKeyPem": OTHER_PEM}
    assert await actors.fetched_key(stranger, None) is None


async def test_forged_requests_do_not_make_us_fetch_twice(actors: RemoteActors, internet: Internet) -> None:
    internet.documents.clear()
    with pytest.raises(NotFetched):
        await actors.fetched_key(KEY_ID, None)
    asked = len(internet.requests)
    for fragment in range(20):
        assert await actors.fetched_key(f"{BO}#key-{fragment}", None) is None
    assert len(internet.requests) == asked


async def test_a_profile_is_read_again_after_a_day(db: RolledBackDatabase, internet: Internet) -> None:
    now = NOW
    actors = RemoteActors(db, build_fetcher(db, internet, lambda: now), lambda: now)
    account = await actors.by_uri(BO)
    internet.documents[BO] = actor(name="Later")
    await actors.refresh_if_old(account)
    assert (await actors.by_uri(BO)).display_name == ""
    now += timedelta(days=1, seconds=1)
    await actors.refresh_if_old(account)
    assert (await actors.by_uri(BO)).display_name == "Later"
    internet.down.add("b.example")
    now += timedelta(days=2)
    await actors.refresh_if_old(account)
