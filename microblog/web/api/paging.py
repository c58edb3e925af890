"""Pages of lists as API clients turn them: parameters in, Link header out."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from attrs import frozen

from microblog.model.paging import Page
from microblog.web.http.request import Request
from microblog.web.http.response import Response


@frozen
class PageLinks:
    """How a list's pages are linked.

    `kept` are the filters that the links repeat, beside the limit. `back` is what the link to the page above is bounded by: lists of posts
    use `min_id`, lists of people `since_id`. A `timeline` links on from every page that is not empty, other lists from full ones.
    """

    kept: tuple[str, ...] = ()
    back: str = "min_id"
    timeline: bool = False


TIMELINE = PageLinks(timeline=True)
PEOPLE = PageLinks(back="since_id")
MARKED = PageLinks()


def page_of(request: Request, default: int = 20, most: int = 40) -> Page:
    """The page that is asked for: `default` rows, or as many as `limit` says up to `most`."""
    fields = request.fields
    return Page(
        fields.limit(default, most), max_id=fields.bound("max_id"), since_id=fields.bound("since_id"), min_id=fields.bound("min_id")
    )


def paged(request: Request, body: object, ids: Sequence[int], page: Page, links: PageLinks = MARKED) -> Response:
    """A page with the links to those around it. `ids` are what the list is ordered by, newest first: of the marks, follows or posts.

    An empty page above a bound links to the page above the same bound, so that clients that follow links can ask again later.
    """
    answer = Response.json(body)
    if not ids:
        asked = ("min_id", page.min_id) if page.min_id is not None else ("since_id", page.since_id)
        return answer if asked[1] is None else answer.with_header("Link", f'<{_url(request, links, asked[0], asked[1])}>; rel="prev"')
    told = [f'<{_url(request, links, links.back, ids[0])}>; rel="prev"']
    if links.timeline or len(ids) >= page.limit:
        told.insert(0, f'<{_url(request, links, "max_id", ids[-1])}>; rel="next"')
    return answer.with_header("Link", ", ".join(told))


def _url(request: Request, links: PageLinks, bound: str, id: int) -> str:
    kept = list(request.fields.pairs("limit", *links.kept))
    return f"{request.url}?{urlencode([*kept, (bound, str(id))], errors='replace')}"
