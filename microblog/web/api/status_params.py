"""Parameters of new and edited posts."""

from __future__ import annotations

from typing import BinaryIO

from microblog.domain.posts import MAX_KEY_LENGTH
from microblog.model.errors import Invalid
from microblog.model.ids import MAX_ID, AccountId, MediaId, PostId
from microblog.model.media import MediaChange
from microblog.model.posts import PostDraft, Visibility
from microblog.render.api.schemas import FILE, FLAG, ID, IDS, TEXT, VISIBILITY, array_of, record
from microblog.web.api.media import file_of, focus_of
from microblog.web.api.polls import POLL_PARAMS, poll_of
from microblog.web.api.scheduled import WHEN
from microblog.web.http.request import Request
from microblog.web.http.route_docs import Param

MEDIA_ATTRIBUTES = record({"id": ID, "description": TEXT, "focus": TEXT, "thumbnail": FILE}, ["description", "focus", "thumbnail"])
COMMON_PARAMS = (
    Param("status", TEXT, "The text content of the status."),
    Param("spoiler_text", TEXT, "Text to be shown as a warning or subject before the actual content."),
    Param("sensitive", FLAG, "Mark status and attached media as sensitive?"),
    Param("language", TEXT, "ISO 639 language code for this status."),
    Param("media_ids", IDS, "IDs of up to four attachments, in this order."),
    *POLL_PARAMS,
)
EDIT_PARAMS = (
    *COMMON_PARAMS,
    Param("media_attributes", array_of(MEDIA_ATTRIBUTES), "Changes to the description, focal point or thumbnail of the attachments."),
)
DRAFT_PARAMS = (
    *COMMON_PARAMS,
    Param("visibility", VISIBILITY, "The visibility of the posted status."),
    Param("in_reply_to_id", ID, "ID of the status being replied to, if status is a reply."),
    Param("allowed_mentions", IDS, "IDs of the only accounts that the status may mention; any other mention is an error."),
    WHEN,
)

IDEMPOTENCY_KEY = Param(
    "Idempotency-Key",
    {"type": "string", "maxLength": MAX_KEY_LENGTH},
    "Prevents duplicate submissions: the same key again returns the same status.",
)


def visibility_of(request: Request, name: str = "visibility") -> Visibility | None:
    """The visibility in a parameter, None if it is absent or empty. Raises Invalid for an unknown value."""
    chosen = request.fields.value(name)
    if chosen and chosen not in set(Visibility):
        raise Invalid({name: "Visibility is not included in the list"}, codes={name: "ERR_INCLUSION"})
    return Visibility(chosen) if chosen else None


def draft_of(request: Request) -> PostDraft:
    """The new post of a request. Raises Invalid for malformed parameters."""
    fields = request.fields
    reply_to = fields.id("in_reply_to_id")
    allowed = frozenset(map(AccountId, fields.ids("allowed_mentions"))) if fields.has("allowed_mentions") else None
    return PostDraft(
        text=fields.text("status"),
        visibility=visibility_of(request),
        spoiler=fields.text("spoiler_text"),
        sensitive=fields.flag("sensitive", None),
        language=fields.value("language") or None,
        reply_to=None if reply_to is None else PostId(reply_to),
        key=(request.header("Idempotency-Key") or "")[: MAX_KEY_LENGTH + 1] or None,
        application=request.access.app.name if request.access else None,
        website=request.access.app.website if request.access else None,
        allowed=allowed,
        media=media_of(request),
        poll=poll_of(fields),
    )


def media_of(request: Request) -> tuple[MediaId, ...]:
    """Ids of the attachments. Raises Invalid for an id that no attachment can have."""
    given = [id for id in request.fields.list("media_ids") if id]
    if wrong := [id for id in given if not (id.isascii() and id.isdigit() and int(id) <= MAX_ID)]:
        raise Invalid({"media_ids": "Media not found"}, sentence=f"Media {wrong[0][:30]} not found or already attached to another post")
    return tuple(MediaId(int(id)) for id in given)


def _changes(request: Request) -> tuple[MediaChange, ...]:
    pieces = [(fields.id("id"), fields) for fields in request.fields.subs("media_attributes")]
    return tuple(MediaChange(MediaId(id), piece.text("description", default=None), focus_of(piece)) for id, piece in pieces if id)


def thumbnails_of(request: Request) -> dict[MediaId, BinaryIO]:
    """New thumbnails in an edit, by attachment. Raises Invalid for anything but a file, or a file that is too large."""
    files = ((piece.id("id"), file_of(piece, "thumbnail")) for piece in request.fields.subs("media_attributes"))
    return {MediaId(id): file for id, file in files if id and file}


def edit_of(request: Request) -> PostDraft:
    """The edited post of a request. Raises Invalid for malformed parameters."""
    fields = request.fields
    return PostDraft(
        text=fields.text("status"),
        spoiler=fields.text("spoiler_text"),
        sensitive=fields.flag("sensitive", None),
        language=fields.value("language") or None,
        media=media_of(request),
        changes=_changes(request),
        poll=poll_of(fields),
    )
