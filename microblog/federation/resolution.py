"""Resolution of what people type: the account or post of another server behind a handle, the URL of a page, or an id.

Nothing that the text or a page says is believed: they lead to an id, whose document is then fetched and checked like any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urljoin

from attrs import field, frozen
from twisted.internet.defer import Deferred, DeferredList, TimeoutError
from twisted.internet.interfaces import IReactorTime

from microblog.domain import link_preview_parser
from microblog.domain.posts import visible_post
from microblog.domain.rate_limits import MINUTE, LimitScope, RateLimit, RateLimiter
from microblog.domain.remote_views import RemoteViews
from microblog.federation import bounds
from microblog.federation.documents.vocabulary import ACCEPT, is_activity_json
from microblog.federation.fetching import FetchBudget, NotFetched
from microblog.federation.hosts import host_of, normalize_host
from microblog.federation.incoming import parse_object
from microblog.federation.remote_actors import RemoteActors
from microblog.federation.remote_posts import Arrival, RemotePosts
from microblog.federation.trust import Handle, Reason
from microblog.federation.webfinger import look_up
from microblog.model.accounts import Account, Viewer
from microblog.model.cards import FetchedPage
from microblog.model.errors import NotFound
from microblog.model.federation import InvalidDocument, RemoteActor
from microblog.model.federation_posts import RemotePost
from microblog.model.ids import PostId
from microblog.model.posts import Post
from microblog.model.remote_requests import RemoteResponse
from microblog.storage import accounts

SECONDS = 5.0
MENTION_SECONDS = 2.0
RESOLVING = RateLimit("resolving", 60, 5 * MINUTE, LimitScope.ACCOUNT)
REQUESTS = 8  # that one lookup may cause
ANY = f"{ACCEPT}, text/html;q=0.5"
MAX_LINK_HEADER = 8_192

_HANDLE = re.compile(r"(?:acct:)?@?([^@\s/?#]{1,255})@([^@\s/?#]{1,259})", re.IGNORECASE)
_PAGE = re.compile(r"https://([^/]+)/@([^/@]+)")
_LINK = re.compile(r"<([^<>]{1,2048})>((?:\s*;\s*\w+=(?:\"[^\"]*\"|[^\",;\s]*))*)")
_PARAMETER = re.compile(r";\s*(\w+)=(?:\"([^\"]*)\"|([^\",;\s]*))")

T = TypeVar("T")


class Unresolved(NotFound):
    """Nothing was found. The sentence says why, for the person who asked."""

    sentence = "Nothing was found at that address."


SLOW = "The other server takes too long to respond. Please try again later."
DOWN = "The other server does not respond at the moment. Please try again later."
OWN = "That address belongs to this site, but there is nothing there."
FORBIDDEN = "This site does not exchange posts with that server."
INVALID = "That is not the address of an account or post on another server."
NO_SUCH_ACCOUNT = "There is no such account on that server."
UNCONFIRMED = "That server could not confirm the address."
UNREADABLE = "The other server sent something that this site cannot read."
NOT_FOUND = "The other server has nothing at that address that this site can show."

_REFUSALS = {Reason.OWN_ID: OWN, Reason.FORBIDDEN_HOST: FORBIDDEN, Reason.INVALID_ID: INVALID}


@frozen
class Resolved:
    """A found account or post."""

    account: Account | None = None
    post: Post | None = None


@frozen
class Resolution:
    """Finds accounts and posts of other servers for people who are logged in."""

    actors: RemoteActors
    posts: RemotePosts
    limits: RateLimiter
    reactor: IReactorTime
    now: Callable[[], Any]
    views: RemoteViews = field(factory=RemoteViews)

    def is_remote(self, text: str) -> bool:
        """True if a text looks like a handle or URL of another server."""
        handle = self.handle(text)
        if handle is not None:
            return handle.host != self.actors.fetcher.rules().site_host
        return _is_url(text) and self.actors.fetcher.rules().check_id(text.strip()) is not Reason.OWN_ID

    def handle(self, text: str) -> Handle | None:
        """Return the handle in `@user@host` or `acct:user@host`; None for any other text."""
        found = _HANDLE.fullmatch(text.strip())
        if found is None:
            return None
        username, host = bounds.username(found[1]), normalize_host(found[2], self.actors.fetcher.rules().exempt)
        return None if username is None or host is None else Handle(username, host)

    async def find(self, viewer: Viewer, text: str) -> Resolved:
        """Return the account or post that a text names: what is known of it at least. Raises Unresolved."""
        found = await self._find(viewer, text)
        if found.account is not None:
            await self.views.profile(viewer, found.account)
        return found

    async def _find(self, viewer: Viewer, text: str) -> Resolved:
        if self.limits.enabled and (usage := await self.limits.count(RESOLVING, str(viewer.id))).exceeded:
            raise usage.problem(self.now())
        handle = self.handle(text)
        if handle is not None:
            return Resolved(await self.account(handle))
        if not _is_url(text):
            raise Unresolved(INVALID)
        url = text.strip().partition("#")[0]
        known = await self.actors.database.read(self.posts.find, url)
        if known is not None:
            return await self._post(viewer, known.id)
        found = await self._explained(self._at(url, FetchBudget(REQUESTS)), SECONDS)
        return await self._post(viewer, found) if not isinstance(found, Account) else Resolved(found)

    async def identify(self, text: str, seconds: float) -> Account | PostId:
        """Return the account or post that a text names, for administrators: no limit counts. Raises Unresolved."""
        handle = self.handle(text)
        if handle is not None:
            return await self.account(handle, seconds)
        if not _is_url(text):
            raise Unresolved(INVALID)
        url = text.strip().partition("#")[0]
        known = await self.actors.database.read(self.posts.find, url)
        return known.id if known is not None else await self._explained(self._at(url, FetchBudget(REQUESTS)), seconds)

    async def current_account(self, viewer: Viewer, text: str) -> Account:
        """Return the account that a text names, by its document as it is now. Raises Unresolved."""
        found = (await self.find(viewer, text)).account
        if found is None or found.uri is None:
            raise Unresolved(INVALID)
        return _shown(await self._explained(self.actors.fetch(found.uri, FetchBudget(REQUESTS)), SECONDS))

    async def found(self, viewer: Viewer | None, text: str) -> Resolved | None:
        """Return what a text names, for a search that has other results too; None if it names nothing elsewhere, or nothing is found."""
        if viewer is None or not self.is_remote(text):
            return None
        try:
            return await self.find(viewer, text)
        except Unresolved:
            return None

    async def find_address(self, viewer: Viewer, acct: str) -> None:
        """See `AccountFinder`. One that is known is not asked for: if it is not shown, it is suspended."""
        handle = self.handle(f"@{acct}")
        if handle is None or handle.host == self.actors.fetcher.rules().site_host:
            raise NotFound
        if await self.actors.database.read(accounts.approved_by_username, username=handle.username, host=handle.host) is None:
            await self.find(viewer, f"@{acct}")

    async def account(self, handle: Handle, seconds: float = SECONDS) -> Account:
        """Return the account with this handle, which is fetched if it is unknown or old. Raises Unresolved if it is not known either."""
        rules = self.actors.fetcher.rules()
        if reason := rules.check_id(f"https://{handle.host}/"):
            raise Unresolved(_REFUSALS.get(reason, INVALID))
        known = await self.known(handle)
        if known is not None and await self.actors.is_fresh(known):
            return known
        try:
            return await self._explained(self._by_handle(handle, FetchBudget(REQUESTS)), seconds)
        except Unresolved:
            if known is None:
                raise
            return known

    async def known(self, handle: Handle) -> Account | None:
        """Return the account with this handle if it is known and not suspended."""
        database = self.actors.database
        found = await database.read(accounts.approved_by_username, username=handle.username, host=handle.host)
        return None if found is None or found.suspended_at is not None else found

    async def look_up(self, viewer: Viewer, addresses: Sequence[tuple[str, str]]) -> None:
        """See `AccountLookup`. Accounts that are known are not asked for again."""
        await DeferredList([Deferred.fromCoroutine(self._look_up(viewer, f"{name}@{host}")) for name, host in addresses])

    async def look_up_later(self, addresses: Sequence[tuple[str, str]]) -> bool:
        """See `AccountLookup`. An account is not asked for on behalf of somebody, so nobody's limit counts."""
        found = await DeferredList([Deferred.fromCoroutine(self._look_up_later(f"{name}@{host}")) for name, host in addresses])
        return all(result is True for _, result in found)

    async def _look_up_later(self, address: str) -> bool:
        handle = self.handle(address)
        if handle is None or await self.known(handle) is not None:
            return True
        try:
            await self.account(handle)
        except Unresolved as problem:
            return problem.sentence not in (SLOW, DOWN)
        return True

    async def _look_up(self, viewer: Viewer, address: str) -> None:
        handle = self.handle(address)
        if handle is None or await self.known(handle) is not None:
            return
        if self.limits.enabled and (await self.limits.count(RESOLVING, str(viewer.id))).exceeded:
            return
        try:
            await self.account(handle, MENTION_SECONDS)
        except Unresolved:
            return

    async def subscribe_url(self, handle: Handle, uri: str) -> str:
        """Return the page on which the owner of a handle elsewhere can follow `uri`, as its server says. Raises Unresolved.

        It is on the host of the handle or of its actor, so that nobody can lead visitors from here to another site.
        """
        rules = self.actors.fetcher.rules()
        if reason := rules.check_id(f"https://{handle.host}/"):
            raise Unresolved(_REFUSALS.get(reason, INVALID))
        found = await self._explained(look_up(self.actors.fetcher, handle, FetchBudget(REQUESTS)), SECONDS)
        target = found.subscribe.replace("{uri}", quote(uri, safe=""))
        if host_of(target, rules.exempt) not in {handle.host, host_of(found.actor, rules.exempt)} - {None, rules.site_host}:
            raise Unresolved("That server does not offer to follow accounts of other sites. Search there for the address of this account.")
        return target

    async def _explained(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        """Wait for the result. Whatever goes wrong becomes a sentence for the person who asked."""
        try:
            return await Deferred.fromCoroutine(work).addTimeout(seconds, self.reactor)
        except TimeoutError as problem:
            raise Unresolved(SLOW) from problem
        except InvalidDocument as problem:
            raise Unresolved(UNREADABLE) from problem
        except NotFetched as problem:
            raise Unresolved(NOT_FOUND if problem.missing else DOWN if problem.temporary else str(problem)) from problem

    async def _by_handle(self, handle: Handle, budget: FetchBudget) -> Account:
        """Fetch the account that WebFinger names. The account's own handle must be this one, or the one that the answer is about."""
        try:
            found = await look_up(self.actors.fetcher, handle, budget)
        except NotFetched as problem:
            if problem.missing:
                raise Unresolved(NO_SUCH_ACCOUNT) from problem
            raise
        if reason := self.actors.fetcher.rules().check_id(found.actor):
            raise Unresolved(UNCONFIRMED if reason is Reason.OWN_ID else _REFUSALS.get(reason, UNCONFIRMED))
        account = await self.actors.fetch(found.actor, budget)
        if account.acct.lower() not in (f"{handle.username}@{handle.host}".lower(), found.subject.lower()):
            raise Unresolved(UNCONFIRMED)
        return _shown(account)

    async def _post(self, viewer: Viewer, id: PostId) -> Resolved:
        try:
            return Resolved(post=await self.actors.database.read(visible_post, id, viewer))
        except NotFound as problem:
            raise Unresolved(NOT_FOUND) from problem

    async def _at(self, url: str, budget: FetchBudget) -> Account | PostId:
        """Return the account or post at a URL: that of its page, or its id."""
        known = await self.actors.known(url) or await self._known_page(url)
        if known is not None and await self.actors.is_fresh(known):
            return _shown(known)
        if reason := self.actors.fetcher.rules().check_id(url):
            raise Unresolved(_REFUSALS.get(reason, INVALID))
        self.actors.fetcher.forget_failure(url)  # somebody asks for it
        try:
            return await self._fetched(url, budget)
        except (NotFetched, InvalidDocument):
            if known is None:
                raise
            return _shown(known)

    async def _known_page(self, url: str) -> Account | None:
        """Return the account whose profile is at a URL of the usual form, if it is known."""
        found = _PAGE.fullmatch(url)
        handle = None if found is None else self.handle(f"{found[2]}@{found[1]}")
        known = None if handle is None else await self.known(handle)
        return known if known is not None and known.url == url else None

    async def _fetched(self, url: str, budget: FetchBudget) -> Account | PostId:
        response, address = await self.actors.fetcher.page(url, ANY, budget)
        uri = await self.actors.fetcher.long_documents.parse(lambda _: _named_id(response, address), response.body)
        if reason := self.actors.fetcher.rules().check_id(uri):
            raise Unresolved(_REFUSALS.get(reason, NOT_FOUND) if uri else NOT_FOUND)
        found = await self.actors.fetcher.document(uri, parse_object, budget)
        if isinstance(found, RemoteActor):
            return _shown(await self.actors.fetch(found.id, budget))
        if not isinstance(found, RemotePost) or found.is_vote:
            raise Unresolved(NOT_FOUND)
        author = await self.actors.by_uri(found.author, budget)
        stored = await self.actors.database.run(self.posts.store, author, found, Arrival())
        if stored is None:
            raise Unresolved(NOT_FOUND)
        return stored.id


def _is_url(text: str) -> bool:
    return text.strip().lower().startswith(("https://", "http://"))


def _shown(account: Account) -> Account:
    if account.suspended_at is not None:
        raise Unresolved(NOT_FOUND)
    return account


def _named_id(response: RemoteResponse, address: str) -> str:
    """Return the id that a response names: its own if it is a document of ActivityPub, else that of its alternate; empty without one."""
    content_type = response.headers.get("content-type", "")
    if is_activity_json(content_type):
        found = parse_object(response.body)
        return getattr(found, "id", None) or ""
    linked = _linked(response.headers.get("link", "")[:MAX_LINK_HEADER])
    if linked:
        return urljoin(address, linked)
    if not content_type.lower().startswith(("text/html", "application/xhtml+xml")):
        return ""
    return link_preview_parser.alternate(FetchedPage(address, "text/html", "", response.body), is_activity_json)


def _linked(header: str) -> str:
    """Return the target of the first alternate in a Link header (RFC 8288) that is a document of ActivityPub; empty if there is none."""
    for target, parameters in _LINK.findall(header):
        values = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(parameters)}
        if "alternate" in values.get("rel", "").lower().split() and is_activity_json(values.get("type", "")):
            return str(target)
    return ""
