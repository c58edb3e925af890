"""Reader of posts: notes, polls, and everything else that is shown as a post."""

from __future__ import annotations

from collections.abc import Iterator

from microblog.federation.documents.json_values import (
    Document,
    document,
    flag,
    items,
    moment,
    natural_text,
    number,
    objects,
    own_id,
    page_url,
    text,
    texts_by_language,
    types,
    uri,
    uri_or_none,
)
from microblog.federation.documents.read_attachments import preview_link, read_attachments
from microblog.federation.documents.read_parts import addressees, read_audience, read_tags
from microblog.federation.documents.vocabulary import (
    ACTOR_TYPES,
    COLLECTION_TYPES,
    IGNORED_ACTIVITIES,
    MISSKEY_QUOTE,
    NOTE_TYPES,
    TITLED_TYPES,
    is_activity_json,
)
from microblog.model.federation import ActivityKind, InvalidDocument
from microblog.model.federation_posts import QuotePolicy, RemoteCounts, RemotePoll, RemotePollOption, RemotePost, RemoteQuote

NEVER_POSTS = frozenset({"Tombstone", *ACTOR_TYPES, *COLLECTION_TYPES, *IGNORED_ACTIVITIES, *ActivityKind})
"""Types of objects that are no posts, whatever else they claim to be."""
QUOTE_PROPERTIES = ("quote", "_misskey_quote", "quoteUrl", "quoteUri")
"""Properties that name the quoted post, in the order in which they are believed."""


def read_post(value: object, author: str = "") -> RemotePost:
    """Return the post that a JSON document describes. `author` is assumed if it names none.

    Raises InvalidDocument without an id, a type and an author; a post of an unknown type needs a `url` as well.
    """
    of = document(value)
    id, kind, url = own_id(of), _kind(of), page_url(of.get("url"))
    by = _author(of) or author
    if not id or not by:
        raise InvalidDocument("The post has no id." if not id else "The post has no author.")
    if kind not in (*NOTE_TYPES, *TITLED_TYPES) and not url:
        raise InvalidDocument(f"The document is no post: {kind[:64]}.")
    (content, language), tags = _content(of), read_tags(of)
    return RemotePost(
        id=id,
        type=kind,
        author=by,
        audience=read_audience(of),
        content=content,
        language=language,
        title=natural_text(of, "name"),
        summary=natural_text(of, "summary"),
        sensitive=flag(of.get("sensitive")),
        published=moment(of.get("published")),
        updated=moment(of.get("updated")),
        url=url,
        reply_to=uri_or_none(of.get("inReplyTo")),
        context=uri_or_none(of.get("context")),
        conversation=uri_or_none(of.get("conversation")),
        mentions=tags.mentions,
        hashtags=tags.hashtags,
        emojis=tags.emojis,
        attachments=read_attachments(of),
        link=preview_link(of),
        poll=_poll(of) if kind == "Question" else None,
        quote=_quote(of),
        quote_policy=_quote_policy(of),
        replies=uri_or_none(of.get("replies")),
        counts=RemoteCounts(_total(of.get("replies")), _total(of.get("shares")), _total(of.get("likes"))),
    )


def _kind(of: Document) -> str:
    """Return the type that decides how the post is shown: one that is known, or the first."""
    named = types(of)
    if not named or not NEVER_POSTS.isdisjoint(named):
        raise InvalidDocument("The document is no post.")
    return next((name for name in (*NOTE_TYPES, *TITLED_TYPES) if name in named), named[0])


def _author(of: Document) -> str:
    """Return the author: of several, the first person (PeerTube names the channel as well)."""
    named = items(of.get("attributedTo"))
    people = [item for item in named if isinstance(item, dict) and "Person" in types(item)]
    return uri([*people, *named])


def _content(of: Document) -> tuple[str, str | None]:
    """Return the HTML and its language: that of the equal text in `contentMap`, or the first one there."""
    content, translations = text(of.get("content")), texts_by_language(of, "content")
    language = next((key for key, value in translations.items() if value == content), next(iter(translations), None))
    if language is None:
        stated = of.get("language")
        language = text(stated.get("identifier") if isinstance(stated, dict) else stated) or None
    return content or translations.get(language or "", ""), None if language == "und" else language


def _poll(of: Document) -> RemotePoll | None:
    """Return the poll of a Question; None if it has no options."""
    several = tuple(_options(of.get("anyOf")))
    options = several or tuple(_options(of.get("oneOf")))
    if not options:
        return None
    closed = of.get("closed")
    closed_at = moment(closed)
    votes = [option.votes for option in options if option.votes is not None]
    voters = number(of.get("votersCount"))
    return RemotePoll(
        options=options,
        multiple=bool(several),
        ends_at=closed_at or moment(of.get("endTime")),
        closed=bool(closed) and closed_at is None,
        voters=sum(votes) if voters is None and votes else voters,
    )


def _options(value: object) -> Iterator[RemotePollOption]:
    for option in objects(value):
        title = natural_text(option, "name")
        if title:
            yield RemotePollOption(title, _total(option.get("replies")))


def _total(value: object) -> int | None:
    """Return the `totalItems` of a collection that is embedded."""
    return number(value.get("totalItems")) if isinstance(value, dict) else None


def _quote(of: Document) -> RemoteQuote | None:
    """Return the quoted post; only the property `quote` (FEP-044f) asks its author for consent."""
    stated = of.get("quote")
    if any("Tombstone" in types(item) for item in objects(stated)):
        return RemoteQuote(uri(stated), gone=True, asks_consent=True)
    if quoted := uri(stated):
        return RemoteQuote(quoted, asks_consent=True, authorization=uri_or_none(of.get("quoteAuthorization")))
    named = (uri(of.get(name)) for name in QUOTE_PROPERTIES)
    found = next((quoted for quoted in named if quoted), "") or _linked_quote(of)
    return RemoteQuote(found) if found else None


def _linked_quote(of: Document) -> str:
    """Return the target of a Link to a quoted post among the tags (FEP-e232); empty if there is none."""
    for tag in objects(of.get("tag")):
        relations = [text(relation) for relation in items(tag.get("rel"))]
        is_quote = MISSKEY_QUOTE in relations or (not relations and text(tag.get("name")).startswith("RE:"))
        if is_quote and "Link" in types(tag) and is_activity_json(text(tag.get("mediaType"))):
            return uri(tag.get("href"))
    return ""


def _quote_policy(of: Document) -> QuotePolicy | None:
    """Return who may quote the post; `always` and `approvalRequired` are the names of older versions of GoToSocial."""
    interactions = of.get("interactionPolicy")
    policy = interactions.get("canQuote") if isinstance(interactions, dict) else None
    if not isinstance(policy, dict):
        return None
    automatic = policy.get("automaticApproval", policy.get("always"))
    return QuotePolicy(addressees(automatic), addressees(policy.get("manualApproval", policy.get("approvalRequired"))))
