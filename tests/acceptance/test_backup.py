"""Tests of backups: a restored site has the same rows and files."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import threading
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from mastodon import Mastodon
from PIL import Image

from microblog.storage.table_checksums import checksums
from tests.acceptance.site_client import SiteClient
from tests.acceptance.site_process import SiteProcess, free_port, site_process

pytestmark = pytest.mark.acceptance


def run_and_fail(site: SiteProcess, *arguments: str) -> str:
    completed = site.try_command(*arguments)
    assert completed.returncode == 1, completed.stdout
    assert "Traceback" not in completed.stderr
    return completed.stderr


def upload(owner: SiteClient, colour: str = "teal") -> int:
    """Publish a post with an image through the API; return its id."""
    token = owner.site.run_json("token", "create", "ada_backs_up", "--scopes", "read write")["token"]
    image = io.BytesIO()
    Image.new("RGB", (300, 200), colour).save(image, "PNG")
    client = Mastodon(access_token=token, api_base_url=owner.site.url)
    media = client.media_post(image.getvalue(), mime_type="image/png", description="A colour")
    return int(client.status_post("With a picture", media_ids=[media]).id)


@pytest.fixture(scope="module")
def backed_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SiteProcess, SiteClient, Path]]:
    """A site, a logged-in client, and a backup made while the client was publishing."""
    directory = tmp_path_factory.mktemp("backed-up")
    with site_process(directory, rate_limits="off") as site:
        site.start()
        ada = SiteClient(site)
        ada.sign_up("ada_backs_up")
        written: list[int | None] = [upload(ada)]
        finished = threading.Event()

        def write() -> None:
            while not finished.is_set():
                written.append(ada.publish(f"Number {len(written)} ☂ ﷽", f"key{len(written)}"))

        writer = threading.Thread(target=write)
        writer.start()
        (site.data_dir / "media" / "remote" / "ab").mkdir(parents=True)
        (site.data_dir / "media" / "remote" / "ab" / "rabc.png").write_bytes(b"a copy of a file of another server")
        try:
            site.run_command("backup", str(directory / "site.zip"))
        finally:
            finished.set()
            writer.join()
        assert len(written) > 1
        yield site, ada, directory / "site.zip"


@pytest.fixture
def empty_database(database_url: str) -> str:
    """The URL of a database without tables."""
    with closing(psycopg2.connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("drop schema public cascade; create schema public")
    return database_url


@pytest.fixture
def empty_site(tmp_path: Path, backed_up: tuple[SiteProcess, SiteClient, Path]) -> Iterator[SiteProcess]:
    """A site without data."""
    with site_process(tmp_path) as site:
        site.port = free_port()
        yield site


def test_a_restored_site_has_the_same_sessions_posts_and_files(
    backed_up: tuple[SiteProcess, SiteClient, Path], empty_site: SiteProcess
) -> None:
    _, ada, backup = backed_up
    run_and_fail(empty_site, "restore", __file__)  # a refused restore leaves the site empty
    result = empty_site.run_json("restore", str(backup))
    assert result["rows"] > 20
    empty_site.start()
    restored = SiteClient(empty_site, cookies=dict(ada.cookies))  # the session is one of the rows
    assert restored.request("GET", "/home")[0] == 200
    manifest = restored.request("GET", "/@ada_backs_up?min_id=0")[2]
    assert "With a picture" in manifest
    image = re.search(r'src="[^"]*(/media/[^"]+)"', manifest)
    assert image is not None
    assert empty_site.get(image[1])[0] == 200
    restored.fetch_csrf_token("/home")
    assert restored.publish("Life goes on", "after the restore") is not None


def test_verify_compares_every_row_and_file(backed_up: tuple[SiteProcess, SiteClient, Path], tmp_path: Path) -> None:
    site, _, backup = backed_up
    result = site.run_json("verify", str(backup))
    with zipfile.ZipFile(backup) as archive:
        manifest = json.loads(archive.read("backup.json"))
        assert result["files"] == len(manifest["files"]) > 2  # the picture, its preview, the secret key
        assert not [name for name in manifest["files"] if "remote" in name]
        manifest["tables"]["posts"]["rows"] += 1
        forged = tmp_path / "forged.zip"
        with zipfile.ZipFile(forged, "w") as output:
            for name in archive.namelist():
                output.writestr(name, json.dumps(manifest) if name == "backup.json" else archive.read(name))
    assert "in these tables: posts" in run_and_fail(site, "verify", str(forged))


def test_a_checksum_changes_with_any_character(database_url: str) -> None:
    connection = psycopg2.connect(database_url)
    with connection.cursor() as cursor:
        cursor.execute("create table words (id int, word text)")
        cursor.execute("insert into words values (1, 'one'), (2, 'two')")
        before = checksums(cursor)["words"]
        cursor.execute("delete from words where id = 1")
        cursor.execute("insert into words values (1, 'one')")
        assert checksums(cursor)["words"] == before  # independent of the order of rows
        cursor.execute("update words set word = 'One' where id = 1")
        assert checksums(cursor)["words"] != before
    connection.close()


def test_a_backup_is_private_and_overwrites_no_file(backed_up: tuple[SiteProcess, SiteClient, Path]) -> None:
    site, _, backup = backed_up
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    size = backup.stat().st_size
    assert "already exists" in run_and_fail(site, "backup", str(backup))
    assert backup.stat().st_size == size
    assert os.listdir(backup.parent).count("site.zip") == 1
    assert not [name for name in os.listdir(backup.parent) if name.startswith(".site.zip")]


def test_a_backup_is_restored_into_an_empty_site_only(backed_up: tuple[SiteProcess, SiteClient, Path]) -> None:
    site, _, backup = backed_up
    assert "empty" in run_and_fail(site, "restore", str(backup))


@pytest.mark.parametrize(
    "damage", ["cut off", "a flipped bit", "no archive", "a path out of the directory", "a later format", "a lost row", "another row"]
)
def test_a_damaged_backup_is_refused_and_leaves_nothing(
    backed_up: tuple[SiteProcess, SiteClient, Path], empty_site: SiteProcess, empty_database: str, damage: str
) -> None:
    empty_site.settings["database_url"] = empty_database
    archive_bytes = backed_up[2].read_bytes()
    broken = empty_site.data_dir.parent / "broken.zip"
    match damage:
        case "cut off":
            broken.write_bytes(archive_bytes[: len(archive_bytes) // 2])
        case "a flipped bit":
            broken.write_bytes(archive_bytes[:5000] + bytes([archive_bytes[5000] ^ 1]) + archive_bytes[5001:])
        case "no archive":
            broken.write_text("not a backup")
        case _:
            _write_damaged(archive_bytes, broken, damage)
    run_and_fail(empty_site, "restore", str(broken))
    assert list(empty_site.data_dir.glob("*")) == []
    assert not (empty_site.data_dir.parent / "escaped").exists()


def _write_damaged(archive_bytes: bytes, broken: Path, damage: str) -> None:
    with zipfile.ZipFile(io.BytesIO(archive_bytes)) as archive, zipfile.ZipFile(broken, "w") as output:
        manifest = json.loads(archive.read("backup.json"))
        posts = manifest["tables"]["posts"]
        if damage == "a later format":
            manifest["format"] += 1
        elif damage == "a lost row":
            posts["rows"] += 1
        elif damage == "another row":
            posts["sum"] = str(int(posts["sum"]) + 1)
        else:
            manifest["files"].append("files/media/../../../escaped")
            output.writestr("files/media/../../../escaped", "x")
        for name in archive.namelist():
            output.writestr(name, json.dumps(manifest) if name == "backup.json" else archive.read(name))


def test_a_second_backup_copies_only_new_media_and_both_can_be_restored(
    backed_up: tuple[SiteProcess, SiteClient, Path], empty_site: SiteProcess, tmp_path: Path
) -> None:
    site, ada, _ = backed_up
    media, first, second = tmp_path / "media", tmp_path / "first.zip", tmp_path / "second.zip"

    def objects() -> dict[str, int]:
        return {path.name: path.stat().st_ino for path in (media / "objects").rglob("*") if path.is_file()}

    def site_files(data_dir: Path) -> dict[str, bytes]:
        found = (path for path in (data_dir / "media").rglob("*") if path.is_file() and "remote" not in path.parts)
        return {path.name: path.read_bytes() for path in found}

    before = site.run_json("backup", str(first), "--media", str(media))
    stored = objects()
    with zipfile.ZipFile(first) as archive:
        assert [name for name in archive.namelist() if "media" in name] == []
    upload(ada, "plum")
    site.run_command("backup", str(second), "--media", str(media))
    assert stored.items() < objects().items(), "what was there is not written again"
    assert site.run_json("verify", str(first), "--media", str(media))["files"] == before["files"]
    assert "name it with --media" in run_and_fail(site, "verify", str(second))
    empty_site.run_command("restore", str(second), "--media", str(media))
    assert site_files(empty_site.data_dir) == site_files(site.data_dir)


def test_damaged_and_missing_media_of_a_backup_are_named_and_leave_nothing(
    backed_up: tuple[SiteProcess, SiteClient, Path], empty_site: SiteProcess, tmp_path: Path
) -> None:
    site, _, _ = backed_up
    media, backup = tmp_path / "media", tmp_path / "site.zip"
    site.run_command("backup", str(backup), "--media", str(media))
    damaged = next(path for path in (media / "objects").rglob("*") if path.is_file())
    content = damaged.read_bytes()
    damaged.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert f"{damaged} (" in run_and_fail(site, "verify", str(backup), "--media", str(media))
    assert "is damaged" in run_and_fail(empty_site, "restore", str(backup), "--media", str(media))
    assert {entry.name for entry in empty_site.data_dir.glob("*")} <= {"postgres", "postgres.lock"}
    damaged.unlink()
    assert "is missing" in run_and_fail(site, "verify", str(backup), "--media", str(media))
    site.run_command("backup", str(tmp_path / "next.zip"), "--media", str(media))
    assert damaged.read_bytes() == content, "the next backup has it again"
    site.run_command("verify", str(backup), "--media", str(media))
