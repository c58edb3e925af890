"""API entities of posts: Status, the viewer's flags, polls, edits and source.

render/api/status_json.py assembles a Status from encoded parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import orjson
from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.emojis import in_texts
from microblog.model.polls import Poll
from microblog.model.posts import Mention, Post, PostFlags, PostRevision, Tag
from microblog.render.api.accounts import ACCOUNT
from microblog.render.api.definition import (
    ABSENT,
    Definition,
    Entity,
    Keys,
    always,
    elsewhere,
    key,
    many,
    one,
    one_or_absent,
    one_or_null,
    optional,
)
from microblog.render.api.emojis import EMOJI
from microblog.render.api.filters import FILTER_RESULT
from microblog.render.api.media import ATTACHMENT
from microblog.render.api.preview_cards import CARD
from microblog.render.api.schemas import COUNT, FLAG, HTML, ID, MOMENT, NULL, TEXT, URL, VISIBILITY, array_of, extended, nullable, ref
from microblog.render.api.site import SiteUrls, id_or_null, moment, moment_or_null


@frozen
class PollForViewer:
    """A poll at the time `now`. `votes` are the viewer's choices, None for anonymous visitors.

    `own`: the viewer created the poll, which counts as having voted. `emojis` are the entities of those in the options.
    """

    poll: Poll
    now: datetime
    votes: Sequence[int] | None
    own: bool
    emojis: Sequence[Entity] = ()

    def options(self) -> Iterator[tuple[str, int | None]]:
        """Yield each option with its number of votes; None while these are hidden."""
        counts = self.poll.counts if self.poll.shows_totals(self.now) else (None,) * len(self.poll.options)
        return zip(self.poll.options, counts, strict=True)


def poll_emojis(post: Post, site: SiteUrls) -> list[Entity]:
    """Return the entities of the emoji in the options of a post's poll."""
    return EMOJI.each(in_texts(post.emojis, *post.poll.options), site) if post.emojis and post.poll else []


OPTION = Definition[tuple[str, int | None], None](
    "", {"title": key(TEXT, lambda option, _: option[0]), "votes_count": key(nullable(COUNT), lambda option, _: option[1])}
)
POLL = Definition[PollForViewer, None](
    "Poll",
    {
        "id": key(ID, lambda seen, _: str(seen.poll.id)),
        "expires_at": key(nullable(MOMENT), lambda seen, _: None if seen.poll.is_endless else moment(seen.poll.expires_at)),
        "expired": key(FLAG, lambda seen, _: seen.poll.ended(seen.now)),
        "multiple": key(FLAG, lambda seen, _: seen.poll.multiple),
        "votes_count": key(COUNT, lambda seen, _: seen.poll.votes),
        "voters_count": key(nullable(COUNT), lambda seen, _: seen.poll.voters),
        "options": many(OPTION, lambda seen, _: seen.options()),
        "emojis": key(array_of(EMOJI), lambda seen, _: list(seen.emojis)),
        "voted": optional(FLAG, lambda seen, _: ABSENT if seen.votes is None else seen.own or bool(seen.votes)),
        "own_votes": optional(array_of(COUNT), lambda seen, _: ABSENT if seen.votes is None else list(seen.votes)),
    },
)


@frozen
class FlagsForViewer:
    """A viewer's interactions with a post. `own`: they wrote it and could pin it."""

    flags: PostFlags
    own: bool


