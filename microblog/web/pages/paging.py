"""Pagination links: `?max_id=` for older items, `?min_id=` for newer ones."""

from __future__ import annotations

from urllib.parse import urlencode

from microblog.model.paging import Page
from microblog.web.http.request import Request

PER_PAGE = 20
FILTERS = ("q", "type", "state", "actor", "action", "target", "from", "to")  # parameters that stay from page to page


def page_of(request: Request, limit: int = PER_PAGE) -> Page:
    """Read the page from the query. Raises Invalid for malformed ids."""
    fields = request.fields
    return Page(limit, max_id=fields.id("max_id"), since_id=fields.id("since_id"), min_id=fields.id("min_id"))


def older(request: Request, ids: list[int], page: Page) -> str | None:
    """Return the URL of the next page after `ids`; None if this page is not full, so the last."""
    return _link(request, "max_id", ids[-1]) if len(ids) >= page.limit else None


def newer(request: Request, ids: list[int], page: Page) -> str | None:
    """Return the URL of the page before `ids`; None on the newest page."""
    return _link(request, "min_id", ids[0]) if ids and (page.max_id is not None or page.min_id is not None) else None


def _link(request: Request, bound: str, id: int) -> str:
    query = {name: value for name in FILTERS if (value := request.fields.value(name))}
    return f"{request.incoming.raw_path.decode('ascii')}?{urlencode({**query, bound: id})}"
