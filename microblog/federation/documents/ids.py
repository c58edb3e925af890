"""Ids and page addresses of this site's accounts, posts and activities, and what an address of this site stands for.

Other servers store these ids, so they never change: neither a path here, nor the public URL once federation is on.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import quote, urlsplit

from attrs import field, frozen

from microblog.domain.text import urls
from microblog.model.ids import MAX_ID


class LocalKind(StrEnum):
    """Kinds of addresses, with their paths. `{name}` is a username, `{number}` an id or a time, `{uuid}` a UUID."""

    ACTOR = "/users/{name}"
    PROFILE = "/@{name}"
    INBOX = "/users/{name}/inbox"
    OUTBOX = "/users/{name}/outbox"
    FOLLOWERS = "/users/{name}/followers"
    FOLLOWING = "/users/{name}/following"
    FOLLOWERS_SYNCHRONIZATION = "/users/{name}/followers_synchronization"
    FEATURED = "/users/{name}/collections/featured"
    FEATURED_TAGS = "/users/{name}/collections/tags"
    MAIN_KEY = "/users/{name}#main-key"
    ACTOR_UPDATE = "/users/{name}#updates/{number}"
    ACTOR_DELETE = "/users/{name}#delete"

    POST = "/users/{name}/statuses/{number}"
    POST_PAGE = "/@{name}/{number}"
    CREATE = "/users/{name}/statuses/{number}/activity"
    POST_DELETE = "/users/{name}/statuses/{number}#delete"
    REPLIES = "/users/{name}/statuses/{number}/replies"
    LIKES = "/users/{name}/statuses/{number}/likes"
    SHARES = "/users/{name}/statuses/{number}/shares"
    QUOTE_AUTHORIZATION = "/users/{name}/quote_authorizations/{number}"
    THREAD = "/contexts/{number}"

    FOLLOW = "/users/{name}#follows/{number}"
    ACCEPT = "/users/{name}#accepts/follows/{number}"
    REJECT = "/users/{name}#rejects/follows/{number}"
    QUOTE_REJECT = "/users/{name}#rejects/quotes/{number}"
    LIKE = "/users/{name}#likes/{number}"
    BLOCK = "/users/{name}#blocks/{number}"
    VOTE = "/users/{name}#votes/{number}"
    MOVE = "/users/{name}#moves/{number}"

    EMOJI = "/emojis/{number}"
    SHARED_INBOX = "/inbox"
    INSTANCE_ACTOR = "/actor"
    INSTANCE_INBOX = "/actor/inbox"
    INSTANCE_OUTBOX = "/actor/outbox"
    INSTANCE_KEY = "/actor#main-key"
    ABOUT = "/about"
    REPORT = "/reports/{uuid}"


_PARTS = {
    "name": "(?P<name>[A-Za-z0-9_]{1,30})",
    "number": "(?P<number>[1-9][0-9]{0,18})",
    "uuid": "(?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})",
}
_PATTERNS = {kind: re.compile(re.escape(kind).replace(r"\{", "{").replace(r"\}", "}").format(**_PARTS), re.ASCII) for kind in LocalKind}
_DROPPED = re.compile(r"[\x00-\x20\x7f]")  # urlsplit drops some of them
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DEFAULT_PORTS = {"https": 443, "http": 80}


@frozen
class LocalId:
    """Meaning of an address of this site. The username is as it is spelled there, and nobody may have it; parts not used are empty."""

    kind: LocalKind
    name: str = ""
    number: int = 0
    uuid: str = ""


@frozen
class SiteIds:
    """Ids of one site. `url` is its public URL without a path or trailing slash."""

    url: str
    host: str = field(init=False)

    @host.default
    def _host(self) -> str:
        return urlsplit(self.url).netloc.lower()

    def make(self, kind: LocalKind, name: str = "", number: int = 0, *, uuid: str = "") -> str:
        """Return the address of a thing."""
        return self.url + kind.format(name=name, number=number, uuid=uuid)

    def actor(self, name: str) -> str:
        """Return the id of an account."""
        return self.make(LocalKind.ACTOR, name)

    def followers(self, name: str) -> str:
        """Return the id of an account's followers collection."""
        return self.make(LocalKind.FOLLOWERS, name)

    def post(self, name: str, number: int) -> str:
        """Return the id of a post."""
        return self.make(LocalKind.POST, name, number)

    def post_update(self, name: str, number: int, at: datetime) -> str:
        """Return the id of an activity that says that a post was changed at that time. Edits may follow each other within a second."""
        return f"{self.post(name, number)}#updates/{microseconds(at)}"

    def post_again(self, name: str, number: int, at: datetime) -> str:
        """Return the id of an activity that publishes a post again, whose deletion was undone at that time."""
        return f"{self.make(LocalKind.CREATE, name, number)}#again/{microseconds(at)}"

    def actor_update(self, name: str, at: datetime) -> str:
        """Return the id of an activity that says that a profile was changed at that time."""
        return self.make(LocalKind.ACTOR_UPDATE, name, microseconds(at))

    def tag(self, key: str) -> str:
        """Return the page of a hashtag."""
        return f"{self.url}/tags/{quote(key)}"

    def absolute(self, path: str) -> str:
        """Return the URL of a path on this site; a URL is returned unchanged."""
        return self.url + path if path.startswith("/") else path

    def is_local(self, uri: str) -> bool:
        """True if a URI is on this site, in any spelling: such documents are never fetched, nor believed from outside."""
        return _authority(uri) == _authority(self.url) is not None

    def parse(self, uri: str) -> LocalId | None:
        """Return what a URI of this site stands for, None for others. An address says nothing about whether the thing exists."""
        if not self.is_local(uri) or _DROPPED.search(uri):
            return None
        parts = urlsplit(uri)
        path = (
            parts.path.replace("%40", "@") + (f"?{parts.query}" if parts.query else "") + (f"#{parts.fragment}" if parts.fragment else "")
        )
        for kind, pattern in _PATTERNS.items():
            if found := pattern.fullmatch(path):
                named = found.groupdict()
                number = int(named.get("number", 0))
                return LocalId(kind, named.get("name", ""), number, named.get("uuid", "")) if number <= MAX_ID else None
        return None


def microseconds(at: datetime) -> int:
    """Return a time as microseconds since 1970."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def _authority(uri: str) -> tuple[str, int] | None:
    """Return host and port, None for a URI without them; http and https are the same site."""
    try:
        parts = urlsplit(uri)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
    except (KeyError, ValueError):
        return None
    if not parts.hostname:
        return None
    return urls.ascii_host(parts.hostname).removesuffix("."), 443 if port in _DEFAULT_PORTS.values() else port
