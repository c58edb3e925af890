"""Style sheet, scripts and pictures, served from memory.

Their URL has one hash of them all in it (`/static/HASH/style.css`): so they are cached for ever, and a module that imports `./feed.js`
gets the one of its own release. An old hash, or none, gets today's file with a short life.
"""

from __future__ import annotations

import gzip
import re
from hashlib import sha256
from mimetypes import guess_type
from pathlib import Path

from attrs import frozen

from microblog.model.errors import NotFound
from microblog.web.http.compression import accepts_gzip
from microblog.web.http.request import Request
from microblog.web.http.response import FOR_EVER, Response
from microblog.web.http.route import RouteOptions, route

_RELEASE = re.compile(r"[0-9a-f]{12}")
BRIEFLY = b"public, max-age=60, must-revalidate"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".webmanifest": "application/manifest+json; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
    ".ico": "image/x-icon",
}
_WORTH_PACKING = ("text/", "application/json", "application/manifest", "image/svg")


@frozen
class Asset:
    """One file. `packed` is it with gzip, where that is smaller."""

    content_type: str
    data: bytes
    packed: bytes | None
    etag: str


def _load(path: Path) -> Asset:
    data = path.read_bytes()
    content_type = _TYPES.get(path.suffix) or guess_type(path.name)[0] or "application/octet-stream"
    packed = gzip.compress(data, 9, mtime=0) if content_type.startswith(_WORTH_PACKING) else data
    return Asset(content_type, data, packed if len(packed) < len(data) else None, sha256(data).hexdigest()[:16])


def load(directory: Path) -> dict[str, Asset]:
    """Every file below `directory` by its relative path. Hidden files are left out."""
    files = sorted(path for path in directory.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(directory).as_posix(): _load(path) for path in files}


class Assets:
    """The files of one release. Give `url` to the templates."""

    def __init__(self, files: dict[str, Asset]) -> None:
        self._files = files
        self.hash = sha256("".join(f"{name}\0{asset.etag}\0" for name, asset in files.items()).encode("utf-8")).hexdigest()[:12]

    def url(self, name: str) -> str:
        """The URL of a file, cached for ever. Raises KeyError if there is no such file."""
        if name not in self._files:
            raise KeyError(f"There is no static file {name}.")
        return f"/static/{self.hash}/{name}"

    @route("GET", "/static/<path:name>", RouteOptions(body=0))
    async def show(self, call: Request, name: str) -> Response:
        """The file."""
        release, _, inner = name.partition("/")
        cache = BRIEFLY
        if inner in self._files and _RELEASE.fullmatch(release):
            name, cache = inner, FOR_EVER if release == self.hash else BRIEFLY
        return self._answer(call, name, cache)

    @route("GET", "/favicon.ico", RouteOptions(body=0))
    async def favicon(self, call: Request) -> Response:
        """The icon, for browsers that ask without reading the page."""
        return self._answer(call, "favicon.ico", BRIEFLY)

    @route("GET", "/avatars/original/missing.png", RouteOptions(body=0))
    async def no_avatar(self, call: Request) -> Response:
        """The picture of people who have none, where API clients know it from."""
        return self._answer(call, "avatar.png", BRIEFLY)

    @route("GET", "/headers/original/missing.png", RouteOptions(body=0))
    async def no_header(self, call: Request) -> Response:
        """The same for the picture on top of profiles."""
        return self._answer(call, "header.png", BRIEFLY)

    def _answer(self, call: Request, name: str, cache: bytes) -> Response:
        asset = self._files.get(name)
        if asset is None:
            raise NotFound("Not Found")
        if asset.packed is None or not accepts_gzip(call.header("Accept-Encoding")):
            answer = Response.data(asset.data, asset.content_type)
        else:
            answer = Response.data(asset.packed, asset.content_type).with_header("Content-Encoding", "gzip")
        if asset.packed is not None:
            answer = answer.with_header("Vary", "Accept-Encoding")
        return answer.cached(cache, asset.etag)
