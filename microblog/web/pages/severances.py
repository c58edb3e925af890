"""Follows that the viewer lost when domains or accounts were suspended, as a page and as files that other servers import."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from io import StringIO

from attrs import frozen

from microblog.domain.severances import Severances
from microblog.model.ids import SeveranceEventId
from microblog.model.severances import SeveredFollow
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts

MEMBER = RouteOptions(viewer=AccessLevel.MEMBER)
CSV = "text/csv; charset=utf-8"


@frozen
class SeverancePages:
    """Lists of lost follows, in Mastodon's format of exports."""

    pages: Pages
    contexts: PageContexts
    severances: Severances

    @route("GET", "/severed_relationships", MEMBER)
    async def show(self, request: Request) -> Response:
        """List the events by which the viewer lost follows, newest first."""
        found = await self.severances.page(request.member)
        page = self.pages.page("severances", await self.contexts.of(request), PageMetadata("Lost follows"), severances=found)
        return Response.html(page)

    @route("GET", "/severed_relationships/<id:event_id>/followers.csv", MEMBER)
    async def followers(self, request: Request, event_id: int) -> Response:
        """Return the followers that the viewer lost."""
        event, lost = await self.severances.follows(request.member, SeveranceEventId(event_id), followers=True)
        rows = [["Account address"], *([follow.acct] for follow in lost)]
        return Response.data(_csv(rows), CSV, download_as=f"followers-{event.target_name}-{event.created_at:%Y-%m-%d}.csv")

    @route("GET", "/severed_relationships/<id:event_id>/following.csv", MEMBER)
    async def following(self, request: Request, event_id: int) -> Response:
        """Return the accounts that the viewer followed."""
        event, lost = await self.severances.follows(request.member, SeveranceEventId(event_id), followers=False)
        rows = [["Account address", "Show boosts", "Notify on new posts", "Languages"], *map(_row, lost)]
        return Response.data(_csv(rows), CSV, download_as=f"following-{event.target_name}-{event.created_at:%Y-%m-%d}.csv")


def _row(follow: SeveredFollow) -> list[str]:
    return [follow.acct, str(follow.boosts).lower(), str(follow.notify).lower(), ", ".join(follow.languages or ())]


def _csv(rows: Iterable[list[str]]) -> bytes:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