_FLAGS: Keys[FlagsForViewer, None] = {
    "favourited": key(FLAG, lambda seen, _: seen.flags.favourited),
    "reblogged": key(FLAG, lambda seen, _: seen.flags.boosted),
    "muted": key(FLAG, lambda seen, _: seen.flags.thread_muted),
    "bookmarked": key(FLAG, lambda seen, _: seen.flags.bookmarked),
    "pinned": optional(FLAG, lambda seen, _: seen.flags.pinned if seen.own else ABSENT),
}
FLAGS = Definition("", _FLAGS)
"""The keys of a Status that depend on the viewer."""
APPLICATION = Definition[Post, SiteUrls](
    "", {"name": key(TEXT, lambda post, _: post.application), "website": key(nullable(URL), lambda post, _: post.website)}
)
MENTION = Definition[Mention, SiteUrls](
    "",
    {
        "id": key(ID, lambda named, _: str(named.account_id)),
        "username": key(TEXT, lambda named, _: named.username),
        "url": key(URL, lambda named, site: site.profile(named)),
        "acct": key(TEXT, lambda named, _: named.acct),
    },
)
STATUS_TAG = Definition[Tag, SiteUrls](
    "", {"name": key(TEXT, lambda tag, _: tag.key), "url": key(URL, lambda tag, site: site.tag_url(tag.key))}
)
STATUS = Definition[Post, SiteUrls](
    "Status",
    {
        "id": key(ID, lambda post, _: str(post.id)),
        "created_at": key(MOMENT, lambda post, _: moment(post.created_at)),
        "in_reply_to_id": key(nullable(ID), lambda post, _: id_or_null(post.reply_to)),
        "in_reply_to_account_id": key(nullable(ID), lambda post, _: id_or_null(post.reply_to_account)),
        "sensitive": key(FLAG, lambda post, _: (post.boost or post).has_sensitive_media),
        "spoiler_text": key(TEXT, lambda post, _: (post.boost or post).spoiler),
        "visibility": key(VISIBILITY, lambda post, _: post.visibility),
        "language": key(nullable(TEXT), lambda post, _: (post.boost or post).language),
        "uri": key(URL, lambda post, site: site.status_uri(post)),
        "url": key(nullable(URL), lambda post, site: site.status_url(post)),
        "replies_count": key(COUNT, lambda post, _: (post.boost or post).replies_count),
        "reblogs_count": key(COUNT, lambda post, _: (post.boost or post).boosts_count),
        "favourites_count": key(COUNT, lambda post, _: (post.boost or post).favourites_count),
        "edited_at": key(nullable(MOMENT), lambda post, _: moment_or_null((post.boost or post).edited_at)),
        "content": key(HTML, lambda post, site: site.html_by((post.boost or post).html, (post.boost or post).author)),
        "reblog": always(nullable(ref("Status")), None),
        "account": one(ACCOUNT, lambda post, _: post.author),
        "media_attachments": many(ATTACHMENT, lambda post, _: (post.boost or post).media),
        "mentions": many(MENTION, lambda post, _: (post.boost or post).mentions),
        "tags": many(STATUS_TAG, lambda post, _: (post.boost or post).tags),
        "emojis": many(EMOJI, lambda post, _: (post.boost or post).emojis),
        "quote": always(NULL, None),
        "card": one_or_null(CARD, lambda post, _: (post.boost or post).card),
        "poll": always(nullable(POLL), None),
        "application": one_or_absent(APPLICATION, lambda post, _: post.original if post.original.application else None),
        **{name: elsewhere(one.schema) for name, one in _FLAGS.items()},
        "filtered": elsewhere(array_of(FILTER_RESULT)),
    },
)
"""Status without the viewer's flags. A boost has the content of the original; `reblog` and `poll` are null."""
DELETED_STATUS = extended("DeletedStatus", "Status", {"text": TEXT}, without=["content"])


@frozen
class ThreadContext:
    """The ancestors and descendants of a post as JSON, encoded for the viewer."""

    ancestors: Sequence[bytes]
    descendants: Sequence[bytes]


CONTEXT = Definition[ThreadContext, None](
    "Context",
    {
        "ancestors": key(array_of(STATUS), lambda around, _: fragments(around.ancestors)),
        "descendants": key(array_of(STATUS), lambda around, _: fragments(around.descendants)),
    },
)


def fragments(statuses: Iterable[bytes]) -> list[orjson.Fragment]:
    """Wrap encoded posts, so that orjson inserts them unchanged."""
    return [orjson.Fragment(status) for status in statuses]


STATUS_SOURCE = Definition[Post, None](
    "StatusSource",
    {
        "id": key(ID, lambda post, _: str(post.id)),
        "text": key(TEXT, lambda post, _: post.text),
        "spoiler_text": key(TEXT, lambda post, _: post.spoiler),
    },
)


@frozen
class AuthoredRevision:
    """A revision of a post with the author of the post."""

    author: Account
    revision: PostRevision


TITLE = Definition[str, SiteUrls]("", {"title": key(TEXT, lambda title, _: title)})
OPTIONS = Definition[PostRevision, SiteUrls]("", {"options": many(TITLE, lambda revision, _: revision.options)})
STATUS_EDIT = Definition[AuthoredRevision, SiteUrls](
    "StatusEdit",
    {
        "account": one(ACCOUNT, lambda edit, _: edit.author),
        "content": key(HTML, lambda edit, site: site.html_by(edit.revision.html, edit.author)),
        "spoiler_text": key(TEXT, lambda edit, _: edit.revision.spoiler),
        "sensitive": key(FLAG, lambda edit, _: edit.revision.sensitive),
        "created_at": key(MOMENT, lambda edit, _: moment(edit.revision.created_at)),
        "media_attachments": many(ATTACHMENT, lambda edit, _: edit.revision.media),
        "emojis": many(EMOJI, lambda edit, _: edit.revision.emojis),
        "poll": one_or_absent(OPTIONS, lambda edit, _: edit.revision if edit.revision.options else None),
    },
)
