"""API entity of a scheduled post, with the parameters of its poll."""

from __future__ import annotations

from microblog.model.polls import PollDraft
from microblog.model.scheduled import ScheduledPost
from microblog.render.api.definition import Definition, always, key, many, one_or_null, part
from microblog.render.api.media import ATTACHMENT
from microblog.render.api.schemas import FLAG, ID, IDS, MOMENT, NULL, TEXT, TEXTS, VISIBILITY, WHOLE, nullable
from microblog.render.api.site import SiteUrls, moment

POLL_PARAMS = Definition[PollDraft, SiteUrls](
    "",
    {
        "options": key(TEXTS, lambda draft, _: list(draft.options)),
        "expires_in": key(nullable(WHOLE), lambda draft, _: draft.seconds),
        "multiple": key(FLAG, lambda draft, _: draft.multiple),
        "hide_totals": key(FLAG, lambda draft, _: draft.hide_totals),
    },
)
SCHEDULED_STATUS = Definition[ScheduledPost, SiteUrls](
    "ScheduledStatus",
    {
        "id": key(ID, lambda planned, _: str(planned.id)),
        "scheduled_at": key(MOMENT, lambda planned, _: moment(planned.at)),
        "params": part(
            {
                "text": key(TEXT, lambda planned, _: planned.draft.text),
                "poll": one_or_null(POLL_PARAMS, lambda planned, _: planned.draft.poll),
                "media_ids": key(nullable(IDS), lambda planned, _: [str(id) for id in planned.draft.media] or None),
                "sensitive": key(nullable(FLAG), lambda planned, _: planned.draft.sensitive),
                "spoiler_text": key(nullable(TEXT), lambda planned, _: planned.draft.spoiler or None),
                "visibility": key(nullable(VISIBILITY), lambda planned, _: planned.draft.visibility),
                # a number, as Mastodon serves and documents it, unlike all other ids
                "in_reply_to_id": key(nullable(WHOLE), lambda planned, _: planned.draft.reply_to),
                "language": key(nullable(TEXT), lambda planned, _: planned.draft.language),
                "application_id": always(WHOLE, 0),
                "scheduled_at": always(NULL, None),
                "idempotency": always(NULL, None),
                "with_rate_limit": always(FLAG, False),
                "allowed_mentions": key(nullable(IDS), lambda planned, _: _allowed(planned)),
            }
        ),
        "media_attachments": many(ATTACHMENT, lambda planned, _: planned.media),
    },
)


def _allowed(planned: ScheduledPost) -> list[str] | None:
    allowed = planned.draft.allowed
    return None if allowed is None else [str(id) for id in sorted(allowed)]
