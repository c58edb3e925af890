"""What a route tells about itself: for the OpenAPI document, and for tests that hold every response to it."""

from __future__ import annotations

from attrs import frozen

from microblog.render.api.schemas import ERROR, ID, WHOLE, Schema


@frozen(eq=False)
class Param:
    """A field that a route reads, by its name without brackets. Lists are sent as `name[]`, or as a JSON list."""

    name: str
    schema: Schema
    description: str = ""
    required: bool = False


@frozen(eq=False)  # schemas are dictionaries: nothing to hash
class RouteDoc:
    """What a route is for, what it answers with 200, and the fields that it reads, each from the query or the body alike.

    `body` lists what is usually sent in a body, `query` the rest. `also` are answers of other statuses that are no errors. `errors` are
    the statuses that this route has beside those that every route can have. `content_type` is that of its answer. `headers` are those of
    the request that it reads.
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
        """The schema of an answer with this status."""
        if status == 200:
            return self.returns
        return dict(self.also).get(status, ERROR)


LIMIT = (Param("limit", WHOLE, "How many at most."),)
UPWARD = (Param("min_id", ID, "The page right above this id."),)
DOWNWARD = (
    Param("max_id", ID, "Only what lies below this id."),
    Param("since_id", ID, "Only what lies above this id, from the newest on."),
)
PAGING = (*LIMIT, *DOWNWARD, *UPWARD)
"""Where a list begins and ends; follow the Link header instead of computing these."""
