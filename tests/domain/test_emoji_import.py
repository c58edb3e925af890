"""Import and export of custom emoji: archives are read safely, whatever is in them."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from microblog.adapters.emoji_archive import MAX_ENTRIES, EmojiArchive
from microblog.application.emoji_tools import EmojiTools
from microblog.domain.caching.invalidation import InvalidationLog
from microblog.domain.custom_emojis import CustomEmojis
from microblog.domain.emoji_import import BATCH, EmojiImport, ImportCounts
from microblog.model.emojis import ArchivedFile, ImportOptions
from microblog.model.errors import Invalid
from microblog.storage.database import Cursor, fetch_all
from tests import files
from tests.fakes import RolledBackDatabase, media_store, result_of
from tests.federation.internet import at_once
from tests.make import NOW

PNG = files.image("PNG", size=(8, 8)).getvalue()
GIF = files.animation(size=(8, 8)).getvalue()
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
Write = Callable[[Path, Mapping[str, bytes]], Path]


@pytest.fixture
def progress() -> list[tuple[int, int]]:
    return []


@pytest.fixture
def tools(db: RolledBackDatabase, tmp_path: Path, progress: list[tuple[int, int]]) -> EmojiTools:
    emojis = CustomEmojis(db, media_store(tmp_path / "var"), InvalidationLog(db), lambda: NOW)
    return EmojiTools(emojis, EmojiImport(emojis, at_once, lambda step, done, total: progress.append((done, total))))


def run(tools: EmojiTools, archive: Path, **options: Any) -> ImportCounts:
    """Import an archive."""
    return result_of(tools.import_archive(archive, ImportOptions(**options)))


def write_zip(directory: Path, contents: Mapping[str, bytes]) -> Path:
    path = directory / "emoji.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def write_tar(directory: Path, contents: Mapping[str, bytes]) -> Path:
    path = directory / "emoji.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


BOTH = pytest.mark.parametrize("write", [write_zip, write_tar])


def archived(path: Path) -> list[ArchivedFile]:
    with path.open("rb") as file:
        return list(EmojiArchive(file, 10).files())


def stored(cursor: Cursor) -> list[tuple[str, str, bool]]:
    """Return the emoji: shortcode, category, and whether pickers show it."""
    sql = "select shortcode, category, is_listed from emojis where host is null order by shortcode"
    return fetch_all(cursor, lambda *row: row, sql)


@BOTH
def test_an_archive_is_imported_and_exported(
    tools: EmojiTools, cursor: Cursor, tmp_path: Path, write: Write, progress: list[tuple[int, int]]
) -> None:
    contents = {"cat.png": PNG, "set/dance.gif": GIF, "._cat.png": b"fork", "set/.DS_Store": b"x"}
    archive = write(tmp_path, contents)
    assert run(tools, archive, category="Set", prefix="my_", suffix="2", is_listed=False) == ImportCounts(created=2)
    assert progress == [(2, 2)]
    assert stored(cursor) == [("my_cat2", "Set", False), ("my_dance2", "Set", False)]
    for ending in ("zip", "tar.gz"):
        target = tmp_path / f"out.{ending}"
        assert result_of(tools.export_archive(target, None)) == 2
        assert [(file.name, file.problem) for file in archived(target)] == [("my_cat2.png", ""), ("my_dance2.gif", "")]
        with pytest.raises(FileExistsError):
            result_of(tools.export_archive(target, None))
        assert run(tools, target, is_listed=False) == ImportCounts(known=2)


@BOTH
def test_an_import_is_repeated_without_doubles(tools: EmojiTools, cursor: Cursor, tmp_path: Path, write: Write) -> None:
    archive = write(tmp_path, {"cat.png": PNG, "CAT.png": PNG, "dog.png": PNG})
    assert run(tools, archive) == ImportCounts(created=2, known=1)
    assert run(tools, archive) == ImportCounts(known=3)
    assert run(tools, archive, overwrite=True, category="New") == ImportCounts(replaced=3)
    assert stored(cursor) == [("cat", "New", True), ("dog", "New", True)]


def test_an_import_that_takes_too_long_says_how_much_is_left_and_goes_on_when_repeated(tools: EmojiTools, tmp_path: Path) -> None:
    archive = write_zip(tmp_path, {f"e{number}.png": PNG for number in range(BATCH + 2)})
    moments = count()
    tools.emojis.now = lambda: NOW + timedelta(seconds=next(moments))
    with archive.open("rb") as file:
        importing = tools.imports.run(EmojiArchive(file, len(PNG)), ImportOptions(), time_limit=timedelta(seconds=5))
        assert result_of(importing) == ImportCounts(created=BATCH, left=2)
    assert run(tools, archive) == ImportCounts(created=2, known=BATCH)


@BOTH
def test_unusable_files_are_named_and_the_others_imported(tools: EmojiTools, cursor: Cursor, tmp_path: Path, write: Write) -> None:
    contents = {"cat.png": PNG, "x.png": PNG, "a b.png": PNG, "logo.svg": SVG, "big.png": PNG + bytes(300_000), "note.txt": b"Hello"}
    counts = run(tools, write(tmp_path, contents))
    assert sorted(counts.failed) == ["a b.png", "big.png", "logo.svg", "note.txt", "x.png"]
    assert [name for name, _, _ in stored(cursor)] == ["cat"]


@BOTH
def test_zip_slip_bomb(tools: EmojiTools, cursor: Cursor, tmp_path: Path, write: Write) -> None:
    """A path in an archive writes nothing anywhere, and a file that unpacks to very much is not unpacked."""
    before = {path for path in tmp_path.rglob("*") if "var" not in path.parts}
    archive = write(tmp_path, {"../../slip.png": PNG, "/tmp/root_slip.png": PNG, "..\\back.png": PNG, "bomb.png": bytes(12_000_000)})
    assert list(run(tools, archive).failed) == ["bomb.png"]
    assert {path for path in tmp_path.rglob("*") if "var" not in path.parts} == before | {archive}
    assert not (tmp_path.parent / "slip.png").exists()
    assert not Path("/tmp/root_slip.png").exists()
    assert [name for name, _, _ in stored(cursor)] == ["back", "root_slip", "slip"]


@BOTH
def test_too_many_entries_store_nothing(tools: EmojiTools, cursor: Cursor, tmp_path: Path, write: Write) -> None:
    archive = write(tmp_path, {f"e{number}.png": PNG for number in range(MAX_ENTRIES + 1)})
    with pytest.raises(Invalid, match="more than 2,000 entries"):
        run(tools, archive)
    assert stored(cursor) == []


def test_an_archive_that_unpacks_to_very_much_stores_nothing(tools: EmojiTools, cursor: Cursor, tmp_path: Path) -> None:
    path = tmp_path / "bomb.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as file, tarfile.open(fileobj=file, mode="w|") as archive:
        for name, size in (("cat.png", len(PNG)), ("bomb.png", 40_000_000)):
            member = tarfile.TarInfo(name)
            member.size = size
            archive.addfile(member, io.BytesIO(PNG if name == "cat.png" else bytes(size)))
    with pytest.raises(Invalid, match="unpacks to too many bytes"):
        run(tools, path)
    assert stored(cursor) == []


def test_an_entry_is_not_unpacked_further_because_many_small_ones_come_before_it(tools: EmojiTools, cursor: Cursor, tmp_path: Path) -> None:
    path = tmp_path / "bomb.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as file, tarfile.open(fileobj=file, mode="w|") as archive:
        for number in range(20):
            archive.addfile(tarfile.TarInfo(f"e{number}.png"))
        name = tarfile.TarInfo("bomb.png")  # long names are read as a whole
        name.type, name.size = tarfile.GNUTYPE_LONGNAME, 40_000_000
        archive.addfile(name, io.BytesIO(bytes(name.size)))
        archive.addfile(tarfile.TarInfo("bomb.png"))
    with pytest.raises(Invalid, match="unpacks to too many bytes"):
        run(tools, path)
    assert stored(cursor) == []


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_of_compression_without_a_limit_are_refused(tools: EmojiTools, tmp_path: Path, method: int) -> None:
    path = tmp_path / "emoji.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bomb.png", bytes(4_000_000), method)
        archive.writestr("cat.png", PNG)
    assert run(tools, path) == ImportCounts(created=1, failed={"bomb.png": "is compressed by another method than deflate"})


def test_links_and_devices_are_no_files(tools: EmojiTools, cursor: Cursor, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(PNG)
    zipped, tarred = tmp_path / "links.zip", tmp_path / "links.tgz"
    with zipfile.ZipFile(zipped, "w") as archive:
        link = zipfile.ZipInfo("link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, str(secret))
    with tarfile.open(tarred, "w:gz") as tar:
        for name, kind in (("symbolic.png", tarfile.SYMTYPE), ("hard.png", tarfile.LNKTYPE), ("fifo.png", tarfile.FIFOTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, str(secret)
            tar.addfile(member)
    for path, names in ((zipped, ["link.png"]), (tarred, ["symbolic.png", "hard.png", "fifo.png"])):
        assert run(tools, path).failed == dict.fromkeys(names, "is no regular file")
    assert stored(cursor) == []


@pytest.mark.parametrize(
    ("name", "content"), [("a.zip", b"PK\3\4 broken"), ("a.tar.gz", b"\x1f\x8b broken"), ("a.tar.gz", b""), ("a.rar", b"Rar!")]
)
def test_broken_and_unknown_archives_are_refused(tools: EmojiTools, tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(Invalid, match="archive"):
        run(tools, path)


@given(
    write=st.sampled_from([write_zip, write_tar]),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from([0, 1, 0x7F, 0x80, 0xFF])), min_size=1, max_size=4),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_archive_is_refused_or_its_files_are(tmp_path: Path, write: Write, changes: list[tuple[float, int]]) -> None:
    path = write(tmp_path, {"é.png": PNG, "cat.png": PNG})
    content = bytearray(path.read_bytes() if write is write_zip else gzip.decompress(path.read_bytes()))
    for place, value in changes:
        content[int(place * len(content))] = value
    path.write_bytes(content if write is write_zip else gzip.compress(content, 1))
    with suppress(Invalid):
        archived(path)


def test_a_zip_with_an_invalid_name_is_refused(tools: EmojiTools, tmp_path: Path) -> None:
    path = write_zip(tmp_path, {"é.png": PNG})
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xff\xff"))
    with pytest.raises(Invalid, match="The archive cannot be read"):
        run(tools, path)


def test_files_of_a_zip_with_an_invalid_position_fail(tools: EmojiTools, tmp_path: Path) -> None:
    path = write_zip(tmp_path, {"cat.png": PNG})
    content = path.read_bytes()
    end = content.index(b"PK\5\6") + 16  # the position of the directory
    path.write_bytes(content[:end] + b"\xff\xff\xff\x7f" + content[end + 4 :])
    assert list(run(tools, path).failed) == ["cat.png"]


def test_a_missing_archive_is_an_error_of_the_system(tools: EmojiTools, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run(tools, tmp_path / "none.zip")
