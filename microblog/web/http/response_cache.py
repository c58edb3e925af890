"""Rendered responses, cached until something that they depend on changes.

Only routes that return a `CacheableResponse` take part. The key is the viewer and the address. Parts that differ between two responses with
the same content (the time, the position in the event log, form tokens) are cut out of the cached page and filled in for each request. The
rest is compressed once.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from attrs import define, evolve, field, frozen

from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.domain.caching.invalidation import DependencyCache, InvalidationLog
from microblog.render.html.formatting import iso
from microblog.render.html.view_models import PageContext
from microblog.web.http.compression import SMALLEST, is_packable, joined, may_pack, packed_piece, stored_piece, with_packed
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.theme import theme_of

KEY_BYTES = 70  # what one key of a basis takes, about
MEGABYTE = 1_000_000


@frozen
class CacheableResponse:
    """An answer, what it rests on, and which texts in it are good for one time only (a name of `Answers._anew`, by the text)."""

    response: Response
    dependencies: CacheDependencies
    volatile: Mapping[str, str] = {}


@frozen
class _Sheet:
    """An answer without its body, which lies here in pieces: every second one is the name of what belongs there."""

    answer: Response
    pieces: tuple[bytes, ...]
    _packed: list[tuple[bytes, ...]] = field(factory=list, init=False, eq=False)

    @property
    def size(self) -> int:
        """In bytes, with the compressed pieces that come when somebody asks for them."""
        return sum(map(len, self.pieces)) * 5 // 4

    @property
    def packed(self) -> tuple[bytes, ...]:
        """The pieces as deflate blocks; compressed once. In the place of a name there is nothing."""
        if not self._packed:
            self._packed.append(tuple(b"" if place % 2 else packed_piece(piece) for place, piece in enumerate(self.pieces)))
        return self._packed[0]


@define(eq=False)
class ResponseCache:
    """Keeps up to `room` megabytes. `position` says where the event log stands, `key` makes the key of a new form."""

    changes: InvalidationLog
    now: Callable[[], datetime]
    position: Callable[[], str]
    key: Callable[[], str]
    room: int = 32
    memory: DependencyCache[_Sheet] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.memory = DependencyCache(self.changes, self.now, self.room * MEGABYTE, "pages", in_bytes=True)

    async def get_or_make(self, request: Request, make: Callable[[], Awaitable[CacheableResponse]], look: str = "") -> Response:
        """The answer to a call that only reads: kept, or made by `make`. It follows from viewer and address, and from `look`."""
        if not self.room or request.incoming.body or request.incoming.file is not None:
            return (await make()).response
        name = (request.viewer.id if request.viewer else None, request.incoming.uri, look)
        position = self.position()  # before the place is asked for: what is posted meanwhile may be missing from the page that is kept
        place = await self.changes.position()
        sheet = self.memory.get(name, place)
        if sheet is not None:
            return self._filled(request, sheet, position)
        made = await make()
        if request.api and request.viewer is None:
            made = evolve(made, response=made.response.tagged())
        sheet = _cut(made)
        self.memory.put(name, sheet, made.dependencies, place, sheet.size + KEY_BYTES * len(made.dependencies.keys))
        return made.response

    async def get_or_make_page(self, request: Request, make: Callable[[], Awaitable[CacheableResponse]]) -> Response:
        """The same of a page of HTML, which visitors have in the colours that they chose."""
        return await self.get_or_make(request, make, theme_of(request) if request.viewer is None else "")

    def _filled(self, request: Request, sheet: _Sheet, position: str) -> Response:
        pieces = list(sheet.pieces)
        if len(pieces) > 1:
            texts = {b"position": position.encode("ascii")}
            for place in range(1, len(pieces), 2):
                name = pieces[place]
                if name not in texts:
                    texts[name] = self._anew(request, name).encode("ascii")
                pieces[place] = texts[name]
        if sheet.size >= SMALLEST and is_packable(sheet.answer.content_type) and not request.has(sheet.answer.etag) and may_pack(request):
            blocks = ((piece, made or stored_piece(piece)) for piece, made in zip(pieces, sheet.packed, strict=True))
            return with_packed(sheet.answer, joined(blocks))
        return evolve(sheet.answer, body=b"".join(pieces)) if len(pieces) > 1 else sheet.answer

    def _anew(self, request: Request, name: bytes) -> str:
        if name == b"csrf":
            return request.csrf
        return self.key() if name == b"key" else iso(self.now())


def volatile_parts(shell: PageContext, key: str = "") -> dict[str, str]:
    """What on a page is good for one time only, by how it stands there. User's texts have no such quotes: they are escaped."""
    found = {f'data-now="{iso(shell.now)}"': "now"}
    if shell.stream:
        found[f'data-position="{shell.position}"'] = "position"
    if shell.csrf:
        found[f'value="{shell.csrf}"'] = "csrf"
    if key:
        found[f'value="{key}"'] = "key"
    return found


def _cut(made: CacheableResponse) -> _Sheet:
    answer = made.response
    if not made.volatile:
        return _Sheet(answer, (answer.body,))
    wanted = {text.encode("ascii"): name.encode("ascii") for text, name in made.volatile.items()}
    parts = re.split(b"(" + b"|".join(map(re.escape, wanted)) + b")", answer.body)
    pieces: list[bytes] = [parts[0]]
    for found, rest in zip(parts[1::2], parts[2::2], strict=True):
        before = found[: found.index(b'"') + 1]
        pieces[-1] += before
        pieces += [wanted[found], b'"' + rest]
    return _Sheet(evolve(answer, body=b""), tuple(pieces))
