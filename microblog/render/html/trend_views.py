"""View model of the page where moderators review trends. Pure."""

from __future__ import annotations

from attrs import frozen

from microblog.model.trends import LinkTrend, ReviewedPost, ReviewedTagUse, TrendsMode

TABS = {"tags": "Hashtags", "posts": "Posts", "links": "Links"}
NOTES = {
    TrendsMode.ALL: "Hashtags, posts and links trend unless a moderator rejects them.",
    TrendsMode.APPROVED: "Hashtags, posts and links trend after a moderator has approved them.",
    TrendsMode.NONE: "Trends are not shown on this site, as administrators chose in the site settings.",
}
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
    """A page of trends of one tab. `mode`: which ones people see. `query`: a hashtag looked for."""

    tab: str
    mode: TrendsMode
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
    def note(self) -> str:
        """A sentence about which trends people see."""
        return NOTES[self.mode]

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
            return "Not reviewed" if self.mode is TrendsMode.ALL else "Waiting for review"
        return "Approved" if approved else "Rejected"

    def uses(self, days: tuple[object, ...], name: str) -> int:
        """Add up the use of the last days: `people` of each day, or `posts`."""
        return sum(int(getattr(day, name)) for day in days)

    def excerpt(self, found: ReviewedPost) -> str:
        """Return the beginning of a post."""
        text = found.post.spoiler or found.post.text
        return text if len(text) <= MAX_EXCERPT else f"{text[:MAX_EXCERPT]}…"
