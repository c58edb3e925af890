"""Construction of federation: the services that other servers talk to, if the settings switch it on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from attrs import frozen
from twisted.internet.threads import deferToThreadPool

from microblog.application.services import Domain, now
from microblog.config import Settings, secret_key
from microblog.federation.actor_keys import ActorKeys
from microblog.federation.documents.ids import SiteIds
from microblog.federation.keys import KeySealer
from microblog.federation.local_documents import LocalDocuments
from microblog.federation.start import FederationStart
from microblog.model.federation_mode import FederationMode
from microblog.storage.database import Transactions
from microblog.web.activitypub.documents import DocumentRoutes


@frozen
class Federation:
    """The services of a site that federates."""

    ids: SiteIds
    keys: ActorKeys
    documents: LocalDocuments

    @classmethod
    def on(cls, settings: Settings, reactor: Any, database: Transactions, domain: Domain) -> Federation | None:
        """Build all services; None if federation is off."""
        if settings.federation is FederationMode.OFF:
            return None
        ids, sealer = SiteIds(settings.public_url), KeySealer(secret_key(settings.data_dir))
        keys = ActorKeys(database, sealer, ids, _in_thread(reactor), now)
        documents = LocalDocuments(
            domain.accounts, domain.posts, domain.timelines, domain.follows, domain.tags, keys, ids, settings.site_name, now
        )
        return cls(ids, keys, documents)

    @property
    def routes(self) -> list[object]:
        """The routes for other servers."""
        return [DocumentRoutes(self.documents)]


def federation_start(settings: Settings, database: Transactions) -> FederationStart:
    """Return the check of the public URL, which every start does."""
    return FederationStart(database, settings.public_url, settings.federation is not FederationMode.OFF, now)


def _in_thread(reactor: Any) -> Callable[[Callable[[], str]], Awaitable[str]]:
    return lambda work: deferToThreadPool(reactor, reactor.getThreadPool(), work)
