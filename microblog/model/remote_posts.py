"""Posts of other servers on their way into the database."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from microblog.model.federation_posts import RemoteAttachment
from microblog.model.ids import AccountId, PostId
from microblog.model.media import MediaKind


@frozen
class KnownPost:
    """A stored post of any server. `author_uri` is None for posts of this site.

    `may_move`: its thread begins with a reply to an unknown post, and becomes part of another thread when that arrives.
    """

    id: PostId
    author: AccountId
    author_uri: str | None
    thread_id: PostId
    deleted: bool = False
    is_boost: bool = False
    may_move: bool = False


@frozen
class Addressees:
    """The known accounts to which a post is addressed: those that it names, and those that only may see it."""

    named: tuple[AccountId, ...] = ()
    silent: tuple[AccountId, ...] = ()


@frozen
class PostPoll:
    """The poll of a post of another server, with the votes that its server has counted. `hide_totals`: it does not say how many, so far."""

    options: tuple[str, ...]
    counts: tuple[int, ...]
    voters: int
    multiple: bool
    expires_at: datetime
    hide_totals: bool = False


@frozen
class AttachmentToStore:
    """An attachment as a document describes it, with the kind that it seems to be. One that `is_unknown` is only linked to."""

    attachment: RemoteAttachment
    kind: MediaKind
    is_unknown: bool = False
