"""The routes of all features on one Klein app, and a faster lookup of the route of a request.

`Routes.app` is an ordinary `klein.Klein`: its `url_map` and `endpoints` list the routes, and a stock `twisted.web.server.Site` serves them
as `routes.app.resource()`. The site's own server calls `Routes.find` instead. It uses the same URL map but binds it once (Klein: for each
request), looks up paths without arguments in a dictionary, caches the last matches of the others, and creates no Deferred and no closure
for an endpoint that does not wait. Both ways end in `Dispatcher.serve` or `Dispatcher.refuse`; `tests/web/test_klein.py` compares
all their responses.

CPU time per request (`python -m benchmarks.overhead`, empty routes, the stock server for both): 68 us instead of 113; 69 instead of 112
with an id in the path. With the site's own server instead of the stock one, the same request takes 52 us.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import lru_cache, wraps
from itertools import chain
from typing import Any, Protocol, cast
from urllib.parse import unquote_to_bytes

from attrs import frozen
from klein import Klein
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import Request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import BaseConverter, ValidationError

from microblog.model.errors import Malformed, NotFound, Problem, TooLarge
from microblog.model.ids import MAX_ID
from microblog.web.http.errors import MethodNotSupported
from microblog.web.http.incoming import IncomingRequest
from microblog.web.http.response import Response
from microblog.web.http.route import SMALL_FORM, Route, RouteOptions, routes_of
from microblog.web.http.stock_request import StockRequest
from microblog.web.http.timeouts import too_large

_REMEMBERED_PATHS = 4_096


class IdConverter(BaseConverter):
    """A decimal id of up to 63 bits; anything else does not match."""

    regex = r"[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        """The id as a number."""
        if int(value) > MAX_ID:
            raise ValidationError
        return int(value)


class UsernameConverter(BaseConverter):
    """A username, optionally with a host: `ada`, `ada@example.org`. Other servers have longer ones than this site: federation/bounds.py."""

    regex = r"[A-Za-z0-9_.-]{1,255}(?:@[A-Za-z0-9_.:-]{1,255})?"


class SecretConverter(BaseConverter):
    """A token of an e-mail link or an invite. The log shows the route's pattern instead of the path."""

    regex = r"[A-Za-z0-9_-]{1,256}"


@frozen
class Bound:
    """A route with the method that handles it."""

    route: Route
    function: Callable[..., Coroutine[Any, Any, Response]]


class Serves(Protocol):
    """The handler of requests, as `Routes` uses it: a `Dispatcher`."""

    def render(self, request: IncomingRequest) -> None:
        """Find the route of a complete request, and respond."""

    def serve(self, request: IncomingRequest, bound: Bound, values: Mapping[str, Any]) -> None:
        """Respond with a route, given the arguments from the path."""

    def refuse(self, request: IncomingRequest, problem: Problem) -> None:
        """Respond to a request without a matching route."""


def decode_path(raw: bytes) -> str:
    """The path as text. Raises NotFound for encoded slashes and control characters, Malformed for invalid UTF-8."""
    if b"%" not in raw and raw.isascii():
        return raw.decode("ascii")
    if b"%2f" in raw.lower():
        raise NotFound
    try:
        text = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("This URL is not valid UTF-8.") from error
    if any(character < " " or character == "\x7f" for character in text):
        raise NotFound
    return text


