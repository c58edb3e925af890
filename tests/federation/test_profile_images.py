"""Avatars and headers of other servers: copied once by a job, shown from here, replaced, and removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve
from PIL import Image
from twisted.internet.task import Clock

from microblog.federation.file_fetches import FileFetches
from microblog.federation.profile_images import JOB, ProfileImageCopies
from microblog.federation.remote_files import CopyLimits, RemoteFiles
from microblog.federation.trust import TrustRules
from microblog.model.accounts import Account
from microblog.model.domain_rules import DomainRule, DomainRules
from microblog.model.ids import AccountId
from microblog.model.jobs import RetryLater
from microblog.model.remote_requests import RemoteResponse
from microblog.storage import remote_files
from microblog.storage.database import Cursor, fetch_all
from tests import files as samples
from tests import make
from tests.fakes import RolledBackDatabase, disk_of, media_store
from tests.federation.internet import Internet
from tests.federation.remote_side import BO, RemoteSide, known_actor
from tests.make import NOW

AVATAR, HEADER, NEWER = "https://b.example/a.png", "https://cdn.example/h.jpg", "https://b.example/new.png"
PNG, JPEG = samples.image("PNG").getvalue(), samples.image(size=(3_000, 600)).getvalue()


@define(eq=False)
class Profiles:
    """Bo of another server, and the job that copies images."""

    side: RemoteSide
    files: RemoteFiles
    domains: DomainRules

    async def read(self, **values: Any) -> Account:
        """Read bo's document, which has these properties."""
        actor = {"id": BO, "type": "Person", "preferredUsername": "bo", "inbox": f"{BO}/inbox", "name": "Bo"}
        self.side.internet.documents[BO] = {**actor, **{name: value for name, value in values.items() if value is not None}}
        link = {"rel": "self", "type": "application/activity+json", "href": BO}
        webfinger = "https://b.example/.well-known/webfinger?resource=acct%3Abo%40b.example"
        self.side.internet.documents[webfinger] = {"subject": "acct:bo@b.example", "links": [link]}
        return await self.side.effects.actors.fetch(BO)

    async def run_jobs(self) -> int:
        """Run the jobs that wait; return how many there were."""
        accounts = fetch_all(self.side.cursor, int, f"delete from jobs where kind = '{JOB}' returning (payload->>'account')::bigint")
        for account in accounts:
            await ProfileImageCopies(self.files).copy(AccountId(account))
        return len(accounts)

    def bo(self) -> Account:
        """The account as it is shown."""
        return known_actor(self.side.cursor)

    def image(self, path: str | None) -> Image.Image:
        """Open the file at a path of this site."""
        assert path is not None
        with disk_of(self.files.media_store).path(path.removeprefix("/media/")).open("rb") as file:
            return Image.open(BytesIO(file.read()))

    @property
    def fetched(self) -> list[str]:
        """The images that were asked for."""
        return [url for url in self.side.internet.asked if url in (AVATAR, HEADER, NEWER)]


@pytest.fixture
def profiles(cursor: Cursor, tmp_path: Path) -> Profiles:
    side = RemoteSide(RolledBackDatabase(cursor))
    side.internet.documents |= {AVATAR: PNG, HEADER: JPEG, NEWER: samples.image("PNG", size=(99, 99)).getvalue()}
    made: Profiles
    fetches = FileFetches(side.internet, lambda: TrustRules("site.test", made.domains), lambda: side.time)
    limits = CopyLimits(10_000_000, timedelta(days=14))
    files = RemoteFiles(side.db, fetches, media_store(tmp_path), limits, Clock(), lambda: side.time)
    made = Profiles(side, files, DomainRules())
    return made


@define(eq=False)
class Changing(Internet):
    """Servers on which bo has another avatar as soon as the transfer of the old one has begun."""

    cursor: Any = None

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> RemoteResponse:
        """See `Internet.send`."""
        self.cursor.execute("update remote_actors set avatar_url = %s", (NEWER,))
        return await Internet.send(self, method, url, headers, body)


def picture(url: str) -> dict[str, str]:
    return {"type": "Image", "mediaType": "text/html", "url": url}


def stored(profiles: Profiles) -> list[Path]:
    return [path for path in disk_of(profiles.files.media_store).directory.rglob("*") if path.is_file()]


async def test_images_are_copied_by_a_job_and_shown_from_here(profiles: Profiles) -> None:
    account = await profiles.read(icon=picture(AVATAR), image=picture(HEADER))
    assert (account.avatar, account.header, profiles.fetched) == (None, None, [])
    assert await profiles.run_jobs() == 1
    bo = profiles.bo()
    assert str(bo.avatar).startswith("/media/")
    assert profiles.image(bo.avatar).size == (400, 400)
    assert profiles.image(bo.header).size == (1500, 500)
    assert remote_files.size(profiles.side.cursor) == sum(path.stat().st_size for path in stored(profiles))


