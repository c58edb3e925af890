"""A file's address answers as long as something on the site shows the file, and caches keep it as long as that is right."""

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
from tests.fakes import done
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
def program(site: SiteFixture, ada: Visitor) -> Client:
    return new_client_for(site, site.viewer("ada"))


def upload(program: Client) -> Any:
    return program.upload("POST", "/v2/media", {"file": files.picture()}).json


def posted(program: Client, visibility: str = "public", **fields: object) -> tuple[str, list[str]]:
    """The id of a new post, and the addresses of its two files."""
    piece = upload(program)
    post = program.post("/v1/statuses", status="Look", media_ids=[piece["id"]], visibility=visibility, **fields).json
    return post["id"], [piece["url"], piece["preview_url"]]


def get(site: SiteFixture, url: str, **headers: str) -> HttpResponse:
    return request(site.server, "GET", url.removeprefix(f"http://{HOST}"), headers)


def answers(site: SiteFixture, urls: list[str]) -> set[int]:
    return {get(site, url).status for url in urls}


def work(site: SiteFixture) -> None:
    """Do what waits to be done about files and accounts."""
    later = make.NOW.replace(year=make.NOW.year + 10)
    now = make.NOW.replace(year=make.NOW.year + 9)
    while due := jobs.claim(site.cursor, kinds=["media.delete_unused", "account.purge"], worker="w", lease_until=later, now=now, limit=10):
        for job in due:
            if job.kind == "account.purge":
                done(AccountDeletion(site.database, lambda: now).purge(AccountId(int(str(job.payload["account"])))))
            else:
                done(post_jobs.media_tasks(site.domain.attachments)[job.kind](job))  # type: ignore[arg-type]  # a coroutine, as every task
            jobs.finish(site.cursor, job, worker="w", now=now)


def on_disk(site: SiteFixture) -> list[str]:
    directory = site.domain.attachments.media_store.directory  # type: ignore[attr-defined]  # of the real studio
    return sorted(path.name for path in directory.rglob("*") if path.is_file())


def test_deleting_a_post_on_the_site_deletes_its_files_at_once(site: SiteFixture, ada: Visitor, program: Client) -> None:
    post, urls = posted(program)
    other = upload(program)
    program.put(f"/v1/statuses/{post}", status="Another", media_ids=[other["id"]])
    every_url = [*urls, other["url"], other["preview_url"]]
    assert answers(site, every_url) == {200}
    ada.submit(f"/posts/{post}/delete")
    assert answers(site, every_url) == {404}
    work(site)
    assert on_disk(site) == []


def test_files_stay_for_a_redraft_but_not_in_shared_caches(site: SiteFixture, ada: Visitor, program: Client) -> None:
    post, urls = posted(program)
    again, others = posted(program)
    ada.submit(f"/posts/{post}/delete", redraft="1")
    program.request("DELETE", f"/v1/statuses/{again}")
    work(site)
    assert answers(site, urls + others) == {200}
    assert {get(site, url).header("Cache-Control") for url in urls + others} == {PRIVATE}


def test_an_app_can_delete_the_files_with_the_post(site: SiteFixture, program: Client) -> None:
    post, urls = posted(program)
    program.request("DELETE", f"/v1/statuses/{post}", {"delete_media": True})
    assert answers(site, urls) == {404}


def everything_of(program: Client) -> list[str]:
    """The addresses of all files that somebody can have."""
    urls = posted(program)[1] + posted(program, "direct")[1]
    loose, planned = upload(program), upload(program)
    program.post("/v1/statuses", status="Later", media_ids=[planned["id"]], scheduled_at="2099-01-01T00:00:00Z")
    edited, first = posted(program)
    second = upload(program)
    program.put(f"/v1/statuses/{edited}", status="Edited", media_ids=[second["id"]])
    for which in ("avatar", "header"):
        program.upload("PATCH", "/v1/accounts/update_credentials", {which: files.picture()})
    me = program.get("/v1/accounts/verify_credentials").json
    pieces = [piece[key] for piece in (loose, planned, second) for key in ("url", "preview_url")]
    return [*urls, *first, *pieces, me["avatar"], me["header"]]


def test_a_suspension_hides_all_files_until_it_ends(site: SiteFixture, program: Client) -> None:
    urls = everything_of(program)
    assert len(urls) == len(set(urls)) == 14
    assert answers(site, urls) == {200}
    members = site.domain.moderation.account_admin
    done(members.suspend(program.owner.id))
    assert answers(site, urls) == {404}
    work(site)
    done(members.restore(program.owner.id))
    assert answers(site, urls) == {200}


def test_a_deleted_account_leaves_no_files(site: SiteFixture, ada: Visitor, program: Client) -> None:
    urls = everything_of(program)
    assert answers(site, urls) == {200}
    ada.submit("/settings/delete", password=PASSWORD)
    assert answers(site, urls) == {404}
    work(site)
    assert on_disk(site) == []
    assert fetch_value(site.cursor, "select count(*) from media") == 0


def test_a_replaced_profile_picture_is_gone(site: SiteFixture, program: Client) -> None:
    program.upload("PATCH", "/v1/accounts/update_credentials", {"avatar": files.picture()})
    first = program.get("/v1/accounts/verify_credentials").json["avatar"]
    assert get(site, first).header("Cache-Control") == SHARED
    program.upload("PATCH", "/v1/accounts/update_credentials", {"avatar": files.picture()})
    assert get(site, first).status == 404


@pytest.mark.parametrize("visibility", Visibility)
def test_shared_caches_may_store_only_files_of_public_posts(site: SiteFixture, program: Client, visibility: Visibility) -> None:
    _, urls = posted(program, visibility)
    expected = SHARED if visibility.is_open else PRIVATE
    assert {get(site, url).header("Cache-Control") for url in urls} == {expected}
    assert {get(site, url, Range="bytes=0-9").header("Cache-Control") for url in urls} == {expected}


def test_a_cache_can_revalidate_a_file_until_it_is_gone(site: SiteFixture, ada: Visitor, program: Client) -> None:
    post, [url, _] = posted(program)
    tag = get(site, url).header("ETag")
    assert tag
    same = request(site.server, "GET", url.removeprefix(f"http://{HOST}"), {"If-None-Match": tag})
    assert (same.status, same.body, same.header("Cache-Control")) == (304, b"", SHARED)
    ada.submit(f"/posts/{post}/delete")
    assert request(site.server, "GET", url.removeprefix(f"http://{HOST}"), {"If-None-Match": tag}).status == 404


def test_a_repeated_file_request_needs_no_query(site: SiteFixture, program: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    use_of = media.file_use

    def counting(cursor: Cursor, *, name: str) -> object:
        asked.append(name)
        return use_of(cursor, name=name)

    monkeypatch.setattr(media, "file_use", counting)
    _, urls = posted(program)
    for _ in range(3):
        assert answers(site, urls) == {200}
    assert len(asked) == 2


def test_the_image_of_a_link_preview_is_served(site: SiteFixture, program: Client) -> None:
    _, [url, _] = posted(program)
    path = url.removeprefix(f"http://{HOST}")
    execute(site.cursor, "delete from media")
    assert get(site, url).status == 404
    execute(
        site.cursor,
        "insert into cards (id, url_hash, url, image, created_at) values (1, 'x', 'https://example.org/', %(path)s, now())",
        {"path": path},
    )
    assert get(site, url).header("Cache-Control") == SHARED
