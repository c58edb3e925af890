"""Signatures of links and of the site's own requests, with an S3 server that verifies them."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from microblog.adapters.s3_bucket import BucketError, S3Bucket
from tests.acceptance.site_process import wait_until
from tests.node import require
from tests.s3_server import VERIFYING_SERVER, S3Server, run_verifying_s3_server

KEY, OTHER = "ab/" + "ab" * 16 + ".jpg", "cd/" + "cd" * 16 + ".jpg"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    require(VERIFYING_SERVER)
    with run_verifying_s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def bucket(server: S3Server) -> S3Bucket:
    """A bucket with two private objects."""
    bucket = server.bucket()
    for key in (KEY, OTHER):
        bucket.put(key, BytesIO(key.encode()), "image/jpeg", "private")
    return bucket


def response_to(url: str, method: str = "GET") -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read()


def test_a_link_leads_to_its_object_with_and_without_a_prefix(server: S3Server, bucket: S3Bucket) -> None:
    assert response_to(bucket.link(KEY, 600)) == (200, KEY.encode())
    below = server.bucket(prefix="blog/media")
    below.put(KEY, BytesIO(b"below"), "image/jpeg", "private")
    assert response_to(below.link(KEY, 600)) == (200, b"below")


@pytest.mark.parametrize("change", [(KEY, OTHER), ("X-Amz-Expires=600", "X-Amz-Expires=6000"), ("us-east-1", "eu-west-1")])
def test_a_link_that_was_changed_is_refused(bucket: S3Bucket, change: tuple[str, str]) -> None:
    changed = bucket.link(KEY, 600).replace(*change)
    status, reason = response_to(changed)
    assert (status, b"SignatureDoesNotMatch" in reason) == (403, True)


def test_a_link_only_reads(bucket: S3Bucket) -> None:
    assert response_to(bucket.link(KEY, 600), "DELETE")[0] == 403
    assert bucket.head(KEY) is not None


def test_a_link_that_was_made_with_another_secret_is_refused(server: S3Server, bucket: S3Bucket) -> None:
    status, reason = response_to(server.bucket(secret_key="guessed").link(KEY, 600))
    assert (status, b"SignatureDoesNotMatch" in reason) == (403, True)


def test_a_link_is_refused_once_it_has_expired(bucket: S3Bucket) -> None:
    link = bucket.link(KEY, 1)
    assert wait_until(lambda: b"Request has expired" in response_to(link)[1])
    assert response_to(link)[0] == 403


def test_every_request_of_the_site_is_signed_so_that_it_is_accepted(server: S3Server, tmp_path: Path) -> None:
    bucket = server.bucket(prefix="all requests")
    bucket.try_out()
    stored = {key: bucket.put(key, BytesIO(key.encode()), "image/jpeg", "private") for key in (KEY, OTHER)}
    assert bucket.get(KEY, tmp_path / "file") == stored[KEY]
    found = bucket.head(KEY)
    assert found is not None
    assert (found.bytes, found.sha256) == (len(KEY), stored[KEY].sha256)
    assert [each.key for each in bucket.objects("")] == [KEY, OTHER]
    assert bucket.directories("") == ["ab", "cd"]
    bucket.delete(KEY)
    assert (bucket.head(KEY), bucket.get(KEY, tmp_path / "none")) == (None, None)


def test_a_wrong_secret_is_named(server: S3Server) -> None:
    bucket = server.bucket(secret_key="guessed")
    with pytest.raises(BucketError, match=r"the signature is wrong; correct MICROBLOG_S3_SECRET_KEY.$"):
        bucket.put(KEY, BytesIO(b"content"), "image/jpeg", "private")
    with pytest.raises(BucketError, match=r"the access key may not do this.$"):
        bucket.head(KEY)
