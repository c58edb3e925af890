"""Pagination of API lists: query parameters in, Link header out."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from attrs import frozen

from microblog.model.paging import Page
from microblog.web.http.request import Request
from microblog.web.http.response import Response


@frozen
class PageLinks:
    """Options of the Link header of a list.

    `kept`: parameters that the links repeat, besides `limit`. `back`: the bound of the link to newer items, `min_id` for lists of posts,
    `since_id` for lists of accounts. `timeline`: link to older items from every page that is not empty, instead of from full pages only.
    """

    kept: tuple[str, ...] = ()
    back: str = "min_id"
    timeline: bool = False


TIMELINE = PageLinks(timeline=True)
PEOPLE = PageLinks(back="since_id")
MARKED = PageLinks()


def page_of(request: Request, default: int = 20, max_limit: int = 40) -> Page:
    """The requested page: `default` rows, or `limit` of them up to `max_limit`."""
    fields = request.fields
    return Page(
        fields.limit(default, max_limit), max_id=fields.bound("max_id"), since_id=fields.bound("since_id"), min_id=fields.bound("min_id")
    )


def paged(request: Request, body: object, ids: Sequence[int], page: Page, links: PageLinks = MARKED) -> Response:
    """A page with a Link header to its neighbours. `ids`: the ids that order the list, newest first, such as ids of follows.

    An empty page above a bound links to the page above the same bound, so that clients that follow links can poll.
    """
    response = Response.json(body)
    if not ids:
        bound = ("min_id", page.min_id) if page.min_id is not None else ("since_id", page.since_id)
        return response if bound[1] is None else response.with_header("Link", f'<{_url(request, links, bound[0], bound[1])}>; rel="prev"')
    link_values = [f'<{_url(request, links, links.back, ids[0])}>; rel="prev"']
    if links.timeline or len(ids) >= page.limit:
        link_values.insert(0, f'<{_url(request, links, "max_id", ids[-1])}>; rel="next"')
    return response.with_header("Link", ", ".join(link_values))


def _url(request: Request, links: PageLinks, bound: str, id: int) -> str:
    if not request.fields.tree:
        return f"{request.url}?{bound}={id}"
    kept = list(request.fields.pairs("limit", *links.kept))
    return f"{request.url}?{urlencode([*kept, (bound, str(id))], errors='replace')}"
