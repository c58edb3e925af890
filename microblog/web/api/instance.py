"""What the site tells about itself to programs."""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import define, field

from microblog.domain.site_stats import Census
from microblog.domain.statistics import Statistics
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
    Numbers,
)
from microblog.render.api.reports import RULE
from microblog.render.api.schemas import TEXTS, array_of
from microblog.web.http.request import Call
from microblog.web.http.response import PUBLIC_A_WHILE, Answer
from microblog.web.http.route import Needs, route
from microblog.web.http.route_docs import Doc

ANYBODY = Needs(api=True, bearer=False)  # whoever has a dead token learns by these how to get another
COUNTED_EVERY = timedelta(minutes=5)
WEEKS_COUNTED_EVERY = timedelta(hours=1)
DEPRECATED = "@1668384000"  # 14 November 2022: when version 2 came


@define
class InstanceRoutes:
    """The site in words and figures; the figures are counted again every few minutes, not for each who asks."""

    entities: InstanceEntities
    census: Census
    statistics: Statistics
    level: int
    _numbers: tuple[datetime, Numbers] | None = field(default=None, init=False)
    _weeks: tuple[datetime, bytes] | None = field(default=None, init=False)

    @route("GET", "/api/v1/instance", ANYBODY, Doc("The site (version 1)", V1_INSTANCE))
    async def v1(self, call: Call) -> Answer:
        """For clients of before version 4."""
        del call
        return _for_a_while(self.entities.v1(await self._counted())).with_header("Deprecation", DEPRECATED)

    @route("GET", "/api/v2/instance", ANYBODY, Doc("The site", INSTANCE))
    async def v2(self, call: Call) -> Answer:
        """Name, limits, addresses."""
        del call
        return _for_a_while(self.entities.v2(await self._counted(), self.level))

    @route("GET", "/api/v1/instance/rules", ANYBODY, Doc("The site's rules", array_of(RULE)))
    async def rules(self, call: Call) -> Answer:
        """What its people keep to."""
        del call
        return _for_a_while(self.entities.rules())

    @route("GET", "/api/v1/instance/peers", ANYBODY, Doc("Other sites that this one knows", TEXTS))
    async def peers(self, call: Call) -> Answer:
        """None: this site talks to no other."""
        del call
        return _for_a_while([])

    @route("GET", "/api/v1/instance/activity", ANYBODY, Doc("The last twelve weeks in figures", array_of(WEEK)))
    async def activity(self, call: Call) -> Answer:
        """The running week first."""
        del call
        if self._weeks is None or self.census.now() - self._weeks[0] >= WEEKS_COUNTED_EVERY:
            counted = [(int(week.start.timestamp()), week.posts, week.logins, week.registrations) for week in await self.statistics.weeks()]
            self._weeks = self.census.now(), Answer.json(instance.weeks(counted)).body
        return _for_a_while(self._weeks[1])

    @route("GET", "/api/v1/instance/languages", ANYBODY, Doc("Languages that posts may be in", array_of(LANGUAGE)))
    async def languages(self, call: Call) -> Answer:
        """Each by its own name."""
        del call
        return _for_a_while(instance.languages())

    @route("GET", "/api/v1/instance/translation_languages", ANYBODY, Doc("What can be translated", {"type": "object"}))
    async def translations(self, call: Call) -> Answer:
        """Nothing."""
        del call
        return _for_a_while({})

    @route("GET", "/api/v1/instance/extended_description", ANYBODY, Doc("The site at length", ABOUT))
    async def about(self, call: Call) -> Answer:
        """The administrator's own text about it; empty where there is none."""
        del call
        return _for_a_while(self.entities.about())

    @route("GET", "/api/v1/instance/privacy_policy", ANYBODY, Doc("What is kept about people", PRIVACY))
    async def privacy(self, call: Call) -> Answer:
        """The words of the page about the site."""
        del call
        return _for_a_while(self.entities.privacy())

    @route("GET", "/api/v1/custom_emojis", ANYBODY, Doc("Emoji of this site's own", array_of(EMOJI)))
    async def emojis(self, call: Call) -> Answer:
        """None."""
        del call
        return _for_a_while([])

    @route("GET", "/.well-known/nodeinfo", ANYBODY, Doc("Where NodeInfo is", NODEINFO_LINKS))
    async def nodeinfo_links(self, call: Call) -> Answer:
        """Of the one version that is served."""
        return _for_a_while(NODEINFO_LINKS(call.origin.url, None))

    @route("GET", "/nodeinfo/2.0", ANYBODY, Doc("What software this is", NODEINFO))
    async def nodeinfo(self, call: Call) -> Answer:
        """NodeInfo 2.0."""
        del call
        return _for_a_while(self.entities.nodeinfo(await self._counted()))

    async def _counted(self) -> Numbers:
        if self._numbers is None or self.census.now() - self._numbers[0] >= COUNTED_EVERY:
            figures = await self.census.figures()
            month, half_year = await self.census.active(30), await self.census.active(182)
            self._numbers = self.census.now(), Numbers(figures.people, figures.posts, month, half_year, figures.admins)
        return self._numbers[1]


def _for_a_while(body: object) -> Answer:
    return Answer.json(body).cached(PUBLIC_A_WHILE)
