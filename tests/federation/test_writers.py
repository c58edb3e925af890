"""Writers of documents: whole documents, what readers make of them, and the ids that the API promises."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from microblog.federation.documents.discovery import instance_webfinger, read_webfinger, webfinger_links
from microblog.federation.documents.ids import LocalId, LocalKind, SiteIds
from microblog.federation.documents.read_activity import read_activity
from microblog.federation.documents.read_actor import read_actor, read_keys
from microblog.federation.documents.read_collection import read_collection
from microblog.federation.documents.read_post import read_post
from microblog.federation.documents.vocabulary import CONTEXT
from microblog.federation.documents.write_activity import (
    ForwardedReport,
    ReceivedFollow,
    Vote,
    write_accept,
    write_actor_delete,
    write_actor_update,
    write_add,
    write_announce,
    write_block,
    write_create,
    write_delete,
    write_flag,
    write_follow,
    write_like,
    write_move,
    write_reject,
    write_remove,
    write_undo,
    write_update,
    write_vote,
)
from microblog.federation.documents.write_actor import ActorDetails, write_actor, write_actor_stub, write_instance_actor
from microblog.federation.documents.write_collection import (
    Page,
    featured_hashtag,
    page_address,
    write_collection,
    write_page,
    write_replies,
    write_whole_collection,
)
from microblog.federation.documents.write_post import PostLinks, PostWriter
from microblog.model.accounts import Account, ProfileField
from microblog.model.federation import ActivityKind, ActorKind, KeyFormat, Reference, RemoteKey, Tombstone
from microblog.model.federation_posts import PUBLIC, Audience, RemoteHashtag, RemoteMention, RemotePost
from microblog.model.ids import AccountId, MediaId, PollId, PostId, TagId
from microblog.model.media import ConvertedMedia, Dimensions, Focus, Media, MediaKind, MediaState
from microblog.model.polls import Poll
from microblog.model.posts import Mention, Post, Tag, Visibility
from microblog.render.api.entities import Entities
from tests.federation.documents import AL, AT, IDS, PEM
from tests.federation.strategies import accounts, numbers, posts, usernames

AL_ID, BO, DAN = "https://a.example/users/al", "https://b.example/users/bo", "https://a.example/users/dan"
FOLLOWERS = f"{AL_ID}/followers"
KEY = RemoteKey(f"{AL_ID}#main-key", AL_ID, PEM)
WRITER = PostWriter(IDS, AT + timedelta(hours=1))
TO_BO = PostLinks(accounts={AccountId(8): BO})
REPORT = UUID("12345678-1234-4234-8234-123456789abc")
HTML = (
    '<p>hi <span class="h-card" translate="no"><a href="https://b.example/@bo" class="u-url">@<span>bo</span></a></span> '
    '<a href="https://old.example/tags/x" class="mention hashtag" rel="tag">#<span>x</span></a></p>'
)
LINKED = HTML.replace("old.example", "a.example")
PICTURE = Media(
    MediaId(1),
    AL.id,
    MediaKind.IMAGE,
    MediaState.READY,
    ConvertedMedia("1.webp", size=Dimensions(800, 600), blurhash="LEHV6nWB2yk8pyo0adR*.7kCMdnj"),
    "alt text",
    Focus(0.0, 0.0),
)
POST = Post(
    PostId(1),
    AL,
    "hi",
    HTML,
    Visibility.PUBLIC,
    AT,
    language="en",
    mentions=(Mention(AccountId(8), "bo", "b.example", "https://b.example/@bo"),),
    tags=(Tag(TagId(1), "x", "x"),),
    media=(PICTURE,),
)
POLL = Poll(PollId(1), ("yes", "no"), (3, 1), 4, multiple=False, hide_totals=True, expires_at=AT + timedelta(days=1))

PUBLISHED_CONTEXT = """
["https://www.w3.org/ns/activitystreams","https://w3id.org/security/v1",{"as":"https://www.w3.org/ns/activitystreams#",
"toot":"http://joinmastodon.org/ns#","schema":"http://schema.org#","ostatus":"http://ostatus.org#","gts":"https://gotosocial.org/ns#",
"manuallyApprovesFollowers":"as:manuallyApprovesFollowers","sensitive":"as:sensitive","Hashtag":"as:Hashtag",
"movedTo":{"@id":"as:movedTo","@type":"@id"},"alsoKnownAs":{"@id":"as:alsoKnownAs","@type":"@id"},
"featured":{"@id":"toot:featured","@type":"@id"},"featuredTags":{"@id":"toot:featuredTags","@type":"@id"},
"discoverable":"toot:discoverable","indexable":"toot:indexable","memorial":"toot:memorial","suspended":"toot:suspended",
"Emoji":"toot:Emoji","votersCount":"toot:votersCount","blurhash":"toot:blurhash",
"focalPoint":{"@id":"toot:focalPoint","@container":"@list"},"PropertyValue":"schema:PropertyValue","value":"schema:value",
"conversation":"ostatus:conversation","quote":{"@id":"https://w3id.org/fep/044f#quote","@type":"@id"},
"quoteAuthorization":{"@id":"https://w3id.org/fep/044f#quoteAuthorization","@type":"@id"},
"quoteUri":"http://fedibird.com/ns#quoteUri","_misskey_quote":"https://misskey-hub.net/ns#_misskey_quote",
"QuoteRequest":"https://w3id.org/fep/044f#QuoteRequest","QuoteAuthorization":"https://w3id.org/fep/044f#QuoteAuthorization",
"interactingObject":{"@id":"gts:interactingObject","@type":"@id"},"interactionTarget":{"@id":"gts:interactionTarget","@type":"@id"},
"interactionPolicy":{"@id":"gts:interactionPolicy","@type":"@id"},"canQuote":{"@id":"gts:canQuote","@type":"@id"},
"automaticApproval":{"@id":"gts:automaticApproval","@type":"@id"},"manualApproval":{"@id":"gts:manualApproval","@type":"@id"}}]
"""


def _sent(document: Any) -> Any:
    """Return a document as another server parses it."""
    return json.loads(json.dumps(document))


def test_the_context_is_the_published_one() -> None:
    assert json.loads(PUBLISHED_CONTEXT) == CONTEXT


def test_an_actor_is_written_whole() -> None:
    account = evolve(AL, header="/media/y.jpg", fields=(ProfileField("Site", "https://al.example", '<a href="https://al.example">al</a>'),))
    details = ActorDetails((KEY,), avatar_description="alt")
    assert write_actor(account, details, IDS) == {
        "@context": CONTEXT,
        "id": "https://a.example/users/al",
        "type": "Person",
        "preferredUsername": "al",
        "webfinger": "al@a.example",
        "name": "Al",
        "summary": "<p>hi</p>",
        "url": "https://a.example/@al",
        "inbox": f"{AL_ID}/inbox",
        "outbox": f"{AL_ID}/outbox",
        "followers": f"{AL_ID}/followers",
        "following": f"{AL_ID}/following",
        "featured": f"{AL_ID}/collections/featured",
        "featuredTags": f"{AL_ID}/collections/tags",
        "endpoints": {"sharedInbox": "https://a.example/inbox"},
        "manuallyApprovesFollowers": False,
        "discoverable": True,
        "indexable": True,
        "published": "2026-11-29T00:00:00Z",
        "publicKey": {"id": f"{AL_ID}#main-key", "owner": AL_ID, "publicKeyPem": PEM},
        "icon": {"type": "Image", "mediaType": "image/webp", "url": "https://a.example/media/x.webp", "summary": "alt"},
        "image": {"type": "Image", "mediaType": "image/jpeg", "url": "https://a.example/media/y.jpg"},
        "attachment": [{"type": "PropertyValue", "name": "Site", "value": '<a href="https://al.example">al</a>'}],
        "tag": [],
        "alsoKnownAs": [],
    }


def test_a_post_is_written_whole() -> None:
    note = "https://a.example/users/al/statuses/1"
    assert write_create(POST, TO_BO, WRITER) == {
        "@context": CONTEXT,
        "id": f"{note}/activity",
        "type": "Create",
        "actor": AL_ID,
        "published": "2026-11-29T15:00:00Z",
        "to": [PUBLIC],
        "cc": [FOLLOWERS, BO],
        "object": {
            "id": note,
            "type": "Note",
            "summary": None,
            "sensitive": False,
            "content": LINKED,
            "contentMap": {"en": LINKED},
            "attributedTo": AL_ID,
            "published": "2026-11-29T15:00:00Z",
            "url": "https://a.example/@al/1",
            "inReplyTo": None,
            "to": [PUBLIC],
            "cc": [FOLLOWERS, BO],
            "context": "https://a.example/contexts/1",
            "conversation": "https://a.example/contexts/1",
            "tag": [
                {"type": "Mention", "href": BO, "name": "@bo@b.example"},
                {"type": "Hashtag", "href": "https://a.example/tags/x", "name": "#x"},
            ],
            "attachment": [
                {
                    "type": "Document",
                    "mediaType": "image/webp",
                    "url": "https://a.example/media/1.webp",
                    "name": "alt text",
                    "summary": "alt text",
                    "blurhash": "LEHV6nWB2yk8pyo0adR*.7kCMdnj",
                    "focalPoint": [0.0, 0.0],
                    "width": 800,
                    "height": 600,
                }
            ],
            "replies": {
                "id": f"{note}/replies",
                "type": "Collection",
                "first": {"type": "CollectionPage", "partOf": f"{note}/replies", "next": f"{note}/replies?page=true", "items": []},
            },
            "likes": {"id": f"{note}/likes", "type": "Collection", "totalItems": 0},
            "shares": {"id": f"{note}/shares", "type": "Collection", "totalItems": 0},
            "interactionPolicy": {"canQuote": {"automaticApproval": ["https://a.example/users/al"]}},  # nobody else
        },
    }


def test_a_poll_hides_its_counts_until_it_ends() -> None:
    post = evolve(POST, poll=POLL)
    running, ended = (PostWriter(IDS, POLL.expires_at + timedelta(seconds=seconds)).write(post, TO_BO) for seconds in (-1, 1))
    assert [running[name] for name in ("type", "oneOf", "endTime", "votersCount")] == [
        "Question",
        [{"type": "Note", "name": name, "replies": {"type": "Collection"}} for name in ("yes", "no")],
        "2026-11-30T15:00:00Z",
        4,
    ]
    assert "closed" not in running
    assert ended["closed"] == ended["endTime"]
    assert [option["replies"]["totalItems"] for option in ended["oneOf"]] == [3, 1]


def test_an_edit_says_when() -> None:
    post = evolve(POST, edited_at=AT + timedelta(minutes=5, milliseconds=7))
    document = write_update(post, TO_BO, WRITER, AT + timedelta(microseconds=5))
    assert document["type"] == "Update"
    assert document["id"] == f"https://a.example/users/al/statuses/1#updates/{int(AT.timestamp())}000005"
    assert document["object"]["updated"] == "2026-11-29T15:05:00.007Z"
    assert document["object"]["published"] == "2026-11-29T15:00:00Z"


@pytest.mark.parametrize(
    ("visibility", "to", "cc"),
    [
        (Visibility.PUBLIC, [PUBLIC], [FOLLOWERS, BO, DAN]),
        (Visibility.UNLISTED, [FOLLOWERS], [PUBLIC, BO, DAN]),
        (Visibility.PRIVATE, [FOLLOWERS], [BO, DAN]),
        (Visibility.DIRECT, [BO, DAN], []),
    ],
)
def test_visibility_is_written_as_it_is_read(visibility: Visibility, to: list[str], cc: list[str]) -> None:
    mentions = (Mention(AccountId(8), "bo", "b.example", "https://b.example/@bo"), Mention(AccountId(9), "dan"), Mention(AL.id, "al"))
    document = write_create(evolve(POST, visibility=visibility, mentions=mentions), TO_BO, WRITER)
    for part in (document, document["object"]):
        assert (part["to"], part["cc"], part.get("directMessage", False)) == (to, cc, visibility is Visibility.DIRECT)
    read = read_activity(_sent(document))
    assert isinstance(read.object, RemotePost)
    assert read.audience == read.object.audience
    assert read.audience.visibility(FOLLOWERS) is visibility
    assert read.audience.accounts(FOLLOWERS) == (BO, DAN)


@given(posts)
def test_a_post_is_read_as_it_was_written(post: Post) -> None:
    remote = {mention.account_id: f"https://b.example/id/{mention.account_id}" for mention in post.mentions if mention.host}
    links = PostLinks(reply_to="https://b.example/1", accounts=remote)
    read = read_post(_sent(PostWriter(IDS, AT).document(post, links)))
    assert (read.id, read.author, read.url) == (
        f"https://a.example/users/{post.author.username}/statuses/{post.id}",
        f"https://a.example/users/{post.author.username}",
        f"https://a.example/@{post.author.username}/{post.id}",
    )
    assert (read.content, read.summary, read.sensitive) == (post.html, post.spoiler, post.sensitive)
    assert read.language == (post.language if post.html else read.language)
    assert (read.published, read.updated, read.reply_to) == (post.created_at, post.edited_at, "https://b.example/1")
    assert read.is_note
    assert not read.is_vote or not (post.html or post.media)
    assert read.mentions == tuple({href: RemoteMention(href, name) for href, name in _mentioned(post)}.values())
    assert [tag.name for tag in read.hashtags] == [tag.name for tag in post.tags]
    assert read.counts.boosts == post.boosts_count
    assert read.counts.favourites == post.favourites_count
    _assert_same_media(read, post)
    _assert_same_poll(read, post)


def _mentioned(post: Post) -> list[tuple[str, str]]:
    return [
        (
            f"https://b.example/id/{named.account_id}" if named.host else IDS.actor(named.username),
            f"@{named.username}@{named.host or 'a.example'}",
        )
        for named in post.mentions
    ]


def _assert_same_media(read: RemotePost, post: Post) -> None:
    assert len(read.attachments) == len(post.media)
    for found, media in zip(read.attachments, post.media, strict=True):
        file = media.rendition
        assert file is not None
        assert found.url == f"https://a.example/media/{file.original}"
        assert (found.description, found.blurhash) == (media.description, file.blurhash)
        assert found.focus == ((media.focus.x, media.focus.y) if media.focus else None)
        assert (found.width, found.height) == ((file.size.width, file.size.height) if file.size else (None, None))


def _assert_same_poll(read: RemotePost, post: Post) -> None:
    if post.poll is None:
        assert read.poll is None
        return
    assert read.poll is not None
    shown = post.poll.shows_totals(AT)
    assert [(option.title, option.votes) for option in read.poll.options] == [
        (title, votes if shown else None) for title, votes in zip(post.poll.options, post.poll.counts, strict=True)
    ]
    assert (read.poll.multiple, read.poll.ends_at, read.poll.voters) == (post.poll.multiple, post.poll.expires_at, post.poll.voters)
    assert read.poll.ended(AT) == post.poll.ended(AT)


@given(accounts)
def test_an_account_is_read_as_it_was_written(account: Account) -> None:
    multikey = RemoteKey(f"{IDS.actor(account.username)}#ed", IDS.actor(account.username), "z6Mk", KeyFormat.MULTIBASE)
    details = ActorDetails((KEY, multikey), ("https://c.example/al",), "https://c.example/al", "a cat")
    read = read_actor(_sent(write_actor(account, details, IDS)))
    assert read.id == IDS.actor(account.username)
    assert (read.username, read.host) == (account.username, "a.example")
    assert (read.name, read.summary) == (account.name, account.bio_html)
    assert read.kind is (ActorKind.SERVICE if account.bot else ActorKind.PERSON)
    assert (read.flags.locked, read.flags.discoverable, read.flags.indexable) == (account.locked, account.discoverable, account.indexable)
    assert read.keys == (KEY, multikey)
    assert read.endpoints.shared_inbox == "https://a.example/inbox"
    assert (read.avatar and read.avatar.url) == (account.avatar and f"https://a.example{account.avatar}")
    assert (read.also_known_as, read.moved_to) == (("https://c.example/al",), "https://c.example/al")
    assert read.published is not None
    assert read.published.date() == account.created_at.date()


def test_a_suspended_account_shows_nothing_but_that() -> None:
    account = evolve(AL, suspended_at=AT, header="/media/y.jpg", fields=(ProfileField("a", "b", "b"),), bot=True)
    document = write_actor(account, ActorDetails((KEY,)), IDS)
    read = read_actor(document)
    assert read.flags.suspended
    assert not read.flags.discoverable
    assert (read.name, read.summary, read.avatar, read.header, read.fields, read.keys) == ("al", "", None, None, (), (KEY,))


def test_two_keys_are_listed_while_one_replaces_the_other() -> None:
    later = evolve(KEY, id=f"{AL_ID}#key-2")
    document = write_actor(AL, ActorDetails((KEY, later)), IDS)
    assert [key["id"] for key in document["publicKey"]] == [KEY.id, later.id]
    assert read_keys(write_actor_stub(AL, (KEY, later), IDS)) == (KEY, later)


def test_a_stub_tells_only_what_a_signature_needs() -> None:
    assert set(write_actor_stub(AL, (KEY,), IDS)) == {"@context", "id", "type", "preferredUsername", "name", "url", "inbox", "publicKey"}


def test_the_site_is_an_actor_of_its_own() -> None:
    key = RemoteKey("https://a.example/actor#main-key", "https://a.example/actor", PEM)
    read = read_actor(_sent(write_instance_actor("A site", (key,), IDS)))
    assert (read.id, read.kind, read.username, read.host) == ("https://a.example/actor", ActorKind.APPLICATION, "a.example", "a.example")
    assert (read.endpoints.inbox, read.url, read.keys) == ("https://a.example/actor/inbox", "https://a.example/about", (key,))
    found = read_webfinger(_sent(instance_webfinger(IDS)))
    assert (found.subject, found.actor, found.page) == ("a.example@a.example", read.id, read.url)


def test_follow_and_answers() -> None:
    follow = write_follow("al", 5, BO, IDS)
    assert {name: follow[name] for name in ("id", "type", "actor", "object")} == {
        "id": f"{AL_ID}#follows/5",
        "type": "Follow",
        "actor": AL_ID,
        "object": BO,
    }
    received = ReceivedFollow(f"{BO}#follows/1", BO, 6)
    accept, reject = (read_activity(_sent(write("al", received, IDS))) for write in (write_accept, write_reject))
    assert (accept.kind, accept.id, accept.audience) == (ActivityKind.ACCEPT, f"{AL_ID}#accepts/follows/6", Audience((BO,)))
    assert (reject.kind, reject.id) == (ActivityKind.REJECT, f"{AL_ID}#rejects/follows/6")
    embedded = {"id": received.id, "type": "Follow", "actor": BO, "object": AL_ID}
    assert accept.object == reject.object == read_activity(embedded)


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (write_follow("al", 5, BO, IDS), ActivityKind.FOLLOW),
        (write_like("al", 5, "https://b.example/1", BO, IDS), ActivityKind.LIKE),
        (write_block("al", 5, BO, IDS), ActivityKind.BLOCK),
        (write_announce(evolve(POST, boost=POST, mentions=()), "https://b.example/1", BO, IDS), ActivityKind.ANNOUNCE),
    ],
)
def test_undo_embeds_what_is_undone(document: dict[str, Any], kind: ActivityKind) -> None:
    undo = read_activity(_sent(write_undo(document)))
    done = read_activity(_sent(document))
    assert done.kind is kind
    assert (undo.kind, undo.id, undo.actor, undo.audience) == (ActivityKind.UNDO, f"{done.id}/undo", done.actor, done.audience)
    assert undo.object == evolve(done, published=done.published)
    assert "@context" not in write_undo(document)["object"]


@pytest.mark.parametrize(
    ("visibility", "audience"),
    [
        (Visibility.PUBLIC, Audience((PUBLIC,), (FOLLOWERS, BO))),
        (Visibility.UNLISTED, Audience((FOLLOWERS,), (PUBLIC, BO))),
        (Visibility.PRIVATE, Audience((FOLLOWERS,), (BO,))),
    ],
)
def test_a_boost_goes_to_followers_and_the_author(visibility: Visibility, audience: Audience) -> None:
    boost = Post(PostId(2), AL, "", "", visibility, AT, boost=POST)
    read = read_activity(_sent(write_announce(boost, "https://b.example/1", BO, IDS)))
    assert read.id == f"{AL_ID}/statuses/2/activity"
    assert (read.kind, read.object, read.published, read.audience) == (
        ActivityKind.ANNOUNCE,
        Reference("https://b.example/1"),
        AT,
        audience,
    )


def test_deletions() -> None:
    post, account = (read_activity(_sent(document)) for document in (write_delete("al", 1, IDS), write_actor_delete("al", IDS)))
    assert (post.id, post.object) == (f"{AL_ID}/statuses/1#delete", Tombstone(f"{AL_ID}/statuses/1", "Note"))
    assert (account.id, account.object, account.actor) == (f"{AL_ID}#delete", Reference(AL_ID), AL_ID)
    assert PUBLIC in post.audience
    assert PUBLIC in account.audience


def test_a_report_comes_from_the_site() -> None:
    report = ForwardedReport(REPORT, BO, ("https://b.example/1",), "spam" * 2_000)
    read = read_activity(_sent(write_flag(report, IDS)))
    assert (read.id, read.actor) == (f"https://a.example/reports/{REPORT}", "https://a.example/actor")
    assert read.objects == (Reference(BO), Reference("https://b.example/1"))
    assert len(read.content) == 5_000


def test_moves_pins_and_profiles() -> None:
    move = read_activity(_sent(write_move("al", 3, "https://c.example/al", IDS)))
    assert (move.object_id, move.target, move.audience) == (AL_ID, "https://c.example/al", Audience((FOLLOWERS,)))
    pin, unpin = (read_activity(_sent(write("al", f"{AL_ID}/statuses/1", IDS))) for write in (write_add, write_remove))
    assert (pin.kind, unpin.kind) == (ActivityKind.ADD, ActivityKind.REMOVE)
    assert pin.id is None
    assert pin.target == unpin.target == f"{AL_ID}/collections/featured"
    update = read_activity(_sent(write_actor_update("al", write_actor(AL, ActorDetails((KEY,)), IDS), AT, IDS)))
    assert update.id == f"{AL_ID}#updates/{int(AT.timestamp())}000000"
    assert update.object == read_actor(write_actor(AL, ActorDetails((KEY,)), IDS))


def test_a_vote_is_a_note_with_a_name_only() -> None:
    document = write_vote("al", 9, Vote("https://b.example/polls/1", BO, "yes"), IDS)
    read = read_activity(_sent(document))
    assert document["object"]["id"] == f"{AL_ID}#votes/9"
    assert isinstance(read.object, RemotePost)
    assert read.object.is_vote
    assert (read.object.title, read.object.reply_to, read.object.audience) == ("yes", "https://b.example/polls/1", Audience((BO,)))
    assert "content" not in document["object"]


def test_collections_are_read_page_by_page() -> None:
    outbox = IDS.make(LocalKind.OUTBOX, "al")
    first = page_address(outbox, max_id=5)
    assert first == f"{AL_ID}/outbox?page=true&max_id=5"
    read = read_collection(_sent(write_collection(outbox, 40)))
    assert (read.id, read.total, read.first) == (outbox, 40, f"{outbox}?page=true")
    create = write_create(POST, TO_BO, WRITER)
    page = read_collection(_sent(write_page(outbox, 40, Page([create, BO], first, next=page_address(outbox, max_id=1)))))
    assert page.items == (read_activity(create), Reference(BO))
    assert (page.id, page.next, page.part_of) == (first, f"{outbox}?page=true&max_id=1", outbox)
    assert read_collection(_sent(write_collection(FOLLOWERS, 3, has_pages=False))).first is None


def test_small_collections_and_replies() -> None:
    featured = read_collection(_sent(write_whole_collection(f"{AL_ID}/collections/featured", [WRITER.write(POST, TO_BO)])))
    assert featured.items == (read_post(WRITER.write(POST, TO_BO)),)
    assert featured.total == 1
    tags = read_collection(_sent(write_whole_collection(f"{AL_ID}/collections/tags", [featured_hashtag(POST.tags[0], IDS)])))
    assert tags.items == (RemoteHashtag("x", "https://a.example/tags/x"),)
    replies = IDS.make(LocalKind.REPLIES, "al", 1)
    assert read_collection(write_replies(replies)).first == f"{replies}?page=true"
    assert read_collection(write_replies(replies, Page([BO], f"{replies}?page=true"))).items == (Reference(BO),)


def test_webfinger() -> None:
    found = read_webfinger({"subject": "acct:al@a.example", "links": webfinger_links("al", IDS)})
    assert (found.actor, found.subscribe) == (AL_ID, "https://a.example/authorize_interaction?uri={uri}")


def test_ids_are_those_that_the_api_promises() -> None:
    entities = Entities("https://a.example")
    account, status, boost = entities.account(AL), entities.status(POST), entities.status(evolve(POST, boost=POST))
    document = WRITER.write(POST, TO_BO)
    assert (account["uri"], account["url"]) == (IDS.actor("al"), IDS.make(LocalKind.PROFILE, "al"))
    assert (status["uri"], status["url"], status["content"]) == (document["id"], document["url"], document["content"])
    assert boost["uri"] == IDS.make(LocalKind.CREATE, "al", 1)
    for key in ("x", "größe", "日本語"):
        assert IDS.tag(key) == entities.tag_url(key)


@given(st.sampled_from(LocalKind), usernames, numbers)
def test_ids_are_parsed_as_they_are_made(kind: LocalKind, name: str, number: int) -> None:
    parsed = IDS.parse(IDS.make(kind, name, number, uuid=str(REPORT)))
    assert parsed is not None
    assert IDS.make(parsed.kind, parsed.name, parsed.number, uuid=parsed.uuid) == IDS.make(kind, name, number, uuid=str(REPORT))
    assert parsed.kind is kind


@pytest.mark.parametrize(
    "uri",
    [
        "HTTPS://A.Example:443/users/al",
        "https://a.example./users/al",
        "http://a.example/users/al",
        "https://nobody@a.example/users/al",
    ],
)
def test_other_spellings_of_this_site_are_local(uri: str) -> None:
    assert IDS.is_local(uri)
    assert IDS.parse(uri) == LocalId(LocalKind.ACTOR, "al")


@pytest.mark.parametrize(
    "host", ["xn--bcher-kva.example", "bücher.example", "BÜCHER.example.", "bu\u0308cher.example", "Bücher.example:443"]
)
def test_an_internationalised_site_knows_all_spellings_of_its_name(host: str) -> None:
    ids = SiteIds("https://xn--bcher-kva.example")
    assert ids.parse(f"https://{host}/users/al") == LocalId(LocalKind.ACTOR, "al")
    assert not ids.is_local("https://bucher.example/users/al")
    assert not ids.is_local("https://bücher.example:8443/users/al")


@pytest.mark.parametrize(
    "uri",
    [
        "https://b.example/users/al",
        "https://a.example.evil/users/al",
        "https://a.example:8443/users/al",
        "https://a.example@b.example/users/al",
        "https://a.example\\@b.example/users/al",
        "https://a.example:x/users/al",
        "https://[/users/al",
        "acct:al@a.example",
        "/users/al",
        "",
    ],
)
def test_other_hosts_are_not_local(uri: str) -> None:
    assert not IDS.is_local(uri)
    assert IDS.parse(uri) is None


@pytest.mark.parametrize(
    "path",
    [
        "/users/al/",
        "/users/al?x=1",
        "/users/a%6c",
        "/users/al-b",
        "/users/al/statuses/01",
        "/users/al/statuses/0",
        "/users/al/statuses/９",
        "/users/al/statuses/9223372036854775808",
        "/users/al/statuses/1#other",
        "/users/al\n",
        "/media/1.webp",
        "",
    ],
)
def test_what_stands_for_nothing_here_is_local_and_unknown(path: str) -> None:
    assert IDS.is_local("https://a.example" + path)
    assert IDS.parse("https://a.example" + path) is None


def test_a_site_with_a_port_knows_itself() -> None:
    ids = SiteIds("http://127.0.0.1:8080")
    assert ids.parse(ids.post("al", 5)) == LocalId(LocalKind.POST, "al", 5)
    assert ids.host == "127.0.0.1:8080"
    assert ids.parse("http://127.0.0.1/users/al") is None
