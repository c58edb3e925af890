"""Rendered responses, cached until something that they depend on changes.

Only routes that return a `CacheableResponse` take part. The key is the viewer and the address. Parts that differ between two responses with
the same content (the time, the position in the event log, form tokens) are slots of the cached page, filled in for each request. The rest
is compressed once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from attrs import define, evolve, field, frozen

from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.domain.caching.invalidation import DependencyCache, InvalidationLog
from microblog.render.formatting import iso
from microblog.render.html.html_page import HtmlPage
from microblog.web.http.compression import (
    SMALLEST,
    compressed_piece,
    is_compressible,
    joined,
    may_compress,
    stored_piece,
    with_compressed_body,
)
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.theme import theme_of

KEY_BYTES = 70  # approximate memory of one invalidation key
SET_BYTES = 10  # of a reference to a set of keys
MEGABYTE = 1_000_000


@frozen
class CacheableResponse:
    """A response, its dependencies, and the page in its body if that has slots."""

    response: Response
    dependencies: CacheDependencies
    page: HtmlPage | None = None


@frozen
class _Template:
    """A response whose body is stored in pieces: every second piece is the name of a slot."""

    response: Response
    pieces: tuple[bytes, ...]
    _packed: list[tuple[bytes, ...]] = field(factory=list, init=False, eq=False)

    @property
    def size(self) -> int:
        """Approximate size in bytes, including the compressed pieces."""
        return sum(map(len, self.pieces)) * 5 // 4

    @property
    def packed(self) -> tuple[bytes, ...]:
        """The pieces as deflate blocks, compressed once; an empty piece marks the place of a variable part."""
        if not self._packed:
            self._packed.append(tuple(b"" if index % 2 else compressed_piece(piece) for index, piece in enumerate(self.pieces)))
        return self._packed[0]


@define(eq=False)
class ResponseCache:
    """Caches responses. `position` returns the position in the event log, `key` a new idempotency key for a form.

    `site_version` changes with the site's settings, which many responses show: those of another version are not served.
    """

    invalidation_log: InvalidationLog
    now: Callable[[], datetime]
    position: Callable[[], str]
    key: Callable[[], str]
    capacity_mb: int = 32
    site_version: Callable[[], int] = lambda: 0
    cache: DependencyCache[_Template] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.cache = DependencyCache(self.invalidation_log, self.now, self.capacity_mb * MEGABYTE, "pages", in_bytes=True)

    async def get_or_make(self, request: Request, make: Callable[[], Awaitable[CacheableResponse]], variant: str = "") -> Response:
        """The cached response to a request that only reads, or a new one. The key is viewer, address, `variant` and site version."""
        if not self.capacity_mb or request.incoming.body or request.incoming.file is not None:
            return (await make()).response
        name = (request.viewer.id if request.viewer else None, request.incoming.uri, variant, self.site_version())
        position = self.position()  # read first: the cached page may lack what is posted after this
        log_position = await self.invalidation_log.position()
        template = self.cache.get(name, log_position)
        if template is not None:
            return self._fill(request, template, position)
        result = await make()
        if request.api and request.viewer is None:
            result = evolve(result, response=result.response.tagged())
        template = _split(result)
        if request.viewer is not None:  # the response shows the viewer, who was read before the log
            log_position = min(log_position, request.log_position)
        self.cache.put(name, template, result.dependencies, log_position, template.size + _size(result.dependencies))
        return result.response

    async def get_or_make_page(self, request: Request, make: Callable[[], Awaitable[CacheableResponse]]) -> Response:
        """Like `get_or_make`, for an HTML page, which depends on the visitor's theme."""
        return await self.get_or_make(request, make, theme_of(request) if request.viewer is None else "")

    def _fill(self, request: Request, template: _Template, position: str) -> Response:
        pieces = list(template.pieces)
        if len(pieces) > 1:
            texts = {b"position": position.encode("ascii")}
            for index in range(1, len(pieces), 2):
                name = pieces[index]
                if name not in texts:
                    texts[name] = self._value(request, name).encode("ascii")
                pieces[index] = texts[name]
        if (
            template.size >= SMALLEST
            and is_compressible(template.response.content_type)
            and not request.has(template.response.etag)
            and may_compress(request)
        ):
            blocks = ((piece, result or stored_piece(piece)) for piece, result in zip(pieces, template.packed, strict=True))
            return with_compressed_body(template.response, joined(blocks))
        return evolve(template.response, body=b"".join(pieces)) if len(pieces) > 1 else template.response

    def _value(self, request: Request, name: bytes) -> str:
        if name == b"csrf":
            return request.csrf
        return self.key() if name == b"key" else iso(self.now())


def _size(dependencies: CacheDependencies) -> int:
    return KEY_BYTES * len(dependencies.keys) + SET_BYTES * len(dependencies.shared)


def _split(result: CacheableResponse) -> _Template:
    if result.page is None:
        return _Template(result.response, (result.response.body,))
    return _Template(evolve(result.response, body=b""), result.page.pieces)
