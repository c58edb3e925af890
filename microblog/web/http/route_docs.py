"""Documentation of routes, for OpenAPI and for tests that check every response against it."""

from __future__ import annotations

from attrs import frozen

from microblog.render.api.schemas import ERROR, ID, WHOLE, Schema


@frozen(eq=False)
class Param:
    """A parameter of a route, by its name without brackets. Lists are sent as `name[]`, or as a JSON list."""

    name: str
    schema: Schema
    description: str = ""
    required: bool = False


@frozen(eq=False)  # schemas are dictionaries: nothing to hash
class RouteDoc:
    """Summary, response schema and parameters of a route. Every parameter is read from both query and body.

    `body`: parameters usually sent in a body, `query`: the others. `also`: successful responses with other statuses. `errors`: error
    statuses besides those of every route. `content_type`: of the response. `headers`: request headers that it reads.
    """

    summary: str
    returns: Schema
    query: tuple[Param, ...] = ()
    body: tuple[Param, ...] = ()
    also: tuple[tuple[int, Schema], ...] = ()
    errors: tuple[int, ...] = ()
    content_type: str = "application/json"
    headers: tuple[Param, ...] = ()

    def response_schema(self, status: int) -> Schema:
        """The schema of the response with this status."""
        if status == 200:
            return self.returns
        return dict(self.also).get(status, ERROR)


LIMIT = (Param("limit", WHOLE, "Maximum number of results to return."),)
UPWARD = (Param("min_id", ID, "Returns results immediately newer than this ID."),)
DOWNWARD = (
    Param("max_id", ID, "All results returned will be lesser than this ID."),
    Param("since_id", ID, "All results returned will be greater than this ID, newest first."),
)
PAGING = (*LIMIT, *DOWNWARD, *UPWARD)
"""Parameters of paginated lists; clients should follow the Link header instead of computing them."""
