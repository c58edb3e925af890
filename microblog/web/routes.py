"""The table of all routes, on one Klein URL map."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import lru_cache
from typing import Any, cast
from urllib.parse import unquote_to_bytes

from attrs import frozen
from klein import Klein
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import BaseConverter, ValidationError

from microblog.model.errors import Malformed, NotFound
from microblog.model.ids import LARGEST_ID
from microblog.web.answer import Answer
from microblog.web.errors import NotAllowedHere
from microblog.web.needs import SMALL_FORM, Route, routes_of

_REMEMBERED_PATHS = 4_096


class IdConverter(BaseConverter):
    """A decimal id of up to 63 bits; anything else does not match."""

    regex = r"[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        """The id as a number."""
        if int(value) > LARGEST_ID:
            raise ValidationError
        return int(value)


class UsernameConverter(BaseConverter):
    """A user name, perhaps with a host: `ada`, `ada@example.org`."""

    regex = r"[A-Za-z0-9_.-]{1,64}(?:@[A-Za-z0-9_.:-]{1,255})?"


class SecretConverter(BaseConverter):
    """A token out of a letter or an invitation. The log shows the route's pattern instead of such a path."""

    regex = r"[A-Za-z0-9_-]{1,256}"


@frozen
class Bound:
    """A route with the method that answers it."""

    route: Route
    function: Callable[..., Coroutine[Any, Any, Answer]]


def decode_path(raw: bytes) -> str:
    """The path as text. Raises NotFound for encoded slashes and control characters, Malformed for what is not UTF-8."""
    if b"%" not in raw and raw.isascii():
        return raw.decode("ascii")
    if b"%2f" in raw.lower():
        raise NotFound
    try:
        text = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("This address is not valid UTF-8.") from error
    if any(character < " " or character == "\x7f" for character in text):
        raise NotFound
    return text


class Routes:
    """All routes of all features. Introspect `table`; ask `find` who answers."""

    def __init__(self, features: Iterable[object]) -> None:
        self.app = Klein()
        self.app.url_map.strict_slashes = False
        self.app.url_map.merge_slashes = False
        self.app.url_map.converters.update(id=IdConverter, username=UsernameConverter, secret=SecretConverter)
        self._bound: dict[str, Bound] = {}
        self._static: dict[str, dict[str, Bound]] = {}
        for feature in features:
            for route in routes_of(type(feature)):
                self._mount(route, route.function.__get__(feature))
        self._adapter = self.app.url_map.bind("")
        self._match = lru_cache(maxsize=_REMEMBERED_PATHS)(self._match_uncached)

    @property
    def table(self) -> tuple[Route, ...]:
        """Every route, in the order of the features."""
        return tuple(bound.route for bound in self._bound.values())

    def _mount(self, route: Route, function: Callable[..., Coroutine[Any, Any, Answer]]) -> None:
        bound = Bound(route, function)
        endpoint = f"{route.method} {route.path}"
        if endpoint in self._bound:
            raise ValueError(f"{route.name} and {self._bound[endpoint].route.name} both want {endpoint}.")
        self._bound[endpoint] = bound
        self.app.route(route.path, methods=[route.method], endpoint=endpoint)(cast("Any", function))
        if "<" not in route.path:
            self._static.setdefault(route.path, {})[route.method] = bound

    def find(self, method: str, path: str) -> tuple[Bound, Mapping[str, Any]]:
        """Who answers, and the arguments out of the path. Raises NotFound or NotAllowedHere."""
        if method == "HEAD":
            method = "GET"
        here = self._static.get(path)
        if here is not None and method in here:
            return here[method], {}
        if "//" in path:  # Werkzeug would drop a second slash in front
            raise NotFound("Not Found")
        if not method.isupper():  # methods are case-sensitive (RFC 9110, section 9.1); Werkzeug would take `get`
            raise NotAllowedHere(self.methods(path))
        return self._match(method, path)

    def _match_uncached(self, method: str, path: str) -> tuple[Bound, Mapping[str, Any]]:
        try:
            endpoint, values = self._adapter.match(path, method)
        except MethodNotAllowed as error:
            if method in self._adapter.allowed_methods(path):  # Werkzeug means: not with this id
                raise NotFound("Not Found") from error
            raise NotAllowedHere(", ".join(sorted({*(error.valid_methods or ()), "OPTIONS"}))) from error
        except HTTPException as error:
            raise NotFound("Not Found") from error
        return self._bound[endpoint], values

    def methods(self, path: str) -> str:
        """The Allow header for a path. Raises NotFound if nothing answers there."""
        allowed = self._adapter.allowed_methods(path)
        if not allowed:
            raise NotFound("Not Found")
        return ", ".join(sorted({*allowed, "OPTIONS"}))

    def body_limit(self, method: str, raw_path: bytes, files: bool) -> int:
        """How many bytes a body may have here. Where nothing answers: a little, so that the answer can be a proper 404."""
        try:
            bound, _ = self.find(method, decode_path(raw_path))
        except (NotFound, NotAllowedHere, Malformed):
            return SMALL_FORM
        needs = bound.route.needs
        return max(needs.body, needs.files) if files else needs.body
