"""Polls and scheduled posts in the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from microblog.storage.database import execute
from tests import files
from tests.fakes import result_of
from tests.web.api.client import Client, anonymous_client, app_client, client, ids, links
from tests.web.http_client import HttpResponse
from tests.web.visitor import SiteFixture

POLL = {"options": ["Tea", "Coffee"], "expires_in": 600}


def post_poll(api_client: Client, **poll: object) -> HttpResponse:
    return api_client.post("/v1/statuses", status="What would you like?", poll={**POLL, **poll})


def advance(site: SiteFixture, **delta: float) -> None:
    """Move the polls' ends into the past."""
    site.cursor.execute("update polls set expires_at = expires_at - %s", [timedelta(**delta)])


def test_a_poll_is_created_and_voted_in(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    poll = post_poll(ada).json["poll"]
    assert poll["options"] == [{"title": "Tea", "votes_count": 0}, {"title": "Coffee", "votes_count": 0}]
    assert (poll["voted"], poll["own_votes"], poll["expired"], poll["multiple"]) == (True, [], False, False)
    seen = bob.get(f"/v1/polls/{poll['id']}").json
    assert (seen["voted"], seen["own_votes"]) == (False, [])
    voted = bob.post(f"/v1/polls/{poll['id']}/votes", choices=[1])
    assert voted.status == 200
    assert (voted.json["voted"], voted.json["own_votes"], voted.json["votes_count"], voted.json["voters_count"]) == (True, [1], 1, 1)
    assert voted.json["options"] == [{"title": "Tea", "votes_count": 0}, {"title": "Coffee", "votes_count": 1}]
    public = anonymous_client(site).get(f"/v1/polls/{poll['id']}").json
    assert (public["votes_count"], "voted" in public) == (1, False)
    [status] = bob.get("/v1/timelines/public").json
    assert status["poll"] == voted.json
    assert ada.get("/v1/timelines/public").json[0]["poll"]["votes_count"] == 1


def test_a_multiple_choice_voter_can_add_a_choice(site: SiteFixture) -> None:
    bob = client(site, "bob")
    votes = f"/v1/polls/{post_poll(client(site, 'ada'), multiple=True).json['poll']['id']}/votes"
    bob.post(votes, choices=[1])
    added = bob.post(votes, choices=[0])
    assert (added.status, added.json["own_votes"], added.json["votes_count"], added.json["voters_count"]) == (200, [0, 1], 2, 1)


def test_invalid_votes_get_the_errors_of_mastodon(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    votes = f"/v1/polls/{post_poll(ada).json['poll']['id']}/votes"
    for api_client, choices, why in [
        (bob, [0, 1], "You have already voted on this poll"),
        (bob, [2], "The chosen vote option does not exist"),
        (bob, ["x"], "The chosen vote option does not exist"),
        (ada, [0], "You cannot vote in your own polls"),
    ]:
        refused = api_client.post(votes, choices=choices)
        assert (refused.status, refused.json["error"]) == (422, f"Validation failed: {why}")
    assert bob.post(votes, choices=["0"]).status == 200
    assert bob.post(votes, choices=["0"]).json["error"] == "Validation failed: You have already voted on this poll"


def test_hidden_totals_are_shown_at_the_end(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    status = post_poll(ada, hide_totals=True).json
    poll = status["poll"]["id"]
    assert [option["votes_count"] for option in bob.post(f"/v1/polls/{poll}/votes", choices=[0]).json["options"]] == [None, None]
    bob.get(f"/v1/statuses/{status['id']}")
    advance(site, days=36500)
    ended = bob.get(f"/v1/statuses/{status['id']}").json["poll"]
    assert (ended["expired"], [option["votes_count"] for option in ended["options"]]) == (True, [1, 0])
    late = client(site, "cleo").post(f"/v1/polls/{poll}/votes", choices=[0])
    assert late.json["error"] == "Validation failed: The poll has already ended"


def test_a_boost_shows_the_same_poll(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    status = post_poll(ada, multiple=True).json
    bob.post(f"/v1/polls/{status['poll']['id']}/votes", choices=[0, 1])
    boost = bob.post(f"/v1/statuses/{status['id']}/reblog").json
    assert boost["poll"] == boost["reblog"]["poll"]
    assert boost["poll"]["own_votes"] == [0, 1]


def test_the_poll_of_a_hidden_post_is_404(site: SiteFixture) -> None:
    poll = client(site, "ada").post("/v1/statuses", status="Secret?", visibility="private", poll=POLL).json["poll"]["id"]
    for api_client in (client(site, "bob"), anonymous_client(site)):
        assert api_client.get(f"/v1/polls/{poll}").status == 404
    assert client(site, "cleo").post(f"/v1/polls/{poll}/votes", choices=[0]).status == 404
    assert app_client(site).post(f"/v1/polls/{poll}/votes", choices=[0]).status == 422


@pytest.mark.parametrize(
    "poll", [{"options": ["One"]}, {"options": list("abcde")}, {"expires_in": 1}, {"expires_in": ""}, {"expires_in": "soon"}]
)
def test_an_invalid_poll_is_422(site: SiteFixture, poll: dict[str, object]) -> None:
    assert post_poll(client(site, "ada"), **poll).status == 422


def test_a_poll_may_be_json_and_null_means_no_poll(site: SiteFixture) -> None:
    ada = client(site, "ada")
    post = ada.request("POST", "/v1/statuses", json={"status": "Which?", "poll": {**POLL, "multiple": True}}).json
    assert post["poll"]["multiple"] is True
    assert ada.request("POST", "/v1/statuses", json={"status": "None", "poll": None}).json["poll"] is None


def test_an_edit_replaces_the_poll(site: SiteFixture) -> None:
    ada = client(site, "ada")
    status = post_poll(ada).json
    edited = ada.put(f"/v1/statuses/{status['id']}", status="Which?", poll={"options": ["a", "b"], "expires_in": 900})
    assert [option["title"] for option in edited.json["poll"]["options"]] == ["a", "b"]
    history = ada.get(f"/v1/statuses/{status['id']}/history").json
    assert [edition["poll"]["options"][0]["title"] for edition in history] == ["Tea", "a"]
    assert ada.put(f"/v1/statuses/{status['id']}", status="Nothing").json["poll"] is None


def test_the_end_of_a_poll_notifies_author_and_voters(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    poll = post_poll(ada).json["poll"]["id"]
    bob.post(f"/v1/polls/{poll}/votes", choices=[0])
    advance(site, days=36500)
    result_of(site.domain.polls.end(int(poll)))  # type: ignore[arg-type]  # an id
    for api_client in (ada, bob):
        [notification] = api_client.get("/v1/notifications", types=["poll"]).json
        assert notification["status"]["poll"]["id"] == poll


# --- scheduled posts


def in_time(**delta: float) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


def test_a_post_can_be_scheduled(site: SiteFixture) -> None:
    ada = client(site, "ada")
    media = ada.upload("POST", "/v2/media", {"file": files.image()}).json
    response = ada.post(
        "/v1/statuses", status="Later", media_ids=[media["id"]], visibility="unlisted", sensitive=True, scheduled_at=in_time(hours=1)
    )
    assert response.status == 200
    scheduled = response.json
    assert (scheduled["params"]["text"], scheduled["params"]["visibility"], scheduled["params"]["sensitive"]) == ("Later", "unlisted", True)
    assert (scheduled["params"]["media_ids"], scheduled["media_attachments"]) == ([media["id"]], [media])
    assert ada.get("/v1/timelines/home").json == []
    assert ada.get(f"/v1/scheduled_statuses/{scheduled['id']}").json == scheduled
    assert ids(ada.get("/v1/scheduled_statuses")) == [scheduled["id"]]
    moved = ada.put(f"/v1/scheduled_statuses/{scheduled['id']}", scheduled_at=in_time(hours=2)).json
    assert moved["scheduled_at"] > scheduled["scheduled_at"]
    assert ada.put(f"/v1/scheduled_statuses/{scheduled['id']}").json == moved
    assert ada.delete(f"/v1/scheduled_statuses/{scheduled['id']}").json == {}
    assert ada.get(f"/v1/scheduled_statuses/{scheduled['id']}").status == 404


def test_a_poll_can_be_scheduled(site: SiteFixture) -> None:
    scheduled = client(site, "ada").post("/v1/statuses", status="Later?", poll=POLL, scheduled_at=in_time(hours=1)).json
    assert scheduled["params"]["poll"] == {"options": ["Tea", "Coffee"], "expires_in": 600, "multiple": False, "hide_totals": False}


def test_a_reply_can_be_scheduled_and_has_a_numeric_parent_id(site: SiteFixture) -> None:
    ada = client(site, "ada")
    post = ada.post("/v1/statuses", status="First").json["id"]
    scheduled = ada.post("/v1/statuses", status="Second", in_reply_to_id=post, scheduled_at=in_time(hours=1)).json
    assert scheduled["params"]["in_reply_to_id"] == int(post)
    assert ada.get(f"/v1/scheduled_statuses/{scheduled['id']}").json == scheduled


def test_a_scheduled_post_of_another_release_does_not_hide_the_others(site: SiteFixture) -> None:
    ada = client(site, "ada")
    sound, odd = [ada.post("/v1/statuses", status=text, scheduled_at=in_time(hours=1)).json for text in ("Sound", "Odd")]
    execute(site.cursor, """update scheduled_posts set draft = '{"body": "Odd"}' where id = %(id)s""", {"id": odd["id"]})
    shown, notification = ada.get("/v1/scheduled_statuses").json
    assert (shown["id"], shown["params"]["text"], shown["params"]["visibility"]) == (odd["id"], "", "direct")
    assert notification == sound
    assert ada.delete(f"/v1/scheduled_statuses/{odd['id']}").json == {}
    assert ids(ada.get("/v1/scheduled_statuses")) == [sound["id"]]


def test_the_same_idempotency_key_gives_the_same_scheduled_post(site: SiteFixture) -> None:
    ada = client(site, "ada")
    form = {"status": "Once", "scheduled_at": in_time(hours=1)}
    first, second = [ada.request("POST", "/v1/statuses", form=form, headers={"Idempotency-Key": "k"}).json for _ in range(2)]
    assert first == second


def test_a_time_in_the_past_publishes_at_once(site: SiteFixture) -> None:
    ada = client(site, "ada")
    for moment in ("", in_time(hours=-1), "2020-01-01T00:00:00Z", "2020-01-01"):
        assert ada.post("/v1/statuses", status="Now", scheduled_at=moment).json["content"] == "<p>Now</p>"


@pytest.mark.parametrize(
    ("moment", "sentence"),
    [
        ("soon", "Record invalid"),
        ("9999-12-31T23:59:59-14:00", "Record invalid"),
        (None, "Validation failed: Scheduled at date must be in the future"),
    ],
)
def test_invalid_times_are_rejected(site: SiteFixture, moment: str | None, sentence: str) -> None:
    refused = client(site, "ada").post("/v1/statuses", status="When?", scheduled_at=moment or in_time(minutes=4))
    assert (refused.status, refused.json["error"]) == (422, sentence)


def test_scheduled_posts_are_paged_and_private(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    created = [ada.post("/v1/statuses", status=f"{n}", scheduled_at=in_time(hours=1 + n)).json["id"] for n in range(3)]
    page = ada.get("/v1/scheduled_statuses", limit=2)
    assert ids(page) == created[:0:-1]
    assert ids(ada.follow(links(page)["next"])) == created[:1]
    assert bob.get("/v1/scheduled_statuses").json == []
    for send in (bob.get, bob.put, bob.delete):
        assert send(f"/v1/scheduled_statuses/{created[0]}").status == 404


def test_a_vote_without_choices_lacks_a_parameter(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    votes = f"/v1/polls/{post_poll(ada).json['poll']['id']}/votes"
    for refused in (bob.post(votes), bob.post(votes, choices=[]), bob.request("POST", votes, json={"choices": []})):
        assert (refused.status, refused.json) == (400, {"error": "param is missing or the value is empty: choices"})
