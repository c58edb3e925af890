"""Values that posts of other servers are read into. model/federation.py says what they promise."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from microblog.model.posts import Visibility

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
"""The collection of everybody: a post that is addressed to it is public or unlisted."""


@frozen
class RemoteImage:
    """An avatar, header or emoji picture. `media_type` is what the document claims, empty if it does not; `description` is the alt text."""

    url: str
    media_type: str = ""
    description: str = ""


@frozen
class RemoteEmoji:
    """A custom emoji. `shortcode` is without colons. Together with the host of the document's author it names the emoji."""

    shortcode: str
    image: RemoteImage
    id: str | None = None
    updated: datetime | None = None


@frozen
class RemoteHashtag:
    """A hashtag; `name` is without the `#`."""

    name: str
    href: str = ""


@frozen
class RemoteMention:
    """An account named in a post. `href` is its id or the URL of its profile, `name` its handle, with or without a host."""

    href: str
    name: str = ""


@frozen
class Audience:
    """Addressees of a post or activity: ids of accounts and collections. Everybody is always spelled `PUBLIC`."""

    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """True if anybody is addressed."""
        return bool(self.to or self.cc)

    def __contains__(self, id: object) -> bool:
        """True if this account or collection is addressed."""
        return id in self.to or id in self.cc

    def visibility(self, followers: str) -> Visibility:
        """Return the visibility of a post with this audience. `followers` is the followers collection of its author, empty if unknown."""
        if PUBLIC in self.to:
            return Visibility.PUBLIC
        if PUBLIC in self.cc:
            return Visibility.UNLISTED
        return Visibility.PRIVATE if followers and followers in self else Visibility.DIRECT

    def accounts(self, followers: str) -> tuple[str, ...]:
        """Return the addressees without the collections of everybody and of the author's followers, in order, without duplicates."""
        return tuple(id for id in dict.fromkeys((*self.to, *self.cc)) if id not in (PUBLIC, followers))


NOBODY = Audience()
"""The audience of what addresses nobody."""


@frozen
class RemoteAttachment:
    """A media attachment. The type, `media_type` and dimensions are claims. `focus` is x, y from -1 to 1; `duration` is in seconds."""

    type: str
    url: str
    media_type: str = ""
    description: str = ""
    blurhash: str | None = None
    focus: tuple[float, float] | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    preview_url: str = ""


@frozen
class RemotePollOption:
    """An option of a poll, in plain text, with its votes; None if the document does not say."""

    title: str
    votes: int | None = None


@frozen
class RemotePoll:
    """A poll. `closed`: the document says that it ended, whatever `ends_at` is. `voters` None: the number of accounts is not known."""

    options: tuple[RemotePollOption, ...]
    multiple: bool = False
    ends_at: datetime | None = None
    closed: bool = False
    voters: int | None = None

    def ended(self, now: datetime) -> bool:
        """True once voting has ended."""
        return self.closed or (self.ends_at is not None and self.ends_at <= now)


@frozen
class RemoteQuote:
    """The quoted post of a post. `id` is empty if it is `gone` and unnamed.

    `asks_consent`: the document uses the property of FEP-044f, and `authorization` is the id of the stamp that it shows, if any.
    """

    id: str
    gone: bool = False
    asks_consent: bool = False
    authorization: str | None = None


@frozen
class QuotePolicy:
    """Accounts and collections whose quotes of a post are approved at once, or looked at by its author."""

    automatic: tuple[str, ...] = ()
    manual: tuple[str, ...] = ()


@frozen
class RemoteCounts:
    """Numbers of replies, boosts and favourites that the post's own server counted; None if the document does not say."""

    replies: int | None = None
    boosts: int | None = None
    favourites: int | None = None


@frozen
class RemotePost:
    """A post: a note, a poll, or anything else that is shown as a post.

    `type` is the first type that the document names. `content` is HTML, empty if there is none; `title` and `summary` may contain HTML.
    `summary` is the content warning of a Note or Question, and a description of anything else. `url` is the page of the post, empty if
    there is none; `link` is a page to preview. `context` and `conversation` group posts of a thread. `replies` is the id of a collection.
    """

    id: str
    type: str
    author: str
    audience: Audience
    content: str = ""
    language: str | None = None
    title: str = ""
    summary: str = ""
    sensitive: bool = False
    published: datetime | None = None
    updated: datetime | None = None
    url: str = ""
    reply_to: str | None = None
    context: str | None = None
    conversation: str | None = None
    mentions: tuple[RemoteMention, ...] = ()
    hashtags: tuple[RemoteHashtag, ...] = ()
    emojis: tuple[RemoteEmoji, ...] = ()
    attachments: tuple[RemoteAttachment, ...] = ()
    link: str = ""
    poll: RemotePoll | None = None
    quote: RemoteQuote | None = None
    quote_policy: QuotePolicy | None = None
    replies: str | None = None
    counts: RemoteCounts = RemoteCounts()

    @property
    def is_note(self) -> bool:
        """True for notes and polls, whose summary is a content warning. Other types are shown with their title and a link."""
        return self.type in ("Note", "Question")

    @property
    def is_vote(self) -> bool:
        """True if this is a vote, provided that it replies to a poll: a note with a title, the chosen option, and nothing else."""
        other = self.content or self.poll or self.attachments or self.quote
        return self.type == "Note" and bool(self.title) and self.reply_to is not None and not other


@frozen
class QuoteAuthorization:
    """A stamp (FEP-044f): the author of `quoted` agrees that `quoting` quotes it."""

    id: str
    author: str
    quoting: str
    quoted: str
