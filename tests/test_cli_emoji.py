"""`microblog emoji`, as the real program."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from microblog.config import secret_key
from microblog.storage.database import connect, fetch_all
from tests import files
from tests.test_cli import program


@pytest.mark.acceptance
def test_emoji_are_imported_listed_disabled_exported_and_deleted(database_url: str, tmp_path: Path) -> None:
    secret_key(tmp_path)
    archive, target = tmp_path / "emoji.zip", tmp_path / "out.tar.gz"
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("cat.png", files.image("PNG").getvalue())
        written.writestr("no.svg", "<svg/>")

    def emoji(*arguments: str, code: int = 0) -> Any:
        environment = {"MICROBLOG_DATABASE_URL": database_url, "MICROBLOG_DATA_DIR": str(tmp_path)}
        done = program("emoji", *arguments, "--json", environment=environment)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout) if done.stdout else done.stderr

    imported = emoji("import", str(archive), "--category", "Animals", code=1)
    assert (imported["created"], list(imported["failed"])) == (1, ["no.svg"])
    [listed] = emoji("list", "--category", "Animals")
    assert (listed["shortcode"], listed["disabled"], listed["bytes"] > 0) == ("cat", False, True)
    assert [each["disabled"] for each in emoji("disable", ":cat:")] == [True]
    assert [each["disabled"] for each in emoji("enable", "cat")] == [False]
    assert "There is no custom emoji elk." in emoji("disable", "cat", "elk", code=1)
    assert emoji("export", str(target)) == {"exported": 1}
    assert len(emoji("delete", "cat", "--yes")) == 1
    assert emoji("list") == []
    with connect(database_url) as connection, connection.cursor() as cursor:
        acts = fetch_all(cursor, lambda *row: row, "select actor_id, action, target from audit_log order by id")
    connection.close()
    assert acts == [(None, f"emoji.{act}", ":cat:") for act in ("create", "disable", "enable", "delete")]
