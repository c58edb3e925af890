"""The dashboard of moderators: what waits, and how the site does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta

from attrs import frozen

from microblog.domain.admin_metrics import AdminMetrics
from microblog.domain.jobs import Jobs
from microblog.domain.moderation_desk import ModerationDesk
from microblog.model.accounts import Role
from microblog.model.admin_metrics import DayRange, DimensionKey, DimensionReport
from microblog.model.health import CheckState, HealthCheck, HealthReport
from microblog.model.statistics import Unit
from microblog.render.html import dashboard_views as views
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts

DEFAULT_DAYS = 30
RETENTION_MONTHS = 6
RANKED = 8  # entries of a ranking


@frozen
class DashboardPages:
    """The dashboard. `health` reports the health of this process, for administrators."""

    pages: Pages
    contexts: PageContexts
    metrics: AdminMetrics
    desk: ModerationDesk
    jobs: Jobs
    health: Callable[[], Awaitable[HealthReport]] | None = None

    @route("GET", "/admin/dashboard", RouteOptions(viewer=AccessLevel.MODERATOR))
    async def show(self, request: Request) -> Response:
        """Show the numbers of the last `days`."""
        is_admin = request.member.role is Role.ADMIN
        days = next((days for days in views.PERIODS if request.fields.value("days") == str(days)), DEFAULT_DAYS)
        today = self.metrics.statistics.now().astimezone(UTC).date()
        period = DayRange(today - timedelta(days=days - 1), today)
        reports = {key: await self.metrics.measure(key, period) for key in views.LABELS}
        months = DayRange(Unit.MONTH.back(today, RETENTION_MONTHS - 1), today)
        view = views.DashboardPage(
            days,
            views.queues(await self.desk.waiting(request.member), (await self.jobs.counts()).dead, is_admin=is_admin),
            await self._problems() if is_admin else (),
            views.tiles(reports),
            views.charts(reports),
            tuple([views.ranking(await self._dimension(key, period)) for key in views.RANKINGS if self._is_shown(key)]),
            tuple([views.facts(await self._dimension(key, period)) for key in views.FACTS]),
            views.retention_table(await self.metrics.retention(months, Unit.MONTH)),
        )
        return Response.html(self.pages.page("dashboard", await self.contexts.of(request), PageMetadata("Dashboard"), page=view))

    async def _problems(self) -> tuple[HealthCheck, ...]:
        if self.health is None:
            return ()
        return tuple(check for check in (await self.health()).checks if check.state is not CheckState.OK)

    async def _dimension(self, key: DimensionKey, period: DayRange) -> DimensionReport:
        return await self.metrics.dimension(key, period, RANKED)

    def _is_shown(self, key: DimensionKey) -> bool:
        return key is not DimensionKey.SERVERS or self.contexts.site.federates
