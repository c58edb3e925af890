"""Parsing of what other servers send: bytes to values, with the limits of `bounds` applied to lists, numbers, URLs and plain texts.

This is the only way in for foreign documents. HTML stays as it is, at most as long as the whole document: it is limited where it is
cleaned. What is too much is left out, and what cannot be used at all raises InvalidDocument, or TooLarge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import evolve

from microblog.federation import bounds
from microblog.federation.documents.discovery import read_host_meta, read_webfinger
from microblog.federation.documents.read_activity import MAX_REPORTED, read_activity, read_object
from microblog.federation.documents.read_actor import read_keys
from microblog.federation.documents.read_collection import read_collection
from microblog.model.federation import (
    Activity,
    ActorEndpoints,
    InvalidDocument,
    Reference,
    RemoteActor,
    RemoteCollection,
    RemoteField,
    RemoteKey,
    RemoteObject,
    Tombstone,
    WebFingerResult,
)
from microblog.model.federation_posts import (
    Audience,
    QuoteAuthorization,
    QuotePolicy,
    RemoteAttachment,
    RemoteCounts,
    RemoteEmoji,
    RemoteHashtag,
    RemoteImage,
    RemoteMention,
    RemotePoll,
    RemotePollOption,
    RemotePost,
    RemoteQuote,
)

MAX_ADDRESSEES = 1_000
"""Of `to` and of `cc`. Whoever comes after them is not addressed, so a post only becomes more private."""
MAX_HOST_META = 16 * 1024  # bytes
MAX_TYPE = 100  # characters of a type or media type


def parse_activity(body: bytes) -> Activity:
    """Return the activity in the body of a request."""
    found = bounds.parse_json(body, brackets=bounds.MAX_ACTIVITY_BRACKETS, quotes=bounds.MAX_ACTIVITY_QUOTES)
    return _activity(read_activity(found))


def parse_object(body: bytes) -> RemoteObject:
    """Return whatever was fetched by its id: an actor, a post, an activity, a tombstone, a stamp."""
    found = _object(read_object(bounds.parse_json(body)))
    if found is None:
        raise InvalidDocument("The document has no usable id.")
    return found


def parse_keys(body: bytes) -> tuple[RemoteKey, ...]:
    """Return the keys in a document that was fetched by the id of a key."""
    return bounds.first(read_keys(bounds.parse_json(body)), bounds.MAX_KEYS)


def parse_collection(body: bytes) -> RemoteCollection:
    """Return a collection or one page of it."""
    return _collection(read_collection(bounds.parse_json(body)))


def parse_webfinger(body: bytes) -> WebFingerResult:
    """Return what a WebFinger document says."""
    found = read_webfinger(bounds.parse_json(body))
    return evolve(
        found,
        subject=bounds.line(found.subject, bounds.MAX_URL),
        actor=_required(found.actor),
        page=bounds.web_url(found.page) or "",
        subscribe=found.subscribe[: bounds.MAX_URL],
    )


def parse_host_meta(body: bytes) -> str:
    """Return the template of WebFinger addresses, with `{uri}`."""
    template = read_host_meta(body[:MAX_HOST_META].decode("utf-8", "replace"))
    if len(template) > bounds.MAX_URL:
        raise InvalidDocument("The address for WebFinger is too long.")
    return template


def _object(value: RemoteObject | None) -> RemoteObject | None:
    """Return an object within the limits; None if it has no usable id."""
    try:
        return _bounded(value)
    except InvalidDocument:
        return None


def _bounded(value: RemoteObject | None) -> RemoteObject | None:
    match value:
        case Activity():
            return _activity(value)
        case RemoteActor():
            return _actor(value)
        case RemotePost():
            return _post(value)
        case RemoteHashtag():
            return _hashtag(value)
        case Reference():
            return evolve(value, id=_required(value.id), type=value.type[:MAX_TYPE])
        case Tombstone():
            return evolve(value, id=_required(value.id), former_type=value.former_type[:MAX_TYPE])
        case QuoteAuthorization():
            names = (_required(uri) for uri in (value.id, value.author, value.quoting, value.quoted))
            return QuoteAuthorization(*names)
    return None


def _required(uri: str) -> str:
    """Return an id or another URL without which a document is of no use."""
    found = bounds.web_url(uri)
    if found is None:
        raise InvalidDocument("The document has no usable id.")
    return found


def _urls(uris: Iterable[str], limit: int) -> tuple[str, ...]:
    return bounds.first((uri for uri in uris if bounds.web_url(uri)), limit)


def _audience(audience: Audience) -> Audience:
    return Audience(_urls(audience.to, MAX_ADDRESSEES), _urls(audience.cc, MAX_ADDRESSEES))


def _activity(activity: Activity) -> Activity:
    """Return an activity whose embedded objects are within the limits too. Objects without a usable id are left out."""
    objects = tuple(one for one in map(_object, activity.objects[:MAX_REPORTED]) if one is not None)
    if activity.objects and not objects:
        raise InvalidDocument("The object of the activity has no usable id.")
    return evolve(
        activity,
        actor=_required(activity.actor),
        type=activity.type[:MAX_TYPE],
        id=bounds.web_url(activity.id),
        objects=objects,
        target=bounds.web_url(activity.target),
        audience=_audience(activity.audience),
        content=bounds.text(activity.content, bounds.MAX_REPORT_COMMENT),
        result=_object(activity.result),
        instrument=_object(activity.instrument),
    )


def _collection(collection: RemoteCollection) -> RemoteCollection:
    first = collection.first
    return evolve(
        collection,
        id=bounds.web_url(collection.id),
        total=bounds.count(collection.total),
        items=tuple(one for one in map(_object, collection.items) if one is not None),
        first=_collection(first) if isinstance(first, RemoteCollection) else bounds.web_url(first),
        next=bounds.web_url(collection.next),
        part_of=bounds.web_url(collection.part_of),
    )


def _actor(actor: RemoteActor) -> RemoteActor:
    username = bounds.username(actor.username)
    if username is None:
        raise InvalidDocument("The username of the actor is not one.")
    return evolve(
        actor,
        id=_required(actor.id),
        username=username,
        endpoints=_endpoints(actor.endpoints),
        host=actor.host and actor.host[: bounds.MAX_URL],
        name=bounds.line(actor.name, bounds.MAX_NAME),
        url=bounds.web_url(actor.url) or "",
        keys=bounds.first(actor.keys, bounds.MAX_KEYS),
        key_ids=_urls(actor.key_ids, bounds.MAX_KEYS),
        avatar=_image(actor.avatar),
        header=_image(actor.header),
        fields=tuple(_fields(actor.fields)),
        emojis=tuple(_emojis(actor.emojis)),
        hashtags=_hashtags(actor.hashtags),
        also_known_as=_urls(actor.also_known_as, bounds.MAX_ALIASES),
        moved_to=bounds.web_url(actor.moved_to),
    )


def _endpoints(endpoints: ActorEndpoints) -> ActorEndpoints:
    return ActorEndpoints(
        inbox=_required(endpoints.inbox),
        shared_inbox=bounds.web_url(endpoints.shared_inbox) or "",
        outbox=bounds.web_url(endpoints.outbox) or "",
        followers=bounds.web_url(endpoints.followers) or "",
        following=bounds.web_url(endpoints.following) or "",
        featured=bounds.web_url(endpoints.featured) or "",
        featured_tags=bounds.web_url(endpoints.featured_tags) or "",
    )


def _fields(fields: Iterable[RemoteField]) -> Iterator[RemoteField]:
    for field in bounds.first(fields, bounds.MAX_FIELDS):
        name = bounds.line(field.name, bounds.MAX_FIELD)
        if name:
            yield evolve(field, name=name)


def _image(image: RemoteImage | None) -> RemoteImage | None:
    if image is None or bounds.web_url(image.url) is None:
        return None
    return RemoteImage(image.url, image.media_type[:MAX_TYPE], bounds.text(image.description, bounds.MAX_DESCRIPTION))


def _emojis(emojis: Iterable[RemoteEmoji]) -> Iterator[RemoteEmoji]:
    for emoji in bounds.first(emojis, bounds.MAX_TAGS):
        shortcode, image = bounds.shortcode(emoji.shortcode), _image(emoji.image)
        if shortcode is not None and image is not None:
            yield evolve(emoji, shortcode=shortcode, image=image, id=bounds.web_url(emoji.id))


def _hashtag(tag: RemoteHashtag) -> RemoteHashtag:
    return RemoteHashtag(bounds.line(tag.name, bounds.MAX_NAME), bounds.web_url(tag.href) or "")


def _hashtags(tags: Iterable[RemoteHashtag]) -> tuple[RemoteHashtag, ...]:
    return tuple(_hashtag(tag) for tag in bounds.first(tags, bounds.MAX_TAGS))


def _post(post: RemotePost) -> RemotePost:
    return evolve(
        post,
        id=_required(post.id),
        type=post.type[:MAX_TYPE],
        author=_required(post.author),
        audience=_audience(post.audience),
        language=bounds.language(post.language),
        url=bounds.web_url(post.url) or "",
        reply_to=bounds.web_url(post.reply_to),
        context=bounds.text(post.context, bounds.MAX_URL) or None,
        conversation=bounds.text(post.conversation, bounds.MAX_URL) or None,
        mentions=_mentions(post.mentions),
        hashtags=_hashtags(post.hashtags),
        emojis=tuple(_emojis(post.emojis)),
        attachments=_attachments(post.attachments),
        link=bounds.web_url(post.link) or "",
        poll=_poll(post.poll) if post.poll else None,
        quote=_quote(post.quote) if post.quote else None,
        quote_policy=_quote_policy(post.quote_policy) if post.quote_policy else None,
        replies=bounds.web_url(post.replies),
        counts=_counts(post.counts),
    )


def _mentions(mentions: Iterable[RemoteMention]) -> tuple[RemoteMention, ...]:
    found = bounds.first((one for one in mentions if bounds.web_url(one.href)), bounds.MAX_MENTIONS)
    return tuple(evolve(one, name=bounds.line(one.name, bounds.MAX_NAME)) for one in found)


def _attachments(attachments: Iterable[RemoteAttachment]) -> tuple[RemoteAttachment, ...]:
    found = bounds.first((one for one in attachments if bounds.web_url(one.url)), bounds.MAX_ATTACHMENTS)
    return tuple(
        evolve(
            one,
            media_type=one.media_type[:MAX_TYPE],
            description=bounds.text(one.description, bounds.MAX_DESCRIPTION),
            width=bounds.count(one.width),
            height=bounds.count(one.height),
            preview_url=bounds.web_url(one.preview_url) or "",
        )
        for one in found
    )


def _poll(poll: RemotePoll) -> RemotePoll:
    """Return a poll within the limits. White space in its options stays, because a vote repeats the option exactly."""
    options = bounds.first(poll.options, bounds.MAX_POLL_OPTIONS)
    titles = ((bounds.text(option.title, bounds.MAX_POLL_OPTION), bounds.count(option.votes)) for option in options)
    return evolve(poll, options=tuple(RemotePollOption(*one) for one in titles), voters=bounds.count(poll.voters))


def _quote(quote: RemoteQuote) -> RemoteQuote | None:
    """Return a quote that names a post, or is of one that is gone."""
    id = bounds.web_url(quote.id)
    if id is None and not quote.gone:
        return None
    return evolve(quote, id=id or "", authorization=bounds.web_url(quote.authorization))


def _quote_policy(policy: QuotePolicy) -> QuotePolicy:
    return QuotePolicy(_urls(policy.automatic, MAX_ADDRESSEES), _urls(policy.manual, MAX_ADDRESSEES))


def _counts(counts: RemoteCounts) -> RemoteCounts:
    return RemoteCounts(bounds.count(counts.replies), bounds.count(counts.boosts), bounds.count(counts.favourites))
