"""Tags as somebody follows and features them, as the API tells it."""

from __future__ import annotations

from urllib.parse import quote

from microblog.model.accounts import Account
from microblog.model.features import FeaturedTag, TagFlags
from microblog.model.posts import TagUse
from microblog.render.entities import Entities, Entity, day_or_null


def tag_entity(entities: Entities, use: TagUse, flags: TagFlags | None) -> Entity:
    """Tag (8.12) as one viewer sees it; None: as nobody in particular does."""
    told = entities.tag(use)
    if flags is not None:
        told |= {"following": flags.following, "featuring": flags.featuring}
    return told


def featured_entity(entities: Entities, account: Account, featured: FeaturedTag) -> Entity:
    """FeaturedTag of somebody."""
    return {
        "id": str(featured.id),
        "name": featured.tag.name,
        "url": f"{entities.profile(account.username)}/tagged/{quote(featured.tag.key)}",
        "statuses_count": str(featured.posts),
        "last_status_at": day_or_null(featured.last_on),
    }
