"""Values that documents of other servers are read into: actors, activities and collections of ActivityPub.

They hold what the document says, in one spelling for all servers, and nothing more: texts are HTML that is not cleaned yet, numbers and
lengths are not limited, and nobody has checked that the sender may say it. An id is the URI of an object; ids of this site occur as well.
The federation layer makes them from JSON. Posts are in model/federation_posts.py.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.model.errors import Malformed
from microblog.model.federation_posts import NOBODY, Audience, QuoteAuthorization, RemoteEmoji, RemoteHashtag, RemoteImage, RemotePost


class InvalidDocument(Malformed):
    """A document of another server that cannot be used. The sentence says why."""

    sentence = "The document cannot be understood."


class ActorKind(StrEnum):
    """Type of an actor."""

    PERSON = "Person"
    SERVICE = "Service"
    APPLICATION = "Application"
    GROUP = "Group"
    ORGANIZATION = "Organization"

    @property
    def is_bot(self) -> bool:
        """True for accounts that programs run."""
        return self in (ActorKind.SERVICE, ActorKind.APPLICATION)


class KeyFormat(StrEnum):
    """Encoding of a public key: PEM (SubjectPublicKeyInfo or PKCS#1), or Multibase with a multicodec prefix (FEP-521a)."""

    PEM = "pem"
    MULTIBASE = "multibase"


@frozen
class RemoteKey:
    """A public key of an actor. `owner` is the id of the actor that it claims to belong to, empty if it does not say."""

    id: str
    owner: str
    value: str
    format: KeyFormat = KeyFormat.PEM


@frozen
class RemoteField:
    """A name and value in the table on a profile. `value` is HTML."""

    name: str
    value: str


@frozen
class ActorEndpoints:
    """The collections of an actor. Only the inbox is never empty; `shared_inbox` is that of the actor's whole server."""

    inbox: str
    shared_inbox: str = ""
    outbox: str = ""
    followers: str = ""
    following: str = ""
    featured: str = ""
    featured_tags: str = ""


@frozen
class ActorFlags:
    """Switches of an actor. What a document does not say is False.

    `suspended`: by the actor's own server. `hides_public`, `hides_unlisted`: such posts are not shown to anonymous visitors.
    """

    locked: bool = False
    discoverable: bool = False
    indexable: bool = False
    memorial: bool = False
    suspended: bool = False
    hides_public: bool = False
    hides_unlisted: bool = False


@frozen
class RemoteActor:
    """An actor: a person, bot, group or server that acts.

    `username` is a claim, as is `host`, which is set only if the document names one (FEP-2c59); WebFinger must confirm both. `name` is
    plain text, `summary` HTML. `url` is the page of the profile, empty if there is none. `key_ids` are keys that the document only names.
    """

    id: str
    kind: ActorKind
    username: str
    endpoints: ActorEndpoints
    host: str | None = None
    name: str = ""
    summary: str = ""
    url: str = ""
    flags: ActorFlags = ActorFlags()
    published: datetime | None = None
    updated: datetime | None = None
    keys: tuple[RemoteKey, ...] = ()
    key_ids: tuple[str, ...] = ()
    avatar: RemoteImage | None = None
    header: RemoteImage | None = None
    fields: tuple[RemoteField, ...] = ()
    emojis: tuple[RemoteEmoji, ...] = ()
    hashtags: tuple[RemoteHashtag, ...] = ()
    also_known_as: tuple[str, ...] = ()
    moved_to: str | None = None


@frozen
class Reference:
    """An object that is known by its id only. `type` is set if it was embedded, and is of a kind that has no value here."""

    id: str
    type: str = ""


@frozen
class Tombstone:
    """The rest of a deleted object. `former_type` is empty if the document does not say."""

    id: str
    former_type: str = ""


class ActivityKind(StrEnum):
    """Type of an activity. IGNORED stands for all those that have no effect here."""

    FOLLOW = "Follow"
    ACCEPT = "Accept"
    REJECT = "Reject"
    UNDO = "Undo"
    CREATE = "Create"
    UPDATE = "Update"
    DELETE = "Delete"
    LIKE = "Like"
    EMOJI_REACT = "EmojiReact"
    ANNOUNCE = "Announce"
    BLOCK = "Block"
    FLAG = "Flag"
    MOVE = "Move"
    ADD = "Add"
    REMOVE = "Remove"
    QUOTE_REQUEST = "QuoteRequest"
    LIKE_REQUEST = "LikeRequest"
    REPLY_REQUEST = "ReplyRequest"
    ANNOUNCE_REQUEST = "AnnounceRequest"
    IGNORED = "ignored"


@frozen
class Activity:
    """An activity: `actor` did something to `objects`, of which only a report has more than one.

    `id` is None if the document has none; `type` is the type as it is spelled there. `target` is that of Move, Add and Remove. `content` is
    the comment of a report or the emoji of a reaction. `result` is that of an Accept, `instrument` that of a request.
    """

    kind: ActivityKind
    type: str
    actor: str
    id: str | None = None
    objects: tuple[RemoteObject, ...] = ()
    target: str | None = None
    audience: Audience = NOBODY
    published: datetime | None = None
    content: str = ""
    result: RemoteObject | None = None
    instrument: RemoteObject | None = None

    @property
    def object(self) -> RemoteObject | None:
        """The first object, None if there is none."""
        return self.objects[0] if self.objects else None

    @property
    def object_id(self) -> str | None:
        """The id of the first object, None if there is none or it has no id."""
        first = self.object
        return None if first is None or isinstance(first, RemoteHashtag) else first.id


RemoteObject = Reference | Tombstone | RemoteActor | RemotePost | RemoteHashtag | QuoteAuthorization | Activity
"""The object of an activity, or an item of a collection."""


@frozen
class RemoteCollection:
    """A collection or one page of it. `total` is the number of items that its server claims, None if it does not say.

    `first` is the first page: embedded, or its id. `next` is the id of the page after this one.
    """

    id: str | None = None
    total: int | None = None
    items: tuple[RemoteObject, ...] = ()
    first: RemoteCollection | str | None = None
    next: str | None = None
    part_of: str | None = None


@frozen
class HostSoftware:
    """The software of a server with its version, as NodeInfo names them; empty if it does not."""

    name: str
    version: str


@frozen
class WebFingerResult:
    """Answer of WebFinger (RFC 7033) about a handle. `subject` is `user@host` without `acct:`; empty texts are unknown.

    `actor` is the id of the actor, `page` the profile, and `subscribe` a URL template with `{uri}` that opens the account's own server.
    """

    subject: str
    actor: str
    page: str = ""
    subscribe: str = ""
