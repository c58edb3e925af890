"""Hypothesis strategies for posts of this site and for documents of others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from microblog.domain.text import bidi
from microblog.domain.text.post_text import is_blank, without_controls
from microblog.model.accounts import Account
from microblog.model.ids import AccountId, MediaId, PollId, PostId, TagId
from microblog.model.media import ConvertedMedia, Dimensions, Focus, Media, MediaKind, MediaState
from microblog.model.polls import Poll
from microblog.model.posts import Mention, Post, Tag, Visibility
from tests.federation.documents import BO, NOTE, PUBLIC, actor, note, poll

storable = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=bidi.CONTROLS), max_size=40).map(without_controls)
usernames = st.from_regex(r"[A-Za-z0-9_]{1,30}", fullmatch=True)
numbers = st.integers(1, 2**63 - 1)
moments = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)
accounts = st.builds(
    Account,
    id=numbers.map(AccountId),
    username=usernames,
    display_name=storable.map(lambda name: "" if is_blank(name) else name),
    bio=st.just(""),
    bio_html=storable,
    created_at=moments,
    locked=st.booleans(),
    bot=st.booleans(),
    discoverable=st.booleans(),
    indexable=st.booleans(),
    avatar=st.none() | st.just("/media/a.webp"),
    header=st.none() | st.just("/media/h.jpg"),
)
mentions = st.builds(Mention, account_id=numbers.map(AccountId), username=usernames, host=st.none() | st.just("b.example"))
tags = st.text("abcdefgü日", min_size=1, max_size=9).map(lambda name: Tag(TagId(1), name.lower(), name))
fractions = st.floats(-1, 1, allow_nan=False)
media = st.builds(
    Media,
    id=numbers.map(MediaId),
    owner=st.just(AccountId(1)),
    kind=st.sampled_from(MediaKind),
    state=st.just(MediaState.READY),
    rendition=st.builds(
        ConvertedMedia,
        original=st.sampled_from(["a.webp", "b.png", "c.mp4", "d.mp3"]),
        preview=st.none() | st.just("a-small.webp"),
        size=st.none() | st.builds(Dimensions, st.integers(1, 9000), st.integers(1, 9000)),
        blurhash=st.none() | st.just("LEHV6nWB2yk8pyo0adR*.7kCMdnj"),
    ),
    description=storable,
    focus=st.none() | st.builds(Focus, fractions, fractions),
)


@st.composite
def polls(draw: st.DrawFn) -> Poll:
    """Return a poll with its votes."""
    options = tuple(draw(st.lists(storable.filter(bool), min_size=2, max_size=4, unique=True)))
    counts = tuple(draw(st.integers(0, 2**31 - 1)) for _ in options)
    return Poll(PollId(1), options, counts, draw(st.integers(0, 2**31 - 1)), draw(st.booleans()), draw(st.booleans()), draw(moments))


posts = st.builds(
    Post,
    id=numbers.map(PostId),
    author=accounts,
    text=st.just(""),
    html=storable,
    visibility=st.sampled_from(Visibility),
    created_at=moments,
    spoiler=storable,
    sensitive=st.booleans(),
    language=st.none() | st.sampled_from(["en", "de", "zh-TW"]),
    edited_at=st.none() | moments,
    thread_id=st.none() | numbers.map(PostId),
    boosts_count=st.integers(0, 2**31 - 1),
    favourites_count=st.integers(0, 2**31 - 1),
    mentions=st.lists(mentions, max_size=4, unique_by=lambda one: one.account_id).map(tuple),
    tags=st.lists(tags, max_size=4, unique_by=lambda tag: tag.name).map(tuple),
    media=st.lists(media, max_size=4).map(tuple),
    poll=st.none() | polls(),
)

# Names and values that mean something to the readers, so that arbitrary documents reach all of them.
# fmt: off
NAMES = (
    "@context", "id", "type", "@type", "@id", "@value", "actor", "object", "target", "result", "instrument", "to", "cc", "audience", "name",
    "nameMap", "summary", "summaryMap", "content", "contentMap", "url", "href", "mediaType", "mimeType", "rel", "tag", "icon", "image",
    "attachment", "attributedTo", "inReplyTo", "context", "conversation", "published", "updated", "sensitive", "blurhash", "focalPoint",
    "width", "height", "duration", "replies", "likes", "shares", "totalItems", "items", "orderedItems", "first", "next", "partOf", "oneOf",
    "anyOf", "endTime", "closed", "votersCount", "quote", "quoteUrl", "quoteUri", "_misskey_quote", "quoteAuthorization",
    "interactionPolicy", "canQuote", "automaticApproval", "publicKey", "assertionMethod", "owner", "publicKeyPem",
    "publicKeyMultibase", "preferredUsername", "webfinger", "inbox", "endpoints", "sharedInbox", "movedTo", "alsoKnownAs",
    "suspended", "value", "language", "identifier", "subject", "links", "template",
    "en", "interactingObject", "interactionTarget", "formerType", "unheard",
)
VALUES = (
    "Person", "Note", "Question", "Video", "Create", "Undo", "Announce", "Follow", "Tombstone", "Collection", "OrderedCollectionPage",
    "Mention", "Hashtag", "Emoji", "Link", "Document", "Image", "PropertyValue", "QuoteAuthorization", "Multikey", "View", "as:Public",
    PUBLIC, BO, NOTE, "https://[", "http://b.example:99999999/", "bear:?t=1&u=https://b.example/1", "bear:?u=" + "&" * 99, "self",
    "javascript:alert(1)", "text/html", "application/activity+json", 'application/ld+json; profile="', "2026-11-29T15:00:00Z", "P1D",
    "9999-12-31T23:59:59-23:59", "PT9999999999S", ":", "acct:@@", "{uri}", "RE:", "#", "\0", "\ud800", "",
)
# fmt: on
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(VALUES)
    | st.text(st.characters(), max_size=20)
)
names = st.sampled_from(NAMES) | st.text(max_size=4)
json_values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=8), max_leaves=40)
"""Any JSON value, also texts that are not valid Unicode and numbers of any size."""


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """Return a document of another server, in which some properties, at any depth, have any JSON value."""
    document: Any = draw(st.sampled_from([actor(), note(), poll(), {"type": "Create", "actor": BO, "object": note()}]))
    for _ in range(draw(st.integers(1, 6))):
        document = _replaced(draw, document)
    return document


def _replaced(draw: st.DrawFn, value: Any) -> Any:
    if not isinstance(value, dict) or not value or draw(st.integers(0, 2)) == 0:
        return draw(json_values)
    name = draw(st.sampled_from(sorted(value)) | names)
    return {**value, name: _replaced(draw, value.get(name))}
