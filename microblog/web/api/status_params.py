"""What a client wants to post, read from its fields."""

from __future__ import annotations

from typing import BinaryIO

from microblog.domain.posts import LONGEST_KEY
from microblog.model.errors import Invalid
from microblog.model.ids import LARGEST_ID, AccountId, MediaId, PostId
from microblog.model.media import MediaChange
from microblog.model.posts import PostDraft, Visibility
from microblog.render.api.schemas import FILE, FLAG, ID, IDS, TEXT, VISIBILITY, array_of, record
from microblog.web.api.media import file_of, focus_of
from microblog.web.api.polls import POLL_PARAMS, poll_of
from microblog.web.api.scheduled import WHEN
from microblog.web.http.request import Request
from microblog.web.http.route_docs import Param

PIECE = record({"id": ID, "description": TEXT, "focus": TEXT, "thumbnail": FILE}, ["description", "focus", "thumbnail"])
BOTH = (
    Param("status", TEXT, "What it says."),
    Param("spoiler_text", TEXT, "A warning to be shown instead of it at first."),
    Param("sensitive", FLAG, "Whether its media are hidden at first."),
    Param("language", TEXT, "The language it is in (ISO 639)."),
    Param("media_ids", IDS, "Up to four uploads, in this order."),
    *POLL_PARAMS,
)
EDIT_PARAMS = (*BOTH, Param("media_attributes", array_of(PIECE), "What changes of the media themselves."))
DRAFT_PARAMS = (
    *BOTH,
    Param("visibility", VISIBILITY, "Who may see it."),
    Param("in_reply_to_id", ID, "What it answers."),
    Param("allowed_mentions", IDS, "The only people it may name."),
    WHEN,
)

IDEMPOTENCY_KEY = Param("Idempotency-Key", {"type": "string", "maxLength": LONGEST_KEY}, "The same key again gives the same post again.")


def visibility_of(request: Request, name: str = "visibility") -> Visibility | None:
    """A field that says who may see something; None where it is absent or empty. Raises Invalid for any other word."""
    chosen = request.fields.value(name)
    if chosen and chosen not in set(Visibility):
        raise Invalid({name: "Visibility is not included in the list"}, codes={name: "ERR_INCLUSION"})
    return Visibility(chosen) if chosen else None


def draft_of(request: Request) -> PostDraft:
    """The new post. Raises Invalid for what cannot be read."""
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
        key=(request.header("Idempotency-Key") or "")[: LONGEST_KEY + 1] or None,
        application=request.access.app.name if request.access else None,
        website=request.access.app.website if request.access else None,
        allowed=allowed,
        media=media_of(request),
        poll=poll_of(fields),
    )


def media_of(request: Request) -> tuple[MediaId, ...]:
    """The uploads that it shows. Raises Invalid for what can be no upload."""
    given = [id for id in request.fields.list("media_ids") if id]
    if wrong := [id for id in given if not (id.isascii() and id.isdigit() and int(id) <= LARGEST_ID)]:
        raise Invalid({"media_ids": "Media not found"}, sentence=f"Media {wrong[0][:30]} not found or already attached to another post")
    return tuple(MediaId(int(id)) for id in given)


def _changes(request: Request) -> tuple[MediaChange, ...]:
    pieces = [(fields.id("id"), fields) for fields in request.fields.subs("media_attributes")]
    return tuple(MediaChange(MediaId(id), piece.text("description", default=None), focus_of(piece)) for id, piece in pieces if id)


def thumbnails_of(request: Request) -> dict[MediaId, BinaryIO]:
    """The pictures that an edit gives its media for previews. Raises Invalid for what is no file, or too large."""
    files = ((piece.id("id"), file_of(piece, "thumbnail")) for piece in request.fields.subs("media_attributes"))
    return {MediaId(id): file for id, file in files if id and file}


def edit_of(request: Request) -> PostDraft:
    """What a post shall say from now on."""
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
