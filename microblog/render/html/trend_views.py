"""View model of the page where moderators review trends. Pure."""

from __future__ import annotations

from attrs import frozen

from microblog.model.trends import LinkTrend, ReviewedPost, ReviewedTagUse

TABS = {"tags": "Hashtags", "posts": "Posts", "links": "Links"}
DECISIONS = {"approve": "Approve", "reject": "Reject"}
TAG_SETTINGS = {
    "allow": "Allow in posts",
    "disallow": "Do not allow in posts",
    "list": "Show in search",
    "unlist": "Hide from search",
}
MAX_EXCERPT = 280


@frozen
class TrendsPage:
    """A page of trends of one tab. `needs_review`: those without a decision are not shown to people. `query`: a hashtag looked for."""

    tab: str
    needs_review: bool
    tags: tuple[ReviewedTagUse, ...] = ()
    posts: tuple[ReviewedPost, ...] = ()
    links: tuple[LinkTrend, ...] = ()
    query: str = ""
    error: str = ""

    @property
    def tabs(self) -> dict[str, str]:
        """The tabs with their labels."""
        return TABS

    @property
    def actions(self) -> dict[str, str]:
        """The acts on what was selected, with their labels."""
        return DECISIONS | TAG_SETTINGS if self.tab == "tags" else DECISIONS

    @property
    def is_empty(self) -> bool:
        """True if nothing is listed."""
        return not (self.tags or self.posts or self.links)

    def state(self, approved: bool | None) -> str:
        """Return what was decided, in a word."""
        if approved is None:
            return "Waiting for review" if self.needs_review else "Not reviewed"
        return "Approved" if approved else "Rejected"

    def uses(self, days: tuple[object, ...], name: str) -> int:
        """Add up the use of the last days: `people` of each day, or `posts`."""
        return sum(int(getattr(day, name)) for day in days)

    def excerpt(self, found: ReviewedPost) -> str:
        """Return the beginning of a post."""
        text = found.post.spoiler or found.post.text
        return text if len(text) <= MAX_EXCERPT else f"{text[:MAX_EXCERPT]}…"
