"""Baselines: the database and names of each release, from which every later version must upgrade.

Each has a directory: `database.sql` is the database of a small site, as plain SQL; `names.json` lists the settings, metrics and job kinds;
the wheel is the program. `python -m tests.baseline.record` writes them for the version of the working tree, when a release is made. They
never change afterwards.
"""

from __future__ import annotations

import json
import re
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from microblog.adapters.postgres_files import package_directory
from microblog.config import setting_docs

ROOT = Path(__file__).parent


@frozen
class Names:
    """Names that administrators, their tools and stored rows depend on, in alphabetical order."""

    settings: list[str]
    metrics: list[str]
    jobs: list[str]


def releases() -> list[str]:
    """Return the versions that have a baseline."""
    return sorted(path.name for path in ROOT.iterdir() if (path / "database.sql").is_file())


def recorded_names(version: str) -> Names:
    """Return the names of that release."""
    return Names(**json.loads((ROOT / version / "names.json").read_text("utf-8")))


def recorded_database(version: str) -> str:
    """Return the SQL that creates that release's database."""
    return (ROOT / version / "database.sql").read_text("utf-8")


def unpack_program(version: str, directory: Path) -> None:
    """Put the packages of that release into a directory, for PYTHONPATH."""
    [wheel] = (ROOT / version).glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(directory)


def current_names(exposition: str, tasks: Mapping[str, object]) -> Names:
    """Return the names of the working tree, given the text of /metrics and the tasks by job kind."""
    metrics = set(re.findall(r"^# TYPE (microblog_\w+) ", exposition, re.MULTILINE))
    return Names(sorted(doc.name for doc in setting_docs()), sorted(metrics), sorted(tasks))


def dump(url: str, *options: str) -> str:
    """Return the database as plain SQL that any connection can execute, without the random secret of ids."""
    program = str(package_directory() / "pginstall" / "bin" / "pg_dump")
    command = [program, "--no-owner", "--no-privileges", *options, "--dbname", url]
    dumped = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    sql = re.sub(r"^(?:\\|--).*\n", "", dumped, flags=re.MULTILINE)
    return re.sub(r"\n{2,}", "\n\n", re.sub(r"'[0-9a-f]{64}' \|\| ms", f"'{'0' * 64}' || ms", sql)).strip() + "\n"
