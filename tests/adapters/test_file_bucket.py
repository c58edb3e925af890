"""Tests of media files in a bucket, with a real S3 server and the directory before it."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from attrs import evolve

from microblog.adapters.ffmpeg import FfmpegTools
from microblog.adapters.file_bucket import BucketFileStore, Links
from microblog.adapters.file_directory import DirectoryFileStore
from microblog.adapters.media_processing import MediaProcessor
from microblog.adapters.s3_bucket import BucketAddress, BucketError, S3Bucket
from microblog.model.errors import Invalid, NotFound, Unavailable
from microblog.model.media import FileLink, Format
from tests import files
from tests.adapters.test_media_processing import needs_ffmpeg
from tests.certificates import create_certificates
from tests.fakes import result_of, run_blocking, run_inline
from tests.s3_server import BUCKET, S3Server, run_s3_server
from tests.tls_front import run_tls_front

NAME, COPY = "ab" + "0" * 30 + ".jpg", "rcd" + "0" * 30 + ".jpg"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with run_s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def server(running: S3Server) -> S3Server:
    running.empty()
    return running


def store_on(bucket: S3Bucket, directory: Path, *, public_url: str | None = None, keeps_local: bool = False) -> BucketFileStore:
    links = Links(bucket, public_url, 600)
    return BucketFileStore(DirectoryFileStore(directory / "media", run_inline), links, run_inline, keeps_local=keeps_local)


@pytest.fixture
def store(server: S3Server, tmp_path: Path) -> BucketFileStore:
    return store_on(server.bucket(), tmp_path)


def put(store: BucketFileStore, name: str = NAME, content: bytes = b"content") -> None:
    result_of(store.store(BytesIO(content), name))


def in_directory(store: BucketFileStore) -> list[str]:
    return sorted(path.name for path in store.directory.directory.rglob("*") if path.is_file())


def link(store: BucketFileStore, name: str = NAME, *, is_open: bool = False) -> FileLink:
    served = result_of(store.serve(name, is_open=is_open))
    assert isinstance(served, FileLink)
    return served


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_a_stored_file_is_only_in_the_bucket_with_its_type_and_caching(store: BucketFileStore, server: S3Server) -> None:
    put(store)
    assert (server.keys, in_directory(store)) == ([f"ab/{NAME}"], [])
    found = server.client.get_object(Bucket=BUCKET, Key=f"ab/{NAME}")
    assert found["Body"].read() == b"content"
    assert (found["ContentType"], found["CacheControl"]) == ("image/jpeg", "public, max-age=86400, s-maxage=3600, immutable")


def test_a_converted_image_is_published_and_nothing_of_it_stays_here(store: BucketFileStore, server: S3Server) -> None:
    processor = MediaProcessor(store, run_blocking, run_inline)
    converted = result_of(processor.convert_image(files.image(), Format.JPEG, "aa"))
    assert server.keys == ["aa/aa-small.jpg", "aa/aa.jpg"]
    assert (converted.original, in_directory(store)) == ("aa.jpg", [])
    assert result_of(store.names_with_stem("aa")) == ["aa-small.jpg", "aa.jpg"]


def test_an_image_that_cannot_be_converted_leaves_nothing(store: BucketFileStore, server: S3Server) -> None:
    processor = MediaProcessor(store, run_blocking, run_inline)
    with pytest.raises(Invalid):
        result_of(processor.convert_image(BytesIO(files.image().getvalue()[:300]), Format.JPEG, "aa"))
    assert (server.keys, in_directory(store)) == ([], [])


@needs_ffmpeg
def test_an_uploaded_video_is_fetched_from_the_bucket_converted_and_published(store: BucketFileStore, server: S3Server) -> None:
    processor = MediaProcessor(store, run_blocking, run_inline, FfmpegTools.found())

    async def convert() -> None:
        await store.store(files.video(), "upload-1")
        async with store.on_disk("upload-1") as path:
            assert path.name in in_directory(store)
            await processor.convert_video(path, Format.MP4, "aa")

    result_of(convert())
    assert server.keys == ["aa/aa-small.jpg", "aa/aa.mp4", "up/upload-1"]
    assert in_directory(store) == []


async def test_a_file_that_is_missing_is_not_found(store: BucketFileStore) -> None:
    with pytest.raises(NotFound):
        async with store.on_disk("upload-2"):
            pass
    assert in_directory(store) == []


def test_links_to_private_files_expire_and_nobody_reads_the_bucket_without(store: BucketFileStore, server: S3Server) -> None:
    put(store)
    given = link(store)
    assert (given.max_age, given.is_shared) == (300, False)
    assert "X-Amz-Expires=600" in given.url
    assert status_of(given.url) == 200
    assert status_of(given.url.partition("?")[0]) == 403
    assert link(store, is_open=True).is_shared is False, "without a public address, public files have links that expire too"


def test_public_files_have_a_lasting_address_of_the_cdn_and_private_ones_do_not(server: S3Server, tmp_path: Path) -> None:
    store = store_on(server.bucket(prefix="blog"), tmp_path, public_url="https://cdn.example/media")
    put(store)
    assert server.keys == [f"blog/ab/{NAME}"]
    assert link(store, is_open=True) == FileLink(f"https://cdn.example/media/ab/{NAME}", 3_600, is_shared=True)
    assert link(store).url.startswith(f"{server.url}/{BUCKET}/blog/ab/{NAME}?")
    assert store.link_origins == (server.url, "https://cdn.example")


def test_copies_that_are_lost_are_not_found(store: BucketFileStore) -> None:
    with pytest.raises(NotFound):
        result_of(store.serve(COPY, is_open=True))
    put(store, COPY)
    assert link(store, COPY).url
    result_of(store.delete([COPY]))
    with pytest.raises(NotFound):
        result_of(store.serve(COPY, is_open=True))


def test_a_file_that_is_in_the_directory_still_is_served_from_there(store: BucketFileStore) -> None:
    with store.create(NAME) as file:
        file.write(b"earlier")
    served = result_of(store.serve(NAME, is_open=True))
    assert not isinstance(served, FileLink)
    with served:
        assert served.read() == b"earlier"
    assert result_of(store.size([NAME])) == 7


def test_new_files_stay_in_the_directory_if_the_settings_say_so_and_those_in_the_bucket_are_found(server: S3Server, tmp_path: Path) -> None:
    put(store_on(server.bucket(), tmp_path))
    store = store_on(server.bucket(), tmp_path, keeps_local=True)
    put(store, "cd.jpg", b"new")
    assert (server.keys, in_directory(store)) == ([f"ab/{NAME}"], ["cd.jpg"])
    assert link(store).url
    assert result_of(store.size([NAME, "cd.jpg", "ef.jpg"])) == 10


def test_listings_join_directory_and_bucket_and_name_each_file_once(store: BucketFileStore) -> None:
    put(store)
    put(store, COPY)
    for name in (NAME, "cd.jpg"):
        with store.create(name) as file:
            file.write(b"content")
    assert result_of(store.parts()) == ["ab", "cd", "remote/cd"]
    found = [file for part in result_of(store.parts()) for file in result_of(store.files(part))]
    assert [(file.name, file.bytes, file.is_copy) for file in found] == [(NAME, 7, False), ("cd.jpg", 7, False), (COPY, 7, True)]


def test_listings_are_complete_beyond_a_page_of_the_storage(store: BucketFileStore) -> None:
    names = [f"ab{number}.jpg" for number in range(5)]
    for name in names:
        put(store, name)
    small = evolve(store, links=evolve(store.links, bucket=evolve(store.bucket, page=2)))
    assert [file.name for file in result_of(small.files("ab"))] == names


def test_deleting_deletes_here_and_there(store: BucketFileStore, server: S3Server) -> None:
    put(store)
    with store.create(NAME) as file:
        file.write(b"content")
    result_of(store.delete([NAME, "never-there.jpg"]))
    assert (server.keys, in_directory(store)) == ([], [])


def test_the_bucket_can_be_tried_out(server: S3Server) -> None:
    server.bucket(prefix="blog").try_out()
    assert server.keys == []


# --- What does not work


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def unreachable() -> S3Bucket:
    return S3Bucket.open(BucketAddress(BUCKET, f"http://127.0.0.1:{closed_port()}", "us-east-1", True, "", 1), "key", "secret")


def test_a_storage_that_cannot_be_reached_is_named_with_the_reason(tmp_path: Path) -> None:
    bucket = unreachable()
    with pytest.raises(BucketError, match=rf"^http://127.0.0.1:\d+, bucket {BUCKET}: it cannot be reached: "):
        bucket.try_out()
    assert result_of(store_on(bucket, tmp_path).problem()).startswith(f"{bucket.address}: it cannot be reached: ")


def test_an_upload_gets_a_sentence_and_leaves_nothing_if_the_storage_cannot_be_reached(tmp_path: Path) -> None:
    store = store_on(unreachable(), tmp_path)
    processor = MediaProcessor(store, run_blocking, run_inline)
    with pytest.raises(Unavailable, match=r"^The storage of images, video and audio does not respond. Please try again later.$"):
        result_of(processor.convert_image(files.image(), Format.JPEG, "aa"))
    assert in_directory(store) == []


def test_a_bucket_that_does_not_exist_is_named(server: S3Server) -> None:
    with pytest.raises(BucketError, match=r"bucket nowhere: there is no such bucket; create it, or correct MICROBLOG_S3_BUCKET.$"):
        server.bucket("nowhere").check()


def test_a_wrong_access_key_is_named(tmp_path: Path) -> None:
    with run_s3_server(tmp_path, strict=True) as strict:
        with pytest.raises(BucketError, match=r"there is no such access key; correct MICROBLOG_S3_KEY_ID.$"):
            strict.bucket().try_out()
        with pytest.raises(BucketError, match="the access key may not do this"):
            strict.bucket().head("ab")


def test_a_storage_with_a_certificate_that_this_machine_trusts_is_trusted(
    server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = create_certificates(tmp_path)
    with run_tls_front(certificates.server, server.port) as front:
        address = BucketAddress(BUCKET, f"https://127.0.0.1:{front.port}", "us-east-1", True, "", 5)
        with pytest.raises(BucketError, match="it cannot be reached: SSL validation failed"):
            S3Bucket.open(address, "key", "secret").try_out()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
        S3Bucket.open(address, "key", "secret").try_out()


def test_a_storage_that_hangs_is_asked_once_in_half_a_minute(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = BucketAddress(BUCKET, f"http://127.0.0.1:{silent.getsockname()[1]}", "us-east-1", True, "", 0.2)
        time = [0.0]
        store = store_on(S3Bucket.open(address, "key", "secret"), tmp_path)
        store.clock = lambda: time[0]
        assert "it cannot be reached" in result_of(store.problem())
        silent.close()
        time[0] = 29.0
        assert "timeout" in result_of(store.problem()).lower()
        time[0] = 31.0
        assert "timeout" not in result_of(store.problem()).lower()
