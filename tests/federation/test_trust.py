"""Tests of what is believed of what other servers say: one for each published failure that these decisions prevent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.domain import file_types
from microblog.federation.documents.read_activity import read_activity
from microblog.federation.documents.read_actor import read_actor
from microblog.federation.documents.read_collection import read_collection
from microblog.federation.documents.read_post import read_post
from microblog.federation.documents.vocabulary import is_activity_json
from microblog.federation.hosts import host_of, same_uri
from microblog.federation.trust import (
    Believed,
    Fetch,
    Fetched,
    Handle,
    Local,
    Reason,
    Refused,
    TrustRules,
    is_from_suspended_processed,
    is_owner,
    may_boost,
)
from microblog.model.domain_rules import DomainRule, DomainRules, DomainSeverity
from microblog.model.federation import ActivityKind, InvalidDocument, Reference, WebFingerResult
from microblog.model.federation_posts import NOBODY, QuoteAuthorization, RemotePost
from microblog.model.posts import Visibility
from tests.strategies import texts

RULES = TrustRules("a.example")
SUSPENDING = TrustRules("a.example", DomainRules([DomainRule("b.example", DomainSeverity.SUSPEND)]))
ALLOWING = TrustRules("a.example", DomainRules(allowed=frozenset({"c.example"})))

BO, CY = "https://b.example/users/bo", "https://c.example/users/cy"
AL = "https://a.example/users/al"
JSON = "application/activity+json"


def note(id: str = f"{BO}/statuses/1", author: str = BO, **more: object) -> dict[str, Any]:
    return {"id": id, "type": "Note", "attributedTo": author, "content": "hi", "to": ["as:Public"], **more}


def activity(type: str, object: object, actor: str = BO, **more: object) -> Any:
    return read_activity({"id": f"{actor}#1", "type": type, "actor": actor, "object": object, **more})


def actor(id: str = BO, **more: object) -> Any:
    return read_actor({"id": id, "type": "Person", "preferredUsername": "bo", "inbox": f"{id}/inbox", **more})


def arrived(url: str, status: int = 200, content_type: str = JSON, *, again: bool = False) -> Fetched:
    return Fetched(url, status, content_type, again)


def test_actor_must_be_the_signer() -> None:
    follow = activity("Follow", AL)
    assert RULES.check_sender(follow, BO, f"{BO}#main-key") == Believed()
    for signer in (CY, "https://b.example/users/bo2", f"{BO}/", "https://b.example/users/Bo"):
        assert RULES.check_sender(follow, signer, f"{signer}#main-key") == Refused(Reason.WRONG_SIGNER)


def test_a_forwarded_activity_is_fetched_instead_of_believed() -> None:
    key = f"{CY}#main-key"
    for type in ("Create", "Update", "Delete"):
        assert RULES.check_sender(activity(type, note(), signature={"type": "RsaSignature2017"}), CY, key) == Fetch(f"{BO}/statuses/1")
    assert RULES.check_sender(activity("Announce", f"{CY}/1", BO), CY, key) == Fetch(f"{BO}#1")
    for type in ("Like", "Undo", "Block", "Accept", "Move"):
        assert RULES.check_sender(activity(type, note()), CY, key) == Refused(Reason.WRONG_SIGNER)
    foreign = activity("Create", note("https://d.example/1"))
    assert RULES.check_sender(foreign, CY, key) == Refused(Reason.WRONG_SIGNER)
    assert RULES.check_sender(activity("Delete", f"{AL}/statuses/1"), CY, key) == Refused(Reason.WRONG_SIGNER)


def test_a_key_belongs_to_the_actor_that_lists_it() -> None:
    assert RULES.check_sender(activity("Follow", AL), BO, f"{CY}#main-key") == Refused(Reason.WRONG_KEY)
    keys = [
        {"id": f"{BO}#main-key", "owner": BO, "publicKeyPem": "1"},
        {"id": f"{BO}#second", "publicKeyPem": "2"},
        {"id": f"{CY}#main-key", "owner": BO, "publicKeyPem": "3"},
        {"id": f"{BO}#other", "owner": CY, "publicKeyPem": "4"},
        {"id": "https://b.example/users/eve#main-key", "owner": "https://b.example/users/eve", "publicKeyPem": "5"},
    ]
    assert [key.value for key in RULES.own_keys(actor(publicKey=keys))] == ["1", "2"]


def test_an_embedded_note_of_another_host_is_fetched() -> None:
    own = read_post(note())
    assert RULES.check_embedded(own, BO) == Believed()
    for embedded in (
        note("https://c.example/1", BO),
        note("https://c.example/1", CY),
        note(author="https://b.example/users/eve"),
        note(author=CY),
        note("https://b.example.c.example/1", BO),
        note("https://sub.b.example/1", BO),
    ):
        assert RULES.check_embedded(read_post(embedded), BO) == Fetch(embedded["id"])
    assert RULES.check_embedded(Reference(f"{BO}/statuses/1"), BO) == Fetch(f"{BO}/statuses/1")


def test_an_anonymous_object_is_refused() -> None:
    with pytest.raises(InvalidDocument):
        read_post(note(""))
    for id in ("tag:b.example,2026:1", "https://127.0.0.1/1", "http://b.example/1", "https://b.example:8443/1"):
        assert RULES.check_embedded(read_post(note(id)), BO) == Refused(Reason.INVALID_ID)


def test_an_actor_changes_only_itself() -> None:
    assert RULES.check_embedded(actor(), BO) == Believed()
    assert RULES.check_embedded(actor("https://b.example/users/eve"), BO) == Fetch("https://b.example/users/eve")
    assert RULES.check_embedded(actor(inbox="https://c.example/inbox"), BO) == Refused(Reason.WRONG_HOST)


def test_what_is_undone_needs_no_id_but_the_same_actor() -> None:
    undo = activity("Undo", {"type": "Follow", "actor": BO, "object": AL})
    assert RULES.check_embedded(undo.object, BO) == Believed()
    other = activity("Undo", {"id": f"{CY}#1", "type": "Follow", "actor": CY, "object": AL})
    assert RULES.check_embedded(other.object, BO) == Fetch(f"{CY}#1")
    nameless = activity("Undo", {"type": "Follow", "actor": CY, "object": AL})
    assert RULES.check_embedded(nameless.object, BO) == Refused(Reason.INVALID_ID)


def test_an_accepted_follow_is_looked_up_here() -> None:
    for id, found in ((f"{AL}#follows/1", f"{AL}#follows/1"), (f"{BO}#made-up", AL), (None, AL)):
        accept = activity("Accept", {"id": id, "type": "Follow", "actor": AL, "object": BO})
        assert RULES.check_embedded(accept.object, BO) == Local(found)


@pytest.mark.parametrize(
    "id",
    [
        f"{AL}/statuses/1",
        "https://A.EXAMPLE/users/al/statuses/1",
        "https://a.example:443/users/al/statuses/1",
        "https://a.example./users/al/statuses/1",
        "http://a.example/users/al/statuses/1",
        "https://\uff41.example/users/al/statuses/1",
    ],
)
def test_our_own_ids_are_never_fetched_nor_taken_from_outside(id: str) -> None:
    assert RULES.check_id(id) is Reason.OWN_ID
    for author in (BO, AL, id):
        assert RULES.check_embedded(read_post(note(id, author)), BO) == Local(id)
        assert RULES.check_document(read_post(note(id, author)), arrived(f"{BO}/statuses/1")) == Refused(Reason.OWN_ID)
    assert RULES.check_document(read_post(note()), arrived(id)) == Refused(Reason.OWN_ID)
    assert RULES.check_redirect(f"{BO}/statuses/1", id, id_is_known=False) is Reason.OWN_ID
    assert RULES.check_sender(activity("Follow", AL, id), id, id) == Refused(Reason.OWN_ID)
    assert RULES.check_sender(activity("Follow", AL, id), BO, f"{BO}#main-key") == Refused(Reason.OWN_ID)
    assert RULES.first_handle(actor(id)) == Refused(Reason.OWN_ID)


def test_a_document_must_have_the_id_it_was_fetched_by() -> None:
    id = f"{BO}/statuses/1"
    assert RULES.check_document(read_post(note()), arrived(id)) == Believed()
    assert RULES.check_document(read_post(note()), arrived("https://b.example/@bo/1")) == Fetch(id)
    assert RULES.check_document(read_post(note()), arrived("https://c.example/copy.json")) == Fetch(id)
    assert RULES.check_document(read_post(note()), arrived("https://c.example/copy.json", again=True)) == Refused(Reason.WRONG_ID)
    assert RULES.check_document(actor(), arrived(f"{BO}/main-key")) == Fetch(BO)
    assert RULES.check_document(Reference(id), arrived(id)) == Believed()


@pytest.mark.parametrize("status", [201, 204, 206, 301, 304, 401, 404, 410, 500])
def test_only_a_successful_response_is_a_document(status: int) -> None:
    assert RULES.check_document(read_post(note()), arrived(f"{BO}/statuses/1", status)) == Refused(Reason.WRONG_STATUS)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/json",
        "text/html",
        "text/plain",
        "application/ld+json",
        'application/ld+json; profile="https://www.w3.org/ns/activitystreams-other"',
        'application/ld+json; x="profile=https://www.w3.org/ns/activitystreams"',
        'application/json; profile="https://www.w3.org/ns/activitystreams"',
        "text/html, application/activity+json",
        "application/activity+json, text/html",
        "application/activity+jsonx",
        "x application/activity+json",
        "image/png; application/activity+json",
        "application/octet-stream",
    ],
)
def test_json_served_as_text_is_no_activity(content_type: str) -> None:
    assert RULES.check_document(read_post(note()), arrived(f"{BO}/statuses/1", 200, content_type)) == Refused(Reason.WRONG_TYPE)


@pytest.mark.parametrize(
    "content_type",
    [
        JSON,
        "Application/Activity+JSON; charset=utf-8",
        'application/ld+json; profile="https://www.w3.org/ns/activitystreams"',
        'application/ld+json;charset=utf-8;profile="https://w3id.org/security/v1 https://www.w3.org/ns/activitystreams"',
    ],
)
def test_both_types_of_activitypub_are_taken(content_type: str) -> None:
    assert RULES.check_document(read_post(note()), arrived(f"{BO}/statuses/1", 200, content_type)) == Believed()


@given(texts)
def test_no_content_type_crashes_the_parser(content_type: str) -> None:
    assert not is_activity_json(content_type) or content_type.lower().lstrip().startswith("application/")


def test_our_uploads_are_never_activities() -> None:
    served = {value for value in vars(file_types).values() if isinstance(value, str)}
    served |= {item for value in vars(file_types).values() if isinstance(value, dict) for item in value.values() if isinstance(item, str)}
    assert not any(is_activity_json(each) for each in served)
    assert RULES.check_document(actor("https://a.example/media/1.webp"), arrived("https://a.example/media/1.webp")) == Refused(
        Reason.OWN_ID
    )


def test_a_document_that_speaks_for_another_host_is_refused() -> None:
    for author in (CY, AL, "x:y", "https://sub.b.example/users/bo"):
        assert RULES.check_document(read_post(note(author=author)), arrived(f"{BO}/statuses/1")) == Refused(Reason.WRONG_HOST)
    assert RULES.check_document(actor(inbox="https://c.example/inbox"), arrived(BO)) == Refused(Reason.WRONG_HOST)
    like = activity("Like", AL, CY, id=f"{BO}#likes/1")
    assert RULES.check_document(like, arrived(f"{BO}#likes/1")) == Refused(Reason.WRONG_HOST)
    stamp = QuoteAuthorization(f"{BO}/stamps/1", CY, f"{AL}/statuses/1", f"{CY}/1")
    assert RULES.check_document(stamp, arrived(stamp.id)) == Refused(Reason.WRONG_HOST)


def test_an_author_elsewhere_on_the_host_may_have_any_page() -> None:
    post = read_post(note(url="https://www.threads.example/@bo/1"))
    assert RULES.check_document(post, arrived(post.id)) == Believed()


def test_redirects_leave_the_host_only_while_no_id_is_known() -> None:
    assert RULES.check_redirect("https://b.example/@bo", BO, id_is_known=True) is None
    assert RULES.check_redirect("https://b.example/@bo", CY, id_is_known=False) is None
    assert RULES.check_redirect("https://b.example/@bo", CY, id_is_known=True) is Reason.WRONG_HOST
    assert RULES.check_redirect("https://b.example/@bo", "http://b.example/users/bo", id_is_known=True) is Reason.INVALID_ID


@pytest.mark.parametrize(
    "target",
    ["https://127.0.0.1/", "https://[::1]/", "https://2130706433/", "https://0x7f.1/", "https://localhost/", "https://10.0.0.1:443/"],
)
def test_no_private_address_by_any_path(target: str) -> None:
    assert RULES.check_id(target) is Reason.INVALID_ID
    assert RULES.check_redirect(BO, target, id_is_known=False) is Reason.INVALID_ID
    assert RULES.check_embedded(read_post(note(target)), BO) == Refused(Reason.INVALID_ID)


def test_update_delete_undo_only_by_the_owner() -> None:
    assert is_owner(BO, BO)
    assert not is_owner(CY, BO)
    assert not is_owner("https://b.example/users/eve", BO)
    assert not is_owner(BO, None)
    assert not is_owner("", "")


def test_a_boost_or_update_by_somebody_else_changes_no_audience() -> None:
    widened = note(to=["as:Public"])
    for type in ("Announce", "Update"):
        embedded = activity(type, widened, CY).object
        assert RULES.check_embedded(embedded, CY) == Fetch(widened["id"])
    ours = note(f"{AL}/statuses/1", AL, to=["as:Public"])
    assert RULES.check_embedded(activity("Announce", ours, CY).object, CY) == Local(f"{AL}/statuses/1")


def test_only_the_author_boosts_a_followers_only_post() -> None:
    boosts = {visibility: (may_boost(visibility, is_author=True), may_boost(visibility, is_author=False)) for visibility in Visibility}
    assert boosts == {
        Visibility.PUBLIC: (True, True),
        Visibility.UNLISTED: (True, True),
        Visibility.PRIVATE: (True, False),
        Visibility.DIRECT: (False, False),
    }


@pytest.mark.parametrize("rules", [SUSPENDING, ALLOWING], ids=["suspended", "not on the allow-list"])
def test_nothing_of_a_forbidden_host_comes_in_by_any_path(rules: TrustRules) -> None:
    refused = Refused(Reason.FORBIDDEN_HOST)
    for sub in ("b.example", "x.B.example."):
        bo = f"https://{sub}/users/bo"
        assert rules.check_sender(activity("Create", note(), bo), bo, f"{bo}#main-key") == refused
        assert rules.check_sender(activity("Create", note(f"{bo}/1", bo), bo), CY, f"{CY}#main-key") == refused
        for type in ("Announce", "Create", "Update", "Add"):
            assert rules.check_embedded(activity(type, note(f"{bo}/1", bo), CY).object, CY) == refused
        assert rules.check_embedded(Reference(f"{bo}/1"), CY) == refused
        assert rules.check_document(read_post(note(f"{bo}/1", bo)), arrived(f"{bo}/1")) == refused
        assert rules.check_document(read_post(note(f"{bo}/1", bo)), arrived(f"{CY}/1")) == refused
        assert rules.check_redirect(CY, bo, id_is_known=False) is Reason.FORBIDDEN_HOST
        assert rules.first_handle(actor(bo)) == refused
        assert rules.first_handle(read_actor({"id": CY, "type": "Person", "webfinger": f"bo@{sub}", "inbox": f"{CY}/inbox"})) == refused
    assert rules.check_id(CY) is None


def test_a_suspended_account_changes_and_takes_back_but_says_nothing_new() -> None:
    taken = {kind for kind in ActivityKind if is_from_suspended_processed(kind)}
    assert taken == {ActivityKind.UPDATE, ActivityKind.DELETE, ActivityKind.UNDO, ActivityKind.REJECT}


def test_an_id_on_another_host_than_the_actor_counts_as_none() -> None:
    assert RULES.own_id(activity("Like", AL)) == f"{BO}#1"
    assert RULES.own_id(activity("Like", AL, id=f"{CY}#1")) is None
    assert RULES.own_id(activity("Like", AL, id=None)) is None


def test_linked_data_is_read_as_plain_json() -> None:
    for wrapped in ({"@graph": [note()]}, {"@included": [note()]}, {"@reverse": {"object": note()}}):
        with pytest.raises(InvalidDocument):
            read_activity({"@context": "https://www.w3.org/ns/activitystreams", **wrapped})


def test_a_quote_needs_a_stamp_that_names_both_posts_and_the_author() -> None:
    quoted, quoting = read_post(note()), f"{CY}/statuses/2"
    stamp = QuoteAuthorization(f"{BO}/stamps/1", BO, quoting, quoted.id)
    assert RULES.authorizes_quote(stamp, quoting, quoted)
    for id, author, by, of in (
        (f"{CY}/stamps/1", BO, quoting, quoted.id),
        (f"{BO}/stamps/1", CY, quoting, quoted.id),
        (f"{BO}/stamps/1", "https://b.example/users/eve", quoting, quoted.id),
        (f"{BO}/stamps/1", BO, f"{CY}/statuses/3", quoted.id),
        (f"{BO}/stamps/1", BO, quoting, f"{BO}/statuses/9"),
    ):
        assert not RULES.authorizes_quote(QuoteAuthorization(id, author, by, of), quoting, quoted)


def test_a_handle_needs_webfinger_that_loops_back() -> None:
    bo = actor()
    asked = RULES.first_handle(bo)
    assert asked == Handle("bo", "b.example")
    assert RULES.check_handle(bo, asked, WebFingerResult("bo@b.example", BO)) == asked
    assert RULES.check_handle(bo, asked, WebFingerResult("Bo@B.EXAMPLE.", "https://B.example/users/bo")) == asked
    for subject, self_link in (
        ("bo@b.example", CY),
        ("bo@b.example", "https://b.example/users/eve"),
        ("eve@b.example", BO),
        ("b.example", BO),
        ("bo@", BO),
        ("bo@127.0.0.1", BO),
        ("bo@localhost", BO),
        ("bo@b.example:8443", BO),
        ("https://b.example/@bo", BO),
    ):
        assert RULES.check_handle(bo, asked, WebFingerResult(subject, self_link)) == Refused(Reason.WRONG_HANDLE)
    assert RULES.check_handle(bo, asked, WebFingerResult("bo@a.example", BO)) == Refused(Reason.OWN_ID)


def test_a_handle_on_the_short_domain_must_be_confirmed_there() -> None:
    bo = actor("https://social.b.example/users/bo")
    asked = RULES.first_handle(bo)
    assert asked == Handle("bo", "social.b.example")
    short = RULES.check_handle(bo, asked, WebFingerResult("bo@b.example", bo.id))
    assert short == Handle("bo", "b.example")
    assert RULES.check_handle(bo, short, WebFingerResult("bo@b.example", bo.id)) == short
    for answer in (
        WebFingerResult("bo@b.example", BO),
        WebFingerResult("bo@social.b.example", bo.id),
        WebFingerResult("bo@c.example", bo.id),
    ):
        assert RULES.check_handle(bo, short, answer) == Refused(Reason.WRONG_HANDLE)


def test_an_actor_may_name_its_own_handle_which_is_asked_for() -> None:
    bo = read_actor(
        {"id": "https://social.b.example/ap/users/1", "type": "Person", "webfinger": "bo@b.example", "inbox": "https://social.b.example/i"}
    )
    asked = RULES.first_handle(bo)
    assert asked == Handle("bo", "b.example")
    assert RULES.check_handle(bo, asked, WebFingerResult("bo@b.example", bo.id)) == asked
    assert RULES.check_handle(bo, asked, WebFingerResult("bo@c.example", bo.id)) == Refused(Reason.WRONG_HANDLE)


def test_a_username_that_no_handle_has_is_refused() -> None:
    for name in ("b o", "bo@c.example", "<b>", "x" * 256):
        assert RULES.first_handle(actor(preferredUsername=name)) == Refused(Reason.WRONG_HANDLE)


def test_pages_of_a_collection_are_on_one_host_and_end() -> None:
    def page(next: str) -> Any:
        return read_collection({"id": f"{BO}/followers", "type": "CollectionPage", "next": next})

    url = f"{BO}/followers?page=1"
    assert RULES.next_page(page(f"{BO}/followers?page=2"), url, []) == f"{BO}/followers?page=2"
    assert RULES.next_page(page(f"{CY}/followers?page=2"), url, []) is None
    assert RULES.next_page(page(url), url, []) is None
    assert RULES.next_page(page(f"{BO}/followers?page=0"), url, [f"{BO}/followers?page=0"]) is None
    assert RULES.next_page(page(f"{BO}/followers?page=11"), url, [f"{BO}/{number}" for number in range(8)]) is not None
    assert RULES.next_page(page(f"{BO}/followers?page=12"), url, [f"{BO}/{number}" for number in range(9)]) is None


def test_hosts_of_tests_may_speak_http_on_a_port() -> None:
    bo = "http://127.0.0.1:3000/users/bo"
    rules = TrustRules("127.0.0.1:8080", exempt=frozenset({"127.0.0.1:3000"}))
    assert rules.check_sender(activity("Follow", "http://127.0.0.1:8080/users/al", bo), bo, f"{bo}#main-key") == Believed()
    assert rules.check_document(actor(bo), arrived(bo)) == Believed()
    assert rules.first_handle(actor(bo)) == Handle("bo", "127.0.0.1:3000")
    assert rules.check_id("http://127.0.0.1:8080/users/al") is Reason.OWN_ID
    assert rules.check_id("http://127.0.0.1:3001/users/al") is Reason.INVALID_ID


uris = st.builds(
    lambda scheme, host, path: f"{scheme}{host}{path}",
    st.sampled_from(["https://", "http://", "HTTPS://", "//", ""]),
    st.sampled_from(
        [
            "a.example",
            "A.example.",
            "b.example",
            "b.example:443",
            "b.example@a.example",
            "a.example\\@b.example",
            "c.b.example",
            "b.example#a.example",
        ]
    ),
    st.sampled_from(["/users/bo", "/users/bo/1", "", "?x", "#y", "/../users/al"]),
)


@given(uris, uris, uris, uris)
def test_whatever_is_believed_was_said_by_its_own_host(id: str, author: str, sender: str, url: str) -> None:
    post = RemotePost(id, "Note", author, NOBODY)
    if RULES.check_embedded(post, sender) == Believed():
        assert author == sender
        assert host_of(id) == host_of(sender) != "a.example"
    if RULES.check_document(post, arrived(url)) == Believed():
        assert host_of(id) == host_of(author) == host_of(url) != "a.example"
        assert same_uri(id, url)
