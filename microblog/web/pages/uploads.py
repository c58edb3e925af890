"""Files in the form of a post. They are stored before the post, so that none is lost if the post is rejected."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve, frozen

from microblog.domain.attachments import Attachments, MediaUpload
from microblog.domain.rate_limits import MEDIA
from microblog.model.accounts import Viewer
from microblog.model.errors import Invalid
from microblog.model.ids import MAX_ID, MediaId
from microblog.model.media import MAX_MEDIA, MAX_VIDEO_BYTES, Media, MediaChange, MediaState
from microblog.web.http.params import Params
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import TEXT_FORM, AccessLevel, RouteOptions, route

FILES_FORM = MAX_VIDEO_BYTES + TEXT_FORM  # bytes of a form with files: one video, or four images


@frozen
class FormFiles:
    """The media of a form: ids, changed alt texts, and the error of a rejected file."""

    ids: tuple[MediaId, ...] = ()
    changes: tuple[MediaChange, ...] = ()
    problem: Invalid | None = None


@frozen
class Uploads:
    """Reads files from forms.

    `media_ids[]` are the attached media, each with its alt text in `alt_ID`; `drop_ID` removes one. New files are in `file_N`, with their
    alt text in `file_alt_N`.
    """

    attachments: Attachments

    async def read(self, request: Request) -> FormFiles:
        """Read the media of a form and store new files. A rejected file does not affect the others."""
        fields = request.fields
        ids = [id for id in _ids(fields) if not fields.flag(f"drop_{id}")]
        changes = [MediaChange(id, fields.text(f"alt_{id}")) for id in ids if fields.has(f"alt_{id}")]
        problem = None
        for number in range(MAX_MEDIA):
            try:
                ids += await self._new(request.member, fields, number)
            except Invalid as refused:
                problem = refused
        return FormFiles(tuple(ids), tuple(changes), problem)

    async def _new(self, viewer: Viewer, fields: Params, number: int) -> list[MediaId]:
        upload = fields.upload(f"file_{number}")
        if upload is None:
            return []
        description = fields.text(f"file_alt_{number}")
        return [(await self.attachments.add(viewer, MediaUpload(upload.file, upload.size, description))).id]

    async def media_for(self, viewer: Viewer, files: FormFiles, own: Iterable[Media] = ()) -> tuple[Media, ...]:
        """Return the media for a restored form, with the alt texts given in it; `own` are those of the edited post."""
        known = {one.id: one for one in (*own, *await self.attachments.several(viewer, files.ids))}
        descriptions = {change.id: change.description for change in files.changes}
        return tuple(evolve(known[id], description=descriptions.get(id) or known[id].description) for id in files.ids if id in known)

    @route("POST", "/compose/media", RouteOptions(viewer=AccessLevel.MEMBER, files=FILES_FORM, rate=MEDIA))
    async def upload(self, request: Request) -> Response:
        """Store a file for the composer's script."""
        upload = request.fields.upload("file")
        if upload is None:
            raise Invalid({"file": "Please choose a file."})
        return _media_json(await self.attachments.add(request.member, MediaUpload(upload.file, upload.size)))

    @route("GET", "/compose/media/<id:media_id>", RouteOptions(viewer=AccessLevel.MEMBER))
    async def show(self, request: Request, media_id: int) -> Response:
        """Return the processing state of a file."""
        return _media_json(await self.attachments.one(request.member, MediaId(media_id)))


def _media_json(media: Media) -> Response:
    preview = media.preview_path or (media.path if media.kind == "image" else None)
    values = {"id": str(media.id), "kind": media.kind, "preview": preview, "description": media.description, "problem": media.problem}
    return Response.json(values | {"ready": media.state is MediaState.READY, "failed": media.state is MediaState.FAILED})


def _ids(fields: Params) -> list[MediaId]:
    ids = [id for id in fields.list("media_ids") if id.isascii() and id.isdigit()]
    return [MediaId(int(id)) for id in dict.fromkeys(ids) if int(id) <= MAX_ID]
