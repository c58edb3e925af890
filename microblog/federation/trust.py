"""Decisions about what is believed of what other servers say. Pure: fetching and looking things up is left to the caller.

An id is a promise of its host. What a document says about it is believed if the host itself served it over HTTPS under this id, or if it
came in a request that an actor of this host signed and is about that actor's own things. Everything else is fetched, looked up here, or
refused. Most published vulnerabilities of ActivityPub servers are one of these checks that was missing: CVE-2024-23832 and CVE-2024-25623
of Mastodon, CVE-2023-49079, CVE-2024-25636 and CVE-2024-52591 of Misskey.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from attrs import field, frozen

from microblog.federation import bounds
from microblog.federation.documents.vocabulary import is_activity_json
from microblog.federation.hosts import host_of, normalize_host, same_uri
from microblog.model.domain_rules import DomainRules
from microblog.model.federation import (
    Activity,
    ActivityKind,
    Reference,
    RemoteActor,
    RemoteCollection,
    RemoteKey,
    RemoteObject,
    Tombstone,
    WebFingerResult,
)
from microblog.model.federation_posts import QuoteAuthorization, RemoteHashtag, RemotePost
from microblog.model.posts import Visibility

_BY_OBJECT = frozenset({ActivityKind.CREATE, ActivityKind.UPDATE, ActivityKind.DELETE})
_FROM_SUSPENDED = frozenset({ActivityKind.UPDATE, ActivityKind.DELETE, ActivityKind.UNDO, ActivityKind.REJECT})


class Reason(StrEnum):
    """Reason of a refusal, for logs and statistics."""

    INVALID_ID = "invalid_id"  # no id, or no acceptable HTTPS URI
    OWN_ID = "own_id"  # this site's ids never come from outside
    FORBIDDEN_HOST = "forbidden_host"  # a rule of the site, or its allow-list
    WRONG_SIGNER = "wrong_signer"  # signed by somebody else than the actor
    WRONG_KEY = "wrong_key"  # the key is on another host than its owner
    WRONG_STATUS = "wrong_status"
    WRONG_TYPE = "wrong_type"  # the content type is not one of ActivityPub
    WRONG_ID = "wrong_id"  # the document has another id than the address that it was fetched from
    WRONG_HOST = "wrong_host"  # the author or the inbox is on another host than the id
    WRONG_HANDLE = "wrong_handle"  # WebFinger does not lead back to the actor


@frozen
class Believed:
    """The host of the id said so: use it as it is."""


@frozen
class Fetch:
    """Only what is fetched from this address may be believed, after `check_document`."""

    uri: str


@frozen
class Local:
    """An id of this site: look it up here, whatever the document says about it."""

    uri: str


@frozen
class Refused:
    """Drop it."""

    reason: Reason


@frozen
class Fetched:
    """Response with a document: `url` is the address after all redirects. `again`: fetched by the id that another document named."""

    url: str
    status: int
    content_type: str
    again: bool = False


@frozen
class Handle:
    """A username and the host that it is shown with, both in their one spelling."""

    username: str
    host: str


@frozen
class TrustRules:
    """The decisions of a site. `site_host` is its own host; `exempt` are hosts of tests that may speak HTTP (federation/hosts.py)."""

    site_host: str
    domains: DomainRules = field(factory=DomainRules)
    exempt: frozenset[str] = field(default=frozenset(), kw_only=True)

    def check_id(self, uri: str | None) -> Reason | None:
        """Return why nothing under this id may come from outside; None if it may."""
        host = self._host(uri)
        if host is None:
            return Reason.INVALID_ID
        if host == self.site_host:
            return Reason.OWN_ID
        return None if self.domains.is_allowed(host) else Reason.FORBIDDEN_HOST

    def check_sender(self, activity: Activity, signer: str, key_id: str) -> Believed | Fetch | Refused:
        """Decide about a signed activity. `signer` is the owner of the key, by the owner's own document.

        Somebody else's activity (a forwarded reply) is not believed, but it may name something to fetch, or to fetch anew.
        """
        for actor in (signer, activity.actor):
            if reason := self.check_id(actor):
                return Refused(reason)
        if self._host(key_id) != self._host(signer):
            return Refused(Reason.WRONG_KEY)
        if activity.actor == signer:
            return Believed()
        if activity.kind is ActivityKind.ANNOUNCE:
            return self._forwarded(activity.id, activity.actor)
        return self._forwarded(activity.object_id if activity.kind in _BY_OBJECT else None, activity.actor)

    def _forwarded(self, uri: str | None, actor: str) -> Fetch | Refused:
        return Fetch(uri) if uri and self._host(uri) == self._host(actor) else Refused(Reason.WRONG_SIGNER)

    def own_id(self, activity: Activity) -> str | None:
        """Return the activity's id; None if it is on another host than the actor, who then cannot speak for it."""
        host = self._host(activity.id)
        return activity.id if host is not None and host == self._host(activity.actor) else None

    def check_embedded(self, embedded: RemoteObject, actor: str) -> Believed | Fetch | Local | Refused:
        """Decide about an object within an activity that is believed. `actor` is that of the activity.

        Believed is what the actor says about itself and its own things on its own host.
        """
        if isinstance(embedded, RemoteHashtag):
            return Believed()
        if isinstance(embedded, Activity):
            return self._check_nested(embedded, actor)
        reason = self.check_id(embedded.id)
        if embedded.id and reason is Reason.OWN_ID:
            return Local(embedded.id)
        if reason or not embedded.id:
            return Refused(reason or Reason.INVALID_ID)
        is_own = _author(embedded) == actor and self._host(embedded.id) == self._host(actor)
        return (self._checked_parts(embedded) or Believed()) if is_own else Fetch(embedded.id)

    def _check_nested(self, nested: Activity, actor: str) -> Believed | Fetch | Local | Refused:
        """Decide about an activity within one: what is undone, accepted, or announced by a group. It may lack an id (`own_id`)."""
        if nested.actor == actor:
            return Believed()
        if self._host(nested.actor) == self.site_host:
            return Local(nested.id if nested.id and self._host(nested.id) == self.site_host else nested.actor)
        reason = self.check_id(nested.id)
        return Refused(reason) if reason else Fetch(str(nested.id))

    def check_document(self, document: RemoteObject | RemoteCollection, fetched: Fetched) -> Believed | Fetch | Refused:
        """Decide about a fetched document. One that has another id than its address is fetched by this id, once."""
        if reason := self.check_id(fetched.url):
            return Refused(reason)
        if fetched.status != 200:
            return Refused(Reason.WRONG_STATUS)
        if not is_activity_json(fetched.content_type):
            return Refused(Reason.WRONG_TYPE)
        id = None if isinstance(document, RemoteHashtag) else document.id
        if reason := self.check_id(id):
            return Refused(reason)
        if same_uri(id, fetched.url, self.exempt):
            return self._checked_parts(document) or Believed()
        return Fetch(str(id)) if not fetched.again else Refused(Reason.WRONG_ID)

    def check_redirect(self, source: str, target: str, *, id_is_known: bool) -> Reason | None:
        """Return why a redirect is not followed; None if it is. A document whose id is known moves within its host only."""
        if reason := self.check_id(target):
            return reason
        return Reason.WRONG_HOST if id_is_known and self._host(source) != self._host(target) else None

    def _checked_parts(self, document: RemoteObject | RemoteCollection) -> Refused | None:
        """Refuse a document that speaks for another host than that of its id."""
        if isinstance(document, Reference | Tombstone | RemoteHashtag | RemoteCollection):
            return None
        responsible = document.endpoints.inbox if isinstance(document, RemoteActor) else _author(document)
        return None if self._host(responsible) == self._host(document.id) else Refused(Reason.WRONG_HOST)

    def own_keys(self, actor: RemoteActor) -> tuple[RemoteKey, ...]:
        """Return the keys that an actor's own document lists, names as the actor's, and that are on its host."""
        host = self._host(actor.id)
        return tuple(key for key in actor.keys if key.owner in ("", actor.id) and host is not None and self._host(key.id) == host)

    def next_page(self, page: RemoteCollection, url: str, seen: Iterable[str]) -> str | None:
        """Return the address of the next page of a collection that was fetched from `url`: on the same host, and none twice."""
        pages = frozenset(seen) | {url}
        is_near = page.next is not None and self.check_id(page.next) is None and self._host(page.next) == self._host(url)
        return page.next if is_near and page.next not in pages and len(pages) < bounds.MAX_COLLECTION_PAGES else None

    def first_handle(self, actor: RemoteActor) -> Handle | Refused:
        """Return the handle for which WebFinger must be asked: what the document claims (FEP-2c59), else the username on the id's host."""
        if reason := self.check_id(actor.id):
            return Refused(reason)
        host = normalize_host(actor.host, self.exempt) if actor.host else self._host(actor.id)
        return self._checked_handle(bounds.username(actor.username), host)

    def check_handle(self, actor: RemoteActor, asked: Handle, found: WebFingerResult) -> Handle | Refused:
        """Return the handle of an actor by what WebFinger found for the handle `asked`; no account without one.

        If this is `asked`, it is confirmed. If it is another one, on the short domain of the same site, it must be asked in turn; that
        answer has to name itself.
        """
        if not same_uri(found.actor, actor.id, self.exempt):
            return Refused(Reason.WRONG_HANDLE)
        name, _, named_host = found.subject.rpartition("@")
        handle = self._checked_handle(bounds.username(name), normalize_host(named_host, self.exempt))
        if isinstance(handle, Refused):
            return handle
        is_same = handle.username.lower() == asked.username.lower() and handle.host == asked.host
        if handle.username.lower() != actor.username.lower() or not (is_same or asked.host == self._host(actor.id)):
            return Refused(Reason.WRONG_HANDLE)
        return asked if is_same else Handle(asked.username, handle.host)

    def _checked_handle(self, username: str | None, host: str | None) -> Handle | Refused:
        if username is None or host is None:
            return Refused(Reason.WRONG_HANDLE)
        if host == self.site_host:
            return Refused(Reason.OWN_ID)
        return Handle(username, host) if self.domains.is_allowed(host) else Refused(Reason.FORBIDDEN_HOST)

    def authorizes_quote(self, stamp: QuoteAuthorization, quoting: str, quoted: RemotePost) -> bool:
        """True if a stamp, which was fetched and is believed, is the quoted author's consent to this quote (FEP-044f)."""
        is_theirs = stamp.author == quoted.author and self._host(stamp.id) == self._host(quoted.author) is not None
        return is_theirs and stamp.quoting == quoting and stamp.quoted == quoted.id

    def _host(self, uri: object) -> str | None:
        return host_of(uri, self.exempt | {self.site_host})


def _author(document: RemoteObject) -> str:
    """Return the id of who answers for a document; empty for what says nothing about itself."""
    if isinstance(document, RemotePost | QuoteAuthorization):
        return document.author
    if isinstance(document, RemoteActor):
        return document.id
    return document.actor if isinstance(document, Activity) else ""


def is_owner(actor: str, stored_owner: str | None) -> bool:
    """True if an actor may update, delete, undo, pin or move something: it is the owner in our database, whatever the document says."""
    return bool(stored_owner) and actor == stored_owner


def is_from_suspended_processed(kind: ActivityKind) -> bool:
    """True for what is taken from a suspended account: changes of its profile and what takes something back. Nothing new."""
    return kind in _FROM_SUSPENDED


def may_boost(visibility: Visibility, *, is_author: bool) -> bool:
    """True if a boost of a post counts. It never changes who may see the post."""
    return visibility in (Visibility.PUBLIC, Visibility.UNLISTED) or (visibility is Visibility.PRIVATE and is_author)
