"""Replacement of the keys of accounts here: other servers are told, and nothing that is sent meanwhile is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

import orjson
import pytest
from attrs import define, field

from microblog.federation.actor_keys import REPLACED_FOR, ActorKeys
from microblog.federation.fetching import SignedRequests
from microblog.federation.keys import PublicKey, SigningKey, public_pem
from microblog.federation.signature_choice import SignatureForm
from microblog.federation.signed_requests import HttpRequest, InvalidSignature
from microblog.federation.verification import read_claim
from microblog.model.accounts import Account
from microblog.model.events import Event, EventKind, Position
from microblog.model.remote_requests import RemoteResponse
from microblog.storage import actor_keys
from microblog.storage.database import Cursor, fetch_all, fetch_value
from tests import make
from tests.fakes import RolledBackDatabase
from tests.federation.internet import at_once, build_keys
from tests.federation.outgoing import OutboundFixture, remote_follower
from tests.federation.signing import NOW

P = ParamSpec("P")
T = TypeVar("T")
INBOX = HttpRequest("POST", "https://b.example/inbox", (("Content-Type", "application/activity+json"),), b"{}")
REPLACED = Event(Position("e", 1, 1), EventKind.KEYS_REPLACED, None, None, None, {}, NOW)


@define
class Peer:
    """A server that accepts requests by one key. `tried` are the keys of the requests that it got: "old", "new" or "?"."""

    accepts: SigningKey
    keys: Mapping[str, SigningKey]
    tried: list[str] = field(factory=list)

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> RemoteResponse:
        request = HttpRequest(method, url, tuple(headers.items()), body)
        self.tried.append(next((name for name, key in self.keys.items() if is_signed_by(request, key)), "?"))
        return RemoteResponse(202 if is_signed_by(request, self.accepts) else 401, {}, b"")

    async def download(self, url: str, file: Any, limits: Any) -> RemoteResponse:
        raise NotImplementedError


def is_signed_by(request: HttpRequest, key: SigningKey) -> bool:
    claim = read_claim(request, NOW)
    try:
        return bool(claim.verify(PublicKey(claim.key_id, claim.key_id.partition("#")[0], key.key.public_key())).actor)
    except InvalidSignature:
        return False


def pem(key: SigningKey) -> str:
    return public_pem(key.key)


@pytest.fixture
def db(cursor: Cursor) -> RolledBackDatabase:
    return RolledBackDatabase(cursor)


@pytest.fixture
def keys(db: RolledBackDatabase) -> ActorKeys:
    return build_keys(db)


@pytest.fixture
def ada(cursor: Cursor) -> Account:
    return make.account(cursor, "ada")


async def replace(keys: ActorKeys, account: Account | None) -> dict[str, SigningKey]:
    """Replace the key of an account that has one; return both."""
    old = (await keys.of(account)).signing
    assert await keys.replace(account)
    keys.happened(REPLACED)
    return {"old": old, "new": (await keys.of(account)).signing}


async def test_a_replaced_key_is_another_one_under_the_same_id_and_sealed(cursor: Cursor, keys: ActorKeys, ada: Account) -> None:
    both = await replace(keys, ada)
    pair = await keys.of(ada)
    assert both["old"].id == both["new"].id == pair.public.id
    assert pem(both["old"]) != pem(both["new"])
    assert pair.replaced is not None
    assert pem(pair.replaced) == pem(both["old"])
    stored = fetch_all(cursor, bytes, "select private_key from actor_keys")
    assert len(stored) == 2
    assert not any(b"PRIVATE" in sealed for sealed in stored)


async def test_an_account_whose_key_nobody_knows_gets_none(cursor: Cursor, keys: ActorKeys, ada: Account) -> None:
    assert not await keys.replace(ada)
    assert fetch_value(cursor, "select (select count(*) from actor_keys) + (select count(*) from events)") == 0


async def test_another_process_signs_with_the_new_key_once_it_hears_of_it(db: RolledBackDatabase, keys: ActorKeys, ada: Account) -> None:
    other, old = build_keys(db), (await keys.of(ada)).signing
    assert pem((await other.of(ada)).signing) == pem(old)
    both = await replace(keys, ada)
    other.happened(REPLACED)
    assert pem((await other.of(ada)).signing) == pem(both["new"])


async def test_a_key_that_is_replaced_while_it_is_read_is_not_kept(db: RolledBackDatabase, keys: ActorKeys, ada: Account) -> None:
    await keys.of(ada)

    @define
    class Slow(RolledBackDatabase):
        """Hears of a replacement between two reads."""

        replaced: bool = False

        async def read(self, f: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
            found = await RolledBackDatabase.read(self, f, *args, **kwargs)
            if not self.replaced:
                self.replaced = True
                await keys.replace(ada)
                other.happened(REPLACED)
            return found

    other = build_keys(Slow(db.cursor))
    await other.of(ada)
    current = pem((await other.of(ada)).signing)
    keys.happened(REPLACED)
    assert current == pem((await keys.of(ada)).signing)


@pytest.mark.parametrize(
    ("accepts", "replaced_first", "tried"),
    [
        ("new", False, ["new"]),
        ("old", False, ["new", "new", "old"]),
        ("old", True, ["old"]),
        ("new", True, ["old", "old", "new"]),
    ],
)
async def test_a_host_gets_the_signature_that_it_knows(
    keys: ActorKeys, ada: Account, accepts: str, replaced_first: bool, tried: list[str]
) -> None:
    both = await replace(keys, ada)
    peer = Peer(both[accepts], both)
    requests = SignedRequests(peer, keys, at_once, lambda: NOW)
    assert (await requests.send(INBOX, ada, replaced_first=replaced_first)).status == 202
    assert peer.tried == tried
    assert len(SignatureForm) > 2, "each key is tried in two forms, without the one for queries"


async def test_every_known_server_gets_the_new_key_before_what_follows(cursor: Cursor, keys: ActorKeys, ada: Account) -> None:
    remote_follower(cursor, ada)
    remote_follower(cursor, make.account(cursor), "c.example")
    outbound = OutboundFixture(cursor)
    await keys.of(ada)
    outbound.run()
    await replace(keys, ada)
    make.post(cursor, make.viewer(cursor, "ben"), "hello")
    [sent] = [one for one in outbound.run() if one.kind == "update_keys"]
    assert sorted(sent.inboxes) == ["https://b.example/inbox", "https://c.example/inbox"]
    assert sent.document["type"] == "Update"
    assert sent.document["object"]["publicKey"]["publicKeyPem"] == pem((await keys.of(ada)).signing)
    assert orjson.dumps(sent.document).count(b"PUBLIC KEY") == 2


async def test_the_key_of_the_site_is_replaced_without_an_activity(cursor: Cursor, keys: ActorKeys, ada: Account) -> None:
    remote_follower(cursor, ada)
    outbound = OutboundFixture(cursor)
    outbound.run()
    both = await replace(keys, None)
    assert pem(both["old"]) != pem(both["new"])
    assert outbound.run() == []


async def test_a_replaced_key_is_deleted_after_seven_days(cursor: Cursor, keys: ActorKeys, ada: Account) -> None:
    await replace(keys, ada)
    assert actor_keys.delete_expired(cursor, before=make.NOW + REPLACED_FOR - timedelta(minutes=1), limit=10) == 0
    assert actor_keys.replaced(cursor, account=ada.id, now=make.NOW + REPLACED_FOR) is None
    assert actor_keys.delete_expired(cursor, before=make.NOW + REPLACED_FOR + timedelta(minutes=1), limit=10) == 1
    assert actor_keys.current(cursor, account=ada.id) is not None
