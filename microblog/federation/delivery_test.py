"""A test of the way to another server, step by step: its name, the connection, an account, and whether it accepts this site's signatures.

What is sent is harmless: it takes back a favourite that never was.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

import orjson
from attrs import define, field, frozen

from microblog.federation.documents.ids import LocalKind, SiteIds
from microblog.federation.documents.vocabulary import with_context
from microblog.federation.fetching import SignedRequests
from microblog.federation.resolution import Resolution, Unresolved
from microblog.federation.signed_requests import HttpRequest
from microblog.federation.trust import Handle
from microblog.model.cards import FetchError
from microblog.storage import remote_actors

CONTENT_TYPE = ("Content-Type", "application/activity+json")
SECONDS = 20.0
MAX_ANSWER = 200  # characters of a response that are shown


@frozen
class Step:
    """One step, with what was found. Without success no further steps are made."""

    name: str
    succeeded: bool
    found: str


@define
class DeliveryTest:
    """Makes the steps. `addresses` resolves a name; it raises OSError."""

    resolution: Resolution
    requests: SignedRequests
    ids: SiteIds
    addresses: Callable[[str], Awaitable[list[str]]]
    now: Callable[[], datetime]
    steps: list[Step] = field(init=False, factory=list)

    async def run(self, host: str, handle: Handle | None) -> list[Step]:
        """Return the steps to a host, to the account with a handle or to any known one of that host."""
        self.steps = []
        if self._allowed(host) and await self._resolved(host) and await self._connected(host):
            inbox = await self._inbox(host, handle)
            if inbox is not None:
                await self._sent(inbox)
        return self.steps

    def _note(self, name: str, found: str, *, succeeded: bool) -> bool:
        self.steps.append(Step(name, succeeded, found))
        return succeeded

    def _allowed(self, host: str) -> bool:
        rules = self.resolution.actors.fetcher.rules().domains
        rule = rules.rule_for(host)
        found = f"{rule.severity} (rule for {rule.domain})" if rule is not None else "none"
        return self._note("rule", found if rules.is_allowed(host) or rule else "not on the allow-list", succeeded=rules.is_allowed(host))

    async def _resolved(self, host: str) -> bool:
        if host in self.resolution.actors.fetcher.rules().exempt:
            return self._note("name", "an address of a test", succeeded=True)
        try:
            found = await self.addresses(host)
        except OSError as problem:
            return self._note("name", f"cannot be resolved: {problem}", succeeded=False)
        return self._note("name", ", ".join(found), succeeded=True)

    async def _connected(self, host: str) -> bool:
        scheme = "http" if host in self.resolution.actors.fetcher.rules().exempt else "https"
        try:
            response = await self.requests.servers.send("GET", f"{scheme}://{host}/.well-known/nodeinfo", {"Accept": "application/json"})
        except FetchError as problem:
            return self._note("connection", str(problem), succeeded=False)
        return self._note("connection", f"{scheme}, answers {response.status}", succeeded=True)

    async def _inbox(self, host: str, handle: Handle | None) -> str | None:
        actors = self.resolution.actors
        if handle is None:
            inbox = await actors.database.read(remote_actors.inbox_of_host, host=host)
            found = inbox or "No account of this server is known. Give the handle of one, such as @name@" + host
            self._note("inbox", found, succeeded=inbox is not None)
            return inbox
        try:
            account = await self.resolution.account(handle, SECONDS)
        except Unresolved as problem:
            self._note("account", problem.sentence, succeeded=False)
            return None
        self._note("account", account.uri or "", succeeded=True)
        inbox = await actors.database.read(remote_actors.inbox_of, account=account.id)
        self._note("inbox", inbox or "none", succeeded=inbox is not None)
        return inbox

    async def _sent(self, inbox: str) -> None:
        actor = self.ids.make(LocalKind.INSTANCE_ACTOR)
        id = f"{actor}#tests/{int(self.now().timestamp())}"
        like = {"id": f"{id}/like", "type": "Like", "actor": actor, "object": f"{actor}#nothing"}
        body = orjson.dumps(with_context({"id": id, "type": "Undo", "actor": actor, "object": like}))
        try:
            response = await self.requests.send(HttpRequest("POST", inbox, (CONTENT_TYPE,), body))
        except FetchError as problem:
            self._note("delivery", str(problem), succeeded=False)
            return
        answer = " ".join(response.body[: 4 * MAX_ANSWER].decode("utf-8", "replace").split())[:MAX_ANSWER]
        if response.status < 300:
            self._note("delivery", f"the signature was accepted: {response.status}", succeeded=True)
        elif response.status in (401, 403):
            self._note("delivery", f"the signature was refused: {response.status} {answer}".strip(), succeeded=False)
        else:
            self._note("delivery", f"refused: {response.status} {answer}".strip(), succeeded=False)
