"""API entities of hashtags."""

from __future__ import annotations

from urllib.parse import quote

from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.posts import TagDay, TagUse
from microblog.model.profile_features import FeaturedTag, TagFlags, TagForViewer
from microblog.render.api.definition import ABSENT, Definition, Entity, key, optional
from microblog.render.api.schemas import DATE, DIGITS, FLAG, ID, TEXT, URL, array_of, nullable
from microblog.render.api.site import SiteUrls, day_or_null

DAY = Definition[TagDay, None](
    "",
    {
        "day": key(DIGITS, lambda day, _: str(day.start)),
        "accounts": key(DIGITS, lambda day, _: str(day.people)),
        "uses": key(DIGITS, lambda day, _: str(day.posts)),
    },
)


@frozen
class AccountFeaturedTag:
    """A hashtag featured on the profile of `account`."""

    account: Account
    featured: FeaturedTag


TAG = Definition[TagForViewer, SiteUrls](
    "Tag",
    {
        "id": key(ID, lambda seen, _: str(seen.use.tag.id)),
        "name": key(TEXT, lambda seen, _: seen.use.tag.name),
        "url": key(URL, lambda seen, site: site.tag_url(seen.use.tag.key)),
        "history": key({**array_of(DAY), "minItems": 7, "maxItems": 7}, lambda seen, _: DAY.each(seen.use.days, None)),
        "following": optional(FLAG, lambda seen, _: ABSENT if seen.flags is None else seen.flags.following),
        "featuring": optional(FLAG, lambda seen, _: ABSENT if seen.flags is None else seen.flags.featuring),
    },
)
FEATURED_TAG = Definition[AccountFeaturedTag, SiteUrls](
    "FeaturedTag",
    {
        "id": key(ID, lambda of, _: str(of.featured.id)),
        "name": key(TEXT, lambda of, _: of.featured.tag.name),
        "url": key(URL, lambda of, site: f"{site.profile(of.account)}/tagged/{quote(of.featured.tag.key)}"),
        "statuses_count": key(DIGITS, lambda of, _: str(of.featured.posts)),
        "last_status_at": key(nullable(DATE), lambda of, _: day_or_null(of.featured.last_on)),
    },
)


def tag_entity(site: SiteUrls, use: TagUse, flags: TagFlags | None) -> Entity:
    """Return the Tag entity; without the viewer's flags if `flags` is None."""
    return TAG(TagForViewer(use, flags), site)


def featured_entity(site: SiteUrls, account: Account, featured: FeaturedTag) -> Entity:
    """Return the FeaturedTag entity."""
    return FEATURED_TAG(AccountFeaturedTag(account, featured), site)
