"""Construction of what the command line needs of federation, without a running site."""

from __future__ import annotations

import socket
from typing import Any

from attrs import frozen
from twisted.internet.threads import deferToThreadPool

from microblog.application.federation import federation_client, in_thread, trust_rules
from microblog.application.services import now
from microblog.config import Settings, secret_key
from microblog.domain.rate_limits import MemoryCounter, RateLimiter
from microblog.federation.actor_keys import ActorKeys
from microblog.federation.delivery_test import DeliveryTest
from microblog.federation.documents.ids import SiteIds
from microblog.federation.domain_moderation import DomainModeration
from microblog.federation.domain_rules import CurrentRules
from microblog.federation.fetching import Fetcher, SignedRequests
from microblog.federation.keys import KeySealer
from microblog.federation.post_extras import PostExtras
from microblog.federation.remote_actors import RemoteActors
from microblog.federation.remote_posts import RemotePosts
from microblog.federation.resolution import Resolution
from microblog.storage.database import Transactions


def domain_moderation(settings: Settings, reactor: Any, database: Transactions) -> DomainModeration:
    """Return the commands about rules for other servers. The rules have yet to be read."""
    trust = trust_rules(settings, SiteIds(settings.public_url))
    return DomainModeration(database, CurrentRules(database, trust, settings.federation, reactor, now), now)


@frozen
class FederationTools:
    """Look-ups and tests of deliveries, which are signed with the keys of the site."""

    domains: DomainModeration
    resolution: Resolution
    requests: SignedRequests
    ids: SiteIds
    reactor: Any
    names: frozenset[str]  # of servers of tests, which no name server knows

    @classmethod
    def on(cls, settings: Settings, reactor: Any, database: Transactions) -> FederationTools:
        """Build them."""
        ids, domains = SiteIds(settings.public_url), domain_moderation(settings, reactor, database)
        keys = ActorKeys(database, KeySealer(secret_key(settings.data_dir)), ids, in_thread(reactor), now)
        requests = SignedRequests(federation_client(settings, reactor), keys, in_thread(reactor), now)
        actors = RemoteActors(database, Fetcher(requests, lambda: domains.rules.trust), now)
        limits = RateLimiter(MemoryCounter(reactor.seconds), now, enabled=False)
        resolution = Resolution(actors, RemotePosts(ids, now, PostExtras(lambda: domains.rules.domains)), limits, reactor, now)
        return cls(domains, resolution, requests, ids, reactor, frozenset(name for name, *_ in settings.federation_test_names))

    @property
    def delivery_test(self) -> DeliveryTest:
        """A test of the way to another server."""
        return DeliveryTest(self.resolution, self.requests, self.ids, self._addresses, now)

    async def _addresses(self, host: str) -> list[str]:
        """Return the addresses of a name. Raises OSError."""
        if host in self.names:
            return ["an address of a test"]

        def resolve() -> list[str]:
            found = socket.getaddrinfo(host.partition(":")[0], 443, type=socket.SOCK_STREAM)
            return list(dict.fromkeys(str(address[0]) for *_, address in found))

        resolved: list[str] = await deferToThreadPool(self.reactor, self.reactor.getThreadPool(), resolve)
        return resolved
