"""Media attachments: uploaded and described first, then attached to a post by id."""

from __future__ import annotations

import re
from typing import BinaryIO

from attrs import frozen

from microblog.domain.attachments import Attachments, MediaUpload, failure
from microblog.domain.rate_limits import MEDIA
from microblog.model.errors import Invalid
from microblog.model.ids import MediaId
from microblog.model.media import MAX_IMAGE_BYTES, MAX_VIDEO_BYTES, Focus, Media, MediaChange, MediaState
from microblog.render.api.entities import Entities
from microblog.render.api.media import ATTACHMENT
from microblog.render.api.schemas import EMPTY, FILE, TEXT
from microblog.web.http.params import Params
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import DATA_FORM, SMALL_FORM, AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import Param, RouteDoc

UPLOAD = RouteOptions(
    api=True,
    viewer=AccessLevel.MEMBER,
    scopes={"write:media"},
    rate=MEDIA,
    body=DATA_FORM,
    files=MAX_VIDEO_BYTES + MAX_IMAGE_BYTES + SMALL_FORM,
)
CHANGE = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:media"}, body=DATA_FORM, files=MAX_IMAGE_BYTES + SMALL_FORM)
OWN = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:media"})
_FOCUS = re.compile(r"([+-]?[0-9]*\.?[0-9]{1,20})\s*,\s*([+-]?[0-9]*\.?[0-9]{1,20})", re.ASCII)
ABOUT = (
    Param("thumbnail", FILE, "The custom thumbnail of the media to be attached."),
    Param("description", TEXT, "A plain-text description of the media, for accessibility purposes."),
    Param("focus", TEXT, "The focal point: two floating points from -1.0 to 1.0, such as 0.0,0.5."),
)
DESCRIBE = RouteDoc("Update media attachment", ATTACHMENT, body=ABOUT, also=((206, ATTACHMENT),), errors=(404, 422))
UPLOAD_PARAMS = (Param("file", FILE, "The file to be attached: an image, video or audio file.", required=True), *ABOUT)


@frozen
class MediaRoutes:
    """The user's media that is not attached to a post yet."""

    entities: Entities
    attachments: Attachments

    @route(
        "POST",
        "/api/v2/media",
        UPLOAD,
        RouteDoc("Upload media as an attachment (async)", ATTACHMENT, body=UPLOAD_PARAMS, also=((202, ATTACHMENT),), errors=(422,)),
    )
    async def upload(self, request: Request) -> Response:
        """Upload a file. The status is 202 while it is processed; poll `GET /api/v1/media/:id` until it has a URL."""
        media = await self.attachments.add(request.member, _upload(request.fields))
        return self._response(media, 202)

    @route(
        "POST",
        "/api/v1/media",
        UPLOAD,
        RouteDoc("Upload media as an attachment (v1)", ATTACHMENT, body=UPLOAD_PARAMS, also=((202, ATTACHMENT),), errors=(422,)),
    )
    async def upload_and_wait(self, request: Request) -> Response:
        """Upload a file and wait until it is processed; the status is 202 if that takes longer than half a minute."""
        media = await self.attachments.add(request.member, _upload(request.fields))
        return self._response(await self.attachments.wait_until_processed(request.member, media.id), 202)

    @route(
        "GET",
        "/api/v1/media/<id:media_id>",
        OWN,
        RouteDoc("Get media attachment", ATTACHMENT, also=((206, ATTACHMENT),), errors=(404, 422)),
    )
    async def show(self, request: Request, media_id: int) -> Response:
        """One of the user's uploads; the status is 206 while it is processed."""
        return self._response(await self.attachments.one(request.member, MediaId(media_id)), 206)

    @route("PUT", "/api/v1/media/<id:media_id>", CHANGE, DESCRIBE)
    @route("PATCH", "/api/v1/media/<id:media_id>", CHANGE, DESCRIBE)
    async def change(self, request: Request, media_id: int) -> Response:
        """Change the given attributes; the status is 206 while the file is processed."""
        fields = request.fields
        wanted = MediaChange(MediaId(media_id), fields.text("description", default=None), focus_of(fields))
        return self._response(await self.attachments.change(request.member, wanted, file_of(fields, "thumbnail")), 206)

    @route("DELETE", "/api/v1/media/<id:media_id>", OWN, RouteDoc("Delete media attachment", EMPTY, errors=(404, 422)))
    async def delete(self, request: Request, media_id: int) -> Response:
        """Delete an upload that is not attached to a post."""
        await self.attachments.delete(request.member, MediaId(media_id))
        return Response.json({})

    def _response(self, media: Media, waiting: int) -> Response:
        """The attachment with status 200, or `waiting` while it is processed. Raises Invalid if processing failed."""
        if media.state is MediaState.FAILED:
            raise failure(media)
        [entity] = self.entities.media([media])
        return Response.json(entity, 200 if media.state is MediaState.READY else waiting)


def _upload(fields: Params) -> MediaUpload:
    upload = fields.upload("file")
    if upload is None:
        raise Invalid({"file": "File can't be blank"}, codes={"file": "ERR_BLANK"})
    return MediaUpload(upload.file, upload.size, fields.text("description"), focus_of(fields), file_of(fields, "thumbnail"))


def file_of(fields: Params, name: str) -> BinaryIO | None:
    """The file of an image parameter, None if it was not sent. Raises Invalid if it is too large."""
    upload = fields.upload(name)
    if upload is None:
        return None
    if upload.size > MAX_IMAGE_BYTES:
        raise Invalid({name: f"{name.capitalize()} file size must be less than {MAX_IMAGE_BYTES // 1024 // 1024} MB"})
    return upload.file


def focus_of(fields: Params) -> Focus | None:
    """The focal point, None if it was not sent. Raises Invalid for anything but two numbers."""
    given = fields.value("focus", max=100).strip()
    if not given:
        return None
    found = _FOCUS.fullmatch(given)
    if found is None:
        raise Invalid({"focus": "Focus has to be two numbers from -1 to 1"})
    x, y = (max(-1.0, min(1.0, float(number))) for number in found.groups())
    return Focus(x, y)
