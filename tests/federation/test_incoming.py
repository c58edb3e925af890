"""Foreign documents as they arrive: every limit holds, and only what nobody would send is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from attrs import asdict
from hypothesis import given

from microblog.federation import bounds
from microblog.federation.documents.read_activity import MAX_REPORTED, read_activity, read_object
from microblog.federation.documents.read_actor import read_actor
from microblog.federation.documents.read_collection import read_collection
from microblog.federation.documents.write_activity import write_create
from microblog.federation.documents.write_actor import ActorDetails, write_actor
from microblog.federation.documents.write_post import PostLinks, PostWriter
from microblog.federation.incoming import (
    MAX_ADDRESSEES,
    parse_activity,
    parse_collection,
    parse_host_meta,
    parse_keys,
    parse_object,
    parse_webfinger,
)
from microblog.model.accounts import Account
from microblog.model.errors import TooLarge
from microblog.model.federation import InvalidDocument, RemoteActor
from microblog.model.federation_posts import RemotePost
from microblog.model.posts import Post
from tests.federation.documents import AT, BO, IDS, NOTE, PEM, PUBLIC, activity, actor, note, poll
from tests.federation.strategies import accounts, damaged, json_values, posts

PARSERS: list[Callable[[bytes], Any]] = [parse_activity, parse_object, parse_keys, parse_collection, parse_webfinger]
LONG = "x" * 200_000
FAR = f"https://b.example/{'x' * bounds.MAX_URL}"


def _sent(document: Any) -> bytes:
    return json.dumps(document).encode("ascii")


def _actor(**changes: Any) -> RemoteActor:
    found = parse_object(_sent(actor(**changes)))
    assert isinstance(found, RemoteActor)
    return found


def _post(**changes: Any) -> RemotePost:
    found = parse_object(_sent(note(**changes)))
    assert isinstance(found, RemotePost)
    return found


def _avatar_text(text: str) -> str:
    avatar = _actor(icon={"url": NOTE, "name": text}).avatar
    assert avatar is not None
    return avatar.description


def _key(number: int) -> dict[str, str]:
    return {"id": f"{BO}#{number}", "owner": BO, "publicKeyPem": PEM}


def _many(number: int, **parts: str) -> list[dict[str, str]]:
    return [{name: value.format(each) for name, value in parts.items()} for each in range(number)]


LIMITS: dict[str, tuple[Callable[[], Any], int]] = {
    "display name": (lambda: _actor(name=LONG).name, bounds.MAX_NAME),
    "fields": (lambda: _actor(attachment=_many(60, type="PropertyValue", name="{}", value="v")).fields, bounds.MAX_FIELDS),
    "name of a field": (lambda: _actor(attachment=_many(1, type="PropertyValue", name=LONG)).fields[0].name, bounds.MAX_FIELD),
    "aliases": (lambda: _actor(alsoKnownAs=[f"{BO}{n}" for n in range(300)]).also_known_as, bounds.MAX_ALIASES),
    "keys": (lambda: _actor(publicKey=[_key(number) for number in range(20)]).keys, bounds.MAX_KEYS),
    "named keys": (lambda: _actor(publicKey=[f"{BO}#{n}" for n in range(20)]).key_ids, bounds.MAX_KEYS),
    "fetched keys": (lambda: parse_keys(_sent(actor(publicKey=[_key(number) for number in range(20)]))), bounds.MAX_KEYS),
    "alt text of an avatar": (lambda: _avatar_text(LONG), bounds.MAX_DESCRIPTION),
    "attachments": (lambda: _post(attachment=_many(20, type="Image", url=NOTE + "{}")).attachments, bounds.MAX_ATTACHMENTS),
    "alt text": (lambda: _post(attachment=_many(1, type="Image", url=NOTE, name=LONG)).attachments[0].description, bounds.MAX_DESCRIPTION),
    "mentions": (lambda: _post(tag=_many(150, type="Mention", href=BO + "{}")).mentions, bounds.MAX_MENTIONS),
    "hashtags": (lambda: _post(tag=_many(150, type="Hashtag", name="#{}")).hashtags, bounds.MAX_TAGS),
    "name of a hashtag": (lambda: _post(tag=_many(1, type="Hashtag", name=LONG)).hashtags[0].name, bounds.MAX_NAME),
    "emojis": (lambda: _post(tag=_many(150, type="Emoji", name=":e{}:", icon=NOTE)).emojis, bounds.MAX_TAGS),
    "options": (lambda: _poll(_many(600, name="{}")), bounds.MAX_POLL_OPTIONS),
    "text of an option": (lambda: _poll(_many(1, name=LONG))[0].title, bounds.MAX_POLL_OPTION),
    "addressees": (lambda: _post(to=[PUBLIC, *(f"{BO}{n}" for n in range(2_000))]).audience.to, MAX_ADDRESSEES),
    "objects of a report": (lambda: parse_activity(_sent(activity("Flag", [f"{NOTE}{n}" for n in range(200)]))).objects, MAX_REPORTED),
    "comment of a report": (lambda: parse_activity(_sent(activity("Flag", BO, content=LONG))).content, bounds.MAX_REPORT_COMMENT),
    "conversation": (lambda: _post(conversation=f"tag:{LONG}").conversation, bounds.MAX_URL),
}


def _poll(options: Any) -> Any:
    found = parse_object(_sent(poll(oneOf=options)))
    assert isinstance(found, RemotePost)
    assert found.poll is not None
    return found.poll.options


@pytest.mark.parametrize("name", LIMITS)
def test_what_is_too_much_is_cut_off(name: str) -> None:
    read, limit = LIMITS[name]
    assert len(read()) == limit


LEFT_OUT: dict[str, tuple[Callable[[], Any], Any]] = {
    "a page with a URL that is too long": (lambda: _actor(url=FAR).url, ""),
    "an avatar with a URL that is too long": (lambda: _actor(icon=FAR).avatar, None),
    "an attachment with a URL that is too long": (lambda: _post(attachment={"type": "Image", "url": FAR}).attachments, ()),
    "a mention with a URL that is too long": (lambda: _post(tag={"type": "Mention", "href": FAR}).mentions, ()),
    "a page with a name before the host": (lambda: _post(url="https://b.example@c.example/").url, ""),
    "an emoji with spaces": (lambda: _post(tag={"type": "Emoji", "name": ":a b:", "icon": NOTE}).emojis, ()),
    "a language that is none": (lambda: _post(contentMap={"not a language": "<p>hi</p>"}).language, None),
    "a quote without a usable id": (lambda: _post(quote="urn:x").quote, None),
    "a moved account without a usable id": (lambda: _actor(movedTo="acct:bo@c.example").moved_to, None),
    "an activity with an id that is no URL": (lambda: parse_activity(_sent(activity("Like", NOTE, id="urn:uuid:1"))).id, None),
    "items without a usable id": (lambda: _items(["urn:x", NOTE, {"type": "Note", "id": FAR, "attributedTo": BO}]), 1),
    "a count that no column holds": (lambda: _post(likes={"totalItems": 2**50}).counts.favourites, bounds.MAX_COUNT),
}


def _items(items: Any) -> int:
    return len(parse_collection(_sent({"type": "Collection", "items": items})).items)


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_has_the_wrong_form_is_left_out(name: str) -> None:
    read, expected = LEFT_OUT[name]
    assert read() == expected


@pytest.mark.parametrize(
    "document",
    [
        actor(id=FAR),
        actor(inbox=FAR),
        actor(preferredUsername="b o"),
        actor(preferredUsername="x" * 256),
        actor(preferredUsername="../bo"),
        note(id="urn:uuid:1"),
        note(attributedTo=FAR),
        {"id": FAR, "type": "Tombstone"},
        {},
    ],
)
def test_what_cannot_be_used_is_refused(document: Any) -> None:
    with pytest.raises(InvalidDocument):
        parse_object(_sent(document))
    with pytest.raises(InvalidDocument):
        parse_activity(_sent(activity("Create", document)))


def test_a_document_is_measured_before_it_is_parsed() -> None:
    with pytest.raises(TooLarge):
        parse_activity(b" " * (bounds.MAX_JSON_BYTES + 1))
    with pytest.raises(InvalidDocument):
        parse_activity(b'{"a":' * 40 + b"1" + b"}" * 40)
    with pytest.raises(InvalidDocument):
        parse_activity(b"nonsense")


@given(json_values | damaged())
def test_parsing_never_fails_otherwise_and_every_url_is_one(document: Any) -> None:
    for parse in PARSERS:
        try:
            found = parse(_sent(document))
        except InvalidDocument:
            continue
        for one in found if isinstance(found, tuple) else (found,):
            _assert_urls(asdict(one))


def _assert_urls(values: dict[str, Any]) -> None:
    for name, value in values.items():
        for one in value if isinstance(value, list | tuple) else (value,):
            if isinstance(one, dict):
                _assert_urls(one)
        if (
            name in ("url", "actor", "author", "inbox", "to", "cc", "href", "reply_to", "moved_to", "also_known_as", "preview_url")
            and value
        ):
            urls = value if isinstance(value, list | tuple) else [value]
            assert all(isinstance(url, dict) or bounds.web_url(url) for url in urls), (name, value)


@given(posts, accounts)
def test_honest_documents_lose_nothing(post: Post, account: Account) -> None:
    accounts = {mention.account_id: f"https://b.example/{mention.account_id}" for mention in post.mentions}
    create = json.loads(json.dumps(write_create(post, PostLinks(accounts=accounts), PostWriter(IDS, AT))))
    assert parse_activity(_sent(create)) == read_activity(create)
    person = write_actor(account, ActorDetails(), IDS)
    read = read_actor(person)
    parsed = parse_object(_sent(person))
    assert isinstance(parsed, RemoteActor)
    assert parsed.name == " ".join(read.name.split())
    assert (parsed.endpoints, parsed.flags, parsed.summary, parsed.avatar) == (read.endpoints, read.flags, read.summary, read.avatar)


def test_collections_lose_nothing() -> None:
    document = {"id": f"{BO}/followers", "type": "OrderedCollection", "totalItems": 2, "orderedItems": [NOTE, note(), actor()]}
    first = document | {"first": {"type": "CollectionPage", "items": [NOTE], "next": f"{BO}/followers?page=2"}}
    assert parse_collection(_sent(first)) == read_collection(first)
    assert parse_object(_sent(activity("Like", NOTE))) == read_object(activity("Like", NOTE))


XRD = '<?xml version="1.0"?><XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">{}</XRD>'
LRDD = '<Link rel="lrdd" type="application/xrd+xml" template="https://b.example/wf?a=1&amp;resource={uri}"/>'


@pytest.mark.parametrize(
    "links", [LRDD, f'<Link rel="other" template="x"/>{LRDD}', LRDD.replace("Link", "xrd:Link"), LRDD.replace("/>", "></Link>")]
)
def test_host_meta_names_the_address_for_webfinger(links: str) -> None:
    assert parse_host_meta(XRD.format(links).encode()) == "https://b.example/wf?a=1&resource={uri}"


@pytest.mark.parametrize(
    "document",
    [
        "",
        "{}",
        XRD.format('<Link rel="lrdd"/>'),
        XRD.format('<Link rel="lrdd" template="https://b.example/"/>'),
        XRD.format('<Link rel="lrdd" template="javascript:{uri}"/>'),
        XRD.format(f'<Link rel="lrdd" template="https://b.example/{LONG[:3_000]}{{uri}}"/>'),
        '<!DOCTYPE x [<!ENTITY a "https://b.example/{uri}">]>' + XRD.format('<Link rel="lrdd" template="&a;"/>'),
        "<" * 100_000,
    ],
)
def test_host_meta_without_a_usable_address_is_refused(document: str) -> None:
    with pytest.raises(InvalidDocument):
        parse_host_meta(document.encode())


@given(json_values)
def test_host_meta_never_fails_otherwise(value: Any) -> None:
    with pytest.raises(InvalidDocument):
        parse_host_meta(str(value).encode("utf-8", "replace"))


@pytest.mark.parametrize("piece", ["a", ":", "=", '"', "bear:?u=", "<Link "])
def test_a_megabyte_in_any_property_is_read_in_linear_time(piece: str) -> None:
    huge = piece * (800_000 // len(piece))  # anything quadratic would take minutes
    link = {"type": "Link", "name": "RE:", "mediaType": huge, "href": NOTE}
    for document in (note(type=huge), note(id=huge), note(url=huge), note(tag=link), actor(webfinger=huge), actor(published=huge)):
        for parse in (parse_object, parse_keys):
            try:
                parse(_sent(document))
            except (InvalidDocument, TooLarge):
                continue
    with pytest.raises(InvalidDocument):
        parse_host_meta(huge.encode())


CROWDED: dict[str, dict[str, Any]] = {
    "mentions": {"tag": _many(15_000, type="Mention", href=BO + "{}")},
    "addressees": {"to": [f"{BO}{number}" for number in range(28_000)]},
    "attachments": {"attachment": _many(14_000, type="Image", url=NOTE + "{}")},
    "links": {"attachment": [{"type": "Image", "url": _many(12_000, type="Link", href=NOTE + "{}")}]},
    "links in links": {"type": "Video", "url": [{"type": "Link", "tag": _many(1_000, type="Link", href=NOTE + "{}")}] * 12},
    "options": {"type": "Question", "oneOf": _many(19_000, type="Note", name="{}")},
    "types": {"type": ["Note"] * 90_000},
    "languages": {"contentMap": {f"l{number}": "x" for number in range(40_000)}},
}


@pytest.mark.parametrize("properties", CROWDED.values(), ids=CROWDED.keys())
def test_a_long_document_is_read(properties: dict[str, Any]) -> None:
    body = _sent(note(**properties))
    assert 300_000 < len(body) <= bounds.MAX_JSON_BYTES
    assert isinstance(parse_object(body), RemotePost)


@pytest.mark.parametrize("crowd", ["mentions", "languages"])
def test_an_activity_may_be_less_crowded_than_a_page_of_a_collection(crowd: str) -> None:
    with pytest.raises(InvalidDocument):
        parse_activity(_sent(activity("Create", note(**CROWDED[crowd]))))


@pytest.mark.parametrize("kind", ["Create", "Like", "Flag", "Undo"])
def test_of_many_objects_only_those_that_count_are_kept(kind: str) -> None:
    body = _sent(activity(kind, [note(id=f"{NOTE}{number}") for number in range(600)]))
    assert 64 * 1024 < len(body) <= bounds.MAX_JSON_BYTES
    assert len(parse_activity(body).objects) == (MAX_REPORTED if kind == "Flag" else 1)


def test_a_long_page_of_a_collection_is_read() -> None:
    items = [note(id=f"{NOTE}{number}") for number in range(2_500)]
    found = parse_collection(_sent({"id": NOTE, "type": "OrderedCollectionPage", "orderedItems": items}))
    assert [getattr(one, "id", None) for one in found.items] == [item["id"] for item in items]
