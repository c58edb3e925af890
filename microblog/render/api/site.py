"""What definitions of entities need of the site: its URLs; and how times and ids are written."""

from __future__ import annotations

from datetime import UTC, date, datetime
from urllib.parse import quote, urlsplit

from attrs import field, frozen

from microblog.model.posts import Post
from microblog.render.local_links import own_links


def moment(at: datetime) -> str:
    """A time as every client reads it: UTC, three digits after the second, Z."""
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds")[:-6] + "Z"


def moment_or_null(at: datetime | None) -> str | None:
    """The same, of a time that there may not be."""
    return None if at is None else moment(at)


def midnight(at: datetime) -> str:
    """The beginning of the day."""
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return f"{utc.date().isoformat()}T00:00:00.000Z"


def day_or_null(on: date | None) -> str | None:
    """A date without a time."""
    return None if on is None else on.isoformat()


def id_or_null(id: int | None) -> str | None:
    """An id as text."""
    return None if id is None else str(id)


@frozen
class SiteUrls:
    """URLs of one site. `url` is its public one without a slash at the end.

    `avatar` and `header` are shown of people who have none: clients crash where there is nothing. `vapid` is the public key of push.
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
        """The public URL of a path on this site; a URL stays what it is."""
        return self.url + target if target.startswith("/") else target

    def absolute_or_null(self, target: str | None) -> str | None:
        """The same, of a path that there may not be."""
        return self.absolute(target) if target else None

    def linked(self, html: str) -> str:
        """HTML whose links to this site's tags and people lead to its public URL."""
        return own_links(html, self.url)

    def profile(self, username: str) -> str:
        """The page of somebody."""
        return f"{self.url}/@{username}"

    def uri(self, username: str) -> str:
        """The name of somebody in the world."""
        return f"{self.url}/users/{username}"

    def tag_url(self, key: str) -> str:
        """The page of a tag."""
        return f"{self.url}/tags/{key if key.isascii() and key.isalnum() else quote(key)}"

    def status_url(self, post: Post) -> str:
        """The page of a post; of a boost, its URI."""
        return self.status_uri(post) if post.boost else f"{self.url}/@{post.author.username}/{post.id}"

    def status_uri(self, post: Post) -> str:
        """The post's name in the world; a boost's is that of the act."""
        uri = f"{self.uri(post.author.username)}/statuses/{post.id}"
        return uri + "/activity" if post.boost else uri
