"""Copies of files of other servers in a bucket of a real S3 server."""

from __future__ import annotations

from pathlib import Path

import requests

from microblog.adapters.file_bucket import BucketFileStore, Links
from microblog.adapters.file_directory import DirectoryFileStore
from microblog.adapters.media_processing import MediaProcessor
from microblog.model.media import FileLink, Media
from tests import files as samples
from tests.fakes import run_blocking, run_inline
from tests.federation.test_remote_files import Copies, copies, server
from tests.s3_server import run_s3_server

__all__ = ["copies", "server"]


async def link(copies: Copies, media: Media) -> FileLink:
    id = int(str(media.path).split("/")[2].partition("-")[0])
    served = (await copies.files.media(id, None, small=False)).served
    assert isinstance(served, FileLink)
    return served


async def test_a_copy_is_made_in_the_bucket_found_there_evicted_and_made_again_when_lost(copies: Copies, tmp_path: Path) -> None:
    with run_s3_server(tmp_path) as s3:
        files = BucketFileStore(DirectoryFileStore(tmp_path / "here", run_inline), Links(s3.bucket(), None, 600), run_inline)
        copies.files.media_store = MediaProcessor(files, run_blocking, run_inline)
        media = await copies.attachment("/a.png", samples.image("PNG", size=(300, 200)).getvalue())
        assert requests.get((await link(copies, media)).url, timeout=10).status_code == 200
        assert [key.partition("/")[0] for key in s3.keys] == ["remote", "remote"]
        assert copies.size() == sum(len(requests.get(s3.bucket().link(key, 60), timeout=10).content) for key in s3.keys)
        assert (await link(copies, media)).is_shared is False
        assert copies.server.asked == {"/a.png": 1}

        s3.empty()
        files._seen.clear()
        assert requests.get((await link(copies, media)).url, timeout=10).status_code == 200
        assert copies.server.asked == {"/a.png": 2}
        copies.side.time = copies.side.time.replace(year=copies.side.time.year + 1)
        await copies.files.delete_old()
        assert (s3.keys, copies.size()) == ([], 0)
        assert [path for path in (tmp_path / "here").rglob("*") if path.is_file()] == []