async def test_the_same_images_are_not_fetched_again(profiles: Profiles) -> None:
    for _ in range(3):
        await profiles.read(icon=picture(AVATAR), image=picture(HEADER))
    assert await profiles.run_jobs() == 1
    await profiles.read(icon=picture(AVATAR), image=picture(HEADER))
    assert await profiles.run_jobs() == 0
    assert profiles.fetched == [AVATAR, HEADER]


async def test_a_new_address_replaces_the_image_and_no_address_removes_it(profiles: Profiles) -> None:
    await profiles.read(icon=picture(AVATAR))
    await profiles.run_jobs()
    before = profiles.bo().avatar
    await profiles.read(icon=picture(NEWER))
    await profiles.run_jobs()
    assert profiles.bo().avatar not in (None, before)
    await profiles.files.delete_old()
    assert len(stored(profiles)) == 1
    await profiles.read()
    await profiles.run_jobs()
    assert profiles.bo().avatar is None
    await profiles.files.delete_old()
    assert stored(profiles) == []
    assert remote_files.size(profiles.side.cursor) == 0


NO_IMAGES: dict[str, Callable[[], bytes]] = {
    "a drawing": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>" * 4,
    "a video": lambda: samples.video().getvalue(),
    "nothing": lambda: b"",
    "too much": lambda: PNG + b"\0" * 9_000_000,
}


@pytest.mark.parametrize("content", NO_IMAGES.values(), ids=NO_IMAGES)
async def test_what_is_no_image_is_asked_for_once(profiles: Profiles, content: Callable[[], bytes]) -> None:
    profiles.side.internet.documents[AVATAR] = content()
    for _ in range(2):
        await profiles.read(icon=picture(AVATAR))
        await profiles.run_jobs()
    assert (profiles.bo().avatar, profiles.fetched, stored(profiles)) == (None, [AVATAR], [])


async def test_a_server_that_does_not_respond_is_asked_again(profiles: Profiles) -> None:
    profiles.side.internet.documents[AVATAR] = RemoteResponse(503, {}, b"")
    await profiles.read(icon=picture(AVATAR), image=picture(HEADER))
    with pytest.raises(RetryLater):
        await profiles.run_jobs()
    assert (profiles.bo().avatar, profiles.bo().header is None) == (None, False)
    profiles.side.internet.documents[AVATAR] = PNG
    await ProfileImageCopies(profiles.files).copy(profiles.bo().id)
    assert profiles.bo().avatar is not None


async def test_an_image_that_changed_meanwhile_is_left_to_the_next_job(profiles: Profiles) -> None:
    await profiles.read(icon=picture(AVATAR))
    profiles.files.fetches.servers = Changing(profiles.side.internet.documents, cursor=profiles.side.cursor)
    await profiles.run_jobs()
    assert (profiles.bo().avatar, stored(profiles)) == (None, [])


async def test_nothing_is_copied_of_suspended_accounts_or_rejected_media(profiles: Profiles) -> None:
    await profiles.read(icon=picture(AVATAR))
    profiles.domains = DomainRules([DomainRule("b.example", reject_media=True)])
    await profiles.run_jobs()
    assert profiles.fetched == []
    profiles.domains = DomainRules()
    await profiles.read(icon=picture(NEWER))
    make.suspend(profiles.side.cursor, profiles.bo())
    await profiles.run_jobs()
    assert profiles.fetched == []


async def test_profile_images_go_last_when_space_is_needed(profiles: Profiles) -> None:
    await profiles.read(icon=picture(AVATAR), image=picture(HEADER))
    await profiles.run_jobs()
    profiles.files.limits = evolve(profiles.files.limits, bytes=remote_files.size(profiles.side.cursor) - 1)
    await profiles.files.delete_old()
    assert [profiles.bo().avatar, profiles.bo().header].count(None) == 1
    assert remote_files.size(profiles.side.cursor) <= profiles.files.limits.bytes
    await profiles.read(icon=picture(AVATAR), image=picture(HEADER))
    assert await profiles.run_jobs() == 1, "it is copied again when the account is heard of"


async def test_an_old_image_of_an_account_that_was_heard_of_is_looked_at_once(profiles: Profiles) -> None:
    await profiles.read(icon=picture(AVATAR))
    await profiles.run_jobs()
    profiles.side.time = NOW + timedelta(days=20)
    await profiles.read(icon=picture(AVATAR))
    before = NOW + timedelta(days=10)
    assert [remote_files.release_old(profiles.side.cursor, before=before, limit=100) for _ in range(2)] == [1, 0]
    assert profiles.bo().avatar is not None


async def test_images_of_accounts_that_are_not_heard_of_are_deleted(profiles: Profiles) -> None:
    await profiles.read(icon=picture(AVATAR))
    await profiles.run_jobs()
    profiles.side.time = NOW + timedelta(days=10)
    await profiles.read(icon=picture(AVATAR))
    profiles.side.time = NOW + timedelta(days=20)
    await profiles.files.delete_old()
    assert profiles.bo().avatar is not None
    profiles.side.time = NOW + timedelta(days=30)
    await profiles.files.delete_old()
    assert (profiles.bo().avatar, stored(profiles)) == (None, [])
