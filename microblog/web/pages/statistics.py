"""The statistics: a page with plots, and the same numbers as files. Everybody sees what the site is; administrators see how it runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from attrs import frozen

from microblog.domain.posts import Posts
from microblog.domain.statistics import UTC_ZONE, Statistics
from microblog.model.errors import Invalid
from microblog.model.statistics import Day, Period, Unit, periods
from microblog.render import statistics as render
from microblog.render.html.page_metadata import Head
from microblog.render.html.pages import Pages
from microblog.web.http.request import Call
from microblog.web.http.response import PUBLIC_A_WHILE, Answer
from microblog.web.http.route import Needs, Who, route
from microblog.web.pages.page_context import Shells
from microblog.web.pages.post_renderer import Articles

MOST_DAYS = 3660  # in a file
USUAL_DAYS = 30
TOP_POSTS = 5


@frozen
class StatisticsPages:
    """The pages and files."""

    pages: Pages
    shells: Shells
    statistics: Statistics
    articles: Articles
    posts: Posts

    @route("GET", "/stats", Needs())
    async def show(self, call: Call) -> Answer:
        """For everybody."""
        view = await self._view(call, admin=False)
        head = Head("Statistics", description=f"What happens on {self.shells.site.name}, day by day.", path="/stats")
        return Answer.html(self.pages.page("stats", await self.shells.of(call), head, page=view))

    @route("GET", "/admin/stats", Needs(viewer=Who.ADMIN))
    async def show_all(self, call: Call) -> Answer:
        """With what only administrators need, and today so far."""
        view = await self._view(call, admin=True)
        return Answer.html(self.pages.page("stats", await self.shells.of(call), Head("Statistics"), page=view))

    @route("GET", "/stats.json", Needs())
    async def json(self, call: Call) -> Answer:
        """Days as JSON; `from`, `to` and `zone` choose which."""
        return await self._json(call, admin=False)

    @route("GET", "/stats.csv", Needs())
    async def csv(self, call: Call) -> Answer:
        """Days as a table."""
        return await self._csv(call, admin=False)

    @route("GET", "/admin/stats.json", Needs(viewer=Who.ADMIN))
    async def json_of_all(self, call: Call) -> Answer:
        """Every measure, as JSON."""
        return await self._json(call, admin=True)

    @route("GET", "/admin/stats.csv", Needs(viewer=Who.ADMIN))
    async def csv_of_all(self, call: Call) -> Answer:
        """Every measure, as a table."""
        return await self._csv(call, admin=True)

    async def _view(self, call: Call, *, admin: bool) -> render.Statistics:
        zone, unit = self._zone(call), _unit(call)
        last = self.statistics.last_day(zone)
        first = unit.back(last, render.COUNTS[unit] - 1)
        found = periods(await self.statistics.read(zone, first, last), unit, first, last)
        earlier = render.before(first, last)
        whole = Period(first, tuple(day for period in found for day in period.days))
        scores = whole.tags()[:40]
        path = "/admin/stats" if admin else "/stats"
        return render.Statistics(
            unit=unit,
            first=first,
            last=last,
            zone=zone.key,
            path=path,
            tiles=render.tiles(found, [Period(earlier[0], tuple(await self.statistics.read(zone, *earlier)))]),
            charts=render.charts(found, unit, admin=admin),
            tags=render.tag_rows(scores, await self.statistics.tag_names(score.key for score in scores)),
            articles=await self._top_posts(call, whole),
            zones=self._zones(path, unit, zone),
            today=render.today(await self.statistics.so_far(zone)) if admin else (),
            admin=admin,
        )

    async def _top_posts(self, call: Call, whole: Period) -> tuple[str, ...]:
        """The most marked posts that may be shown to everybody, and to this viewer."""
        ranked = [score.post for score in whole.posts()[:100]]
        in_view = await self.statistics.in_view(ranked)
        shown = await self.posts.several(call.viewer, [post for post in ranked if post in in_view][:TOP_POSTS])
        return await self.articles.of(call.viewer, shown)

    async def _json(self, call: Call, *, admin: bool) -> Answer:
        zone, days = await self._days(call)
        posts = await self.statistics.in_view({score.post for day in days for score in day.posts})
        body = render.as_json(days, zone.key, await self._names(days), posts, admin=admin)
        return Answer.json(body) if admin else Answer.json(body).cached(PUBLIC_A_WHILE)

    async def _csv(self, call: Call, *, admin: bool) -> Answer:
        zone, days = await self._days(call)
        body = render.as_csv(days, zone.key, await self._names(days), admin=admin)
        name = f"statistics-{days[0].day}-{days[-1].day}.csv" if days else "statistics.csv"
        answer = Answer.data(body, "text/csv; charset=utf-8; header=present", download_as=name)
        return answer if admin else answer.cached(PUBLIC_A_WHILE)

    async def _names(self, days: Sequence[Day]) -> dict[str, str]:
        return await self.statistics.tag_names({score.key for day in days for score in day.tags})

    async def _days(self, call: Call) -> tuple[ZoneInfo, list[Day]]:
        zone = self._zone(call)
        last = _date(call, "to") or self.statistics.last_day(zone)
        first = _date(call, "from") or date.fromordinal(max(1, last.toordinal() - USUAL_DAYS + 1))
        if not 0 <= (last - first).days < MOST_DAYS:
            raise Invalid({"from": f"From and to must be 1 to {MOST_DAYS} days apart"})
        return zone, await self.statistics.read(zone, first, last)

    def _zone(self, call: Call) -> ZoneInfo:
        return UTC_ZONE if call.fields.value("zone").lower() == "utc" else self.statistics.site_zone

    def _zones(self, path: str, unit: Unit, chosen: ZoneInfo) -> tuple[tuple[str, str, bool], ...]:
        """The choice of zones, where there is one."""
        if len(self.statistics.zones) == 1:
            return ()
        return tuple(
            (f"{path}?by={unit.value}" + ("&zone=utc" if zone is UTC_ZONE else ""), zone.key.replace("_", " "), zone.key == chosen.key)
            for zone in self.statistics.zones
        )


def _unit(call: Call) -> Unit:
    chosen = call.fields.value("by")
    return Unit(chosen) if chosen in list(Unit) else Unit.DAY


def _date(call: Call, name: str) -> date | None:
    given = call.fields.value(name)
    if not given:
        return None
    try:
        return date.fromisoformat(given)
    except ValueError as problem:
        raise Invalid({name: f"{name.capitalize()} must be a day such as 2026-03-04"}) from problem
