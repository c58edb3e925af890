"""Filters in the API, versions 2 and 1."""

from __future__ import annotations

from tests import files, make
from tests.web.api.client import Client, client, ids
from tests.web.visitor import SiteFixture


def friends(site: SiteFixture) -> tuple[Client, Client]:
    """Return clients of two accounts, of which the first follows the second."""
    ada, bob = client(site, "ada"), client(site, "bob")
    assert ada.viewer
    assert bob.viewer
    make.follow(site.cursor, ada.viewer, bob.viewer)
    return ada, bob


def test_a_filter_is_created_read_changed_and_deleted(site: SiteFixture) -> None:
    ada, bob = friends(site)
    body = {
        "title": "Sports",
        "context": ["home", "public"],
        "filter_action": "warn",
        "expires_in": 3600,
        "keywords_attributes": [{"keyword": "football", "whole_word": True}, {"keyword": "ball", "whole_word": False}],
    }
    created = ada.request("POST", "/v2/filters", json=body).json
    assert (created["title"], created["context"], created["filter_action"]) == ("Sports", ["home", "public"], "warn")
    assert created["expires_at"]
    assert [(filter_draft["keyword"], filter_draft["whole_word"]) for filter_draft in created["keywords"]] == [
        ("football", True),
        ("ball", False),
    ]
    path = f"/v2/filters/{created['id']}"
    assert ada.get(path).json == created
    assert bob.get(path).status == 404
    change = {"expires_in": "", "keywords_attributes": [{"id": created["keywords"][1]["id"], "_destroy": True}]}
    changed = ada.request("PUT", path, json=change).json
    assert changed == {**created, "expires_at": None, "keywords": created["keywords"][:1]}
    assert ada.get("/v2/filters").json == [changed]
    assert (ada.delete(path).json, ada.get("/v2/filters").json) == ({}, [])
    refused = ada.post("/v2/filters", title="Nowhere")
    assert (refused.status, refused.json["error"]) == (422, "Validation failed: Context None or invalid context supplied")


def test_keywords_and_posts_of_a_filter_are_managed_individually(site: SiteFixture) -> None:
    ada, bob = friends(site)
    path = f"/v2/filters/{ada.post('/v2/filters', title='Sports', context=['home']).json['id']}"
    filter_draft = ada.post(f"{path}/keywords", keyword="golf").json
    assert filter_draft == {"id": filter_draft["id"], "keyword": "golf", "whole_word": True}
    changed = ada.put(f"/v2/filters/keywords/{filter_draft['id']}", keyword="tennis", whole_word=False).json
    assert changed == {"id": filter_draft["id"], "keyword": "tennis", "whole_word": False}
    assert ada.get(f"/v2/filters/keywords/{filter_draft['id']}").json == changed
    assert ada.get(f"{path}/keywords").json == [changed]
    assert ada.delete(f"/v2/filters/keywords/{filter_draft['id']}").json == {}
    assert ada.get(f"{path}/keywords").json == []
    assert bob.viewer
    post = make.post(site.cursor, bob.viewer, "Hello")
    chosen = ada.post(f"{path}/statuses", status_id=str(post.id)).json
    assert chosen == {"id": chosen["id"], "status_id": str(post.id)}
    assert ada.get(f"/v2/filters/statuses/{chosen['id']}").json == chosen
    assert ada.get(f"{path}/statuses").json == [chosen]
    assert ada.get(f"/v1/statuses/{post.id}").json["filtered"][0]["status_matches"] == [str(post.id)]
    assert ada.delete(f"/v2/filters/statuses/{chosen['id']}").json == {}
    assert ada.get(f"{path}/statuses").json == []


def test_posts_list_the_filters_that_match(site: SiteFixture) -> None:
    ada, bob = friends(site)
    assert bob.viewer
    post = make.post(site.cursor, bob.viewer, "Football tonight")
    boost = make.boost(site.cursor, bob.viewer, post)
    created = ada.request(
        "POST", "/v2/filters", json={"title": "Sports", "context": ["public"], "keywords_attributes": [{"keyword": "football"}]}
    ).json
    head = {key: created[key] for key in ("id", "title", "context", "expires_at", "filter_action")}
    result = [{"filter": head, "keyword_matches": ["football"], "status_matches": None}]
    assert ada.get(f"/v1/statuses/{post.id}").json["filtered"] == result
    wrapper = ada.get(f"/v1/statuses/{boost.id}").json
    assert (wrapper["filtered"], wrapper["reblog"]["filtered"]) == (result, result)
    assert bob.get(f"/v1/statuses/{post.id}").json["filtered"] == []


