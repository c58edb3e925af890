"""Constants of ActivityPub: the JSON-LD context of this site's documents, media types, and the names of types."""

from __future__ import annotations

from typing import Any

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header, parse_options_header

from microblog.model.federation_posts import PUBLIC

ACTIVITY_STREAMS = "https://www.w3.org/ns/activitystreams"
ACTIVITY_JSON = "application/activity+json"
LD_JSON = "application/ld+json"
CONTENT_TYPE = ACTIVITY_JSON
"""Media type of requests and responses."""
ACCEPT = f'{ACTIVITY_JSON}, {LD_JSON}; profile="{ACTIVITY_STREAMS}"'
"""Accept header of requests for documents."""
PAGE_TYPES = ("text/html", "application/xhtml+xml")
MAX_HEADER = 1_024  # characters of Accept and Content-Type that are read
PUBLIC_NAMES = frozenset({PUBLIC, "as:Public", "Public"})
"""Spellings of the collection of everybody."""
MISSKEY_QUOTE = "https://misskey-hub.net/ns#_misskey_quote"

ACTOR_TYPES = ("Person", "Service", "Application", "Group", "Organization")
COLLECTION_TYPES = ("Collection", "OrderedCollection", "CollectionPage", "OrderedCollectionPage")
NOTE_TYPES = ("Note", "Question")
"""Types whose content is shown, and whose summary is a content warning."""
TITLED_TYPES = ("Article", "Page", "Event", "Video", "Audio", "Image")
"""Types that are shown with their title and a link."""
IGNORED_ACTIVITIES = ("Dislike", "View", "Listen", "TentativeAccept", "TentativeReject", "Read", "Arrive", "Join", "Leave", "Invite")
"""Activities that some servers send, and that have no effect here."""

_URI = "@id"


def _reference(name: str) -> dict[str, str]:
    """Return the definition of a term whose values are URIs."""
    return {_URI: name, "@type": _URI}


CONTEXT: list[Any] = [
    ACTIVITY_STREAMS,
    "https://w3id.org/security/v1",
    {
        "as": ACTIVITY_STREAMS + "#",
        "toot": "http://joinmastodon.org/ns#",
        "schema": "http://schema.org#",
        "ostatus": "http://ostatus.org#",
        "gts": "https://gotosocial.org/ns#",
        "manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
        "sensitive": "as:sensitive",
        "Hashtag": "as:Hashtag",
        "movedTo": _reference("as:movedTo"),
        "alsoKnownAs": _reference("as:alsoKnownAs"),
        "featured": _reference("toot:featured"),
        "featuredTags": _reference("toot:featuredTags"),
        "discoverable": "toot:discoverable",
        "indexable": "toot:indexable",
        "memorial": "toot:memorial",
        "suspended": "toot:suspended",
        "Emoji": "toot:Emoji",
        "votersCount": "toot:votersCount",
        "blurhash": "toot:blurhash",
        "focalPoint": {_URI: "toot:focalPoint", "@container": "@list"},
        "PropertyValue": "schema:PropertyValue",
        "value": "schema:value",
        "conversation": "ostatus:conversation",
        "quote": _reference("https://w3id.org/fep/044f#quote"),
        "quoteAuthorization": _reference("https://w3id.org/fep/044f#quoteAuthorization"),
        "quoteUri": "http://fedibird.com/ns#quoteUri",
        "_misskey_quote": MISSKEY_QUOTE,
        "QuoteRequest": "https://w3id.org/fep/044f#QuoteRequest",
        "QuoteAuthorization": "https://w3id.org/fep/044f#QuoteAuthorization",
        "interactingObject": _reference("gts:interactingObject"),
        "interactionTarget": _reference("gts:interactionTarget"),
        "interactionPolicy": _reference("gts:interactionPolicy"),
        "canQuote": _reference("gts:canQuote"),
        "automaticApproval": _reference("gts:automaticApproval"),
        "manualApproval": _reference("gts:manualApproval"),
    },
]
"""The JSON-LD context of every document of this site."""


def with_context(of: dict[str, Any]) -> dict[str, Any]:
    """Return an object as a document of its own."""
    return {"@context": CONTEXT, **of}


def is_activity_json(content_type: str) -> bool:
    """True if a Content-Type is one of the two of ActivityPub: https://www.w3.org/TR/activitypub/#retrieving-objects."""
    name, parameters = parse_options_header(content_type[:MAX_HEADER])
    if name.lower() == LD_JSON:
        return ACTIVITY_STREAMS in parameters.get("profile", "").split()
    return name.lower() == ACTIVITY_JSON


def prefers_activity_json(accept: str) -> bool:
    """True if an Accept header ranks a media type of ActivityPub above HTML. Wildcards, as browsers send them, mean HTML.

    Of equal weights the document wins: only programs name its type, and many name HTML as well.
    """
    ranges = [(parse_options_header(name), weight) for name, weight in parse_accept_header(accept[:MAX_HEADER], MIMEAccept)]
    documents = [weight for (name, parameters), weight in ranges if _is_document(name.lower(), parameters.get("profile"))]
    pages = [weight for (name, _), weight in ranges if name.lower() in PAGE_TYPES]
    anything = [weight for (name, _), weight in ranges if name.lower() in ("text/*", "*/*")]
    best = max(documents, default=0)
    return best > 0 and best >= max(pages or anything, default=0)


def _is_document(name: str, profile: str | None) -> bool:
    """True if a media type is one of ActivityPub; in requests, the profile is often forgotten."""
    return name == ACTIVITY_JSON or (name == LD_JSON and (profile is None or ACTIVITY_STREAMS in profile.split()))
