"""Scheduled posts."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import frozen

from microblog.domain.scheduled import Schedules
from microblog.model.errors import Invalid
from microblog.model.ids import ScheduledId
from microblog.model.scheduled import ScheduledPost
from microblog.render.api.entities import Entities
from microblog.render.api.scheduled import SCHEDULED_STATUS
from microblog.render.api.schemas import EMPTY, MOMENT, array_of
from microblog.web.api.paging import page_of, paged
from microblog.web.http.params import Params
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import PAGING, Param, RouteDoc

WHEN = Param("scheduled_at", MOMENT, "Datetime at which the status will be published: at least five minutes from now.")
READ = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:statuses"})
WRITE = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:statuses"})
RESCHEDULE = RouteDoc("Update a scheduled status's publishing date", SCHEDULED_STATUS, body=(WHEN,), errors=(404, 422))


@frozen
class ScheduledRoutes:
    """The user's scheduled posts."""

    entities: Entities
    schedules: Schedules

    @route("GET", "/api/v1/scheduled_statuses", READ, RouteDoc("View scheduled statuses", array_of(SCHEDULED_STATUS), query=PAGING))
    async def all(self, request: Request) -> Response:
        """Scheduled posts, most recently created first."""
        page = page_of(request)
        found = await self.schedules.page(request.member, page)
        return paged(request, SCHEDULED_STATUS.each(found, self.entities), [one.id for one in found], page)

    @route(
        "GET",
        "/api/v1/scheduled_statuses/<id:scheduled_id>",
        READ,
        RouteDoc("View a single scheduled status", SCHEDULED_STATUS, errors=(404,)),
    )
    async def show(self, request: Request, scheduled_id: int) -> Response:
        """One scheduled post by id."""
        return self._response(await self.schedules.one(request.member, ScheduledId(scheduled_id)))

    @route("PUT", "/api/v1/scheduled_statuses/<id:scheduled_id>", WRITE, RESCHEDULE)
    @route("PATCH", "/api/v1/scheduled_statuses/<id:scheduled_id>", WRITE, RESCHEDULE)
    async def move(self, request: Request, scheduled_id: int) -> Response:
        """Change the publication time; without a time nothing changes."""
        id, at = ScheduledId(scheduled_id), moment_of(request.fields)
        if at is None:
            return self._response(await self.schedules.one(request.member, id))
        return self._response(await self.schedules.move(request.member, id, at))

    @route("DELETE", "/api/v1/scheduled_statuses/<id:scheduled_id>", WRITE, RouteDoc("Cancel a scheduled status", EMPTY, errors=(404,)))
    async def cancel(self, request: Request, scheduled_id: int) -> Response:
        """Delete the scheduled post."""
        await self.schedules.cancel(request.member, ScheduledId(scheduled_id))
        return Response.json({})

    def _response(self, planned: ScheduledPost) -> Response:
        return Response.json(SCHEDULED_STATUS(planned, self.entities))


def moment_of(fields: Params) -> datetime | None:
    """The time in `scheduled_at` (ISO 8601, UTC if it has no zone), or None if it is empty. Raises Invalid for anything else."""
    text = fields.value("scheduled_at", max=100).strip()
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid({"scheduled_at": "Record invalid"}, sentence="Record invalid") from error
