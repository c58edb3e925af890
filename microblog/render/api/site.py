"""The site's URLs for API entities, and the formats of times and ids."""

from __future__ import annotations

from datetime import UTC, date, datetime
from urllib.parse import quote, urlsplit

from attrs import field, frozen

from microblog.model.accounts import Account
from microblog.model.posts import Mention, Post
from microblog.render.local_links import html_by, own_links


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

    def html_by(self, html: str, author: Account) -> str:
        """Return the HTML that an account wrote, with links to this site's hashtags and accounts if it is an account of this site."""
        return html_by(html, author, self.url)

    def profile(self, account: Account | Mention) -> str:
        """Return the URL of a profile, on the account's own server."""
        return account.page or f"{self.url}/@{account.username}"

    def uri(self, account: Account) -> str:
        """Return the URI of an account, its permanent identifier."""
        return account.uri or f"{self.url}/users/{account.username}"

    def tag_url(self, key: str) -> str:
        """Return the URL of a hashtag's page."""
        return f"{self.url}/tags/{key if key.isascii() and key.isalnum() else quote(key)}"

    def status_url(self, post: Post) -> str:
        """Return the URL of a post's page on its author's server; for a boost, its URI."""
        if post.boost or post.uri:
            return post.url or self.status_uri(post)
        return f"{self.url}/@{post.author.username}/{post.id}"

    def status_uri(self, post: Post) -> str:
        """Return the URI of a post, its permanent identifier; for a boost, that of the boost activity."""
        if post.uri:
            return post.uri
        uri = f"{self.uri(post.author)}/statuses/{post.id}"
        return uri + "/activity" if post.boost else uri
