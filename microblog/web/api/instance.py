"""What the site tells about itself to programs."""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import define, field

from microblog.domain.site_stats import SiteStats
from microblog.domain.statistics import DailyStatistics
from microblog.render.api import instance
from microblog.render.api.accounts import EMOJI
from microblog.render.api.instance import (
    ABOUT,
    INSTANCE,
    LANGUAGE,
    NODEINFO,
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

ANYBODY = RouteOptions(api=True, bearer=False)  # whoever has a dead token learns by these how to get another
COUNTED_EVERY = timedelta(minutes=5)
WEEKS_COUNTED_EVERY = timedelta(hours=1)
DEPRECATED = "@1668384000"  # 14 November 2022: when version 2 came


@define
class InstanceRoutes:
    """The site in words and figures; the figures are counted again every few minutes, not for each who asks."""

    entities: InstanceEntities
    census: SiteStats
    statistics: DailyStatistics
    level: int
    _numbers: tuple[datetime, InstanceNumbers] | None = field(default=None, init=False)
    _weeks: tuple[datetime, bytes] | None = field(default=None, init=False)

    @route("GET", "/api/v1/instance", ANYBODY, RouteDoc("The site (version 1)", V1_INSTANCE))
    async def v1(self, request: Request) -> Response:
        """For clients of before version 4."""
        del request
        return _for_a_while(self.entities.v1(await self._counted())).with_header("Deprecation", DEPRECATED)

    @route("GET", "/api/v2/instance", ANYBODY, RouteDoc("The site", INSTANCE))
    async def v2(self, request: Request) -> Response:
        """Name, limits, addresses."""
        del request
        return _for_a_while(self.entities.v2(await self._counted(), self.level))

    @route("GET", "/api/v1/instance/rules", ANYBODY, RouteDoc("The site's rules", array_of(RULE)))
    async def rules(self, request: Request) -> Response:
        """What its people keep to."""
        del request
        return _for_a_while(self.entities.rules())

    @route("GET", "/api/v1/instance/peers", ANYBODY, RouteDoc("Other sites that this one knows", TEXTS))
    async def peers(self, request: Request) -> Response:
        """None: this site talks to no other."""
        del request
        return _for_a_while([])

    @route("GET", "/api/v1/instance/activity", ANYBODY, RouteDoc("The last twelve weeks in figures", array_of(WEEK)))
    async def activity(self, request: Request) -> Response:
        """The running week first."""
        del request
        if self._weeks is None or self.census.now() - self._weeks[0] >= WEEKS_COUNTED_EVERY:
            counted = [(int(week.start.timestamp()), week.posts, week.logins, week.registrations) for week in await self.statistics.weeks()]
            self._weeks = self.census.now(), Response.json(instance.weeks(counted)).body
        return _for_a_while(self._weeks[1])

    @route("GET", "/api/v1/instance/languages", ANYBODY, RouteDoc("Languages that posts may be in", array_of(LANGUAGE)))
    async def languages(self, request: Request) -> Response:
        """Each by its own name."""
        del request
        return _for_a_while(instance.languages())

    @route("GET", "/api/v1/instance/translation_languages", ANYBODY, RouteDoc("What can be translated", {"type": "object"}))
    async def translations(self, request: Request) -> Response:
        """Nothing."""
        del request
        return _for_a_while({})

    @route("GET", "/api/v1/instance/extended_description", ANYBODY, RouteDoc("The site at length", ABOUT))
    async def about(self, request: Request) -> Response:
        """The administrator's own text about it; empty where there is none."""
        del request
        return _for_a_while(self.entities.about())

    @route("GET", "/api/v1/instance/privacy_policy", ANYBODY, RouteDoc("What is kept about people", PRIVACY))
    async def privacy(self, request: Request) -> Response:
        """The words of the page about the site."""
        del request
        return _for_a_while(self.entities.privacy())

    @route("GET", "/api/v1/custom_emojis", ANYBODY, RouteDoc("Emoji of this site's own", array_of(EMOJI)))
    async def emojis(self, request: Request) -> Response:
        """None."""
        del request
        return _for_a_while([])

    @route("GET", "/.well-known/nodeinfo", ANYBODY, RouteDoc("Where NodeInfo is", NODEINFO_LINKS))
    async def nodeinfo_links(self, request: Request) -> Response:
        """Of the one version that is served."""
        return _for_a_while(NODEINFO_LINKS(request.origin.url, None))

    @route("GET", "/nodeinfo/2.0", ANYBODY, RouteDoc("What software this is", NODEINFO))
    async def nodeinfo(self, request: Request) -> Response:
        """NodeInfo 2.0."""
        del request
        return _for_a_while(self.entities.nodeinfo(await self._counted()))

    async def _counted(self) -> InstanceNumbers:
        if self._numbers is None or self.census.now() - self._numbers[0] >= COUNTED_EVERY:
            figures = await self.census.figures()
            month, half_year = await self.census.active(30), await self.census.active(182)
            self._numbers = self.census.now(), InstanceNumbers(figures.people, figures.posts, month, half_year, figures.admins)
        return self._numbers[1]


def _for_a_while(body: object) -> Response:
    return Response.json(body).cached(PUBLIC_A_WHILE)
