"""Media in the API: upload, description, attachment, download."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO

import pytest

from microblog.jobs import post_jobs
from microblog.storage import jobs
from tests import files, make
from tests.adapters.test_media_processing import needs_ffmpeg
from tests.fakes import result_of
from tests.web.api.client import Client, anonymous_client, client
from tests.web.http_client import HttpResponse, MemoryConnection, encode_request, request
from tests.web.visitor import SiteFixture


def upload(api_client: Client, file: BytesIO | None = None, path: str = "/v2/media", **fields: object) -> HttpResponse:
    return api_client.upload("POST", path, {"file": file or files.image()}, **fields)


def run_media_jobs(site: SiteFixture) -> None:
    """Run pending media jobs."""
    later = make.NOW.replace(year=make.NOW.year + 10)
    kinds = ["media.convert", "media.delete_unused"]
    for job in jobs.claim(site.cursor, kinds=kinds, worker="w", lease_until=later, now=later, limit=10):
        result_of(post_jobs.media_tasks(site.domain.attachments)[job.kind](job))  # type: ignore[arg-type]  # a coroutine, as every task


def fetch(site: SiteFixture, url: str, **headers: str) -> HttpResponse:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return request(site.server, "GET", url.removeprefix("http://site.test"), sent)


def test_an_image_is_uploaded_described_and_posted(site: SiteFixture) -> None:
    ada = client(site, "ada")
    uploaded = upload(ada, description="A flag", focus="0.5,-0.25")
    assert uploaded.status == 200
    media = uploaded.json
    assert (media["type"], media["description"], media["remote_url"]) == ("image", "A flag", None)
    assert media["meta"]["original"] == {"width": 64, "height": 48, "size": "64x48", "aspect": 64 / 48}
    assert media["meta"]["focus"] == {"x": 0.5, "y": -0.25}
    assert len(media["blurhash"]) == 36
    assert ada.get(f"/v1/media/{media['id']}").json == media
    changed = ada.put(f"/v1/media/{media['id']}", description="Two colours").json
    assert (changed["description"], changed["meta"]["focus"]) == ("Two colours", {"x": 0.5, "y": -0.25})
    status = ada.post("/v1/statuses", status="Look", media_ids=[media["id"]]).json
    assert status["media_attachments"] == [changed]
    assert ada.get(f"/v1/media/{media['id']}").status == 404
    assert ada.put(f"/v1/media/{media['id']}", description="Late").status == 404
    assert anonymous_client(site).get(f"/v1/statuses/{status['id']}").json["media_attachments"] == [changed]


def test_an_image_is_served_with_its_type_and_without_active_content(site: SiteFixture) -> None:
    media = upload(client(site, "ada")).json
    for url in (media["url"], media["preview_url"]):
        response = fetch(site, url)
        assert (response.status, response.header("Content-Type"), response.body[:3]) == (200, "image/jpeg", b"\xff\xd8\xff")
        assert response.header("X-Content-Type-Options") == "nosniff"
        assert response.header("Cache-Control") == "private, max-age=300"
        assert "sandbox" in (response.header("Content-Security-Policy") or "")
        assert "default-src 'none'" in (response.header("Content-Security-Policy") or "")
        assert response.header("Access-Control-Allow-Origin") == "*"
        assert response.header("Set-Cookie") is None


@pytest.mark.parametrize(
    "name", ["upload-1", "../secret_key", "..%2fsecret_key", "0" * 32, "0" * 32 + ".jpg", "0" * 32 + ".html", "0" * 32 + ".svg", "a/b.jpg"]
)
def test_other_media_paths_are_404(site: SiteFixture, name: str) -> None:
    assert fetch(site, f"/media/{name}").status == 404


def test_range_requests_are_supported(site: SiteFixture) -> None:
    url = upload(client(site, "ada")).json["url"]
    whole = fetch(site, url).body
    for value, begin, end in [("bytes=0-9", 0, 10), ("bytes=10-", 10, len(whole)), ("bytes=-5", len(whole) - 5, len(whole))]:
        response = fetch(site, url, Range=value)
        assert (response.status, response.body) == (206, whole[begin:end]), value
        assert response.header("Content-Range") == f"bytes {begin}-{end - 1}/{len(whole)}"
    for odd in ("bytes=", "bytes=5-2", f"bytes={len(whole)}-", "bytes=0-1,3-4", "lines=1-2", "bytes=a-b"):
        assert (fetch(site, url, Range=odd).status, fetch(site, url, Range=odd).body) == (200, whole), odd


def test_a_large_file_is_sent_piece_by_piece(site: SiteFixture) -> None:
    attachments = site.domain.attachments
    name = "0" * 32 + ".mp4"
    upload(client(site, "ada"))
    site.cursor.execute("update media set original = %s", [name])
    result_of(attachments.media_store.files.store(BytesIO(bytes(range(256)) * 4_000), name))
    response = fetch(site, f"/media/{name}")
    assert (response.status, response.header("Content-Length"), len(response.body)) == (200, "1024000", 1_024_000)
    assert response.body == bytes(range(256)) * 4_000
    part = fetch(site, f"/media/{name}", Range="bytes=256-600255")
    assert (part.status, len(part.body)) == (206, 600_000)
    head = request(site.server, "HEAD", f"/media/{name}")
    assert (head.status, head.header("Content-Length"), head.body) == (200, "1024000", b"")
    leaving = MemoryConnection(site.server)
    leaving.send(encode_request("GET", f"/media/{name}"))
    leaving.hang_up()


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "Validation failed: File content type is invalid, File is invalid"),
        (b"\xff\xd8\xff nothing", "File type of uploaded media could not be verified"),
    ],
)
def test_a_file_that_is_not_an_image_is_rejected(site: SiteFixture, sent: bytes, sentence: str) -> None:
    response = upload(client(site, "ada"), BytesIO(sent))
    assert (response.status, response.json["error"]) == (422, sentence)


def test_an_upload_without_a_file_is_rejected(site: SiteFixture) -> None:
    response = client(site, "ada").post("/v2/media", description="Nothing")
    assert (response.status, response.json["error"]) == (422, "Validation failed: File can't be blank")


@needs_ffmpeg
def test_a_video_error_is_reported_by_every_route_that_reads_it(site: SiteFixture) -> None:
    ada, sentence = client(site, "ada"), "1000fps videos are not supported (the maximum frame rate is 120)"
    uploaded = upload(ada, files.video_with_options("-r", "1000"))
    assert uploaded.status == 202
    id = uploaded.json["id"]
    run_media_jobs(site)
    for response in (
        ada.get(f"/v1/media/{id}"),
        ada.put(f"/v1/media/{id}", description="x"),
        ada.post("/v1/statuses", status="x", media_ids=[id]),
    ):
        assert (response.status, response.json["error"]) == (422, sentence)


@needs_ffmpeg
def test_the_cover_art_of_audio_is_its_preview_unless_a_thumbnail_was_sent(site: SiteFixture) -> None:
    ada = client(site, "ada")
    audio = upload(ada, files.audio_with_cover("tune.mp3")).json["id"]
    thumbnail = {"file": files.audio_with_cover("tune.mp3"), "thumbnail": files.image(size=(30, 20))}
    other = ada.upload("POST", "/v2/media", thumbnail).json["id"]
    run_media_jobs(site)
    attachment = ada.get(f"/v1/media/{audio}").json
    assert (attachment["type"], attachment["meta"]["small"]["size"]) == ("audio", "120x90")
    assert fetch(site, attachment["preview_url"]).header("Content-Type") == "image/jpeg"
    assert ada.get(f"/v1/media/{other}").json["meta"]["small"]["size"] == "30x20"
    page = site.visitor().get(f"/@ada/{ada.post('/v1/statuses', status='Listen', media_ids=[audio]).json['id']}").text
    assert attachment["preview_url"].removeprefix("http://site.test") in page


def test_a_long_description_is_rejected_and_not_truncated(site: SiteFixture) -> None:
    ada = client(site, "ada")
    assert upload(ada, description="x" * 1501).status == 422
    media = upload(ada, description="x" * 1500).json
    assert len(media["description"]) == 1500
    assert ada.put(f"/v1/media/{media['id']}", description="x" * 1501).status == 422


@pytest.mark.parametrize(
    ("focus", "status"), [("1,1", 200), ("5,-5", 200), ("", 200), ("left", 422), ("1", 422), ("nan,0", 422), ("1,2,3", 422)]
)
def test_a_focus_is_two_numbers(site: SiteFixture, focus: str, status: int) -> None:
    assert upload(client(site, "ada"), focus=focus).status == status


def test_other_users_uploads_are_404(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    media = upload(ada).json["id"]
    assert [bob.get(f"/v1/media/{media}").status, bob.put(f"/v1/media/{media}").status, bob.delete(f"/v1/media/{media}").status] == [
        404
    ] * 3
    refused = bob.post("/v1/statuses", status="Mine", media_ids=[media])
    assert (refused.status, refused.json["error"]) == (422, f"Media {media} not found or already attached to another post")


def test_an_upload_can_be_deleted_until_it_is_used(site: SiteFixture) -> None:
    ada = client(site, "ada")
    first, second = upload(ada).json["id"], upload(ada).json["id"]
    assert ada.delete(f"/v1/media/{first}").json == {}
    assert ada.delete(f"/v1/media/{first}").status == 404
    ada.post("/v1/statuses", status="Used", media_ids=[second])
    refused = ada.delete(f"/v1/media/{second}")
    assert (refused.status, refused.json["error"]) == (422, "Media attachment is currently used by a status")


def test_attachment_errors_are_those_of_mastodon(site: SiteFixture) -> None:
    ada = client(site, "ada")
    ids = [upload(ada).json["id"] for _ in range(5)]
    for media_ids, more, sentence in [
        (ids, {}, "Cannot attach more than 4 files"),
        (ids[:1], {"poll": {"options": ["a", "b"], "expires_in": 300}}, "Cannot attach more than 4 files"),
        (["abc"], {}, "Media abc not found or already attached to another post"),
        (["99"], {}, "Media 99 not found or already attached to another post"),
    ]:
        refused = ada.post("/v1/statuses", status="Look", media_ids=media_ids, **more)
        assert (refused.status, refused.json["error"]) == (422, sentence)
    assert ada.post("/v1/statuses", status="", media_ids=ids[:4]).status == 200
    assert ada.post("/v1/statuses", status="").json["error"] == "Validation failed: Text can't be blank"


def test_a_redraft_can_reuse_the_media(site: SiteFixture) -> None:
    ada = client(site, "ada")
    media = upload(ada).json["id"]
    status = ada.post("/v1/statuses", status="Almost", media_ids=[media]).json
    deleted = ada.delete(f"/v1/statuses/{status['id']}").json
    assert (deleted["text"], [one["id"] for one in deleted["media_attachments"]]) == ("Almost", [media])
    again = ada.post("/v1/statuses", status="Right", media_ids=[media]).json
    ada.request("DELETE", f"/v1/statuses/{again['id']}", {"delete_media": True})
    assert ada.get(f"/v1/media/{media}").status == 404


def test_an_edit_selects_media_and_changes_their_descriptions(site: SiteFixture) -> None:
    ada = client(site, "ada")
    one, two = upload(ada, description="One").json["id"], upload(ada).json["id"]
    status = ada.post("/v1/statuses", status="Look", media_ids=[one, two]).json
    json = {"status": "Look", "media_ids": [two, one], "media_attributes": [{"id": one, "description": "First", "focus": "0.1,0.2"}]}
    edited = ada.request("PUT", f"/v1/statuses/{status['id']}", json=json).json
    assert [(media["id"], media["description"]) for media in edited["media_attachments"]] == [(two, None), (one, "First")]
    history = ada.get(f"/v1/statuses/{status['id']}/history").json
    assert [[media["description"] for media in edition["media_attachments"]] for edition in history] == [["One", None], [None, "First"]]
    without = ada.put(f"/v1/statuses/{status['id']}", status="Look").json
    assert without["media_attachments"] == []


def test_timelines_can_be_media_only(site: SiteFixture) -> None:
    ada = client(site, "ada")
    ada.post("/v1/statuses", status="Words #tag")
    shown = ada.post("/v1/statuses", status="Pictures #tag", media_ids=[upload(ada).json["id"]]).json["id"]
    hidden = ada.post("/v1/statuses", status="Secret #tag", visibility="private", media_ids=[upload(ada).json["id"]]).json["id"]
    for path in ("/v1/timelines/public", "/v1/timelines/tag/tag", f"/v1/accounts/{ada.id}/statuses"):
        found = [status["id"] for status in anonymous_client(site).get(path, only_media=True).json]
        assert found == [shown], path
        assert hidden not in found
        assert len(anonymous_client(site).get(path).json) == 2, path
    page = anonymous_client(site).get("/v1/timelines/public", only_media=True, min_id="0", limit=1)
    assert [status["id"] for status in page.json] == [shown]
    assert "only_media=true" in (page.header("Link") or "")


def test_a_thumbnail_can_be_uploaded(site: SiteFixture) -> None:
    ada = client(site, "ada")
    pieces = {"file": files.image(), "thumbnail": files.image("PNG", (10, 20))}
    media = ada.upload("POST", "/v2/media", pieces).json
    assert media["meta"]["small"]["size"] == "10x20"
    again = ada.upload("PUT", f"/v1/media/{media['id']}", {"thumbnail": files.image("PNG", (30, 20))}).json
    assert again["meta"]["small"]["size"] == "30x20"
    assert again["preview_url"] != media["preview_url"]
    assert ada.upload("PUT", f"/v1/media/{media['id']}", {"thumbnail": BytesIO(b"<svg/>")}).status == 422


def data_uri(file: BytesIO) -> str:
    return "data:image/png;base64," + b64encode(file.getvalue()).decode()


def test_files_and_thumbnails_may_be_data_uris(site: SiteFixture) -> None:
    ada = client(site, "ada")
    large = files.image("PNG", (400, 400), compress_level=0)
    json = {"file": data_uri(large), "thumbnail": data_uri(files.image("PNG", (10, 20)))}
    uploaded = ada.request("POST", "/v2/media", json=json)
    assert (uploaded.status, uploaded.json["meta"]["small"]["size"]) == (200, "10x20")
    path = f"/v1/media/{uploaded.json['id']}"
    assert ada.put(path, thumbnail=data_uri(files.image("PNG", (30, 20)))).json["meta"]["small"]["size"] == "30x20"
    assert ada.put(path, thumbnail="no picture").status == 422
    assert ada.put(path, thumbnail="data:image/png;base64,aGVsbG8=").status == 422
    assert ada.get(path).json["meta"]["small"]["size"] == "30x20"


def test_an_edit_can_replace_thumbnails(site: SiteFixture) -> None:
    ada = client(site, "ada")
    one, two = upload(ada).json, upload(ada).json
    status = ada.post("/v1/statuses", status="Look", media_ids=[one["id"], two["id"]]).json
    path, keep = f"/v1/statuses/{status['id']}", {"status": "Look", "media_ids": [one["id"], two["id"]]}
    pieces = [{"id": one["id"], "thumbnail": data_uri(files.image("PNG", (10, 20)))}]
    edited = ada.request("PUT", path, json=keep | {"media_attributes": pieces}).json
    assert [media["meta"]["small"]["size"] for media in edited["media_attachments"]] == ["10x20", "64x48"]
    assert edited["edited_at"] is not None
    names = {"media_attributes[][id]": two["id"], "media_attributes[][focus]": "0.5,0.5"}
    again = ada.upload("PUT", path, {"media_attributes[][thumbnail]": files.image("PNG", (30, 20))}, **keep, **names).json
    assert [media["meta"]["small"]["size"] for media in again["media_attachments"]] == ["10x20", "30x20"]
    assert again["media_attachments"][1]["meta"]["focus"] == {"x": 0.5, "y": 0.5}
    run_media_jobs(site)
    assert fetch(site, one["preview_url"]).status == 404, "the previous preview is deleted"
    assert [fetch(site, media["preview_url"]).status for media in again["media_attachments"]] == [200, 200]
    assert ada.get(path).json["media_attachments"] == again["media_attachments"]


def test_thumbnails_of_other_users_media_cannot_be_changed(site: SiteFixture) -> None:
    ada, bob = client(site, "ada"), client(site, "bob")
    theirs = upload(bob).json
    status = ada.post("/v1/statuses", status="Look", media_ids=[upload(ada).json["id"]]).json
    for thumbnail, expected in ((data_uri(files.image("PNG", (10, 20))), 200), ("data:,no picture", 422), ("nothing", 422)):
        pieces = [{"id": theirs["id"], "thumbnail": thumbnail}]
        assert ada.request("PUT", f"/v1/statuses/{status['id']}", json={"status": "Look", "media_attributes": pieces}).status == expected
    assert bob.get(f"/v1/media/{theirs['id']}").json == theirs


@needs_ffmpeg
def test_a_video_is_206_until_processed(site: SiteFixture) -> None:
    ada = client(site, "ada")
    uploaded = upload(ada, files.video())
    assert (uploaded.status, uploaded.json["type"], uploaded.json["url"]) == (202, "video", None)
    path = f"/v1/media/{uploaded.json['id']}"
    waiting = ada.get(path)
    assert (waiting.status, waiting.json["url"]) == (206, None)
    refused = ada.post("/v1/statuses", status="Film", media_ids=[uploaded.json["id"]])
    assert refused.json["error"] == "Cannot attach files that have not finished processing. Try again in a moment!"
    run_media_jobs(site)
    ready = ada.get(path)
    assert (ready.status, ready.json["meta"]["original"]["frame_rate"]) == (200, "10/1")
    assert fetch(site, ready.json["url"]).header("Content-Type") == "video/mp4"
    assert ada.post("/v1/statuses", status="Film", media_ids=[uploaded.json["id"]]).status == 200


@needs_ffmpeg
def test_media_in_processing_is_206_with_what_is_known_so_far(site: SiteFixture) -> None:
    ada = client(site, "ada")
    uploaded = ada.upload("POST", "/v2/media", {"file": files.video()}, focus="0.5,-0.5")
    assert (uploaded.status, uploaded.json["url"], uploaded.json["meta"]) == (202, None, {"focus": {"x": 0.5, "y": -0.5}})
    path = f"/v1/media/{uploaded.json['id']}"
    for method in ("PUT", "PATCH"):
        changed = ada.request(method, path, form={"description": "A film", "focus": "0.1,0.2"})
        assert (changed.status, changed.json["description"]) == (206, "A film")
        assert changed.json["meta"] == {"focus": {"x": 0.1, "y": 0.2}}
    shown = ada.upload("PUT", path, {"thumbnail": files.image("PNG", (10, 20))})
    assert (shown.status, shown.json["url"], shown.json["meta"]["small"]["size"]) == (206, None, "10x20")
    assert fetch(site, shown.json["preview_url"]).status == 200
    assert shown.json["meta"]["focus"] == {"x": 0.1, "y": 0.2}
    assert (ada.get(path).status, ada.get(path).json) == (206, shown.json)
    again = ada.upload("PUT", path, {"thumbnail": files.image("PNG", (30, 20))})
    run_media_jobs(site)
    ready = ada.put(path, description="Ready")
    assert (ready.status, ready.json["preview_url"], ready.json["meta"]["focus"]) == (200, again.json["preview_url"], {"x": 0.1, "y": 0.2})
    assert fetch(site, shown.json["preview_url"]).status == 404, "the first preview is deleted"


@needs_ffmpeg
def test_a_v1_upload_that_takes_too_long_is_202(site: SiteFixture) -> None:
    response = upload(client(site, "ada"), files.video(), "/v1/media")
    assert (response.status, response.json["url"]) == (202, None)


@needs_ffmpeg
def test_a_broken_video_cannot_be_described(site: SiteFixture) -> None:
    ada = client(site, "ada")
    media = upload(ada, BytesIO(files.video().getvalue()[:100])).json["id"]
    run_media_jobs(site)
    assert ada.put(f"/v1/media/{media}", description="Nothing").status == 422


@needs_ffmpeg
def test_a_broken_video_is_422(site: SiteFixture) -> None:
    ada = client(site, "ada")
    media = upload(ada, BytesIO(files.video().getvalue()[:100])).json["id"]
    run_media_jobs(site)
    refused = ada.get(f"/v1/media/{media}")
    assert (refused.status, refused.json["error"]) == (422, "Error processing thumbnail for uploaded media")


@needs_ffmpeg
def test_audio_has_no_preview(site: SiteFixture) -> None:
    ada = client(site, "ada")
    media = upload(ada, files.audio()).json["id"]
    run_media_jobs(site)
    ready = ada.get(f"/v1/media/{media}").json
    assert (ready["type"], ready["preview_url"], ready["blurhash"]) == ("audio", None, None)
    assert ready["meta"]["original"]["duration"] == pytest.approx(1, abs=0.1)


def test_a_v1_upload_responds_when_the_image_is_ready(site: SiteFixture) -> None:
    response = upload(client(site, "ada"), path="/v1/media")
    assert (response.status, response.json["type"]) == (200, "image")


def test_uploads_require_write_media(site: SiteFixture) -> None:
    assert upload(client(site, "ada", "read write:statuses")).status == 403
    assert upload(anonymous_client(site)).status == 401


def test_the_instance_lists_the_supported_media_types(site: SiteFixture) -> None:
    limits = anonymous_client(site).get("/v2/instance").json["configuration"]["media_attachments"]
    assert {"image/jpeg", "image/png", "image/webp", "image/gif"} <= set(limits["supported_mime_types"])
    assert ("video/mp4" in limits["supported_mime_types"]) is site.domain.attachments.accepts_video
    assert "image/svg+xml" not in limits["supported_mime_types"]
