"""The documents for administrators, followed on a clean Debian: install, back up, lose everything, restore, use a bucket, moderate."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from PIL import Image

from tests import files
from tests.certificates import Certificates
from tests.install import moderators_day
from tests.install.administrator import BACKUPS, STORAGE, Administrator
from tests.install.browser import Browser
from tests.install.debian_machine import DebianMachine, debian_machine
from tests.install.documents import SITE
from tests.s3_server import S3Server, run_s3_server

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can boot a Debian"),
]

BUCKET, REGION = "blog-media", "eu-central-1"


def publish_picture(browser: Browser, text: str, color: str) -> None:
    """Publish a post with a picture."""
    browser.open("/home")
    browser.press(
        "Post",
        {"file_0": files.encode_image(Image.new("RGB", (90, 60), color), "JPEG").getvalue()},
        text=text,
        file_alt_0=f"{text}: {color}",
    )


def source_of_picture(browser: Browser, description: str) -> str:
    """Load the picture as a browser does that obeys the policy of the page; return the host that it came from."""
    response = browser.image(description)
    assert response.status_code == 200
    assert Image.open(BytesIO(response.content)).size == (90, 60)
    host = response.url.split("/")[2]
    assert host == SITE or f" https://{host} " in browser.headers["Content-Security-Policy"].partition("img-src")[2].partition(";")[0] + " "
    return host


def keys_in_bucket(s3: S3Server) -> list[str]:
    """Return the keys of all objects."""
    return [each["Key"] for each in s3.client.list_objects_v2(Bucket=BUCKET).get("Contents", ())]


def files_in(machine: DebianMachine, backup: str) -> list[str]:
    """Return the names of the media files in a backup."""
    with ZipFile(machine.directory / backup.lstrip("/")) as archive:
        return [name for name in archive.namelist() if "media/" in name]


def move_media_to_bucket(site: Administrator, s3: S3Server) -> None:
    """Move the media, publish another picture, and see both."""
    s3.client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    site.serve_bucket(s3.port)
    site.move_media_to_bucket()
    moved = keys_in_bucket(s3)
    assert moved
    assert site.machine.run("find /var/lib/microblog/media -type f") == ""
    publish_picture(site.browser("you"), "After the move", "blue")
    assert len(keys_in_bucket(s3)) > len(moved)
    visitor = site.browser()
    visitor.open("/@you", shows="After the move")
    for description in ("Before the fire: red", "After the move: blue"):
        assert source_of_picture(visitor, description) == STORAGE


def test_an_administrator_who_follows_the_documents_has_a_site_that_survives_everything(
    installed_debian: Path, certificates: Certificates, tmp_path: Path
) -> None:
    with debian_machine(installed_debian, tmp_path) as machine, run_s3_server(tmp_path) as s3:
        site = Administrator(machine, certificates)
        site.prepare()
        site.install()
        assert "microblog-user-create" in machine.run("ls /usr/local/share/man/man1")
        publish_picture(site.browser("you"), "Before the fire", "red")
        backup = site.back_up_tonight("## Every night")
        assert files_in(machine, backup)
        publish_picture(site.browser("you"), "After the backup", "green")
        site.lose_everything()
        site.restore(backup)
        visitor = site.browser()
        assert "After the backup" not in visitor.open("/@you")
        assert source_of_picture(visitor, "Before the fire: red") == SITE
        move_media_to_bucket(site, s3)
        moderators_day.have_a_day(site)
        backup = site.back_up_tonight("## Only new media each night", 1)
        assert files_in(machine, backup) == []
        assert len(machine.run(f"find {BACKUPS}/media/objects -type f").splitlines()) == 2, "previews of small pictures are the pictures"
