"""Pages of lists on the site: `?max_id=` goes to older ones, `?min_id=` back up."""

from __future__ import annotations

from urllib.parse import urlencode

from microblog.model.paging import Page
from microblog.web.http.request import Request

PER_PAGE = 20


def page_of(call: Request, limit: int = PER_PAGE) -> Page:
    """The page that the query asks for. Raises Invalid for what are no ids."""
    fields = call.fields
    return Page(limit, max_id=fields.id("max_id"), since_id=fields.id("since_id"), min_id=fields.id("min_id"))


def older(call: Request, ids: list[int], page: Page) -> str | None:
    """The address of the page after one that shows `ids`; None where it was not full, and so the last."""
    return _link(call, "max_id", ids[-1]) if len(ids) >= page.limit else None


def newer(call: Request, ids: list[int], page: Page) -> str | None:
    """The address of the page before one that shows `ids`; None on the newest page."""
    return _link(call, "min_id", ids[0]) if ids and (page.max_id is not None or page.min_id is not None) else None


def _link(call: Request, bound: str, id: int) -> str:
    kept = {name: value for name in ("q", "type", "state") if (value := call.fields.value(name))}
    return f"{call.incoming.raw_path.decode('ascii')}?{urlencode({**kept, bound: id})}"
