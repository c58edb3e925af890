"""The statistics as a page with charts, and as CSV and JSON. Administrators see additional measures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from attrs import frozen

from microblog.domain.posts import Posts
from microblog.domain.statistics import UTC_ZONE, DailyStatistics
from microblog.federation.statistics import FederationStatistics
from microblog.model.errors import Invalid
from microblog.model.statistics import Day, Period, Unit, periods
from microblog.render import statistics as render
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.web.http.request import Request
from microblog.web.http.response import PUBLIC_A_WHILE, Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.post_renderer import PostRenderer

MAX_DAYS = 3660  # in a file
DEFAULT_DAYS = 30
TOP_POSTS = 5


@frozen
class StatisticsPages:
    """The statistics pages and files."""

    pages: Pages
    contexts: PageContexts
    statistics: DailyStatistics
    renderer: PostRenderer
    posts: Posts
    federation: FederationStatistics | None = None

    @route("GET", "/stats", RouteOptions())
    async def show(self, request: Request) -> Response:
        """Show the public statistics."""
        view = await self._view(request, admin=False)
        metadata = PageMetadata("Statistics", description=f"Daily statistics of {self.contexts.site.name}.", path="/stats")
        return Response.html(self.pages.page("stats", await self.contexts.of(request), metadata, page=view))

    @route("GET", "/admin/stats", RouteOptions(viewer=AccessLevel.ADMIN))
    async def show_all(self, request: Request) -> Response:
        """Show all measures, including those of today so far."""
        view = await self._view(request, admin=True)
        return Response.html(self.pages.page("stats", await self.contexts.of(request), PageMetadata("Statistics"), page=view))

    @route("GET", "/stats.json", RouteOptions())
    async def json(self, request: Request) -> Response:
        """Serve days as JSON; `from`, `to` and `zone` select them."""
        return await self._json(request, admin=False)

    @route("GET", "/stats.csv", RouteOptions())
    async def csv(self, request: Request) -> Response:
        """Serve days as CSV."""
        return await self._csv(request, admin=False)

    @route("GET", "/admin/stats.json", RouteOptions(viewer=AccessLevel.ADMIN))
    async def json_of_all(self, request: Request) -> Response:
        """Serve all measures as JSON."""
        return await self._json(request, admin=True)

    @route("GET", "/admin/stats.csv", RouteOptions(viewer=AccessLevel.ADMIN))
    async def csv_of_all(self, request: Request) -> Response:
        """Serve all measures as CSV."""
        return await self._csv(request, admin=True)

    async def _view(self, request: Request, *, admin: bool) -> render.StatisticsView:
        zone, unit = self._zone(request), _unit(request)
        last = self.statistics.last_day(zone)
        first = unit.back(last, render.COUNTS[unit] - 1)
        found = periods(await self.statistics.read(zone, first, last), unit, first, last)
        earlier = render.preceding_range(first, last)
        whole = Period(first, tuple(day for period in found for day in period.days))
        scores = whole.tags()[:40]
        path = "/admin/stats" if admin else "/stats"
        return render.StatisticsView(
            unit=unit,
            first=first,
            last=last,
            zone=zone.key,
            path=path,
            tiles=render.tiles(found, [Period(earlier[0], tuple(await self.statistics.read(zone, *earlier)))]),
            charts=render.charts(found, unit, admin=admin),
            tags=render.tag_rows(scores, await self.statistics.tag_names(score.key for score in scores)),
            articles=await self._top_posts(request, whole),
            zones=self._zones(path, unit, zone),
            today=render.today(await self.statistics.today(zone)) if admin else (),
            admin=admin,
            federation=await self.federation.figures() if admin and self.federation else None,
        )

    async def _top_posts(self, request: Request, whole: Period) -> tuple[str, ...]:
        """Render the posts with most interactions that are public and visible to this viewer."""
        ranked = [score.post for score in whole.posts()[:100]]
        in_view = await self.statistics.visible_posts(ranked)
        shown = await self.posts.several(request.viewer, [post for post in ranked if post in in_view][:TOP_POSTS])
        return await self.renderer.of(request.viewer, shown)

    async def _json(self, request: Request, *, admin: bool) -> Response:
        zone, days = await self._days(request)
        posts = await self.statistics.visible_posts({score.post for day in days for score in day.posts})
        body = render.statistics_json(days, zone.key, await self._names(days), posts, admin=admin)
        return Response.json(body) if admin else Response.json(body).cached(PUBLIC_A_WHILE)

    async def _csv(self, request: Request, *, admin: bool) -> Response:
        zone, days = await self._days(request)
        body = render.statistics_csv(days, zone.key, await self._names(days), admin=admin)
        name = f"statistics-{days[0].day}-{days[-1].day}.csv" if days else "statistics.csv"
        response = Response.data(body, "text/csv; charset=utf-8; header=present", download_as=name)
        return response if admin else response.cached(PUBLIC_A_WHILE)

    async def _names(self, days: Sequence[Day]) -> dict[str, str]:
        return await self.statistics.tag_names({score.key for day in days for score in day.tags})

    async def _days(self, request: Request) -> tuple[ZoneInfo, list[Day]]:
        zone = self._zone(request)
        last = _date(request, "to") or self.statistics.last_day(zone)
        first = _date(request, "from") or date.fromordinal(max(1, last.toordinal() - DEFAULT_DAYS + 1))
        if not 0 <= (last - first).days < MAX_DAYS:
            raise Invalid({"from": f"From and to must be 1 to {MAX_DAYS} days apart"})
        return zone, await self.statistics.read(zone, first, last)

    def _zone(self, request: Request) -> ZoneInfo:
        return UTC_ZONE if request.fields.value("zone").lower() == "utc" else self.statistics.site_zone

    def _zones(self, path: str, unit: Unit, chosen: ZoneInfo) -> tuple[tuple[str, str, bool], ...]:
        """Return the selectable time zones; empty if there is only one."""
        if len(self.statistics.zones) == 1:
            return ()
        return tuple(
            (f"{path}?by={unit.value}" + ("&zone=utc" if zone is UTC_ZONE else ""), zone.key.replace("_", " "), zone.key == chosen.key)
            for zone in self.statistics.zones
        )


def _unit(request: Request) -> Unit:
    chosen = request.fields.value("by")
    return Unit(chosen) if chosen in list(Unit) else Unit.DAY


def _date(request: Request, name: str) -> date | None:
    text = request.fields.value(name)
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as problem:
        raise Invalid({name: f"{name.capitalize()} must be a day such as 2026-03-04"}) from problem
