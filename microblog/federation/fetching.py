"""Documents of other servers: signed requests, redirects, and what is believed of the responses.

Failures are remembered, so that whatever names a broken address does not make this site ask for it again and again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar
from urllib.parse import urljoin

from attrs import define, evolve, field, frozen

from microblog.domain.ports import InThread
from microblog.federation import signature_choice
from microblog.federation.actor_keys import ActorKeys, LocalOwner
from microblog.federation.documents.vocabulary import ACCEPT
from microblog.federation.hosts import host_of
from microblog.federation.keys import SigningKey
from microblog.federation.long_documents import LongDocuments
from microblog.federation.new_hosts import NewHosts
from microblog.federation.ports import RemoteServers
from microblog.federation.signature_choice import SignatureChoices, SignatureForm
from microblog.federation.signed_requests import HttpRequest
from microblog.federation.trust import Believed, Fetch, Fetched, Refused, TrustRules
from microblog.model.accounts import Account
from microblog.model.cards import FetchError
from microblog.model.errors import Problem
from microblog.model.federation import RemoteCollection, RemoteObject
from microblog.model.remote_requests import RemoteResponse

MAX_REDIRECTS = 3
URL_PAUSE, HOST_PAUSE = timedelta(minutes=15), timedelta(minutes=5)
MAX_REMEMBERED = 10_000  # failed addresses, and hosts
REDIRECTS = frozenset({301, 302, 303, 307, 308})
TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})

D = TypeVar("D", bound=RemoteObject | RemoteCollection)
T = TypeVar("T")


class NotFetched(Problem):
    """A document that could not be fetched or is not believed. `temporary`: another try may help; `gone`: its server deleted it."""

    sentence = "The other server could not be asked."

    def __init__(self, sentence: str = "", *, temporary: bool = False, gone: bool = False, missing: bool = False) -> None:
        super().__init__(sentence or self.sentence)
        self.temporary, self.gone, self.missing = temporary, gone, missing


@define
class FetchBudget:
    """The number of requests that one cause, such as an activity, may still lead to."""

    remaining: int = 20

    def spend(self) -> None:
        """Count a request. Raises NotFetched when none is left."""
        if self.remaining <= 0:
            raise NotFetched("Too many documents would have to be fetched.")
        self.remaining -= 1


@define
class _Failures:
    """Failed addresses, each with the end of its pause, and whether there was nothing."""

    _until: OrderedDict[str, tuple[datetime, bool]] = field(factory=OrderedDict)

    def add(self, key: str, until: datetime, *, missing: bool = False) -> None:
        self._until[key] = until, missing
        self._until.move_to_end(key)
        if len(self._until) > MAX_REMEMBERED:
            self._until.popitem(last=False)

    def blocks(self, key: str, now: datetime) -> bool:
        return key in self._until and now < self._until[key][0]

    def is_missing(self, key: str) -> bool:
        return key in self._until and self._until[key][1]

    def forget(self, key: str) -> None:
        self._until.pop(key, None)


@frozen
class SignedRequests:
    """Sends requests that an account or the instance actor signs, with the signature that the host accepts."""

    servers: RemoteServers
    keys: ActorKeys
    in_thread: InThread
    now: Callable[[], datetime]
    choices: SignatureChoices = field(factory=SignatureChoices)

    async def send(self, request: HttpRequest, signer: LocalOwner | None = None, *, replaced_first: bool = False) -> RemoteResponse:
        """Send a request, several times if the host refuses the first signatures. Raises FetchError.

        If the signer's key was replaced, a host may know the old one only: it is tried too, with `replaced_first` before the new one.
        """
        pair = await self.keys.of(signer)
        first, other = (pair.replaced, pair.signing) if replaced_first and pair.replaced is not None else (pair.signing, pair.replaced)
        response = await self._send(request, first)
        return await self._send(request, other) if other is not None and response.status in signature_choice.REFUSALS else response

    async def _send(self, request: HttpRequest, key: SigningKey) -> RemoteResponse:
        tried: list[tuple[SignatureForm, int]] = []
        response: RemoteResponse | None = None
        while (form := self.choices.next_form(request.authority, request, tried, self.now())) is not None:
            headers = await self.in_thread(partial(signature_choice.sign, request, key, form, self.now()))
            response = await self.servers.send(request.method, request.url, {**dict(request.headers), **headers}, request.body)
            tried.append((form, response.status))
        assert response is not None
        if response.status < 300:
            self.choices.accepted(request.authority, tried[-1][0], self.now())
        return response


@define
class Fetcher:
    """Fetches documents. `rules` returns the rules of the site as they are now.

    `is_known` tells whether this site has had to do with a host: of those of one domain with which it has not, only some are asked.
    """

    requests: SignedRequests
    rules: Callable[[], TrustRules]
    is_known: Callable[[str], Awaitable[bool]] | None = None
    long_documents: LongDocuments = field(factory=LongDocuments)
    _new_hosts: NewHosts = field(init=False, factory=NewHosts)
    _failed_urls: _Failures = field(init=False, factory=_Failures)
    _failed_hosts: _Failures = field(init=False, factory=_Failures)

    async def document(
        self, uri: str, read: Callable[[bytes], D], budget: FetchBudget | None = None, *, signer: Account | None = None
    ) -> D:
        """Return the document with this id. Raises NotFetched, or InvalidDocument if it cannot be read.

        A document that was found under another id is fetched by that id once, and must be there.
        """
        spent, fetched = budget or FetchBudget(), Fetched(uri, 0, "")
        while True:
            response, url = await self._get(fetched.url, spent, signer, id_is_known=True)
            fetched = evolve(fetched, url=url, status=response.status, content_type=response.headers.get("content-type", ""))
            found = await self.long_documents.parse(read, response.body)
            match self.rules().check_document(found, fetched):
                case Believed():
                    return found
                case Fetch(uri=other):
                    fetched = Fetched(other, 0, "", again=True)
                case Refused(reason=reason):
                    raise NotFetched(f"The document at {uri} is not believed: {reason}.")

    async def other(self, url: str, read: Callable[[bytes], T], budget: FetchBudget, *, accept: str) -> T:
        """Return what is no ActivityPub document, such as that of WebFinger. Raises NotFetched, or InvalidDocument."""
        response, _ = await self._get(url, budget, None, id_is_known=False, accept=accept)
        return await self.long_documents.parse(read, response.body)

    async def page(self, url: str, accept: str, budget: FetchBudget) -> tuple[RemoteResponse, str]:
        """Return the response to a URL that somebody found, after redirects to any host, and the address that it came from.

        Nothing in it is believed: it may only point to a document. Raises NotFetched.
        """
        return await self._get(url, budget, None, id_is_known=False, accept=accept)

    def host_is_down(self, host: str) -> bool:
        """True if a request to the host has failed some minutes ago."""
        return self._failed_hosts.blocks(host, self.requests.now())

    async def _get(
        self, url: str, budget: FetchBudget, signer: Account | None, *, id_is_known: bool, accept: str = ACCEPT
    ) -> tuple[RemoteResponse, str]:
        """Return the response with status 200 and the address that it has come from, after at most three redirects."""
        if reason := self.rules().check_id(url):
            raise NotFetched(f"{url} may not be fetched: {reason}.")
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._request(url, budget, signer, accept)
            if response.status not in REDIRECTS:
                return response, url
            target = urljoin(url, response.headers.get("location", "")).partition("#")[0]
            if reason := self.rules().check_redirect(url, target, id_is_known=id_is_known):
                raise NotFetched(f"{url} leads to an address that may not be fetched: {reason}.")
            url = target
        raise NotFetched(f"{url} redirects too often.")

    async def _request(self, url: str, budget: FetchBudget, signer: Account | None, accept: str) -> RemoteResponse:
        now, host = self.requests.now(), host_of(url, self.rules().exempt) or ""
        if self._failed_hosts.blocks(host, now) or self._failed_urls.blocks(url, now):
            missing = self._failed_urls.is_missing(url)
            raise NotFetched(f"{url} failed some minutes ago.", temporary=True, missing=missing)
        if not await self._may_ask(host, now):
            raise NotFetched(f"{host} is one of too many new servers of its domain.", temporary=True)
        budget.spend()
        try:
            response = await self.requests.send(HttpRequest("GET", url.partition("#")[0], (("Accept", accept),)), signer)
        except FetchError as problem:
            self._failed_urls.add(url, now + URL_PAUSE)
            if not problem.permanent:
                self._failed_hosts.add(host, now + HOST_PAUSE)
            raise NotFetched(str(problem), temporary=not problem.permanent) from problem
        if response.status == 200 or response.status in REDIRECTS:
            return response
        gone, missing = response.status == 410, response.status in (404, 410)
        self._failed_urls.add(url, now + URL_PAUSE, missing=missing)
        raise NotFetched(f"{url} answered {response.status}.", temporary=response.status in TEMPORARY, gone=gone, missing=missing)

    async def _may_ask(self, host: str, now: datetime) -> bool:
        """True for a host that is known, or one of the first new ones of its domain in a day."""
        if self.is_known is None or self._new_hosts.is_admitted(host, now) or await self.is_known(host):
            return True
        return self._new_hosts.admit(host, now)

    def forget_failure(self, url: str) -> None:
        """Allow another try at once, because somebody asks for it."""
        self._failed_urls.forget(url)
