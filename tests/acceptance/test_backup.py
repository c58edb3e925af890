"""Tests of backups: a restored site is the same, row by row."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from mastodon import Mastodon
from PIL import Image

from microblog.storage.table_checksums import checksums
from tests.acceptance.site_client import SiteClient
from tests.acceptance.site_process import SiteProcess, free_port, site_process

pytestmark = pytest.mark.acceptance


def run(of: SiteProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("microblog"))
    return subprocess.run([program, *arguments], env=of.environment(), capture_output=True, text=True, timeout=120, check=False)


def refused(of: SiteProcess, *arguments: str) -> str:
    done = run(of, *arguments)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


def upload(somebody: SiteClient) -> int:
    """A post with a picture, by a program that has a token; its id."""
    token = json.loads(somebody.site.run_command("token", "create", "ada_backs_up", "--scopes", "read write", "--json"))["token"]
    picture = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(picture, "PNG")
    client = Mastodon(access_token=token, api_base_url=somebody.site.url)
    media = client.media_post(picture.getvalue(), mime_type="image/png", description="A colour")
    return int(client.status_post("With a picture", media_ids=[media]).id)


@pytest.fixture(scope="module")
def backed_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SiteProcess, SiteClient, Path]]:
    """A site, somebody on it, and the backup that was made while they were writing."""
    directory = tmp_path_factory.mktemp("backed-up")
    with site_process(directory, rate_limits="off") as made:
        made.start()
        ada = SiteClient(made)
        ada.sign_up("ada_backs_up")
        written: list[int | None] = [upload(ada)]
        over = threading.Event()

        def write() -> None:
            while not over.is_set():
                written.append(ada.publish(f"Number {len(written)} ☂ ﷽", f"key{len(written)}"))

        writer = threading.Thread(target=write)
        writer.start()
        told = run(made, "backup", str(directory / "site.zip"), "--json")
        over.set()
        writer.join()
        assert told.returncode == 0, told.stderr
        assert len(written) > 1
        yield made, ada, directory / "site.zip"


@pytest.fixture
def elsewhere(tmp_path: Path, backed_up: tuple[SiteProcess, SiteClient, Path]) -> Iterator[SiteProcess]:
    """An empty machine."""
    with site_process(tmp_path) as made:
        made.port = free_port()
        yield made


def test_a_restored_site_is_the_same_to_those_who_were_on_it(
    backed_up: tuple[SiteProcess, SiteClient, Path], elsewhere: SiteProcess
) -> None:
    _, ada, backup = backed_up
    refused(elsewhere, "restore", __file__)  # what was refused leaves an empty place
    told = json.loads(elsewhere.run_command("restore", str(backup), "--json"))
    assert told["rows"] > 20
    elsewhere.start()
    again = SiteClient(elsewhere, cookies=dict(ada.cookies))  # the session is one of the rows
    assert again.request("GET", "/home")[0] == 200
    listed = again.request("GET", "/@ada_backs_up?min_id=0")[2]
    assert "With a picture" in listed
    picture = re.search(r'src="[^"]*(/media/[^"]+)"', listed)
    assert picture is not None
    assert elsewhere.get(picture[1])[0] == 200
    again.fetch_csrf_token("/home")
    assert again.publish("Life goes on", "after the restore") is not None


def test_every_row_and_file_is_compared(backed_up: tuple[SiteProcess, SiteClient, Path], tmp_path: Path) -> None:
    made, _, backup = backed_up
    told = json.loads(made.run_command("verify", str(backup), "--json"))
    with zipfile.ZipFile(backup) as archive:
        listed = json.loads(archive.read("backup.json"))
        assert told["files"] == len(listed["files"]) > 2  # the picture, its preview, the secret key
        listed["tables"]["posts"]["rows"] += 1
        forged = tmp_path / "forged.zip"
        with zipfile.ZipFile(forged, "w") as other:
            for name in archive.namelist():
                other.writestr(name, json.dumps(listed) if name == "backup.json" else archive.read(name))
    assert "posts differ" in refused(made, "verify", str(forged))


def test_a_digest_notices_a_changed_letter(database_url: str) -> None:
    connection = psycopg2.connect(database_url)
    with connection.cursor() as cursor:
        cursor.execute("create table words (id int, word text)")
        cursor.execute("insert into words values (1, 'one'), (2, 'two')")
        before = checksums(cursor)["words"]
        cursor.execute("delete from words where id = 1")
        cursor.execute("insert into words values (1, 'one')")
        assert checksums(cursor)["words"] == before  # whatever their order
        cursor.execute("update words set word = 'One' where id = 1")
        assert checksums(cursor)["words"] != before
    connection.close()


def test_only_its_owner_can_read_it_and_no_file_is_overwritten(backed_up: tuple[SiteProcess, SiteClient, Path]) -> None:
    made, _, backup = backed_up
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    size = backup.stat().st_size
    assert "exists already" in refused(made, "backup", str(backup))
    assert backup.stat().st_size == size
    assert os.listdir(backup.parent).count("site.zip") == 1
    assert not [name for name in os.listdir(backup.parent) if name.startswith(".site.zip")]


def test_it_is_restored_into_an_empty_place_only(backed_up: tuple[SiteProcess, SiteClient, Path]) -> None:
    made, _, backup = backed_up
    assert "empty" in refused(made, "restore", str(backup))


@pytest.mark.parametrize(
    "damage", ["cut off", "a flipped bit", "no archive", "a path out of the directory", "a later format", "a lost row", "another row"]
)
def test_what_is_no_whole_backup_is_refused_and_leaves_nothing(
    backed_up: tuple[SiteProcess, SiteClient, Path], elsewhere: SiteProcess, damage: str
) -> None:
    whole = backed_up[2].read_bytes()
    broken = elsewhere.data_dir.parent / "broken.zip"
    match damage:
        case "cut off":
            broken.write_bytes(whole[: len(whole) // 2])
        case "a flipped bit":
            broken.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
        case "no archive":
            broken.write_text("not a backup")
        case _:
            _rewritten(whole, broken, damage)
    refused(elsewhere, "restore", str(broken))
    assert {entry.name for entry in elsewhere.data_dir.glob("*")} <= {"postgres", "postgres.lock"}
    assert not (elsewhere.data_dir.parent / "escaped").exists()


def _rewritten(whole: bytes, broken: Path, damage: str) -> None:
    with zipfile.ZipFile(io.BytesIO(whole)) as archive, zipfile.ZipFile(broken, "w") as other:
        listed = json.loads(archive.read("backup.json"))
        posts = listed["tables"]["posts"]
        if damage == "a later format":
            listed["format"] += 1
        elif damage == "a lost row":
            posts["rows"] += 1
        elif damage == "another row":
            posts["sum"] = str(int(posts["sum"]) + 1)
        else:
            listed["files"].append("files/media/../../../escaped")
            other.writestr("files/media/../../../escaped", "x")
        for name in archive.namelist():
            other.writestr(name, json.dumps(listed) if name == "backup.json" else archive.read(name))
