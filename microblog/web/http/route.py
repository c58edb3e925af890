"""Declaration of routes with their required options.

    @frozen
    class PostPages:
        posts: Posts

        @route("POST", "/posts", RouteOptions(viewer=AccessLevel.MEMBER, body=TEXT_FORM, rate=POSTING))
        async def publish(self, request: Request) -> Response: ...

        @route("GET", "/posts/<id:post_id>", RouteOptions())
        async def show(self, request: Request, post_id: int) -> Response: ...

The decorator only marks a method; `Routes` mounts the methods of the created objects, and the Authorizer checks the options before each
request. Converters in paths: `<id:x>` an id, `<username:x>` a username, `<secret:x>` a token that is not logged, and Werkzeug's own.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route_docs import RouteDoc
from microblog.web.http.route_options import DATA_FORM, METHODS, SMALL_FORM, TEXT_FORM, AccessLevel, Route, RouteOptions

__all__ = ["DATA_FORM", "METHODS", "SMALL_FORM", "TEXT_FORM", "AccessLevel", "Route", "RouteOptions", "route", "routes_of"]

S = TypeVar("S")
P = ParamSpec("P")
Endpoint = Callable[Concatenate[S, Request, P], Coroutine[Any, Any, Response]]


class _Marked(Protocol):
    __name__: str
    microblog_routes: tuple[tuple[str, str, RouteOptions, RouteDoc | None], ...]


def route(method: str, path: str, options: RouteOptions, doc: RouteDoc | None = None) -> Callable[[Endpoint[S, P]], Endpoint[S, P]]:
    """Mark a method as the endpoint of `method path`. May be stacked; GET includes HEAD. Raises ValueError for an invalid route."""
    if method not in METHODS or not path.startswith("/"):
        raise ValueError(f"{method} {path} is not a route.")

    def mark(function: Endpoint[S, P]) -> Endpoint[S, P]:
        marked = cast("_Marked", function)
        marked.microblog_routes = ((method, path, options, doc), *getattr(function, "microblog_routes", ()))
        return function

    return mark


def routes_of(feature: type) -> Iterator[Route]:
    """The routes that a class declares, in the order of its body."""
    for name in dict.fromkeys(name for cls in reversed(feature.__mro__) for name in vars(cls)):
        function = getattr(feature, name, None)
        for method, path, options, doc in getattr(function, "microblog_routes", ()):
            function = cast("Callable[..., Coroutine[Any, Any, Response]]", function)
            yield Route(method, path, options, f"{feature.__name__}.{name}", function, doc)
