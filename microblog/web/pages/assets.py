"""Style sheet, scripts and images, served from memory.

The URL contains a hash of all files (`/static/HASH/style.css`), so responses are cached for ever, and a module that imports `./feed.js`
gets the file of its own release. With an old hash or none, the current file is served with a short cache lifetime.
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
SHORT_CACHE = b"public, max-age=60, must-revalidate"
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
_COMPRESSIBLE = ("text/", "application/json", "application/manifest", "image/svg")


@frozen
class Asset:
    """A file. `packed` is its gzip encoding, if that is smaller."""

    content_type: str
    data: bytes
    gzipped: bytes | None
    etag: str


def _load(path: Path) -> Asset:
    data = path.read_bytes()
    content_type = _TYPES.get(path.suffix) or guess_type(path.name)[0] or "application/octet-stream"
    gzipped = gzip.compress(data, 9, mtime=0) if content_type.startswith(_COMPRESSIBLE) else data
    return Asset(content_type, data, gzipped if len(gzipped) < len(data) else None, sha256(data).hexdigest()[:16])


def load(directory: Path) -> dict[str, Asset]:
    """Read all files below `directory`, by relative path. Hidden files are skipped."""
    files = sorted(path for path in directory.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(directory).as_posix(): _load(path) for path in files}


class Assets:
    """The static files of a release. Templates use `url`."""

    def __init__(self, files: dict[str, Asset]) -> None:
        self._files = files
        self.hash = sha256("".join(f"{name}\0{asset.etag}\0" for name, asset in files.items()).encode("utf-8")).hexdigest()[:12]

    def url(self, name: str) -> str:
        """Return the permanently cacheable URL of a file. Raises KeyError if the file does not exist."""
        if name not in self._files:
            raise KeyError(f"There is no static file {name}.")
        return f"/static/{self.hash}/{name}"

    @route("GET", "/static/<path:name>", RouteOptions(body=0))
    async def show(self, request: Request, name: str) -> Response:
        """Serve a file."""
        release, _, inner = name.partition("/")
        cache = SHORT_CACHE
        if inner in self._files and _RELEASE.fullmatch(release):
            name, cache = inner, FOR_EVER if release == self.hash else SHORT_CACHE
        return self.response(request, name, cache)

    @route("GET", "/avatars/original/missing.png", RouteOptions(body=0))
    async def no_avatar(self, request: Request) -> Response:
        """Serve the default avatar at Mastodon's address."""
        return self.response(request, "avatar.png", SHORT_CACHE)

    @route("GET", "/headers/original/missing.png", RouteOptions(body=0))
    async def no_header(self, request: Request) -> Response:
        """Serve the default header image at Mastodon's address."""
        return self.response(request, "header.png", SHORT_CACHE)

    def response(self, request: Request, name: str, cache: bytes) -> Response:
        """Return the response with a file. Raises NotFound."""
        asset = self._files.get(name)
        if asset is None:
            raise NotFound("Not Found")
        if asset.gzipped is None or not accepts_gzip(request.header("Accept-Encoding")):
            response = Response.data(asset.data, asset.content_type)
        else:
            response = Response.data(asset.gzipped, asset.content_type).with_header("Content-Encoding", "gzip")
        if asset.gzipped is not None:
            response = response.with_header("Vary", "Accept-Encoding")
        return response.cached(cache, asset.etag)
