"""API entities of trends: links with their use, and what moderators see of hashtags, posts and links."""

from __future__ import annotations

from attrs import frozen

from microblog.model.profile_features import TagForViewer
from microblog.model.trends import LinkTrend, ReviewedTagUse
from microblog.render.api.definition import Definition, key
from microblog.render.api.preview_cards import CARD
from microblog.render.api.schemas import FLAG, ID, array_of, extended
from microblog.render.api.site import SiteUrls
from microblog.render.api.tags import DAY, TAG


@frozen
class TagForModerator:
    """A hashtag with its settings. `trendable`: it may trend, also because nobody has to approve it."""

    found: ReviewedTagUse
    trendable: bool


TREND_LINK = Definition[LinkTrend, SiteUrls](
    "TrendsLink",
    {"history": key({**array_of(DAY), "minItems": 7, "maxItems": 7}, lambda link, _: DAY.each(link.days, None))},
    base=(CARD, lambda link, _: link.card),
)
"""Trends::Link, https://docs.joinmastodon.org/entities/PreviewCard/#trends-link."""

ADMIN_TREND_LINK = Definition[LinkTrend, SiteUrls](
    "AdminTrendsLink",
    {"id": key(ID, lambda link, _: str(link.id)), "requires_review": key(FLAG, lambda link, _: link.approved is None)},
    base=(TREND_LINK, lambda link, _: link),
)

ADMIN_TAG = Definition[TagForModerator, SiteUrls](
    "AdminTag",
    {
        "trendable": key(FLAG, lambda seen, _: seen.trendable),
        "usable": key(FLAG, lambda seen, _: seen.found.reviewed.usable),
        "requires_review": key(FLAG, lambda seen, _: seen.found.reviewed.reviewed_at is None),
        "listable": key(FLAG, lambda seen, _: seen.found.reviewed.listable),
    },
    base=(TAG, lambda seen, _: TagForViewer(seen.found.use, None)),
)
"""Admin::Tag, https://docs.joinmastodon.org/entities/Tag/#admin."""

ADMIN_TREND_STATUS = extended("AdminTrendsStatus", "Status", {"requires_review": FLAG})


def with_review(status: bytes, *, requires_review: bool) -> bytes:
    """Add `requires_review` to the JSON of a status."""
    return status[:-1] + (b',"requires_review":true}' if requires_review else b',"requires_review":false}')
