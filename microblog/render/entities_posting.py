"""Polls, and posts to come, as the API tells them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from microblog.model.polls import Poll, PollDraft
from microblog.model.posts import Draft
from microblog.model.scheduled import Scheduled
from microblog.render.entities import Entity, moment
from microblog.render.entities_media import attachment
from microblog.render.schemas import FLAG, ID, IDS, MEDIA, MOMENT, NULL, TEXT, TEXTS, VISIBILITY, WHOLE, array_of, entity, nullable, record

SCHEDULED_STATUS = entity(
    "ScheduledStatus",
    {
        "id": ID,
        "scheduled_at": MOMENT,
        "params": record(
            {
                "text": TEXT,
                "poll": nullable(record({"options": TEXTS, "expires_in": nullable(WHOLE), "multiple": FLAG, "hide_totals": FLAG})),
                "media_ids": nullable(IDS),
                "sensitive": nullable(FLAG),
                "spoiler_text": nullable(TEXT),
                "visibility": nullable(VISIBILITY),
                "in_reply_to_id": nullable(WHOLE),
                "language": nullable(TEXT),
                "application_id": WHOLE,
                "scheduled_at": NULL,
                "idempotency": NULL,
                "with_rate_limit": FLAG,
                "allowed_mentions": nullable(IDS),
            }
        ),
        "media_attachments": array_of(MEDIA),
    },
)


def poll(poll: Poll, now: datetime, votes: Sequence[int] | None, own: bool) -> Entity:
    """Poll (8.11). `votes` are what the viewer chose, None for anonymous viewers; `own`: it is theirs, which counts as having voted."""
    totals = poll.shows_totals(now)
    entity: Entity = {
        "id": str(poll.id),
        "expires_at": moment(poll.expires_at),
        "expired": poll.ended(now),
        "multiple": poll.multiple,
        "votes_count": poll.votes,
        "voters_count": poll.voters,
        "options": [
            {"title": title, "votes_count": count if totals else None} for title, count in zip(poll.options, poll.counts, strict=True)
        ],
        "emojis": [],
    }
    if votes is not None:
        entity |= {"voted": own or bool(votes), "own_votes": list(votes)}
    return entity


def scheduled(planned: Scheduled, absolute: Callable[[str], str]) -> Entity:
    """ScheduledStatus (8.19)."""
    return {
        "id": str(planned.id),
        "scheduled_at": moment(planned.at),
        "params": _params(planned.draft),
        "media_attachments": [attachment(media, absolute) for media in planned.media],
    }


def _params(draft: Draft) -> Entity:
    return {
        "text": draft.text,
        "poll": draft.poll and _asked(draft.poll),
        "media_ids": [str(id) for id in draft.media] or None,
        "sensitive": draft.sensitive,
        "spoiler_text": draft.spoiler or None,
        "visibility": draft.visibility,
        "in_reply_to_id": draft.reply_to,  # a number, as Mastodon serves and documents it, unlike all other ids
        "language": draft.language,
        "application_id": 0,
        "scheduled_at": None,
        "idempotency": None,
        "with_rate_limit": False,
        "allowed_mentions": None if draft.allowed is None else [str(id) for id in sorted(draft.allowed)],
    }


def _asked(draft: PollDraft) -> Entity:
    return {
        "options": list(draft.options),
        "expires_in": draft.seconds,
        "multiple": draft.multiple,
        "hide_totals": draft.hide_totals,
    }
