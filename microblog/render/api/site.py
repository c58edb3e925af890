"""The site's URLs for API entities, and the formats of times and ids."""

from __future__ import annotations

from datetime import UTC, date, datetime
from urllib.parse import quote, urlsplit

from attrs import field, frozen

from microblog.model.posts import Post
from microblog.render.local_links import own_links


def moment(at: datetime) -> str:
    """Format a time as Mastodon does: UTC with milliseconds and Z."""
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds")[:-6] + "Z"


def moment_or_null(at: datetime | None) -> str | None:
    """Format a time, or return None."""
    return None if at is None else moment(at)


def midnight(at: datetime) -> str:
    """Format the start of the day (UTC) of a time."""
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return f"{utc.date().isoformat()}T00:00:00.000Z"


def day_or_null(on: date | None) -> str | None:
    """Format a date, or return None."""
    return None if on is None else on.isoformat()


def id_or_null(id: int | None) -> str | None:
    """Format an id as a string, or return None."""
    return None if id is None else str(id)


@frozen
class SiteUrls:
    """URLs of one site. `url` is its public URL without a trailing slash.

    `avatar` and `header` are the default images, because clients crash without any. `vapid` is the public key of Web Push.
    """

    url: str
    vapid: str = ""
    avatar: str = "/avatars/original/missing.png"
    header: str = "/headers/original/missing.png"
    host: str = field(init=False)

    @host.default
    def _host(self) -> str:
        return urlsplit(self.url).netloc

    def absolute(self, target: str) -> str:
        """Return the public URL of a path on this site; a URL is returned unchanged."""
        return self.url + target if target.startswith("/") else target

    def absolute_or_null(self, target: str | None) -> str | None:
        """Return the public URL of a path, or None if there is no path."""
        return self.absolute(target) if target else None

    def linked(self, html: str) -> str:
        """Return the HTML with links to this site's hashtags and accounts at its public URL."""
        return own_links(html, self.url)

    def profile(self, username: str) -> str:
        """Return the URL of a profile."""
        return f"{self.url}/@{username}"

    def uri(self, username: str) -> str:
        """Return the URI of an account, its permanent identifier."""
        return f"{self.url}/users/{username}"

    def tag_url(self, key: str) -> str:
        """Return the URL of a hashtag's page."""
        return f"{self.url}/tags/{key if key.isascii() and key.isalnum() else quote(key)}"

    def status_url(self, post: Post) -> str:
        """Return the URL of a post's page; for a boost, its URI."""
        return self.status_uri(post) if post.boost else f"{self.url}/@{post.author.username}/{post.id}"

    def status_uri(self, post: Post) -> str:
        """Return the URI of a post, its permanent identifier; for a boost, that of the boost activity."""
        uri = f"{self.uri(post.author.username)}/statuses/{post.id}"
        return uri + "/activity" if post.boost else uri
