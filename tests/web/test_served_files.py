"""A media URL works while a post or profile shows the file, and caches store it accordingly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from microblog.domain.account_deletion import AccountDeletion
from microblog.jobs import post_jobs
from microblog.model.ids import AccountId
from microblog.model.posts import Visibility
from microblog.storage import jobs, media
from microblog.storage.database import Cursor, execute, fetch_value
from tests import files, make
from tests.fakes import disk_of, result_of
from tests.web.api.client import Client, new_client_for
from tests.web.http_client import HttpResponse, request
from tests.web.visitor import HOST, PASSWORD, SiteFixture, Visitor, build_site

SHARED, PRIVATE = "public, max-age=86400, s-maxage=3600, immutable", "private, max-age=300"


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> SiteFixture:
    return build_site(cursor, tmp_path, rate_limits="off")


@pytest.fixture
def ada(site: SiteFixture) -> Visitor:
    return site.registered_user("ada")


@pytest.fixture
def api_client(site: SiteFixture, ada: Visitor) -> Client:
    return new_client_for(site, site.viewer("ada"))


def upload(api_client: Client) -> Any:
    return api_client.upload("POST", "/v2/media", {"file": files.image()}).json


def publish_with_image(api_client: Client, visibility: str = "public", **fields: object) -> tuple[str, list[str]]:
    """Publish a post; return its id and the URLs of its two files."""
    piece = upload(api_client)
    post = api_client.post("/v1/statuses", status="Look", media_ids=[piece["id"]], visibility=visibility, **fields).json
    return post["id"], [piece["url"], piece["preview_url"]]


def get(site: SiteFixture, url: str, **headers: str) -> HttpResponse:
    return request(site.server, "GET", url.removeprefix(f"http://{HOST}"), headers)


def statuses_of(site: SiteFixture, urls: list[str]) -> set[int]:
    return {get(site, url).status for url in urls}


def run_jobs(site: SiteFixture) -> None:
    """Run pending jobs of media and account deletion."""
    later = make.NOW.replace(year=make.NOW.year + 10)
    now = make.NOW.replace(year=make.NOW.year + 9)
    while due := jobs.claim(site.cursor, kinds=["media.delete_unused", "account.purge"], worker="w", lease_until=later, now=now, limit=10):
        for job in due:
            if job.kind == "account.purge":
                result_of(AccountDeletion(site.database, lambda: now).purge(AccountId(int(str(job.payload["account"])))))
            else:
                result_of(post_jobs.media_tasks(site.domain.attachments)[job.kind](job))  # type: ignore[arg-type]  # a coroutine, as every task
            jobs.finish(site.cursor, job, worker="w", now=now)


def files_on_disk(site: SiteFixture) -> list[str]:
    return sorted(path.name for path in disk_of(site.domain.attachments.media_store).directory.rglob("*") if path.is_file())


def test_deleting_a_post_on_the_site_deletes_its_files_at_once(site: SiteFixture, ada: Visitor, api_client: Client) -> None:
    post, urls = publish_with_image(api_client)
    other = upload(api_client)
    api_client.put(f"/v1/statuses/{post}", status="Another", media_ids=[other["id"]])
    every_url = [*urls, other["url"], other["preview_url"]]
    assert statuses_of(site, every_url) == {200}
    ada.submit(f"/posts/{post}/delete")
    assert statuses_of(site, every_url) == {404}
    run_jobs(site)
    assert files_on_disk(site) == []


def test_files_stay_for_a_redraft_but_not_in_shared_caches(site: SiteFixture, ada: Visitor, api_client: Client) -> None:
    post, urls = publish_with_image(api_client)
    again, others = publish_with_image(api_client)
    ada.submit(f"/posts/{post}/delete", redraft="1")
    api_client.request("DELETE", f"/v1/statuses/{again}")
    run_jobs(site)
    assert statuses_of(site, urls + others) == {200}
    assert {get(site, url).header("Cache-Control") for url in urls + others} == {PRIVATE}


def test_an_app_can_delete_the_files_with_the_post(site: SiteFixture, api_client: Client) -> None:
    post, urls = publish_with_image(api_client)
    api_client.request("DELETE", f"/v1/statuses/{post}", {"delete_media": True})
    assert statuses_of(site, urls) == {404}


def create_all_files(api_client: Client) -> list[str]:
    """Create files of every kind; return their URLs."""
    urls = publish_with_image(api_client)[1] + publish_with_image(api_client, "direct")[1]
    loose, planned = upload(api_client), upload(api_client)
    api_client.post("/v1/statuses", status="Later", media_ids=[planned["id"]], scheduled_at="2099-01-01T00:00:00Z")
    edited, first = publish_with_image(api_client)
    second = upload(api_client)
    api_client.put(f"/v1/statuses/{edited}", status="Edited", media_ids=[second["id"]])
    for which in ("avatar", "header"):
        api_client.upload("PATCH", "/v1/accounts/update_credentials", {which: files.image()})
    me = api_client.get("/v1/accounts/verify_credentials").json
    pieces = [piece[key] for piece in (loose, planned, second) for key in ("url", "preview_url")]
    return [*urls, *first, *pieces, me["avatar"], me["header"]]


def test_a_suspension_hides_all_files_until_it_ends(site: SiteFixture, api_client: Client) -> None:
    urls = create_all_files(api_client)
    assert len(urls) == len(set(urls)) == 14
    assert statuses_of(site, urls) == {200}
    members = site.domain.moderation.account_admin
    result_of(members.suspend(api_client.owner.id))
    assert statuses_of(site, urls) == {404}
    run_jobs(site)
    result_of(members.restore(api_client.owner.id))
    assert statuses_of(site, urls) == {200}


def test_a_deleted_account_leaves_no_files(site: SiteFixture, ada: Visitor, api_client: Client) -> None:
    urls = create_all_files(api_client)
    assert statuses_of(site, urls) == {200}
    ada.submit("/settings/delete", password=PASSWORD)
    assert statuses_of(site, urls) == {404}
    run_jobs(site)
    assert files_on_disk(site) == []
    assert fetch_value(site.cursor, "select count(*) from media") == 0


def test_a_replaced_profile_picture_is_gone(site: SiteFixture, api_client: Client) -> None:
    api_client.upload("PATCH", "/v1/accounts/update_credentials", {"avatar": files.image()})
    first = api_client.get("/v1/accounts/verify_credentials").json["avatar"]
    assert get(site, first).header("Cache-Control") == SHARED
    api_client.upload("PATCH", "/v1/accounts/update_credentials", {"avatar": files.image()})
    assert get(site, first).status == 404


@pytest.mark.parametrize("visibility", Visibility)
def test_shared_caches_may_store_only_files_of_public_posts(site: SiteFixture, api_client: Client, visibility: Visibility) -> None:
    _, urls = publish_with_image(api_client, visibility)
    expected = SHARED if visibility.is_open else PRIVATE
    assert {get(site, url).header("Cache-Control") for url in urls} == {expected}
    assert {get(site, url, Range="bytes=0-9").header("Cache-Control") for url in urls} == {expected}


def test_a_cache_can_revalidate_a_file_until_it_is_gone(site: SiteFixture, ada: Visitor, api_client: Client) -> None:
    post, [url, _] = publish_with_image(api_client)
    tag = get(site, url).header("ETag")
    assert tag
    same = request(site.server, "GET", url.removeprefix(f"http://{HOST}"), {"If-None-Match": tag})
    assert (same.status, same.body, same.header("Cache-Control")) == (304, b"", SHARED)
    ada.submit(f"/posts/{post}/delete")
    assert request(site.server, "GET", url.removeprefix(f"http://{HOST}"), {"If-None-Match": tag}).status == 404


def test_a_repeated_file_request_needs_no_query(site: SiteFixture, api_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    queries: list[str] = []
    use_of = media.file_use

    def counting(cursor: Cursor, *, name: str) -> object:
        queries.append(name)
        return use_of(cursor, name=name)

    monkeypatch.setattr(media, "file_use", counting)
    _, urls = publish_with_image(api_client)
    for _ in range(3):
        assert statuses_of(site, urls) == {200}
    assert len(queries) == 2


def test_the_image_of_a_link_preview_is_served(site: SiteFixture, api_client: Client) -> None:
    _, [url, _] = publish_with_image(api_client)
    path = url.removeprefix(f"http://{HOST}")
    execute(site.cursor, "delete from media")
    assert get(site, url).status == 404
    execute(
        site.cursor,
        "insert into cards (id, url_hash, url, image, created_at) values (1, 'x', 'https://example.org/', %(path)s, now())",
        {"path": path},
    )
    assert get(site, url).header("Cache-Control") == SHARED
