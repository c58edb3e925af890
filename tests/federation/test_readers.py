"""Readers of documents: what they refuse, that they never fail otherwise, and the examples of the Fediverse Pasture."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given

from microblog.federation.documents.discovery import read_webfinger
from microblog.federation.documents.ids import SiteIds
from microblog.federation.documents.read_activity import read_activity, read_object
from microblog.federation.documents.read_actor import read_actor, read_keys
from microblog.federation.documents.read_collection import read_collection
from microblog.federation.documents.read_post import read_post
from microblog.federation.documents.vocabulary import is_activity_json, prefers_activity_json
from microblog.model.federation import InvalidDocument
from microblog.model.federation_posts import RemotePost
from tests.federation.documents import BO, activity, actor, note, without
from tests.federation.strategies import damaged, json_values

READERS: list[Callable[[Any], object]] = [read_actor, read_keys, read_post, read_activity, read_object, read_collection, read_webfinger]
PASTURE = json.loads((Path(__file__).parent / "pasture_inputs.json").read_text("utf-8"))["inputs"]
EXAMPLES = [(name, number) for name, examples in PASTURE.items() for number in range(len(examples))]

UNUSABLE: dict[str, tuple[Callable[[Any], object], Any, str]] = {
    "a list": (read_post, [note()], "The document is not a JSON object."),
    "null": (read_activity, None, "The document is not a JSON object."),
    "an actor without an id": (read_actor, without(actor(), "id"), "The actor has no id."),
    "an actor without an inbox": (read_actor, without(actor(), "inbox"), "The actor has no inbox."),
    "an actor with an inbox that is a script": (read_actor, actor(inbox="javascript:1"), "The actor has no inbox."),
    "an actor without a name": (read_actor, without(actor(), "preferredUsername"), "The actor has no preferredUsername."),
    "a note as an actor": (read_actor, note(), "The document is not an actor."),
    "a post without an id": (read_post, note(id=None), "The post has no id."),
    "a post with an id that is no URI": (read_post, note(id="5 apples"), "The post has no id."),
    "a post with a target instead of an id": (read_post, without(note(href=BO), "id"), "The post has no id."),
    "a post without an author": (read_post, note(attributedTo=None), "The post has no author."),
    "a post without a type": (read_post, note(type=None), "The document is no post."),
    "an unknown type without a page": (read_post, note(type="Podcast", url=None), "The document is no post: Podcast."),
    "an actor as a post": (read_post, actor(attributedTo=BO), "The document is no post."),
    "an activity as a post": (read_post, note(type="Create"), "The document is no post."),
    "a tombstone as a post": (read_post, note(type=["Note", "Tombstone"]), "The document is no post."),
    "a collection as a post": (read_post, note(type="OrderedCollection"), "The document is no post."),
    "an activity without a type": (read_activity, without(activity("Like", BO), "type"), "The activity has no type."),
    "an activity without an actor": (read_activity, without(activity("Like", BO), "actor"), "The activity has no actor."),
    "an activity without an object": (read_activity, activity("Like", None), "The Like has no object."),
    "an activity of nothing": (read_activity, activity("Like", [{}, 5, None]), "The Like has no object."),
    "a note as a collection": (read_collection, note(), "The document is not a collection."),
    "no subject": (read_webfinger, {"links": [{"rel": "self", "type": "application/activity+json", "href": BO}]}, "no subject"),
    "no self link": (read_webfinger, {"subject": "acct:bo@b.example", "links": [{"rel": "self", "type": "text/html"}]}, "names no actor"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_document_that_cannot_be_used_gives_one_clear_error(name: str) -> None:
    read, document, sentence = UNUSABLE[name]
    with pytest.raises(InvalidDocument) as problem:
        read(document)
    assert sentence in problem.value.sentence


def _read(read: Callable[[Any], object], document: Any) -> object:
    try:
        return read(document)
    except InvalidDocument:
        return None


@given(json_values | damaged())
@example([[[[]]]])
@example({"type": "Note", "id": BO, "attributedTo": BO, "attachment": {"type": "Image", "url": "https://["}})
def test_readers_never_fail_otherwise(document: Any) -> None:
    for read in READERS:
        _read(read, document)


@given(json_values | damaged())
def test_what_is_read_can_be_stored(document: Any) -> None:
    for read in READERS:
        repr(_read(read, document)).encode("utf-8")
        assert "\\x00" not in repr(_read(read, document))


def test_deep_nesting_is_read_without_recursion() -> None:
    deep: Any = "x"
    for _ in range(5_000):
        deep = {"type": "Undo", "id": BO, "actor": BO, "object": [deep], "first": deep, "attachment": deep, "tag": deep, "url": [[deep]]}
    for read in READERS:
        _read(read, deep)


@given(json_values)
def test_addresses_of_this_site_are_told_from_any_text(value: Any) -> None:
    ids = SiteIds("https://a.example")
    assert ids.parse(str(value)) is None


@pytest.mark.parametrize(("name", "number"), EXAMPLES)
def test_examples_of_the_fediverse_pasture_are_read(name: str, number: int) -> None:
    document = note(**PASTURE[name][number])
    if (name, number) in NO_POSTS:
        with pytest.raises(InvalidDocument):
            read_post(document)
    else:
        created = read_activity(activity("Create", document))
        assert isinstance(created.object, RemotePost)


NO_POSTS = {("necessary_properties", 1), ("necessary_properties", 4), ("object_types", 10), ("object_types", 13)}
"""Examples without an id or a type, and a Tombstone. One without an author gets that of the activity."""


def _pasture(name: str, number: int) -> RemotePost:
    return read_post(note(**PASTURE[name][number]))


def test_examples_of_the_fediverse_pasture_mean_what_they_say() -> None:
    quoted = "http://pasture-one-actor/assets/note1.jsonap"
    assert [quote and quote.id for quote in (_pasture("quotes", number).quote for number in range(5))] == [quoted] * 5
    assert {_pasture("public_addressing", number).audience for number in range(3)} == {read_post(note(cc=[f"{BO}/followers"])).audience}
    assert [_pasture("in_reply_to", number).reply_to for number in (0, 2, 3, 4, 6)] == [quoted] * 5
    assert [len(_pasture("attachments", number).attachments) for number in range(len(PASTURE["attachments"]))] == EXPECTED_ATTACHMENTS
    assert {_pasture("attributed_to", number).author for number in range(5)} == {"http://pasture-one-actor/actor"}
    assert [_pasture("language", number).language for number in range(9)] == [None, "de", "en", "en", "de", "de", "en", "en", "de"]


EXPECTED_ATTACHMENTS = [1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 10]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/activity+json", True),
        ('application/activity+json, application/ld+json; profile="https://www.w3.org/ns/activitystreams"', True),
        ('application/ld+json; profile="https://www.w3.org/ns/activitystreams"', True),
        ("application/ld+json", True),
        ('application/ld+json; profile="https://example.org/other"', False),
        ("APPLICATION/ACTIVITY+JSON", True),
        ("application/activity+json, text/html;q=0.1", True),
        ("application/activity+json, text/html", True),
        ("text/html, application/activity+json;q=0.9", False),
        ("application/activity+json;q=0.5, */*", False),
        ("application/activity+json, */*;q=0.8", True),
        ("application/activity+json;q=0", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("*/*", False),
        ("application/json", False),
        ("application/*", False),
        ("", False),
        (",;=;q=,", False),
        ("x" * 100_000, False),
    ],
)
def test_a_document_is_served_iff_accept_ranks_it_above_html(accept: str, expected: bool) -> None:
    assert prefers_activity_json(accept) == expected


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/activity+json", True),
        ("Application/Activity+JSON; charset=utf-8", True),
        ('application/ld+json; profile="https://www.w3.org/ns/activitystreams"', True),
        ('application/ld+json; charset=utf-8; profile="https://example.org/ https://www.w3.org/ns/activitystreams"', True),
        ("application/ld+json", False),
        ('application/ld+json; profile="https://www.w3.org/ns/activitystreams.evil"', False),
        ("application/json", False),
        ("text/html", False),
        ("text/plain; application/activity+json", False),
        ("application/activity+jsonx", False),
        ("image/png", False),
        ("", False),
    ],
)
def test_only_the_two_content_types_are_activity_json(content_type: str, expected: bool) -> None:
    assert is_activity_json(content_type) == expected
