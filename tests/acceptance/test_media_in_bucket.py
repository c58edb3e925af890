"""A started site whose media are in a bucket of a real S3 server."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from attrs import frozen
from mastodon import Mastodon, MastodonServiceUnavailableError
from PIL import Image

from tests import files
from tests.acceptance.accounts import register_account
from tests.acceptance.site_client import SiteClient
from tests.acceptance.site_process import SiteProcess, site_process, wait_until
from tests.s3_server import S3Server, run_s3_server

pytestmark = pytest.mark.acceptance


@frozen
class Places:
    """The site and its object storage."""

    site: SiteProcess
    s3: S3Server

    def files(self) -> list[Path]:
        """The files in the data directory."""
        return [path for path in (self.site.data_dir / "media").rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    directory = tmp_path_factory.mktemp("bucket")
    with run_s3_server(directory) as s3, site_process(directory, **s3.settings(), rate_limits="off") as site:
        site.start()
        yield Places(site, s3)
        site.stop()


@pytest.fixture
def places(running: Places) -> Places:
    """The same with an empty bucket."""
    running.s3.empty()
    return running


def publish(client: Mastodon, visibility: str = "public") -> tuple[int, list[str]]:
    """Publish a post with an image; return its id and the addresses of the image and its preview."""
    media = client.media_post(files.image(size=(900, 600)).getvalue(), mime_type="image/jpeg")
    post = client.status_post("With a picture", media_ids=[media], visibility=visibility)
    return int(post.id), [post.media_attachments[0].url, post.media_attachments[0].preview_url]


def image(url: str) -> tuple[str, tuple[int, int]]:
    """Follow the address of an image; return where it leads, and the size."""
    response = requests.get(url, timeout=30)
    assert response.status_code == 200
    return response.url, Image.open(BytesIO(response.content)).size


def test_uploads_are_seen_through_links_until_they_are_deleted(places: Places) -> None:
    site, s3 = places.site, places.s3
    ada = register_account(site, "ada")
    post, urls = publish(ada)
    assert all(url.startswith(f"{site.url}/media/") for url in urls)
    assert [image(url)[1] for url in urls] == [(900, 600), (587, 391)]
    assert all(image(url)[0].startswith(f"{s3.url}/") for url in urls)
    assert (places.files(), len(s3.keys)) == ([], 2)

    redirect = requests.get(urls[0], timeout=30, allow_redirects=False)
    assert (redirect.status_code, redirect.headers["Cache-Control"]) == (302, "private, max-age=1800")
    assert requests.get(redirect.headers["Location"].partition("?")[0], timeout=30).status_code == 403, "the bucket is private"
    _, private = publish(ada, "private")
    assert image(private[0])[0].startswith(f"{s3.url}/")
    account = ada.account_update_credentials(avatar=files.image("PNG").getvalue(), avatar_mime_type="image/png")
    assert image(account.avatar)[1] == (400, 400)
    policy = SiteClient(site).request("GET", f"/@{account.username}")[1]["content-security-policy"]
    assert f"img-src 'self' {s3.url} " in policy
    assert f"media-src 'self' {s3.url} " in policy

    assert site.run_json("media", "verify") == {"ok": True, "files": 5, "missing": []}
    usage = site.run_json("media", "usage")
    assert usage["own"]["files"] == 5
    assert site.run_json("media", "prune", "--yes")["files"] == 0
    ada.status_delete(post, delete_media=True)
    assert wait_until(lambda: len(s3.keys) == 3)
    assert requests.get(urls[0], timeout=30).status_code == 404


def test_a_suspended_account_has_no_links(places: Places) -> None:
    ada = register_account(places.site, "ada")
    _, urls = publish(ada)
    assert image(urls[0])
    places.site.change("update accounts set suspended_at = now() where id = %s", ada.me().id)
    assert wait_until(lambda: requests.get(urls[0], timeout=30).status_code == 404)


def test_media_move_into_the_bucket_and_back_while_they_are_seen(places: Places) -> None:
    site = places.site
    site.change("delete from media where unattached_since is not null or post_id is not null")
    site.change("update accounts set avatar = null")
    site.stop()
    site.settings["media_storage"] = "local"
    site.start()
    ada = register_account(site, "ada")
    _, urls = publish(ada)
    assert (len(places.files()), places.s3.keys) == (2, [])
    assert urlsplit(image(urls[0])[0]).netloc == urlsplit(site.url).netloc
    for path in places.files():
        os.utime(path, (0, 0))

    moved = site.run_json("media", "migrate", "--to", "s3", "--remove")
    assert (moved["copied"]["files"], moved["removed"]["files"]) == (2, 2)
    assert (places.files(), len(places.s3.keys)) == ([], 2)
    assert image(urls[0])[0].startswith(f"{places.s3.url}/")
    assert site.run_json("media", "verify")["ok"]

    back = site.run_json("media", "migrate", "--to", "local")
    assert (back["copied"]["files"], len(places.files())) == (2, 2)
    assert urlsplit(image(urls[0])[0]).netloc == urlsplit(site.url).netloc
    places.files()[0].unlink()
    places.s3.empty()
    missing = site.try_command("media", "verify", "--json")
    assert (missing.returncode, len(json.loads(missing.stdout)["missing"])) == (1, 1)
    places.files()[0].unlink()
    site.stop()
    site.settings["media_storage"] = "s3"
    site.start()


# The last test: it ends the storage.


def test_while_the_storage_is_down_uploads_get_a_sentence_and_the_failure_has_a_name(places: Places) -> None:
    site = places.site
    ada = register_account(site, "ada")
    places.s3.process.kill()
    places.s3.process.wait(10)
    with pytest.raises(MastodonServiceUnavailableError):
        ada.media_post(files.image().getvalue(), mime_type="image/jpeg")
    response = requests.post(
        f"{site.url}/api/v2/media", files={"file": files.image()}, headers={"Authorization": f"Bearer {ada.access_token}"}, timeout=60
    )
    assert (response.status_code, "Retry-After" in response.headers) == (503, True)
    assert response.json()["error"] == "The storage of images, video and audio does not respond. Please try again later."
    assert site.query("select count(*) from media m join accounts a on a.id = m.account_id where a.id = %s", ada.me().id) == [(0,)]
    assert places.files() == []
    assert requests.get(site.url, timeout=30).status_code == 200

    found = requests.get(f"{site.url}/health/ready", timeout=30)
    checks = {check["name"]: check for check in found.json()["checks"]}
    assert found.status_code == 503
    assert f"{places.s3.url}, bucket site-media: it cannot be reached" in checks["storage"]["message"]
    checked = {one["name"]: one for one in json.loads(site.try_command("check", "--json").stdout)["checks"]}
    assert (checked["bucket"]["status"], checked["bucket"]["setting"]) == ("error", "MICROBLOG_S3_BUCKET")
    assert "it cannot be reached" in checked["bucket"]["detail"]
