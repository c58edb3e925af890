"""Copies of media of other servers, over real sockets: one fetch for many readers, what files may be, failures, bounds of the cache."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve
from PIL import Image
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from microblog.adapters.federation_client import FederationClient
from microblog.adapters.file_directory import DirectoryFileStore
from microblog.federation import remote_files as module
from microblog.federation.file_fetches import AT_ONCE_PER_HOST, FileFetches
from microblog.federation.remote_files import LEASE, MISSING_PAUSE, PAUSE, CopyLimits, RemoteFiles
from microblog.federation.trust import TrustRules
from microblog.model.domain_rules import DomainRule, DomainRules, DomainSeverity
from microblog.model.errors import NotFound, Unavailable
from microblog.model.ids import PostId
from microblog.model.media import MAX_IMAGE_BYTES, FileLink, Media, MediaKind, MediaState
from microblog.model.posts import Post
from microblog.storage import posts, remote_files
from microblog.storage.database import Cursor, fetch_value
from tests import files as samples
from tests import make
from tests.fakes import media_store
from tests.federation.documents import activity
from tests.federation.file_server import FileServer, run_file_server
from tests.federation.remote_side import BO, RemoteSide, known_actor, note, service
from tests.make import NOW
from tests.waiting import until

_clock: Any = reactor
JPEG, PNG = samples.image().getvalue(), samples.image("PNG").getvalue()


@pytest.fixture
def server() -> Iterator[FileServer]:
    with run_file_server() as server:
        yield server


@define(eq=False)
class Copies:
    """Posts of another server with media on `server`, and the copies of this site."""

    side: RemoteSide
    server: FileServer
    store: DirectoryFileStore
    domains: DomainRules
    files: RemoteFiles
    number: int = 0

    async def post(self, *paths: str, **changes: Any) -> Post:
        """Receive a post with these files as attachments."""
        self.number += 1
        attachments = [{"type": "Document", "mediaType": "image/png", "url": self.server.url(path)} for path in paths]
        return await self.side.created(note(str(self.number), attachment=attachments, **changes))

    async def attachment(self, path: str, content: bytes, media_type: str = "image/png", **changes: Any) -> Media:
        """Receive a post with one file; return its attachment."""
        self.number += 1
        document = {"type": "Document", "mediaType": media_type, "url": self.server.put(path, content), **changes}
        [media] = (await self.side.created(note(str(self.number), attachment=[document]))).media
        return media

    async def read(self, media: Media, variant: str = "original") -> bytes:
        """Look at an attachment by its address, as a browser does."""
        return (await self.open(media, variant))[1]

    async def open(self, media: Media, variant: str = "original") -> tuple[str, bytes]:
        """The same, with the name of the file."""
        _, _, name, _ = str(media.path).split("/")
        id, _, key = name.partition("-")
        copy = await self.files.media(int(id), key or None, small=variant == "small")
        assert not isinstance(copy.served, FileLink)
        with copy.served:
            return copy.name, copy.served.read()

    def stored(self) -> list[Path]:
        """All files on the disk."""
        return [path for path in self.store.directory.rglob("*") if path.is_file()]

    def reload(self, media: Media) -> Media:
        """The attachment as it is stored now."""
        post = fetch_value(self.side.cursor, "select post_id from media where id = %(id)s", {"id": media.id})
        return next(each for each in posts.by_ids(self.side.cursor, [post])[PostId(post)].media if each.id == media.id)

    def size(self) -> int:
        """The bytes of the copies, as they are counted."""
        return remote_files.size(self.side.cursor)


@pytest.fixture
def copies(cursor: Cursor, server: FileServer, tmp_path: Path) -> Copies:
    side, store = service(cursor), media_store(tmp_path)
    exempt = frozenset({f"127.0.0.1:{server.port}"})
    client = FederationClient(_clock, "microblog/1", exceptions=frozenset({("127.0.0.1", server.port)}))

    def now() -> datetime:
        return side.time

    made: Copies

    def rules() -> TrustRules:
        return TrustRules("site.test", made.domains, exempt=exempt)

    files = RemoteFiles(side.db, FileFetches(client, rules, now), store, CopyLimits(10_000_000, timedelta(days=14)), _clock, now)
    made = Copies(side, server, store.files, DomainRules(), files)
    return made


# --- What is shown


async def test_attachments_are_media_whose_addresses_are_here(copies: Copies) -> None:
    picture = {
        "type": "Document", "mediaType": "image/png", "url": "https://b.example/a&b.png", "name": "A <cat>", "width": 800, "height": 600,
        "focalPoint": [0.5, -0.5], "blurhash": "LEHV6nWB2yk8pyo0adR*.7kCMdnj",
    }  # fmt: skip
    film = {"type": "Video", "url": "https://b.example/film", "icon": {"type": "Image", "url": "https://b.example/still.png"}}
    sound = {"type": "Document", "url": "https://b.example/a.ogg"}
    paper = {"type": "Document", "mediaType": "application/pdf", "url": "https://b.example/a.pdf"}
    post = await copies.side.created(note(content="", attachment=[picture, film, sound, paper, picture]))
    assert (post.html, post.text) == ("", "")
    one, two, three, _ = post.media
    assert [each.kind for each in post.media] == [MediaKind.IMAGE, MediaKind.VIDEO, MediaKind.AUDIO, MediaKind.IMAGE]
    assert (one.path, one.preview_path) == (f"/media_proxy/{one.id}/original", f"/media_proxy/{one.id}/small")
    assert (one.description, one.focus and one.focus.x) == ("A <cat>", 0.5)
    assert one.rendition is not None
    assert one.rendition.size is not None
    assert (one.rendition.size.width, one.rendition.blurhash) == (800, "LEHV6nWB2yk8pyo0adR*.7kCMdnj")
    assert (two.preview_path, three.preview_path) == (f"/media_proxy/{two.id}/small", None)
    assert [each.is_unknown for each in post.media] == [False, False, False, True]
    assert copies.server.asked == {}, "nothing is fetched before somebody looks"


async def test_an_edit_keeps_the_media_that_stay(copies: Copies) -> None:
    post = await copies.post("/a.png", "/b.png")
    first, second = post.media
    copies.side.time = NOW + timedelta(minutes=1)
    attachments = [{"type": "Image", "url": copies.server.url(path)} for path in ("/b.png", "/c.png")]
    await copies.side.receive(activity("Update", note("1", attachment=attachments, updated=copies.side.time.isoformat())))
    edited = posts.by_ids(copies.side.cursor, [post.id])[post.id]
    assert [each.id == second.id for each in edited.media] == [True, False]
    assert [len(revision.media) for revision in posts.history(copies.side.cursor, post=post.id)] == [2, 2]
    assert first.id not in {each.id for each in edited.media}


# --- Fetching


async def test_a_picture_is_fetched_when_somebody_looks_and_then_kept(copies: Copies) -> None:
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    secret = samples.image("JPEG", size=(3_000, 2_000), exif=exif).getvalue()
    assert b"where I live" in secret
    media = await copies.attachment("/a.jpg", secret)
    small = await copies.read(media, "small")
    whole = await copies.read(media)
    assert copies.server.asked == {"/a.jpg": 1}
    assert b"where I live" not in whole
    assert Image.open(BytesIO(whole)).size == (3_000, 2_000)
    assert 0 < Image.open(BytesIO(small)).width < 700
    assert copies.size() == sum(path.stat().st_size for path in copies.stored()) == len(whole) + len(small)
    assert copies.files.stats.fetched == 1
    [sent] = copies.server.headers
    assert "cookie" not in sent
    assert "referer" not in sent


async def test_many_readers_at_once_cause_one_fetch(copies: Copies) -> None:
    media = await copies.attachment("/a.png", PNG)
    copies.server.holding.add("/a.png")
    reads: list[Deferred[Any]] = [Deferred.fromCoroutine(copies.read(media, variant)) for variant in ("original", "small") * 10]
    await until(lambda: copies.server.held)
    copies.server.release()
    assert all(await gatherResults(reads))
    assert copies.server.asked == {"/a.png": 1}


async def test_two_processes_fetch_a_file_once(copies: Copies) -> None:
    other = RemoteFiles(*(getattr(copies.files, name) for name in ("database", "fetches", "media_store", "limits", "reactor", "now")))
    media = await copies.attachment("/a.png", PNG)
    copies.server.holding.add("/a.png")
    first = Deferred.fromCoroutine(copies.read(media))
    await until(lambda: copies.server.held)
    second = Deferred.fromCoroutine(other.media(media.id, None, small=False))
    await deferLater(_clock, 0.1)
    copies.server.release()
    content = await first
    served = (await second).served
    assert not isinstance(served, FileLink)
    with served:
        assert served.read() == content
    assert copies.server.asked == {"/a.png": 1}


async def test_a_reader_who_leaves_does_not_end_the_fetch_of_others(copies: Copies) -> None:
    media = await copies.attachment("/a.png", PNG)
    copies.server.holding.add("/a.png")
    impatient, patient = (Deferred.fromCoroutine(copies.read(media)) for _ in range(2))
    await until(lambda: copies.server.held)
    impatient.addErrback(lambda _: None)
    impatient.cancel()
    copies.server.release()
    assert await patient


@pytest.mark.parametrize("claimed", ["text/html", "image/svg+xml", "application/activity+json", "video/mp4"])
async def test_the_contents_count_and_not_the_claimed_type(copies: Copies, claimed: str) -> None:
    media = await copies.attachment("/a", JPEG, "video/mp4")
    copies.server.types["/a"] = claimed
    name, content = await copies.open(media)
    assert name.endswith(".jpg")
    assert content.startswith(b"\xff\xd8\xff")
    assert copies.reload(media).kind is MediaKind.IMAGE


@pytest.mark.parametrize(
    "content",
    [
        b"<html><script>alert(1)</script></html>" * 10,
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>" * 10,
        b'{"@context":"https://www.w3.org/ns/activitystreams","type":"Note"}' * 10,
        b"",
        b"GIF",
        b"\xff\xd8\xff" + b"no picture" * 100,
    ],
)
async def test_what_is_no_media_is_not_shown(copies: Copies, content: bytes) -> None:
    media = await copies.attachment("/a.png", content)
    copies.server.types["/a.png"] = "image/png"
    for _ in range(3):
        with pytest.raises(NotFound):
            await copies.read(media)
    assert copies.server.asked == {"/a.png": 1}
    assert copies.stored() == []
    assert copies.size() == 0


async def test_a_file_that_cannot_be_decoded_becomes_a_link(copies: Copies) -> None:
    media = await copies.attachment("/a.png", b"\xff\xd8\xff" + b"no picture" * 100)
    with pytest.raises(NotFound):
        await copies.read(media)
    assert copies.reload(media).is_unknown
    assert copies.reload(media).state is MediaState.FAILED


async def test_a_picture_above_its_limit_is_not_kept(copies: Copies) -> None:
    media = await copies.attachment("/a.png", PNG + b"\0" * MAX_IMAGE_BYTES)
    with pytest.raises(NotFound):
        await copies.read(media)
    assert copies.stored() == []


async def test_films_and_recordings_are_kept_as_they_are(copies: Copies) -> None:
    film, sound = samples.video().getvalue(), samples.audio_with_cover("a.mp3").getvalue()
    media = await copies.attachment("/film", film, "video/mp4")
    assert await copies.open(media) == ((await copies.open(media))[0], film)
    assert (await copies.open(media))[0].endswith(".mp4")
    recording = await copies.attachment("/sound", sound, "audio/mpeg")
    assert (await copies.read(recording)) == sound
    assert copies.size() == len(film) + len(sound)


async def test_the_still_of_a_film_is_a_file_of_its_own(copies: Copies) -> None:
    copies.server.put("/still.png", PNG)
    icon = {"type": "Image", "url": copies.server.url("/still.png")}
    media = await copies.attachment("/film", samples.video().getvalue(), "video/mp4", icon=icon)
    assert Image.open(BytesIO(await copies.read(media, "small"))).size == (64, 48)
    assert copies.server.asked == {"/still.png": 1}


async def test_redirects_are_followed_to_allowed_servers_only(copies: Copies) -> None:
    copies.server.put("/real.png", PNG)
    copies.server.redirects |= {"/a.png": "/real.png", "/b.png": "http://127.0.0.2/x.png", "/c.png": "/c.png"}
    good, private, endless = [media for path in ("/a.png", "/b.png", "/c.png") for media in (await copies.post(path)).media]
    assert await copies.read(good)
    for media in (private, endless):
        with pytest.raises(NotFound):
            await copies.read(media)
    assert copies.server.asked["/c.png"] == 4


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/a.png", "https://10.0.0.1/a.png", "https://site.test/media/a.png", "https://localhost/a.png"]
)
async def test_nothing_is_fetched_from_here_or_from_private_addresses(copies: Copies, url: str) -> None:
    post = await copies.side.created(note(attachment=[{"type": "Image", "url": url}]))
    for media in post.media:
        with pytest.raises(NotFound):
            await copies.read(media)


# --- Failures


async def test_a_missing_file_is_asked_for_again_after_a_pause(copies: Copies) -> None:
    [media] = (await copies.post("/a.png")).media
    for _ in range(3):
        with pytest.raises(NotFound):
            await copies.read(media)
    assert copies.server.asked == {"/a.png": 1}
    copies.server.put("/a.png", PNG)
    copies.side.time += MISSING_PAUSE + timedelta(seconds=1)
    assert await copies.read(media)
    assert copies.files.stats.missing == 1


async def test_a_failing_server_is_asked_again_after_a_minute(copies: Copies) -> None:
    media = await copies.attachment("/a.png", PNG)
    copies.server.statuses["/a.png"] = 503
    for _ in range(3):
        with pytest.raises(Unavailable) as caught:
            await copies.read(media)
        assert 0 < caught.value.retry_after <= 61
    assert copies.server.asked == {"/a.png": 1}
    del copies.server.statuses["/a.png"]
    copies.side.time += PAUSE + timedelta(seconds=1)
    assert await copies.read(media)


async def test_a_server_that_hangs_takes_two_places_and_no_reader_waits_for_ever(copies: Copies, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_S", 0.5)
    copies.server.silent |= {f"/{number}.png" for number in range(6)}
    slow = [await copies.attachment(f"/{number}.png", PNG) for number in range(6)]
    reads = [Deferred.fromCoroutine(copies.read(media)) for media in slow]
    await until(lambda: sum(copies.server.asked.values()) == AT_ONCE_PER_HOST)
    for read in reads:
        with pytest.raises(Unavailable):
            await read
    assert sum(copies.server.asked.values()) == AT_ONCE_PER_HOST
    with run_file_server() as other:
        client: Any = copies.files.fetches.servers
        client.exceptions = client.exceptions | {("127.0.0.1", other.port)}
        rules = copies.files.fetches.rules
        copies.files.fetches.rules = lambda: evolve(rules(), exempt=rules().exempt | {f"127.0.0.1:{other.port}"})
        other.put("/quick.png", PNG)
        [quick] = (await copies.side.created(note("quick", attachment=[{"type": "Image", "url": other.url("/quick.png")}]))).media
        assert await copies.read(quick)


async def test_a_transfer_that_stops_is_given_up(copies: Copies, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["microblog.adapters.file_download"], "IDLE_S", 0.3)
    media = await copies.attachment("/a.png", PNG)
    copies.server.hanging.add("/a.png")
    with pytest.raises(Unavailable):
        await copies.read(media)
    assert copies.stored() == []
    assert copies.files.stats.failed == 1


async def test_the_rest_of_a_killed_process_is_cleaned_up_and_fetched_again(copies: Copies) -> None:
    media = await copies.attachment("/a.png", PNG)
    shared = remote_files.of_media(copies.side.cursor, id=media.id, preview=False)
    assert shared is not None
    claim = remote_files.claim(copies.side.cursor, file=shared, stem="r" + "0" * 32, until=NOW + LEASE, now=NOW)
    assert claim is not None
    with copies.store.create(f"{claim.stem}-download") as file:
        file.write(b"half")
    copies.side.time += LEASE + timedelta(seconds=1)
    assert await copies.read(media)
    assert not any("download" in path.name for path in copies.stored())


async def test_a_lost_file_is_fetched_again(copies: Copies) -> None:
    media = await copies.attachment("/a.png", PNG)
    await copies.read(media)
    for path in copies.stored():
        path.unlink()
    assert await copies.read(media)
    assert copies.server.asked == {"/a.png": 2}


# --- Who may see them


@pytest.mark.parametrize("to", [[f"{BO}/followers"], ["https://c.example/users/cy"]])
async def test_media_of_posts_that_not_everybody_sees_have_addresses_that_nobody_can_guess(copies: Copies, to: list[str]) -> None:
    copies.server.put("/a.png", PNG)
    [media] = (await copies.post("/a.png", to=to, cc=[])).media
    assert media.remote is not None
    assert media.remote.key is not None
    assert len(media.remote.key) == 32
    assert str(media.path).startswith(f"/media_proxy/{media.id}-{media.remote.key}/")
    for key in (None, "", "0" * 32, media.remote.key[:-1]):
        with pytest.raises(NotFound):
            await copies.files.media(media.id, key, small=False)
    assert copies.server.asked == {}
    copy = await copies.files.media(media.id, media.remote.key, small=False)
    copy.close()
    assert not copy.is_open


async def test_media_of_deleted_posts_and_suspended_accounts_are_not_served(copies: Copies, cursor: Cursor) -> None:
    media = await copies.attachment("/a.png", PNG)
    await copies.read(media)
    bo = known_actor(cursor)
    make.suspend(cursor, bo)
    with pytest.raises(NotFound):
        await copies.read(media)


async def test_the_copy_of_a_deleted_post_is_deleted(copies: Copies, cursor: Cursor) -> None:
    media = await copies.attachment("/a.png", PNG)
    await copies.read(media)
    await copies.side.receive(activity("Delete", f"{BO}/statuses/1"))
    with pytest.raises(NotFound):
        await copies.read(media)
    cursor.execute("delete from media where id = %s", (media.id,))  # as the cleanup does a day later
    await copies.files.delete_old()
    assert copies.stored() == []
    assert copies.size() == 0


@pytest.mark.parametrize("rule", [DomainRule("b.example", reject_media=True), DomainRule("b.example", DomainSeverity.SUSPEND)])
async def test_rejected_media_are_neither_fetched_nor_shown(copies: Copies, rule: DomainRule) -> None:
    seen = await copies.attachment("/a.png", PNG)
    new = await copies.attachment("/b.png", PNG)
    await copies.read(seen)
    copies.domains = DomainRules([rule])
    for media in (seen, new):
        with pytest.raises(NotFound):
            await copies.read(media)
    assert copies.server.asked == {"/a.png": 1}


# --- Bounds


async def test_the_cache_never_holds_more_bytes_than_its_limit(copies: Copies) -> None:
    noise = [samples.encode_image(Image.effect_noise((200, 200 + number), 90), "PNG").getvalue() for number in range(8)]
    all_media = []
    for number, picture in enumerate(noise):
        copies.side.time += timedelta(minutes=1)
        all_media.append(await copies.attachment(f"/{number}.png", picture))
    await copies.read(all_media.pop(0))
    limit = 3 * copies.size()
    copies.files.limits = evolve(copies.files.limits, bytes=limit)
    for media in all_media:
        copies.side.time += timedelta(minutes=1)
        await copies.read(media)
        on_disk = sum(path.stat().st_size for path in copies.stored())
        assert copies.size() == on_disk <= limit
    assert copies.size() > limit / 2
    before = copies.server.asked.copy()
    await copies.read(all_media[-1])
    assert copies.server.asked == before, "the newest is still there"
    await copies.read(all_media[0])
    assert copies.server.asked["/1.png"] == before["/1.png"] + 1, "the oldest had to go"


async def test_a_smaller_limit_holds_after_the_next_cleanup(copies: Copies) -> None:
    for number in range(4):
        await copies.read(await copies.attachment(f"/{number}.png", PNG))
    copies.files.limits = evolve(copies.files.limits, bytes=copies.size() // 2)
    await copies.files.delete_old()
    assert 0 < copies.size() <= copies.files.limits.bytes
    assert copies.size() == sum(path.stat().st_size for path in copies.stored())


async def test_a_copy_that_nobody_looks_at_is_deleted_after_some_days(copies: Copies) -> None:
    looked_at, forgotten = await copies.attachment("/a.png", PNG), await copies.attachment("/b.png", PNG)
    await copies.read(looked_at)
    await copies.read(forgotten)
    copies.side.time += timedelta(days=10)
    await copies.read(looked_at)
    copies.side.time += timedelta(days=5)
    await copies.files.delete_old()
    await copies.read(looked_at)
    assert copies.server.asked == {"/a.png": 1, "/b.png": 1}
    await copies.read(forgotten)
    assert copies.server.asked == {"/a.png": 1, "/b.png": 2}
