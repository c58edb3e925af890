"""Construction of federation: the services that other servers talk to, if the settings switch it on."""

from __future__ import annotations

from functools import partial
from typing import Any

from attrs import frozen
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from microblog import __version__
from microblog.adapters.federation_client import FederationClient
from microblog.adapters.ssrf_guard import trusted_authorities
from microblog.application.remote_media import remote_files_of, remote_previews
from microblog.application.services import Domain, now
from microblog.config import Settings, secret_key
from microblog.domain.account_deletion import AccountDeletion
from microblog.domain.link_previews import LinkPreviews
from microblog.domain.ports import InThread
from microblog.domain.remote_mentions import LateMentions
from microblog.federation.actor_keys import ActorKeys
from microblog.federation.documents.ids import SiteIds
from microblog.federation.domain_moderation import DomainModeration
from microblog.federation.domain_purge import DomainPurge
from microblog.federation.domain_rules import CurrentRules
from microblog.federation.effects import Effects
from microblog.federation.emoji_copies import EmojiCopies
from microblog.federation.fetching import Fetcher, SignedRequests
from microblog.federation.file_fetches import FileFetches
from microblog.federation.forwarding import ForwardedPosts
from microblog.federation.gone_inboxes import GoneInboxes
from microblog.federation.host_software import SoftwareReader
from microblog.federation.inbox import Inbox
from microblog.federation.inbox_limits import WaitingLimit
from microblog.federation.key_cache import KeyCache
from microblog.federation.keys import KeySealer
from microblog.federation.local_documents import LocalDocuments
from microblog.federation.long_documents import LongDocuments
from microblog.federation.outgoing import Outgoing
from microblog.federation.outgoing_forwards import OutgoingForwards
from microblog.federation.ports import RemoteServers
from microblog.federation.post_effects import PostEffects
from microblog.federation.post_extras import PostExtras
from microblog.federation.reading_again import ReadingAgain
from microblog.federation.recipients import InboxRules
from microblog.federation.relevance import Relevance
from microblog.federation.remote_actors import RemoteActors
from microblog.federation.remote_files import RemoteFiles
from microblog.federation.remote_posts import RemotePosts
from microblog.federation.resolution import Resolution
from microblog.federation.servers import Servers
from microblog.federation.signers import Signers
from microblog.federation.start import FederationStart
from microblog.federation.statistics import FederationStatistics
from microblog.federation.trust import TrustRules
from microblog.jobs import domain_jobs, federation_jobs, media_jobs
from microblog.jobs.worker import Task
from microblog.model.federation_mode import FederationMode
from microblog.storage import remote_actors
from microblog.storage.database import Transactions
from microblog.web.activitypub.documents import DocumentRoutes
from microblog.web.activitypub.inbox import InboxRoutes
from microblog.web.activitypub.readers import Readers
from microblog.web.pages.media_proxy import MediaProxy

_log = Logger()


