"""Another server in memory, whose accounts sign activities and deliver them to a site in memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from itertools import count
from typing import Any

import orjson
from attrs import define, field
from twisted.internet.task import Clock

from microblog.federation.bounds import MAX_JSON_BYTES
from microblog.federation.keys import AnyPrivateKey, SigningKey, generate_private_pem, load_private_key, public_pem
from microblog.federation.long_documents import BYTES_PER_SECOND
from microblog.federation.signature_choice import SignatureForm, sign
from microblog.federation.signed_requests import HttpRequest
from microblog.storage.database import fetch_all
from tests.fakes import result_of
from tests.federation.internet import JSON, Internet
from tests.web.http_client import HttpResponse, request
from tests.web.visitor import SiteFixture

URL = "https://site.test"


@cache
def private_key(number: int = 0) -> AnyPrivateKey:
    """Return a key pair; the same for the same number, because making one takes long."""
    del number
    return load_private_key(generate_private_pem())


@define(eq=False)
class RemoteUser:
    """An account of another server. `key` can be replaced; the document shows it at once."""

    site: SiteFixture
    internet: Internet
    name: str = "bo"
    host: str = "b.example"
    key: AnyPrivateKey = field(factory=private_key)
    now: datetime = field(factory=lambda: datetime.now(UTC))
    _numbers: Any = field(factory=lambda: count(1))

    def __attrs_post_init__(self) -> None:
        """Put the documents of the account on the internet."""
        webfinger = f"https://{self.host}/.well-known/webfinger?resource=acct%3A{self.name}%40{self.host}"
        link = {"rel": "self", "type": JSON, "href": self.id}
        self.internet.documents[webfinger] = {"subject": f"acct:{self.name}@{self.host}", "links": [link]}
        self.publish()

    @property
    def id(self) -> str:
        """The id of the account."""
        return f"https://{self.host}/users/{self.name}"

    def document(self, **values: object) -> dict[str, object]:
        """Return the document of the account."""
        key = {"id": f"{self.id}#main-key", "owner": self.id, "publicKeyPem": public_pem(self.key)}
        actor = {"id": self.id, "type": "Person", "preferredUsername": self.name, "inbox": f"{self.id}/inbox", "publicKey": key}
        return {"@context": "https://www.w3.org/ns/activitystreams", **actor, **values}

    def publish(self, **values: object) -> None:
        """Serve the document of the account."""
        self.internet.documents[self.id] = self.document(**values)

    def activity(self, type: str, object: object, **values: object) -> dict[str, object]:
        """Return an activity with a new id."""
        id = f"{self.id}#{type.lower()}s/{next(self._numbers)}"
        return {"@context": "https://www.w3.org/ns/activitystreams", "id": id, "type": type, "actor": self.id, "object": object, **values}

    def headers(self, body: bytes, path: str, form: SignatureForm = SignatureForm.CAVAGE) -> dict[str, str]:
        """Return the headers of a delivery, with its signature."""
        key = SigningKey(f"{self.id}#main-key", self.key)
        content = {"Content-Type": JSON}
        return content | sign(HttpRequest("POST", URL + path, tuple(content.items()), body), key, form, self.now)

    def post(self, body: bytes, headers: Mapping[str, str], path: str = "/inbox") -> HttpResponse:
        """Deliver bytes with these headers."""
        sent = {name: value for name, value in headers.items() if name != "Host"}
        response = request(self.site.server, "POST", path, sent, body)
        pass_pause(self.site)
        return response

    def deliver(self, activity: object, path: str = "/inbox", form: SignatureForm = SignatureForm.CAVAGE) -> int:
        """Deliver an activity; return the status."""
        body = orjson.dumps(activity)
        return self.post(body, self.headers(body, path, form), path).status

    def do(self, type: str, object: object, **values: object) -> dict[str, object]:
        """Deliver an activity that is accepted, and let it have its effect. Return it."""
        activity = self.activity(type, object, **values)
        assert self.deliver(activity) == 202
        run_effects(self.site)
        return activity


def pass_pause(site: SiteFixture) -> None:
    """Let the time pass after which another long document is parsed."""
    assert isinstance(site.server.reactor, Clock)
    site.server.reactor.advance(MAX_JSON_BYTES / BYTES_PER_SECOND)


def run_effects(site: SiteFixture) -> int:
    """Let all stored activities have their effect, as their jobs would; return how many."""
    assert site.federation is not None
    waiting = fetch_all(
        site.cursor,
        int,
        "delete from jobs where kind = 'federation.activity' and state = 'waiting' returning (payload->>'activity')::bigint",
    )
    for id in sorted(waiting):
        result_of(site.federation.effects.apply(id, lambda cursor: None))
        pass_pause(site)
    return len(waiting)
