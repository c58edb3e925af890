"""Information about this site: limits, rules, statistics, NodeInfo."""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import define, field

from microblog.domain.site_stats import SiteStats
from microblog.domain.statistics import DailyStatistics
from microblog.federation.domain_rules import CurrentRules
from microblog.model.domain_rules import DomainRules
from microblog.model.errors import NotFound
from microblog.render.api import instance
from microblog.render.api.instance import (
    ABOUT,
    INSTANCE,
    LANGUAGE,
    NODEINFO,
    NODEINFO_2_1,
    NODEINFO_LINKS,
    PRIVACY,
    V1_INSTANCE,
    WEEK,
    InstanceEntities,
    InstanceNumbers,
)
from microblog.render.api.reports import RULE
from microblog.render.api.schemas import TEXTS, array_of
from microblog.web.http.request import Request
from microblog.web.http.response import PUBLIC_A_WHILE, Response
from microblog.web.http.route import RouteOptions, route
from microblog.web.http.route_docs import RouteDoc

ANYBODY = RouteOptions(api=True, bearer=False)  # a client with a revoked token reads these to obtain a new one
COUNT_INTERVAL = timedelta(minutes=5)
WEEKS_INTERVAL = timedelta(hours=1)
PEERS_INTERVAL = timedelta(hours=1)
DEPRECATED = "@1668384000"  # 14 November 2022, the release of version 2


@define
class InstanceRoutes:
    """Description of the site. Figures are counted every few minutes, not for each request."""

    entities: InstanceEntities
    site_stats: SiteStats
    statistics: DailyStatistics
    api_version: int
    domain_rules: CurrentRules | None = None  # for other servers; None without federation
    _numbers: tuple[datetime, InstanceNumbers] | None = field(default=None, init=False)
    _weeks: tuple[datetime, bytes] | None = field(default=None, init=False)
    _peers: tuple[datetime, DomainRules, bytes] | None = field(default=None, init=False)

    @route("GET", "/api/v1/instance", ANYBODY, RouteDoc("View server information (v1)", V1_INSTANCE))
    async def v1(self, request: Request) -> Response:
        """The instance in the format of Mastodon before 4.0 (deprecated)."""
        del request
        return _cached(self.entities.v1(await self._counted())).with_header("Deprecation", DEPRECATED)

    @route("GET", "/api/v2/instance", ANYBODY, RouteDoc("View server information", INSTANCE))
    async def v2(self, request: Request) -> Response:
        """The instance: name, configuration limits, addresses."""
        del request
        return _cached(self.entities.v2(await self._counted(), self.api_version))

    @route("GET", "/api/v1/instance/rules", ANYBODY, RouteDoc("List of rules", array_of(RULE)))
    async def rules(self, request: Request) -> Response:
        """Rules that the users of this site should follow."""
        del request
        return _cached(self.entities.rules())

    @route("GET", "/api/v1/instance/peers", ANYBODY, RouteDoc("List of connected domains", TEXTS))
    async def peers(self, request: Request) -> Response:
        """Other servers of which accounts are known, as of the last hour, but no suspended ones; none without federation."""
        del request
        if self.domain_rules is None:
            return _cached([])
        now, domains = self.site_stats.now(), self.domain_rules.domains
        if self._peers is None or now - self._peers[0] >= PEERS_INTERVAL or self._peers[1] is not domains:
            allowed = [host for host in await self.site_stats.peers() if domains.is_allowed(host)]
            self._peers = now, domains, Response.json(allowed).body
        return _cached(self._peers[2])

    @route("GET", "/api/v1/instance/activity", ANYBODY, RouteDoc("Weekly activity", array_of(WEEK)))
    async def activity(self, request: Request) -> Response:
        """Activity of the last twelve weeks, the current week first."""
        del request
        if self._weeks is None or self.site_stats.now() - self._weeks[0] >= WEEKS_INTERVAL:
            counted = [(int(week.start.timestamp()), week.posts, week.logins, week.registrations) for week in await self.statistics.weeks()]
            self._weeks = self.site_stats.now(), Response.json(instance.weeks(counted)).body
        return _cached(self._weeks[1])

    @route("GET", "/api/v1/instance/languages", ANYBODY, RouteDoc("List of languages", array_of(LANGUAGE)))
    async def languages(self, request: Request) -> Response:
        """Languages that a post may have, each with its native name."""
        del request
        return _cached(instance.languages())

    @route("GET", "/api/v1/instance/translation_languages", ANYBODY, RouteDoc("View translation languages", {"type": "object"}))
    async def translations(self, request: Request) -> Response:
        """Always empty: there is no translation service."""
        del request
        return _cached({})

    @route("GET", "/api/v1/instance/extended_description", ANYBODY, RouteDoc("View extended description", ABOUT))
    async def about(self, request: Request) -> Response:
        """The administrator's description of the site; empty if there is none."""
        del request
        return _cached(self.entities.about())

    @route("GET", "/api/v1/instance/privacy_policy", ANYBODY, RouteDoc("View privacy policy", PRIVACY))
    async def privacy(self, request: Request) -> Response:
        """The privacy policy of the site."""
        del request
        return _cached(self.entities.privacy())

    @route("GET", "/.well-known/nodeinfo", ANYBODY, RouteDoc("NodeInfo links", NODEINFO_LINKS))
    async def nodeinfo_links(self, request: Request) -> Response:
        """Links to the NodeInfo versions that are served."""
        del request
        return _cached(self.entities.nodeinfo_links())

    @route("GET", "/nodeinfo/2.0", ANYBODY, RouteDoc("NodeInfo 2.0", NODEINFO))
    async def nodeinfo(self, request: Request) -> Response:
        """Software, usage figures and protocols (https://nodeinfo.diaspora.software/)."""
        del request
        return _cached(self.entities.nodeinfo(await self._counted()))

    @route("GET", "/nodeinfo/2.1", ANYBODY, RouteDoc("NodeInfo 2.1", NODEINFO_2_1, errors=(404,)))
    async def nodeinfo_2_1(self, request: Request) -> Response:
        """The same in version 2.1. Only on sites that federate."""
        del request
        if not self.entities.site.federates:
            raise NotFound("Not Found")  # as for a path that no route has
        return _cached(self.entities.nodeinfo_2_1(await self._counted()))

    async def _counted(self) -> InstanceNumbers:
        if self._numbers is None or self.site_stats.now() - self._numbers[0] >= COUNT_INTERVAL:
            figures = await self.site_stats.figures()
            month, half_year = await self.site_stats.active(30), await self.site_stats.active(182)
            self._numbers = self.site_stats.now(), InstanceNumbers(figures.people, figures.posts, month, half_year, figures.admins)
        return self._numbers[1]


def _cached(body: object) -> Response:
    return Response.json(body).cached(PUBLIC_A_WHILE)
