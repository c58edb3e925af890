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
from tests.web.api.client import Client, another
from tests.web.memory import Reply, ask
from tests.web.visitor import HOST, PASSWORD, Town, Visitor, town

SHARED, PRIVATE = "public, max-age=86400, s-maxage=3600, immutable", "private, max-age=300"


@pytest.fixture
def site(cursor: Cursor, tmp_path: Path) -> Town:
    return town(cursor, tmp_path, rate_limits="off")


@pytest.fixture
def ada(site: Town) -> Visitor:
    return site.resident("ada")


@pytest.fixture
def program(site: Town, ada: Visitor) -> Client:
    return another(site, site.viewer("ada"))


def upload(program: Client) -> Any:
    return program.upload("POST", "/v2/media", {"file": files.picture()}).json


def posted(program: Client, visibility: str = "public", **fields: object) -> tuple[str, list[str]]:
    """The id of a new post, and the addresses of its two files."""
    piece = upload(program)
    post = program.post("/v1/statuses", status="Look", media_ids=[piece["id"]], visibility=visibility, **fields).json
    return post["id"], [piece["url"], piece["preview_url"]]


def get(site: Town, url: str, **headers: str) -> Reply:
    return ask(site.server, "GET", url.removeprefix(f"http://{HOST}"), headers)


def answers(site: Town, urls: list[str]) -> set[int]:
    return {get(site, url).status for url in urls}


def work(site: Town) -> None:
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


def on_disk(site: Town) -> list[str]:
    directory = site.domain.attachments.media_store.directory  # type: ignore[attr-defined]  # of the real studio
    return sorted(path.name for path in directory.rglob("*") if path.is_file())


def test_a_deletion_on_the_page_takes_the_files_away_at_once(site: Town, ada: Visitor, program: Client) -> None:
    post, urls = posted(program)
    other = upload(program)
    program.put(f"/v1/statuses/{post}", status="Another", media_ids=[other["id"]])
    every_url = [*urls, other["url"], other["preview_url"]]
    assert answers(site, every_url) == {200}
    ada.submit(f"/posts/{post}/delete")
    assert answers(site, every_url) == {404}
    work(site)
    assert on_disk(site) == []


def test_files_stay_for_a_redraft_and_are_kept_by_no_shared_cache_meanwhile(site: Town, ada: Visitor, program: Client) -> None:
    post, urls = posted(program)
    again, others = posted(program)
    ada.submit(f"/posts/{post}/delete", redraft="1")
    program.ask("DELETE", f"/v1/statuses/{again}")
    work(site)
    assert answers(site, urls + others) == {200}
    assert {get(site, url).header("Cache-Control") for url in urls + others} == {PRIVATE}


def test_a_program_can_take_the_files_away_with_the_post(site: Town, program: Client) -> None:
    post, urls = posted(program)
    program.ask("DELETE", f"/v1/statuses/{post}", {"delete_media": True})
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


def test_a_suspension_hides_all_files_and_its_end_brings_them_back(site: Town, program: Client) -> None:
    urls = everything_of(program)
    assert len(urls) == len(set(urls)) == 14
    assert answers(site, urls) == {200}
    members = site.domain.moderation.account_admin
    done(members.suspend(program.person.id))
    assert answers(site, urls) == {404}
    work(site)
    done(members.restore(program.person.id))
    assert answers(site, urls) == {200}


def test_a_deleted_account_leaves_no_file(site: Town, ada: Visitor, program: Client) -> None:
    urls = everything_of(program)
    assert answers(site, urls) == {200}
    ada.submit("/settings/delete", password=PASSWORD)
    assert answers(site, urls) == {404}
    work(site)
    assert on_disk(site) == []
    assert fetch_value(site.cursor, "select count(*) from media") == 0


def test_a_face_that_was_replaced_is_gone(site: Town, program: Client) -> None:
    program.upload("PATCH", "/v1/accounts/update_credentials", {"avatar": files.picture()})
    first = program.get("/v1/accounts/verify_credentials").json["avatar"]
    assert get(site, first).header("Cache-Control") == SHARED
    program.upload("PATCH", "/v1/accounts/update_credentials", {"avatar": files.picture()})
    assert get(site, first).status == 404


@pytest.mark.parametrize("visibility", Visibility)
def test_only_what_everybody_may_see_is_kept_by_shared_caches(site: Town, program: Client, visibility: Visibility) -> None:
    _, urls = posted(program, visibility)
    expected = SHARED if visibility.is_open else PRIVATE
    assert {get(site, url).header("Cache-Control") for url in urls} == {expected}
    assert {get(site, url, Range="bytes=0-9").header("Cache-Control") for url in urls} == {expected}


def test_a_cache_that_asks_again_is_told_that_nothing_changed_or_that_it_is_gone(site: Town, ada: Visitor, program: Client) -> None:
    post, [url, _] = posted(program)
    tag = get(site, url).header("ETag")
    assert tag
    same = ask(site.server, "GET", url.removeprefix(f"http://{HOST}"), {"If-None-Match": tag})
    assert (same.status, same.body, same.header("Cache-Control")) == (304, b"", SHARED)
    ada.submit(f"/posts/{post}/delete")
    assert ask(site.server, "GET", url.removeprefix(f"http://{HOST}"), {"If-None-Match": tag}).status == 404


def test_a_file_that_is_asked_for_again_costs_no_look_at_its_row(site: Town, program: Client, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_picture_of_a_preview_of_a_link_is_served(site: Town, program: Client) -> None:
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
