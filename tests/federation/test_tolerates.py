"""Readers of documents accept how other software writes them: one row for each known way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from microblog.federation.bounds import past_date
from microblog.federation.documents.discovery import read_webfinger
from microblog.federation.documents.read_activity import read_activity, read_object
from microblog.federation.documents.read_actor import read_actor, read_keys
from microblog.federation.documents.read_collection import read_collection
from microblog.federation.documents.read_post import read_post
from microblog.model.federation import (
    Activity,
    ActivityKind,
    ActorFlags,
    ActorKind,
    KeyFormat,
    Reference,
    RemoteActor,
    RemoteCollection,
    RemoteField,
    RemoteKey,
    Tombstone,
)
from microblog.model.federation_posts import (
    QuoteAuthorization,
    QuotePolicy,
    RemoteAttachment,
    RemoteCounts,
    RemoteEmoji,
    RemoteHashtag,
    RemoteImage,
    RemoteMention,
    RemotePollOption,
    RemotePost,
    RemoteQuote,
)
from microblog.model.posts import Visibility
from tests.federation.documents import AT, BO, LD_JSON, NOTE, PEM, PUBLIC, activity, actor, note, poll, without

Row = tuple[Callable[[], object], object]

FOLLOWERS = f"{BO}/followers"
QUOTED = "https://c.example/notes/9"
PICTURE = "https://b.example/cat.png"
MULTIKEY = {"id": f"{BO}#ed", "type": "Multikey", "controller": BO, "publicKeyMultibase": "z6Mk"}
KEY = RemoteKey(f"{BO}#main-key", BO, PEM)


def _is_note(type: str) -> bool:
    return read_post(note(type=type)).is_note


def _attached_as(type: str) -> RemoteAttachment | None:
    return _attached(_document(type=type))


def _activity_kind(type: str, object: Any) -> ActivityKind:
    return read_activity(activity(type, object)).kind


def _levels(document: Any) -> list[Any]:
    """Return the kinds of activities within each other, and what the innermost holds."""
    found: list[Any] = []
    held: Any = read_activity(document)
    while isinstance(held, Activity):
        found.append(held.kind)
        held = held.object
    return [*found, held]


def _link(href: str, media_type: str, **more: Any) -> dict[str, Any]:
    return {"type": "Link", "mediaType": media_type, "href": href, **more}


def _attached(value: Any) -> RemoteAttachment | None:
    found = read_post(note(attachment=value)).attachments
    assert len(found) <= 1
    return found[0] if found else None


def _image(**more: Any) -> RemoteAttachment:
    return RemoteAttachment("Document", PICTURE, "image/png", **more)


def _document(**more: Any) -> dict[str, Any]:
    return {"type": "Document", "mediaType": "image/png", "url": PICTURE, **more}


def _quoting(**more: Any) -> RemoteQuote | None:
    return read_post(note(**more)).quote


def _tagged(*tags: Any) -> RemotePost:
    return read_post(note(tag=list(tags)))


def _visible(**more: Any) -> Visibility:
    return read_post(without(note(), "to", "cc") | more).audience.visibility(FOLLOWERS)


ACTORS: dict[str, Row] = {
    "a bot": (lambda: read_actor(actor(type="Service")).kind.is_bot, True),
    "a group": (lambda: read_actor(actor(type="Group")).kind, ActorKind.GROUP),
    "an organization": (lambda: read_actor(actor(type="Organization")).kind, ActorKind.ORGANIZATION),
    "an application": (lambda: read_actor(actor(type="Application")).kind, ActorKind.APPLICATION),
    "a list of types": (lambda: read_actor(actor(type=["Thing", "Person"])).kind, ActorKind.PERSON),
    "a type with a namespace": (lambda: read_actor(actor(type="as:Person")).kind, ActorKind.PERSON),
    "a type as a URI": (lambda: read_actor(actor(type="https://www.w3.org/ns/activitystreams#Person")).kind, ActorKind.PERSON),
    "only id, type, inbox and name": (
        lambda: read_actor({"id": BO, "type": "Person", "inbox": f"{BO}/inbox", "preferredUsername": "bo"}).flags,
        ActorFlags(),
    ),
    "webfinger instead of a name": (
        lambda: [(read.username, read.host) for read in [read_actor(without(actor(webfinger="bo@short.example"), "preferredUsername"))]],
        [("bo", "short.example")],
    ),
    "webfinger against the name": (lambda: read_actor(actor(webfinger="acct:other@b.example")).username, "other"),
    "webfinger that is no handle": (lambda: read_actor(actor(webfinger="nonsense")).username, "bo"),
    "a name with hyphens and dots": (lambda: read_actor(actor(preferredUsername="bo.b-o")).username, "bo.b-o"),
    "no display name": (lambda: read_actor(actor(name=None)).name, ""),
    "a display name by language": (lambda: read_actor(without(actor(nameMap={"de": "Bodo"}), "name")).name, "Bodo"),
    "a list of keys": (
        lambda: len(read_actor(actor(publicKey=[actor()["publicKey"], {"id": f"{BO}#2", "owner": BO, "publicKeyPem": PEM}])).keys),
        2,
    ),
    "a key that is only named": (
        lambda: [(read.keys, read.key_ids) for read in [read_actor(actor(publicKey=f"{BO}/main-key"))]],
        [((), (f"{BO}/main-key",))],
    ),
    "a key without an owner": (
        lambda: read_actor(actor(publicKey={"id": f"{BO}#k", "publicKeyPem": PEM})).keys,
        (RemoteKey(f"{BO}#k", "", PEM),),
    ),
    "a key without an id": (lambda: read_actor(actor(publicKey={"owner": BO, "publicKeyPem": PEM})).keys, ()),
    "no key": (lambda: read_actor(without(actor(), "publicKey")).keys, ()),
    "a multikey": (
        lambda: read_actor(actor(assertionMethod=[MULTIKEY])).keys,
        (KEY, RemoteKey(f"{BO}#ed", BO, "z6Mk", KeyFormat.MULTIBASE)),
    ),
    "a multikey that is only named": (lambda: read_actor(actor(assertionMethod=f"{BO}#ed")).key_ids, (f"{BO}#ed",)),
    "a key document of its own": (
        lambda: read_keys({"id": f"{BO}/main-key", "owner": BO, "publicKeyPem": PEM}),
        (RemoteKey(f"{BO}/main-key", BO, PEM),),
    ),
    "a stub of an actor with the key": (lambda: read_keys({"id": BO, "type": "Person", "publicKey": actor()["publicKey"]}), (KEY,)),
    "a shared inbox at the top": (
        lambda: read_actor(without(actor(sharedInbox="https://b.example/in"), "endpoints")).endpoints.shared_inbox,
        "https://b.example/in",
    ),
    "endpoints that are null": (lambda: read_actor(actor(endpoints=None)).endpoints.shared_inbox, ""),
    "an inbox that is an object": (
        lambda: read_actor(actor(inbox={"id": f"{BO}/inbox", "type": "OrderedCollection"})).endpoints.inbox,
        f"{BO}/inbox",
    ),
    "an outbox in a list": (lambda: read_actor(actor(outbox=[f"{BO}/outbox"])).endpoints.outbox, f"{BO}/outbox"),
    "followers that are a collection": (
        lambda: read_actor(actor(followers={"id": FOLLOWERS, "totalItems": 2})).endpoints.followers,
        FOLLOWERS,
    ),
    "a list of links": (
        lambda: (
            read_actor(actor(url=[_link("https://b.example/bo.json", "application/json"), _link("https://b.example/@bo", "text/html")])).url
        ),
        "https://b.example/@bo",
    ),
    "links with the old mimeType": (
        lambda: (
            read_actor(
                actor(
                    url=[
                        {"mimeType": "image/png", "href": PICTURE},
                        {"mimeType": "text/html; charset=utf-8", "href": "https://b.example/@bo"},
                    ]
                )
            ).url
        ),
        "https://b.example/@bo",
    ),
    "a page on another host": (lambda: read_actor(actor(url="https://www.threads.example/@bo")).url, "https://www.threads.example/@bo"),
    "a page that is not http": (lambda: read_actor(actor(url="gopher://b.example/bo")).url, ""),
    "a page that is a script": (lambda: read_actor(actor(url="javascript:alert(1)")).url, ""),
    "an avatar that is a URL": (lambda: read_actor(actor(icon=PICTURE)).avatar, RemoteImage(PICTURE)),
    "an avatar in a list": (
        lambda: (
            read_actor(
                actor(icon=[{"type": "Image", "mediaType": "image/png", "url": PICTURE}, {"type": "Image", "url": f"{PICTURE}2"}])
            ).avatar
        ),
        RemoteImage(PICTURE, "image/png"),
    ),
    "an avatar that is a link": (lambda: read_actor(actor(icon=_link(PICTURE, "image/png"))).avatar, RemoteImage(PICTURE, "image/png")),
    "an avatar with a link in it": (
        lambda: read_actor(actor(icon={"type": "Image", "url": _link(PICTURE, "image/png")})).avatar,
        RemoteImage(PICTURE, "image/png"),
    ),
    "an avatar without a URL": (lambda: read_actor(actor(icon={"type": "Image"})).avatar, None),
    "an avatar that is data": (lambda: read_actor(actor(icon="data:image/png;base64,AA==")).avatar, None),
    "alt text in summary": (
        lambda: read_actor(actor(image={"url": PICTURE, "summary": "a cat", "name": "cat.png"})).header,
        RemoteImage(PICTURE, "", "a cat"),
    ),
    "alt text in name": (lambda: read_actor(actor(image={"url": PICTURE, "name": "a cat"})).header, RemoteImage(PICTURE, "", "a cat")),
    "a suspended account": (lambda: read_actor(actor(suspended=True)).flags.suspended, True),
    "a memorial account": (lambda: read_actor(actor(memorial=True)).flags.memorial, True),
    "a locked account": (lambda: read_actor(actor(manuallyApprovesFollowers=True)).flags.locked, True),
    "a flag that is null": (lambda: read_actor(actor(discoverable=None)).flags.discoverable, False),
    "a moved account": (lambda: read_actor(actor(movedTo="https://c.example/users/bo")).moved_to, "https://c.example/users/bo"),
    "a moved account with its new document": (
        lambda: read_actor(actor(movedTo={"id": "https://c.example/users/bo", "type": "Person"})).moved_to,
        "https://c.example/users/bo",
    ),
    "one alias": (lambda: read_actor(actor(alsoKnownAs="https://c.example/u/bo")).also_known_as, ("https://c.example/u/bo",)),
    "posts hidden from visitors": (
        lambda: read_actor(actor(hidesToPublicFromUnauthedWeb=True, hidesCcPublicFromUnauthedWeb=True)).flags,
        ActorFlags(hides_public=True, hides_unlisted=True),
    ),
    "fields of three kinds": (
        lambda: (
            read_actor(
                actor(
                    attachment=[
                        {"type": "PropertyValue", "name": "Pronouns", "value": "they"},
                        {"type": "Note", "name": "Motto", "content": "<p>go</p>"},
                        {"type": "Link", "name": "Site", "href": "https://bo.example/?a&b"},
                        {"type": "IdentityProof", "name": "key"},
                        "nonsense",
                    ]
                )
            ).fields
        ),
        (
            RemoteField("Pronouns", "they"),
            RemoteField("Motto", "<p>go</p>"),
            RemoteField("Site", '<a href="https://bo.example/?a&amp;b" rel="me">https://bo.example/?a&amp;b</a>'),
        ),
    ),
    "one field without a list": (
        lambda: read_actor(actor(attachment={"type": "schema:PropertyValue", "name": "a", "value": "b"})).fields,
        (RemoteField("a", "b"),),
    ),
    "a date without a time": (lambda: read_actor(actor(published="2020-02-03")).published, datetime(2020, 2, 3, tzinfo=UTC)),
    "unknown properties": (lambda: read_actor(actor(isCat=True, _misskey_summary="x", vcard={"a": [1]})).username, "bo"),
    "no @context": (lambda: read_actor(without(actor(), "@context")).id, BO),
    "an id with a number": (lambda: read_actor(actor(id="https://b.example/ap/users/12345")).id, "https://b.example/ap/users/12345"),
}

VISIBILITIES: dict[str, Row] = {
    "public": (lambda: _visible(to=[PUBLIC], cc=[FOLLOWERS]), Visibility.PUBLIC),
    "public as as:Public": (lambda: _visible(to=["as:Public"]), Visibility.PUBLIC),
    "public as Public": (lambda: _visible(to=["Public"]), Visibility.PUBLIC),
    "public without a list": (lambda: _visible(to=PUBLIC), Visibility.PUBLIC),
    "public as an object": (lambda: _visible(to={"id": PUBLIC}), Visibility.PUBLIC),
    "unlisted": (lambda: _visible(to=[FOLLOWERS], cc=[PUBLIC]), Visibility.UNLISTED),
    "unlisted without followers": (lambda: _visible(cc="as:Public"), Visibility.UNLISTED),
    "private": (lambda: _visible(to=[FOLLOWERS]), Visibility.PRIVATE),
    "private by cc": (lambda: _visible(to=["https://a.example/users/al"], cc=[FOLLOWERS]), Visibility.PRIVATE),
    "direct": (lambda: _visible(to=["https://a.example/users/al"], cc=[]), Visibility.DIRECT),
    "followers of somebody else": (lambda: _visible(to=["https://c.example/users/cy/followers"]), Visibility.DIRECT),
    "nobody addressed": (lambda: bool(read_post(without(note(), "to", "cc")).audience), False),
    "addressees that are null": (lambda: _visible(to=None, cc=None), Visibility.DIRECT),
    "an audience does not widen": (lambda: _visible(to=["https://a.example/users/al"], audience=[PUBLIC]), Visibility.DIRECT),
    "an activity's audience for a post without": (
        lambda: read_activity(activity("Create", without(note(), "to", "cc"), to=[FOLLOWERS])).object,
        read_post(note(to=[FOLLOWERS], cc=[])),
    ),
    "a post's audience before the activity's": (
        lambda: read_activity(activity("Create", note(to=[FOLLOWERS], cc=[]), to=[PUBLIC])).object,
        read_post(note(to=[FOLLOWERS], cc=[])),
    ),
}

CONTENTS: dict[str, Row] = {
    "content by language": (lambda: _content(contentMap={"en": "<p>hi</p>", "de": "<p>hallo</p>"}, content=None), ("<p>hi</p>", "en")),
    "the language of the equal text": (lambda: _content(contentMap={"de": "<p>hallo</p>", "en": "<p>hi</p>"}), ("<p>hi</p>", "en")),
    "no equal text": (lambda: _content(contentMap={"de": "<p>hallo</p>"}), ("<p>hi</p>", "de")),
    "an undetermined language": (lambda: _content(contentMap={"und": "<p>hi</p>"}), ("<p>hi</p>", None)),
    "a language of its own": (lambda: _content(language={"identifier": "fr", "name": "Français"}), ("<p>hi</p>", "fr")),
    "a contentMap that is a list": (lambda: _content(contentMap=[]), ("<p>hi</p>", None)),
    "content in a list": (lambda: _content(content=["<p>hi</p>"]), ("<p>hi</p>", None)),
    "content that is null": (lambda: _content(content=None), ("", None)),
    "content with a JSON-LD value": (lambda: _content(content={"@value": "hi", "@language": "en"}), ("hi", None)),
    "a source besides the content": (
        lambda: _content(source={"content": "**hi**", "mediaType": "text/x.misskeymarkdown"}),
        ("<p>hi</p>", None),
    ),
    "characters that cannot be stored": (lambda: _content(content="a\0b\ud800c"), ("ab\ufffdc", None)),
    "an attachment only": (lambda: len(read_post(without(note(attachment=[_document()]), "content")).attachments), 1),
    "a title only": (lambda: read_post(without(note(name="Title"), "content")).title, "Title"),
    "a content warning": (lambda: read_post(note(summary="<b>eyes</b>", sensitive=True)).summary, "<b>eyes</b>"),
    "a content warning by language": (lambda: read_post(note(summaryMap={"en": "eyes"})).summary, "eyes"),
    "a warning that is null": (lambda: read_post(note(summary=None)).summary, ""),
    "sensitive without a warning": (lambda: [(read.sensitive, read.summary) for read in [read_post(note(sensitive=True))]], [(True, "")]),
    "unknown properties of a post": (lambda: read_post(note(_misskey_content="x", generator={"a": [[1]]}, hasParts=7)).id, NOTE),
}


def _content(**more: Any) -> tuple[str, str | None]:
    read = read_post(note(**more))
    return read.content, read.language


POSTS: dict[str, Row] = {
    **{f"the type {name}": (partial(_is_note, name), name == "Note") for name in ("Note", "Article", "Page", "Event")},
    "a title and a link": (
        lambda: [(read.title, read.summary, read.url) for read in [read_post(note(type="Article", name="T", summary="<p>s</p>"))]],
        [("T", "<p>s</p>", "https://b.example/@bo/1")],
    ),
    "an unknown type with a page": (lambda: read_post(note(type="Podcast")).type, "Podcast"),
    "a list of types of posts": (lambda: read_post(note(type=["Thing", "Note"])).is_note, True),
    "an author in an object": (lambda: read_post(note(attributedTo={"type": "Person", "id": BO})).author, BO),
    "an author in a list": (lambda: read_post(note(attributedTo=[BO])).author, BO),
    "an author and a channel": (
        lambda: read_post(note(attributedTo=[{"type": "Group", "id": "https://b.example/c/ch"}, {"type": "Person", "id": BO}])).author,
        BO,
    ),
    "an author who is only the actor": (lambda: _created(without(note(), "attributedTo")).author, BO),
    "a bearer capability": (lambda: read_post(note(id=f"bear:?t=secret&u={NOTE}")).id, NOTE),
    "a page that is a list of links": (
        lambda: read_post(note(url=[_link("https://b.example/v.mp4", "video/mp4"), _link("https://b.example/w/1", "text/html")])).url,
        "https://b.example/w/1",
    ),
    "no page": (lambda: read_post(without(note(), "url")).url, ""),
    "a parent in an object": (lambda: read_post(note(inReplyTo={"id": QUOTED, "type": "Note"})).reply_to, QUOTED),
    "a parent in a link": (lambda: read_post(note(inReplyTo={"type": "Link", "href": QUOTED})).reply_to, QUOTED),
    "two parents": (lambda: read_post(note(inReplyTo=[QUOTED, NOTE])).reply_to, QUOTED),
    "an empty parent": (lambda: read_post(note(inReplyTo="")).reply_to, None),
    "a conversation that is a tag: URI": (
        lambda: read_post(note(conversation="tag:b.example,2026:objectId=1:objectType=Conversation")).conversation,
        "tag:b.example,2026:objectId=1:objectType=Conversation",
    ),
    "a context that is a collection": (
        lambda: read_post(note(context={"id": f"{NOTE}/context", "type": "Collection"})).context,
        f"{NOTE}/context",
    ),
    "replies that are a collection": (lambda: read_post(note(replies={"id": f"{NOTE}/replies", "totalItems": 2})).counts.replies, 2),
    "replies that are named": (lambda: read_post(note(replies=f"{NOTE}/replies")).replies, f"{NOTE}/replies"),
    "counts of likes and shares": (
        lambda: read_post(note(likes={"totalItems": 5}, shares={"totalItems": 4})).counts,
        RemoteCounts(boosts=4, favourites=5),
    ),
    "a date with a fraction": (lambda: _published("2026-11-29T15:00:00.123456789Z"), AT + timedelta(microseconds=123456)),
    "a date with an offset": (lambda: _published("2026-11-29T17:30:00+02:30"), AT),
    "a date without an offset": (lambda: _published("2026-11-29T15:00:00"), AT),
    "a date in lower case": (lambda: _published("2026-11-29t15:00:00z"), AT),
    "a date in the future": (lambda: _published("2999-01-01T00:00:00Z"), AT + timedelta(days=1)),
    "a date that is nonsense": (lambda: _published("yesterday"), AT + timedelta(days=1)),
    "a date that is a number": (lambda: _published(1_700_000_000), AT + timedelta(days=1)),
    "a date out of range": (lambda: _published("0001-01-01T00:00:00+23:59"), AT + timedelta(days=1)),
    "no date": (lambda: _published(None), AT + timedelta(days=1)),
}


def _published(value: Any) -> datetime:
    return past_date(read_post(note(published=value)).published, AT + timedelta(days=1))


def _created(post: Any) -> RemotePost:
    found = read_activity(activity("Create", post)).object
    assert isinstance(found, RemotePost)
    return found


MEDIA: dict[str, Row] = {
    "an attachment without a list": (lambda: _attached(_document()), _image()),
    **{
        f"an attachment of type {name}": (partial(_attached_as, name), RemoteAttachment(name, PICTURE, "image/png"))
        for name in ("Image", "Video", "Audio")
    },
    "alt text in the summary": (lambda: _attached(_document(summary="a cat", name="cat.png")), _image(description="a cat")),
    "alt text in the name": (lambda: _attached(_document(name="a cat")), _image(description="a cat")),
    "alt text that is null": (lambda: _attached(_document(name=None)), _image()),
    "a list of files (PeerTube)": (
        lambda: _attached(
            {"type": "Video", "url": [_link(f"https://b.example/{size}.mp4", "video/mp4", height=size) for size in (1080, 720, 480)]}
        ),
        RemoteAttachment("Video", "https://b.example/720.mp4", "video/mp4", height=720),
    ),
    "a list of one file (Pleroma)": (
        lambda: _attached({"type": "Document", "url": [{"href": PICTURE, "mediaType": "image/png"}]}),
        _image(),
    ),
    "a file in href": (lambda: _attached({"type": "Document", "href": PICTURE}), RemoteAttachment("Document", PICTURE)),
    "an attachment without a URL": (lambda: _attached(without(_document(), "url")), None),
    "an attachment with data": (lambda: _attached(_document(url="data:image/png;base64,AA==")), None),
    "an attachment that is a note": (lambda: _attached({"type": "Note", "content": "x", "url": PICTURE}), None),
    "an attachment that is a text": (lambda: _attached(PICTURE), None),
    "a link to preview": (
        lambda: [(read.link, read.attachments) for read in [read_post(note(attachment={"type": "Link", "href": "https://c.example/"}))]],
        [("https://c.example/", ())],
    ),
    "a link to pay": (lambda: read_post(note(attachment={"type": "Link", "href": "payto://iban/DE75"})).link, ""),
    "a valid blurhash": (
        lambda: _attached(_document(blurhash="LEHV6nWB2yk8pyo0adR*.7kCMdnj")),
        _image(blurhash="LEHV6nWB2yk8pyo0adR*.7kCMdnj"),
    ),
    "a blurhash of the wrong length": (lambda: _attached(_document(blurhash="LEHV6nWB2yk8pyo0adR*.7kCMdn")), _image()),
    "a blurhash with other characters": (lambda: _attached(_document(blurhash="LEHV6nWB2yk8pyo0adR*.7kCMd\n!")), _image()),
    "a blurhash of too many components": (lambda: _attached(_document(blurhash="~" + "0" * 185)), _image()),
    "a focal point": (lambda: _attached(_document(focalPoint=[0.5, -1])), _image(focus=(0.5, -1.0))),
    "a focal point outside": (lambda: _attached(_document(focalPoint=[2, 0])), _image()),
    "a focal point of one number": (lambda: _attached(_document(focalPoint=[0])), _image()),
    "a focal point of texts": (lambda: _attached(_document(focalPoint=["0", "0"])), _image()),
    "dimensions": (lambda: _attached(_document(width=800, height=600.0)), _image(width=800, height=600)),
    "dimensions that are nonsense": (lambda: _attached(_document(width=-1, height="tall")), _image()),
    "a duration": (lambda: _attached(_document(duration="PT1M2.5S")), _image(duration=62.5)),
    "a picture of a video": (lambda: _attached(_document(icon={"type": "Image", "url": f"{PICTURE}2"})), _image(preview_url=f"{PICTURE}2")),
    "a video that is the post": (
        lambda: (
            read_post(
                note(
                    type="Video",
                    name="Film",
                    duration="PT60S",
                    icon=[{"type": "Image", "url": PICTURE}],
                    url=[
                        _link("https://b.example/w/1", "text/html"),
                        _link(
                            "https://b.example/1.m3u8",
                            "application/x-mpegURL",
                            tag=[_link("https://b.example/480.mp4", "video/mp4", height=480)],
                        ),
                    ],
                )
            ).attachments
        ),
        (RemoteAttachment("Video", "https://b.example/480.mp4", "video/mp4", height=480, duration=60.0, preview_url=PICTURE),),
    ),
}

TAGS: dict[str, Row] = {
    "a tag without a list": (
        lambda: read_post(note(tag={"type": "Mention", "href": BO, "name": "@bo@b.example"})).mentions,
        (RemoteMention(BO, "@bo@b.example"),),
    ),
    "a mention without a host": (lambda: _tagged({"type": "Mention", "href": BO, "name": "@bo"}).mentions, (RemoteMention(BO, "@bo"),)),
    "a mention without a name": (lambda: _tagged({"type": "Mention", "href": BO}).mentions, (RemoteMention(BO),)),
    "a mention by its page": (
        lambda: _tagged({"type": "Mention", "href": "https://b.example/@bo"}).mentions,
        (RemoteMention("https://b.example/@bo"),),
    ),
    "a mention of nobody": (lambda: _tagged({"type": "Mention", "name": "@bo"}, {"type": "Mention", "href": 5}).mentions, ()),
    "a mention twice": (lambda: len(_tagged({"type": "Mention", "href": BO}, {"type": "Mention", "href": BO}).mentions), 1),
    "a hashtag with #": (lambda: _tagged({"type": "Hashtag", "name": "#x"}).hashtags, (RemoteHashtag("x"),)),
    "a hashtag without #": (lambda: _tagged({"type": "as:Hashtag", "name": "x"}).hashtags, (RemoteHashtag("x"),)),
    "a hashtag without a name": (lambda: _tagged({"type": "Hashtag", "name": "#"}).hashtags, ()),
    "a tag without a type": (lambda: _tagged({"name": "#x"}).hashtags, ()),
    "an emoji": (
        lambda: (
            _tagged(
                {
                    "id": "https://b.example/emojis/1",
                    "type": "Emoji",
                    "name": ":cat:",
                    "updated": "2026-11-29T15:00:00Z",
                    "icon": {"url": PICTURE},
                }
            ).emojis
        ),
        (RemoteEmoji("cat", RemoteImage(PICTURE), "https://b.example/emojis/1", AT),),
    ),
    "an emoji without an id": (
        lambda: _tagged({"id": None, "type": "toot:Emoji", "name": "cat", "icon": [{"url": PICTURE}]}).emojis,
        (RemoteEmoji("cat", RemoteImage(PICTURE)),),
    ),
    "an emoji without a picture": (lambda: _tagged({"type": "Emoji", "name": ":cat:"}).emojis, ()),
    "an emoji in a profile": (
        lambda: read_actor(actor(tag=[{"type": "Emoji", "name": ":cat:", "icon": PICTURE}])).emojis[0].shortcode,
        "cat",
    ),
    "tags of unknown types": (lambda: _tagged({"type": "Place"}, "x", None, [[]], 7).hashtags, ()),
}

QUOTES: dict[str, Row] = {
    "a quote by FEP-044f": (lambda: _quoting(quote=QUOTED), RemoteQuote(QUOTED, asks_consent=True)),
    "a quote with its stamp": (
        lambda: _quoting(quote=QUOTED, quoteAuthorization="https://c.example/stamps/1"),
        RemoteQuote(QUOTED, asks_consent=True, authorization="https://c.example/stamps/1"),
    ),
    "a quote that is embedded": (lambda: _quoting(quote={"id": QUOTED, "type": "Note"}), RemoteQuote(QUOTED, asks_consent=True)),
    "a quote that is gone": (lambda: _quoting(quote={"type": "Tombstone"}), RemoteQuote("", gone=True, asks_consent=True)),
    "a quote by Misskey": (lambda: _quoting(_misskey_quote=QUOTED, quoteUrl=NOTE), RemoteQuote(QUOTED)),
    "a quote by quoteUrl": (lambda: _quoting(quoteUrl=QUOTED, quoteUri=NOTE), RemoteQuote(QUOTED)),
    "a quote by quoteUri": (lambda: _quoting(quoteUri=QUOTED), RemoteQuote(QUOTED)),
    "a quote that is null": (lambda: _quoting(quote=None, quoteUri=QUOTED), RemoteQuote(QUOTED)),
    "quote before the others": (lambda: _quoting(quoteUri=NOTE, quote=QUOTED), RemoteQuote(QUOTED, asks_consent=True)),
    "a quote by a tag": (
        lambda: _quoting(tag=[_link(QUOTED, LD_JSON, rel="https://misskey-hub.net/ns#_misskey_quote")]),
        RemoteQuote(QUOTED),
    ),
    "a quote by a tag with a name only": (
        lambda: _quoting(tag=_link(QUOTED, "application/activity+json", name="RE: https://c.example/9")),
        RemoteQuote(QUOTED),
    ),
    "a link that is no quote": (
        lambda: _quoting(tag=[_link(QUOTED, LD_JSON, rel="related"), _link(QUOTED, "text/html", name="RE: x")]),
        None,
    ),
    "who may quote": (
        lambda: (
            read_post(note(interactionPolicy={"canQuote": {"automaticApproval": "as:Public", "manualApproval": [FOLLOWERS]}})).quote_policy
        ),
        QuotePolicy((PUBLIC,), (FOLLOWERS,)),
    ),
    "who may quote, by an old name": (
        lambda: read_post(note(interactionPolicy={"canQuote": {"always": [PUBLIC]}})).quote_policy,
        QuotePolicy((PUBLIC,)),
    ),
    "a policy that is null": (lambda: read_post(note(interactionPolicy={"canQuote": None})).quote_policy, None),
    "a stamp": (
        lambda: read_object(
            {
                "id": "https://c.example/stamps/1",
                "type": "QuoteAuthorization",
                "attributedTo": "https://c.example/cy",
                "interactingObject": NOTE,
            }
            | {"interactionTarget": QUOTED}
        ),
        QuoteAuthorization("https://c.example/stamps/1", "https://c.example/cy", NOTE, QUOTED),
    ),
}


def _poll(**more: Any) -> Any:
    return read_post(poll(**more)).poll


POLLS: dict[str, Row] = {
    "a single choice": (lambda: _poll().multiple, False),
    "several choices": (lambda: _poll(oneOf=None, anyOf=poll()["oneOf"]).multiple, True),
    "an empty anyOf": (lambda: _poll(anyOf=[]).multiple, False),
    "options": (lambda: _poll().options, (RemotePollOption("yes", 3), RemotePollOption("no", 1))),
    "options without counts": (
        lambda: _poll(oneOf=[{"name": "yes"}, {"name": "no"}]).options,
        (RemotePollOption("yes"), RemotePollOption("no")),
    ),
    "options without a name": (lambda: _poll(oneOf=[{"name": "yes"}, {"type": "Note"}, "no"]).options, (RemotePollOption("yes"),)),
    "no options": (lambda: _poll(oneOf=[]), None),
    "voters": (lambda: _poll(votersCount=9).voters, 9),
    "no voters": (lambda: _poll().voters, 4),
    "a poll that is over": (lambda: _poll().ended(AT + timedelta(days=1)), True),
    "a poll that is running": (lambda: _poll().ended(AT), False),
    "a poll without an end": (lambda: _poll(endTime=None).ended(AT + timedelta(days=999)), False),
    "a poll that is closed": (lambda: _poll(closed=True).ended(AT), True),
    "a poll that is not closed": (lambda: _poll(closed=False).ended(AT), False),
    "a poll that was closed then": (lambda: _poll(closed="2026-11-29T14:00:00Z").ended(AT), True),
    "a vote": (lambda: read_post(without(note(name="yes", inReplyTo=QUOTED), "content", "url")).is_vote, True),
    "a reply with a title": (lambda: read_post(note(name="yes", inReplyTo=QUOTED)).is_vote, False),
    "a title without a parent": (lambda: read_post(without(note(name="yes"), "content")).is_vote, False),
}


def _object(type: str, object: Any, **more: Any) -> object:
    return read_activity(activity(type, object, **more)).object


FOLLOW = {"id": f"{BO}#follow", "type": "Follow", "actor": BO, "object": "https://a.example/users/al"}
READ_FOLLOW = Activity(ActivityKind.FOLLOW, "Follow", BO, f"{BO}#follow", (Reference("https://a.example/users/al"),))

ACTIVITIES: dict[str, Row] = {
    "an object by its id": (lambda: _object("Like", QUOTED), Reference(QUOTED)),
    "an object in a list": (lambda: _object("Like", [QUOTED]), Reference(QUOTED)),
    "an actor in an object": (lambda: read_activity(activity("Like", QUOTED) | {"actor": actor()}).actor, BO),
    "an actor in a list of one": (lambda: read_activity(activity("Like", QUOTED) | {"actor": [BO]}).actor, BO),
    "an activity without an id": (lambda: read_activity(without(activity("Add", NOTE, target=f"{BO}/featured"), "id")).id, None),
    "an activity with a list of types": (lambda: read_activity(activity(["Thing", "Like"], QUOTED)).kind, ActivityKind.LIKE),
    "a follow of a whole actor": (lambda: _object("Follow", actor()), read_actor(actor())),
    "an accept of a follow": (lambda: _object("Accept", FOLLOW), READ_FOLLOW),
    "an accept by the id": (lambda: _object("Accept", FOLLOW["id"]), Reference(f"{BO}#follow")),
    "an accept with whole actors (Fedify)": (
        lambda: [
            (found.actor, found.object_id)
            for found in [_object("Accept", FOLLOW | {"actor": actor(), "object": actor()})]
            if isinstance(found, Activity)
        ],
        [(BO, BO)],
    ),
    "an accept of a follow without an id": (
        lambda: [(found.id, found.actor) for found in [_object("Accept", without(FOLLOW, "id"))] if isinstance(found, Activity)],
        [(None, BO)],
    ),
    "an undo of an embedded activity": (lambda: _object("Undo", FOLLOW), READ_FOLLOW),
    "an undo by the id": (lambda: _object("Undo", FOLLOW["id"]), Reference(f"{BO}#follow")),
    "a deletion by the id": (lambda: _object("Delete", NOTE), Reference(NOTE)),
    "a deletion by a tombstone": (
        lambda: _object("Delete", {"id": NOTE, "type": "Tombstone", "formerType": "Note"}),
        Tombstone(NOTE, "Note"),
    ),
    "a deletion of the account": (lambda: _object("Delete", BO), Reference(BO)),
    "a deletion of a whole post": (lambda: read_activity(activity("Delete", note())).object_id, NOTE),
    "an update of a profile": (lambda: isinstance(_object("Update", actor()), RemoteActor), True),
    "an update of a poll": (lambda: isinstance(_object("Update", poll()), RemotePost), True),
    "a post that cannot be used": (lambda: _object("Create", {"id": NOTE, "type": "Unheard"}), Reference(NOTE, "Unheard")),
    "a reaction in content (Misskey)": (
        lambda: read_activity(activity("Like", NOTE, content=":cat:", _misskey_reaction=":cat:")).content,
        ":cat:",
    ),
    "a reaction in its own property": (lambda: read_activity(activity("Like", NOTE, _misskey_reaction="👍")).content, "👍"),
    "a reaction of Pleroma": (lambda: read_activity(activity("EmojiReact", NOTE, content="👍")).kind, ActivityKind.EMOJI_REACT),
    "a boost of an embedded post": (lambda: read_activity(activity("Announce", note())).object_id, NOTE),
    "a group's boost of an activity": (
        lambda: [found.kind for found in [_object("Announce", activity("Create", note()))] if isinstance(found, Activity)],
        [ActivityKind.CREATE],
    ),
    "a report of several": (
        lambda: read_activity(activity("Flag", ["https://a.example/users/al", note()], content="spam")).objects,
        (Reference("https://a.example/users/al"), read_post(note())),
    ),
    "a report with its URLs in the text (Misskey)": (
        lambda: read_activity(activity("Flag", "https://a.example/users/al", content="Note: https://a.example/@al/1\n-----\nspam")).content,
        "Note: https://a.example/@al/1\n-----\nspam",
    ),
    "a move": (lambda: read_activity(activity("Move", BO, target="https://c.example/bo")).target, "https://c.example/bo"),
    "a featured hashtag": (lambda: _object("Add", {"type": "Hashtag", "name": "#x"}, target=f"{BO}/featured"), RemoteHashtag("x")),
    "a target that is a collection": (
        lambda: read_activity(activity("Add", NOTE, target={"id": f"{BO}/featured"})).target,
        f"{BO}/featured",
    ),
    "an accept with a stamp": (
        lambda: read_activity(activity("Accept", {"id": f"{NOTE}/q", "type": "QuoteRequest"}, result="https://b.example/stamps/1")).result,
        Reference("https://b.example/stamps/1"),
    ),
    "a request to quote": (lambda: read_activity(activity("QuoteRequest", QUOTED, instrument=note())).instrument, read_post(note())),
    **{
        f"the activity {name}": (partial(_activity_kind, name, None), ActivityKind.IGNORED)
        for name in ("Dislike", "View", "Listen", "TentativeAccept", "Read", "ChatMessage", "Story", "CacheFile", "Unheard")
    },
    **{
        f"the request {name}": (partial(_activity_kind, name, NOTE), ActivityKind(name))
        for name in ("LikeRequest", "ReplyRequest", "AnnounceRequest")
    },
    "an activity within too many": (
        lambda: _levels(activity("Undo", activity("Undo", activity("Undo", activity("Undo", FOLLOW, id=f"{BO}#4"))))),
        [ActivityKind.UNDO] * 3 + [Reference(f"{BO}#4", "Undo")],
    ),
    "a signature of a document": (
        lambda: read_activity(activity("Like", NOTE, signature={"type": "RsaSignature2017"}, proof=[{}])).actor,
        BO,
    ),
}

COLLECTIONS: dict[str, Row] = {
    "items in the collection": (lambda: _collection(orderedItems=[NOTE, QUOTED]).items, (Reference(NOTE), Reference(QUOTED))),
    "items of a plain collection": (lambda: _collection(type="Collection", items=[NOTE]).items, (Reference(NOTE),)),
    "one item without a list": (lambda: _collection(items=NOTE).items, (Reference(NOTE),)),
    "objects as items": (lambda: _collection(orderedItems=[note()]).items, (read_post(note()),)),
    "activities as items": (lambda: [type(item) for item in _collection(orderedItems=[activity("Create", note())]).items], [Activity]),
    "hashtags as items": (lambda: _collection(items=[{"type": "Hashtag", "name": "x"}]).items, (RemoteHashtag("x"),)),
    "items that are nonsense": (lambda: _collection(items=[None, 5, [], {}, {"type": "Note"}, "x"]).items, ()),
    "a first page by its id": (lambda: _collection(first=f"{FOLLOWERS}?page=1").first, f"{FOLLOWERS}?page=1"),
    "a first page that is embedded": (
        lambda: _collection(first={"type": "CollectionPage", "items": [NOTE], "next": f"{FOLLOWERS}?page=2"}).first,
        RemoteCollection(items=(Reference(NOTE),), next=f"{FOLLOWERS}?page=2"),
    ),
    "a first page that is only named": (
        lambda: _collection(first={"id": f"{FOLLOWERS}?page=1", "type": "CollectionPage"}).first,
        f"{FOLLOWERS}?page=1",
    ),
    "a next page that is an object": (
        lambda: _collection(type="CollectionPage", next={"id": f"{FOLLOWERS}?page=2"}).next,
        f"{FOLLOWERS}?page=2",
    ),
    "a page of a collection": (lambda: _collection(type="OrderedCollectionPage", partOf=FOLLOWERS).part_of, FOLLOWERS),
    "a total that is a number": (lambda: _collection(totalItems=3).total, 3),
    "a total that is negative": (lambda: _collection(totalItems=-1).total, None),
    "a total that is too large": (lambda: _collection(totalItems=10**400).total, None),
    "a total that is a text": (lambda: _collection(totalItems="3").total, None),
}


def _collection(**more: Any) -> RemoteCollection:
    return read_collection({"id": FOLLOWERS, "type": "OrderedCollection", **more})


def _jrd(*links: Any, subject: Any = "acct:bo@b.example") -> Any:
    return read_webfinger({"subject": subject, "links": list(links)})


SELF = {"rel": "self", "type": "application/activity+json", "href": BO}

DISCOVERY: dict[str, Row] = {
    "the other type of self": (lambda: _jrd({**SELF, "type": LD_JSON}).actor, BO),
    "links of other types before self": (lambda: _jrd({**SELF, "type": "text/html", "href": NOTE}, SELF).actor, BO),
    "a subject without acct:": (lambda: _jrd(SELF, subject="bo@b.example").subject, "bo@b.example"),
    "a subscribe template": (
        lambda: _jrd(SELF, {"rel": "http://ostatus.org/schema/1.0/subscribe", "template": "https://b.example/i?uri={uri}"}).subscribe,
        "https://b.example/i?uri={uri}",
    ),
    "a template that is a script": (
        lambda: _jrd(SELF, {"rel": "http://ostatus.org/schema/1.0/subscribe", "template": "javascript:{uri}"}).subscribe,
        "",
    ),
    "links that are nonsense": (lambda: _jrd(None, 5, {}, {"rel": ["self"]}, SELF).actor, BO),
}

GROUPS = (ACTORS, VISIBILITIES, CONTENTS, POSTS, MEDIA, TAGS, QUOTES, POLLS, ACTIVITIES, COLLECTIONS, DISCOVERY)
TABLE = {name: row for group in GROUPS for name, row in group.items()}


@pytest.mark.parametrize("name", TABLE)
def test_tolerates(name: str) -> None:
    read, expected = TABLE[name]
    assert read() == expected


def test_every_row_has_its_own_name() -> None:
    assert len(TABLE) == sum(map(len, GROUPS))
