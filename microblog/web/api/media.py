"""Media: uploaded first, described, then attached to a post by its id."""

from __future__ import annotations

import re
from typing import BinaryIO

from attrs import frozen

from microblog.domain.attachments import Attachments, MediaUpload, failure
from microblog.domain.rate_limits import MEDIA
from microblog.model.errors import Invalid
from microblog.model.ids import MediaId
from microblog.model.media import FILM_BYTES, IMAGE_BYTES, Focus, Media, MediaChange, MediaState
from microblog.render.api.entities import Entities
from microblog.render.api.media import ATTACHMENT
from microblog.render.api.schemas import EMPTY, FILE, TEXT
from microblog.web.http.params import Params
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import DATA_FORM, SMALL_FORM, AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import Param, RouteDoc

UPLOAD = RouteOptions(
    api=True, viewer=AccessLevel.MEMBER, scopes={"write:media"}, rate=MEDIA, body=DATA_FORM, files=FILM_BYTES + IMAGE_BYTES + SMALL_FORM
)
CHANGE = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:media"}, body=DATA_FORM, files=IMAGE_BYTES + SMALL_FORM)
OWN = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:media"})
_FOCUS = re.compile(r"([+-]?[0-9]*\.?[0-9]{1,20})\s*,\s*([+-]?[0-9]*\.?[0-9]{1,20})", re.ASCII)
ABOUT = (
    Param("thumbnail", FILE, "A picture to show in its place."),
    Param("description", TEXT, "What there is to see or hear, for those who cannot."),
    Param("focus", TEXT, "The point that matters most: two numbers from -1 to 1, such as 0.0,0.5."),
)
DESCRIBE = RouteDoc("Describe one's own upload", ATTACHMENT, body=ABOUT, also=((206, ATTACHMENT),), errors=(404, 422))
UPLOADED = (Param("file", FILE, "The picture, film or sound.", required=True), *ABOUT)


@frozen
class MediaRoutes:
    """One's own media that are not with a post yet."""

    entities: Entities
    attachments: Attachments

    @route(
        "POST",
        "/api/v2/media",
        UPLOAD,
        RouteDoc("Upload a picture, a film or a sound", ATTACHMENT, body=UPLOADED, also=((202, ATTACHMENT),), errors=(422,)),
    )
    async def upload(self, request: Request) -> Response:
        """202 while it is not ready; ask for it until it has a URL."""
        media = await self.attachments.add(request.member, _given(request.fields))
        return self._told(media, 202)

    @route(
        "POST",
        "/api/v1/media",
        UPLOAD,
        RouteDoc("Upload, and wait until it is ready", ATTACHMENT, body=UPLOADED, also=((202, ATTACHMENT),), errors=(422,)),
    )
    async def upload_and_wait(self, request: Request) -> Response:
        """The same, answered when it is ready; 202 if that takes longer than half a minute."""
        media = await self.attachments.add(request.member, _given(request.fields))
        return self._told(await self.attachments.wait_until_processed(request.member, media.id), 202)

    @route(
        "GET", "/api/v1/media/<id:media_id>", OWN, RouteDoc("One's own upload", ATTACHMENT, also=((206, ATTACHMENT),), errors=(404, 422))
    )
    async def show(self, request: Request, media_id: int) -> Response:
        """206 while it is not ready."""
        return self._told(await self.attachments.one(request.member, MediaId(media_id)), 206)

    @route("PUT", "/api/v1/media/<id:media_id>", CHANGE, DESCRIBE)
    @route("PATCH", "/api/v1/media/<id:media_id>", CHANGE, DESCRIBE)
    async def change(self, request: Request, media_id: int) -> Response:
        """Change only what was sent; 206 while it is not ready."""
        fields = request.fields
        wanted = MediaChange(MediaId(media_id), fields.text("description", default=None), focus_of(fields))
        return self._told(await self.attachments.change(request.member, wanted, file_of(fields, "thumbnail")), 206)

    @route("DELETE", "/api/v1/media/<id:media_id>", OWN, RouteDoc("Delete one's own upload", EMPTY, errors=(404, 422)))
    async def delete(self, request: Request, media_id: int) -> Response:
        """As long as no post has it."""
        await self.attachments.delete(request.member, MediaId(media_id))
        return Response.json({})

    def _told(self, media: Media, waiting: int) -> Response:
        """The piece with 200, or with the status `waiting` while it is processed. Raises Invalid if it could not be."""
        if media.state is MediaState.FAILED:
            raise failure(media)
        [entity] = self.entities.media([media])
        return Response.json(entity, 200 if media.state is MediaState.READY else waiting)


def _given(fields: Params) -> MediaUpload:
    upload = fields.upload("file")
    if upload is None:
        raise Invalid({"file": "File can't be blank"}, codes={"file": "ERR_BLANK"})
    return MediaUpload(upload.file, upload.size, fields.text("description"), focus_of(fields), file_of(fields, "thumbnail"))


def file_of(fields: Params, name: str) -> BinaryIO | None:
    """A picture, where one is given. Raises Invalid for one that is too large."""
    upload = fields.upload(name)
    if upload is None:
        return None
    if upload.size > IMAGE_BYTES:
        raise Invalid({name: f"{name.capitalize()} file size must be less than {IMAGE_BYTES // 1024 // 1024} MB"})
    return upload.file


def focus_of(fields: Params) -> Focus | None:
    """The point that matters most, where one is given. Raises Invalid for anything but two numbers."""
    given = fields.value("focus", max=100).strip()
    if not given:
        return None
    found = _FOCUS.fullmatch(given)
    if found is None:
        raise Invalid({"focus": "Focus has to be two numbers from -1 to 1"})
    x, y = (max(-1.0, min(1.0, float(number))) for number in found.groups())
    return Focus(x, y)