@frozen
class Federation:
    """The services of a site that federates."""

    ids: SiteIds
    keys: ActorKeys
    documents: LocalDocuments
    readers: Readers
    inbox: Inbox
    effects: Effects
    requests: SignedRequests
    rules: CurrentRules
    domains: DomainModeration
    purge: DomainPurge
    resolution: Resolution
    mentions: LateMentions
    files: RemoteFiles
    outgoing: Outgoing
    emoji_copies: EmojiCopies

    @classmethod
    def on(
        cls, settings: Settings, reactor: Any, database: Transactions, domain: Domain, servers: RemoteServers | None = None
    ) -> Federation | None:
        """Build all services; None if federation is off. `servers` is by default the client for other servers."""
        if settings.federation is FederationMode.OFF:
            return None
        ids, sealer = SiteIds(settings.public_url), KeySealer(secret_key(settings.data_dir))
        keys = ActorKeys(database, sealer, ids, in_thread(reactor), now)
        documents = LocalDocuments(
            *(domain.accounts, domain.posts, domain.timelines, domain.follows, domain.tags, keys, ids),
            lambda: domain.site_settings.settings.name,
            now,
        )
        rules = CurrentRules(database, trust_rules(settings, ids), settings.federation, reactor, now)
        client = servers or federation_client(settings, reactor)
        requests = SignedRequests(client, keys, in_thread(reactor), now)
        fetcher = Fetcher(requests, lambda: rules.trust, partial(_is_known, database), LongDocuments(reactor))
        actors = RemoteActors(database, fetcher, now, KeyCache(database, domain.invalidation_log, now))
        posts = RemotePosts(ids, now, PostExtras(lambda: rules.domains, remote_previews(domain)))
        relevance = Relevance(ids, posts)
        signers = Signers(actors, domain.rate_limiter, now)
        readers = Readers(signers, documents, settings.federation_secure_mode)
        inbox = Inbox(database, signers, relevance, now, WaitingLimit(database, now))
        about_posts = PostEffects(database, actors, posts, domain.polls, now)
        outgoing = Outgoing(ids, partial(_inbox_rules, rules), now, tells_blocks=settings.federation_send_blocks)
        forwards = OutgoingForwards(outgoing)
        effects = Effects(database, actors, domain.follows, domain.relationships, about_posts, relevance, now, forwards)
        resolution = Resolution(actors, posts, domain.rate_limiter, reactor, now, domain.remote_views)
        domain.posts.remote_mentions.lookup = domain.moves.directory = resolution
        mentions = LateMentions(database, resolution, domain.posts.host, domain.posts.base_url, now)
        domains = DomainModeration(database, rules, now)
        purge = DomainPurge(database, rules, AccountDeletion(database, now), now)
        files = remote_files_of(settings, reactor, domain, FileFetches(client, lambda: rules.trust, now))
        domain.remote_views.reader = ReadingAgain(effects.featured, reactor)
        domain.remote_views.finder = resolution
        return cls(
            ids,
            keys,
            documents,
            readers,
            inbox,
            effects,
            requests,
            rules,
            domains,
            purge,
            resolution,
            mentions,
            files,
            outgoing,
            EmojiCopies(domain.custom_emojis, files),
        )

    @property
    def servers(self) -> Servers:
        """The other servers, for administrators."""
        return Servers(self.rules.database, self.rules, now)

    @property
    def routes(self) -> list[object]:
        """The routes for other servers."""
        return [DocumentRoutes(self.documents, self.readers), InboxRoutes(self.inbox), MediaProxy(self.files)]

    @property
    def reading_again(self) -> ReadingAgain:
        """The reader of profiles, threads and polls that people here look at."""
        return ReadingAgain(self.effects.featured, self.resolution.reactor)

    @property
    def tasks(self) -> dict[str, Task]:
        """The jobs of federation by their kind."""
        received = federation_jobs.tasks(self.effects, self.mentions) | federation_jobs.followers_tasks(self.inbox.followers)
        received |= federation_jobs.statistics_tasks(self.statistics)
        received |= federation_jobs.gone_tasks(GoneInboxes(self.effects.database, self.effects.actors, now))
        received |= federation_jobs.software_tasks(SoftwareReader(self.effects.actors.fetcher, self.effects.database, now))
        received |= federation_jobs.forwarded_tasks(ForwardedPosts(self.effects.posts))
        return received | domain_jobs.tasks(self.purge) | federation_jobs.reading_tasks(self.reading_again)

    def media_tasks(self, previews: LinkPreviews | None) -> dict[str, Task]:
        """Return the jobs about files and linked pages of other servers by their kind."""
        return media_jobs.tasks(self.files, previews)

    @property
    def statistics(self) -> FederationStatistics:
        """The numbers for administrators."""
        return federation_statistics(self.effects.database)


def federation_statistics(database: Transactions) -> FederationStatistics:
    """Return the numbers of the traffic with other servers."""
    return FederationStatistics(database, now)


def _inbox_rules(rules: CurrentRules) -> InboxRules:
    return InboxRules(rules.trust.site_host, rules.domains, exempt=rules.trust.exempt)


async def _is_known(database: Transactions, host: str) -> bool:
    return await database.read(remote_actors.is_host_known, host=host)


def federation_client(settings: Settings, reactor: Any) -> FederationClient:
    """Return the client for other servers."""
    agent, exceptions = f"microblog/{__version__} (+{settings.public_url}/)", frozenset(settings.federation_test_addresses)
    names = {name: (address, port) for name, address, port in settings.federation_test_names}
    for setting, listed in (("ADDRESSES", [f"{address}:{port}" for address, port in sorted(exceptions)]), ("NAMES", sorted(names))):
        if listed:
            _log.warn(
                "{setting}: {line} are trusted as other servers. Never use this on a public site!",
                setting=f"MICROBLOG_FEDERATION_TEST_{setting}",
                line=", ".join(listed),
            )
    if settings.federation_ca_file is None:
        return FederationClient(reactor, agent, exceptions=exceptions, names=names)
    return FederationClient(reactor, agent, exceptions=exceptions, names=names, trust=trusted_authorities(settings.federation_ca_file))


def trust_rules(settings: Settings, ids: SiteIds) -> TrustRules:
    """Return what is believed of other servers, without the rules for domains, which are read at the start."""
    exempt = frozenset(f"{address}:{port}" for address, port in settings.federation_test_addresses)
    return TrustRules(ids.host, exempt=exempt)


def federation_start(settings: Settings, database: Transactions) -> FederationStart:
    """Return the check of the public URL, which every start does."""
    return FederationStart(database, settings.public_url, settings.federation is not FederationMode.OFF, now)


def in_thread(reactor: Any) -> InThread:
    """Return what runs functions in the reactor's thread pool."""
    return partial(deferToThreadPool, reactor, reactor.getThreadPool())
