"""Serves copies of media and emoji of other servers, so that pages here never lead a browser to a third server."""

from __future__ import annotations

from attrs import frozen

from microblog.federation.remote_files import OpenCopy, RemoteFiles
from microblog.model.errors import NotFound
from microblog.model.media import COPY_TYPES
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import RouteOptions, route
from microblog.web.pages.media_files import HEADERS, POLICY, PRIVATE_CACHE, with_served

_CACHE = b"public, max-age=86400, s-maxage=3600"  # the file behind an address may be another one some day


@frozen
class MediaProxy:
    """Files of other servers."""

    files: RemoteFiles

    @route("GET", "/media_proxy/<name>/<variant>", RouteOptions(body=0))
    async def show(self, request: Request, name: str, variant: str) -> Response:
        """Serve an attachment of a post of another server, or a small version of it."""
        id, _, key = name.partition("-")
        if not (id.isascii() and id.isdecimal() and len(id) < 19) or variant not in ("original", "small"):
            raise NotFound("Not Found")
        return _response(request, await self.files.media(int(id), key or None, small=variant == "small"))

    @route("GET", "/media_proxy/emojis/<id:emoji_id>", RouteOptions(body=0))
    async def emoji(self, request: Request, emoji_id: int) -> Response:
        """Serve the picture of a custom emoji of another server."""
        return _response(request, await self.files.emoji(emoji_id))


def _response(request: Request, copy: OpenCopy) -> Response:
    kind = COPY_TYPES[copy.name.rpartition(".")[2]]
    cache = _CACHE if copy.is_open else PRIVATE_CACHE
    response = Response.data(b"", kind).cached(cache, copy.name).with_policy(POLICY).with_headers(HEADERS)
    if request.has(response.etag):
        copy.close()
        return response
    return with_served(request, response, copy.served)