class Routes:
    """All routes on one Klein app. `table` lists them, `find` looks one up, and `app.resource()` serves them on a stock site."""

    def __init__(self, features: Iterable[object], site: Serves) -> None:
        handlers = tuple(features)
        declared = _declare(tuple(map(type, handlers)))
        self.app = declared.app.__get__(self, Routes)  # as if it were declared in this class: endpoints are called with this object
        self._site = site
        self._bound: dict[str, Bound] = {}
        self._static: dict[str, dict[str, Bound]] = {}
        for feature, routes in zip(handlers, declared.routes, strict=True):
            for route in routes:
                self._bind(Bound(route, route.function.__get__(feature)))
        self._adapter = self.app.url_map.bind("")
        self._match = lru_cache(maxsize=_REMEMBERED_PATHS)(self._match_uncached)

    @property
    def table(self) -> tuple[Route, ...]:
        """Every route, in the order of the features."""
        return tuple(bound.route for bound in self._bound.values())

    def _bind(self, bound: Bound) -> None:
        self._bound[_endpoint(bound.route)] = bound
        if "<" not in bound.route.path:
            self._static.setdefault(bound.route.path, {})[bound.route.method] = bound

    # --- under Klein's resource

    def _klein_endpoint(self, request: Request, endpoint: str, values: Mapping[str, Any]) -> Deferred[bytes | Resource]:
        """Handle a stock request in the same way as `find` and `Dispatcher.serve`."""
        incoming, bound = StockRequest(request), self._bound[endpoint]
        try:
            incoming.path_text = self._checked(incoming, bound.route.options)
        except Problem as problem:
            self._site.refuse(incoming, problem)
        else:
            self._site.serve(incoming, bound, values)
        return incoming.done

    def _klein_error(self, request: Request, failure: Failure) -> Deferred[bytes | Resource]:
        """Handle a request for which Klein's URL map has no match."""
        incoming = StockRequest(request)
        if incoming.method_name == "OPTIONS":
            self._site.render(incoming)
            return incoming.done
        try:
            incoming.path_text = self._checked(incoming, None)
            problem = self._problem(cast("HTTPException", failure.value), incoming.method_name, incoming.path_text)
        except Problem as found:
            problem = found
        self._site.refuse(incoming, problem)
        return incoming.done

    def _checked(self, incoming: StockRequest, options: RouteOptions | None) -> str:
        """The decoded path. Raises a Problem for requests that Klein matches but the site refuses."""
        limit = _body_limit(options, incoming.is_multipart)
        if incoming.size > limit:
            raise TooLarge(too_large(limit))
        path = decode_path(incoming.raw_path)
        self._refuse_ambiguous(incoming.method_name, path)
        return path

    # --- under the site's own server

    def find(self, method: str, path: str) -> tuple[Bound, Mapping[str, Any]]:
        """The route of a request, and the arguments from its path. Raises NotFound or MethodNotSupported."""
        if method == "HEAD":
            method = "GET"
        by_method = self._static.get(path)
        if by_method is not None and method in by_method:
            return by_method[method], {}
        self._refuse_ambiguous(method, path)
        return self._match(method, path)

    def _refuse_ambiguous(self, method: str, path: str) -> None:
        if "//" in path:  # Werkzeug would ignore a second slash at the beginning
            raise NotFound("Not Found")
        if not method.isupper():  # methods are case-sensitive (RFC 9110, section 9.1); Werkzeug would accept `get`
            raise MethodNotSupported(self.methods(path))

    def _match_uncached(self, method: str, path: str) -> tuple[Bound, Mapping[str, Any]]:
        try:
            endpoint, values = self._adapter.match(path, method)
        except HTTPException as error:
            raise self._problem(error, method, path) from error
        return self._bound[endpoint], values

    def _problem(self, error: HTTPException, method: str, path: str) -> Problem:
        """The Problem for a request without a match in Werkzeug's map."""
        if not isinstance(error, MethodNotAllowed) or method in self._adapter.allowed_methods(path):  # path matches, id does not
            return NotFound("Not Found")
        return MethodNotSupported(", ".join(sorted({*(error.valid_methods or ()), "OPTIONS"})))

    def methods(self, path: str) -> str:
        """The Allow header for a path. Raises NotFound if no route has this path."""
        allowed = self._adapter.allowed_methods(path)
        if not allowed:
            raise NotFound("Not Found")
        return ", ".join(sorted({*allowed, "OPTIONS"}))

    def body_limit(self, method: str, raw_path: bytes, files: bool) -> int:
        """Maximum size of a body in bytes. Paths without a route accept a small one, so that the response is a proper 404."""
        try:
            bound, _ = self.find(method, decode_path(raw_path))
        except (NotFound, MethodNotSupported, Malformed):
            return _body_limit(None, files)
        return _body_limit(bound.route.options, files)


def _body_limit(options: RouteOptions | None, files: bool) -> int:
    if options is None:
        return SMALL_FORM
    return max(options.body, options.files) if files else options.body


def _endpoint(route: Route) -> str:
    return f"{route.method} {route.path}"


@frozen
class _Declared:
    """A Klein app that is bound to no `Routes` yet, and its routes by class."""

    app: Klein
    routes: tuple[tuple[Route, ...], ...]


@lru_cache(maxsize=8)
def _declare(features: tuple[type, ...]) -> _Declared:
    """Declare the routes of these classes. Raises ValueError if two want the same method and path.

    Cached: Werkzeug compiles each rule, and takes 0.2 s for those of the whole site.
    """
    app = Klein()
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.url_map.converters.update(id=IdConverter, username=UsernameConverter, secret=SecretConverter)
    app.handle_errors(HTTPException)(cast("Any", Routes._klein_error))  # renderable, but not by Klein's types
    routes = tuple(tuple(routes_of(feature)) for feature in features)
    known: dict[str, Route] = {}
    for route in chain.from_iterable(routes):
        endpoint = _endpoint(route)
        if endpoint in known:
            raise ValueError(f"{route.name} and {known[endpoint].name} both handle {endpoint}.")
        known[endpoint] = route
        app.route(route.path, methods=[route.method], endpoint=endpoint)(_klein_function(route))
    return _Declared(app, routes)


def _klein_function(route: Route) -> Callable[..., Deferred[bytes | Resource]]:
    @wraps(route.function)
    def function(routes: Routes, request: Request, **values: Any) -> Deferred[bytes | Resource]:
        return routes._klein_endpoint(request, _endpoint(route), values)

    return function