def test_posts_hidden_by_a_home_filter_are_not_on_home(site: SiteFixture) -> None:
    ada, bob = friends(site)
    assert bob.viewer
    for text in ("one", "football", "two"):
        make.post(site.cursor, bob.viewer, text)
    assert len(ids(ada.get("/v1/timelines/home"))) == 3
    hide = {"title": "Sports", "context": ["home"], "filter_action": "hide", "keywords_attributes": [{"keyword": "football"}]}
    ada.request("POST", "/v2/filters", json=hide)
    shown = ada.get("/v1/timelines/home", limit=2).json
    assert [status["content"] for status in shown] == ["<p>two</p>", "<p>one</p>"]
    assert len(ids(ada.get("/v1/timelines/public"))) == 3


def test_v1_clients_see_one_filter_per_keyword(site: SiteFixture) -> None:
    ada, _ = friends(site)
    response = ada.post("/v1/filters", phrase="golf", context=["home", "thread"], irreversible=True)
    old = response.json
    assert response.header("Deprecation")
    expected = {"phrase": "golf", "context": ["home", "thread"], "whole_word": True, "expires_at": None, "irreversible": True}
    assert old == {"id": old["id"], **expected}
    [new] = ada.get("/v2/filters").json
    assert (new["title"], new["filter_action"], new["keywords"][0]["id"]) == ("golf", "hide", old["id"])
    changed = ada.put(f"/v1/filters/{old['id']}", phrase="tennis", context=["home"], whole_word=False).json
    assert changed == {**old, "phrase": "tennis", "context": ["home"], "whole_word": False}
    ada.post(f"/v2/filters/{new['id']}/keywords", keyword="squash")
    refused = ada.put(f"/v1/filters/{old['id']}", phrase="tennis", context=["public"])
    assert refused.status == 422
    assert [each["phrase"] for each in ada.get("/v1/filters").json] == ["tennis", "squash"]
    assert ada.delete(f"/v1/filters/{old['id']}").json == {}
    assert ada.get(f"/v1/filters/{old['id']}").status == 404
    [left] = ada.get("/v1/filters").json
    ada.delete(f"/v1/filters/{left['id']}")
    assert ada.get("/v2/filters").json == []


def test_filters_match_alt_texts_and_poll_options_but_never_own_posts(site: SiteFixture) -> None:
    ada, bob = friends(site)
    for who in (ada, bob):
        hide = {"title": "Animals", "context": ["home", "notifications"], "keywords_attributes": [{"keyword": "giraffe"}]}
        assert who.request("POST", "/v2/filters", json=hide).status == 200
    picture = bob.upload("POST", "/v2/media", {"file": files.image()}, description="A giraffe!").json["id"]
    plain = bob.post("/v1/statuses", status="@ada look", media_ids=[picture]).json["id"]
    poll = bob.post("/v1/statuses", status="@ada which?", poll={"options": ["giraffe", "lion"], "expires_in": 600}).json["id"]
    boost = ada.post(f"/v1/statuses/{plain}/reblog").json["id"]
    for id in (plain, poll):
        assert [found["keyword_matches"] for found in ada.get(f"/v1/statuses/{id}").json["filtered"]] == [["giraffe"]]
        assert bob.get(f"/v1/statuses/{id}").json["filtered"] == []
    expected = {one["status"]["id"]: one["status"]["filtered"] for one in ada.get("/v1/notifications").json if one["type"] == "mention"}
    assert sorted(map(len, expected.values())) == [1, 1]
    assert ada.get(f"/v1/statuses/{boost}").json["filtered"] == []
    assert {status["id"]: len(status["filtered"]) for status in bob.get("/v1/timelines/home").json} == {plain: 0, poll: 0}


def test_whole_words_match_in_scripts_without_spaces(site: SiteFixture) -> None:
    ada, bob = friends(site)
    filter_draft = {"title": "f", "context": ["home"], "keywords_attributes": [{"keyword": "新宿"}]}
    ada.request("POST", "/v2/filters", json=filter_draft)
    post = bob.post("/v1/statuses", status="今日は新宿で会議").json["id"]
    assert ada.get(f"/v1/statuses/{post}").json["filtered"][0]["keyword_matches"] == ["新宿"]
