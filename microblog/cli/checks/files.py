"""Checks of the data directory: can it be written, is there space, and who can read its secrets."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from microblog.cli.checks.findings import Finding, Status
from microblog.config import Settings, setting_docs

DATA_DIR = "MICROBLOG_DATA_DIR"
LOW_BYTES, TOO_LOW_BYTES = 2 << 30, 200 << 20
LOW_INODES = 10_000
_OTHERS = 0o007
_GROUP_AND_OTHERS = 0o077
_PRIVATE = ("secret_key", "mail")  # the site creates them for its own user only
MAX_LISTED = 3


def data_directory(settings: Settings) -> Finding:
    """Check that the data directory, or the nearest directory that will contain it, can be written."""
    directory = settings.data_dir.absolute()
    nearest = _nearest(directory)
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as problem:
        text = f"cannot write into {nearest}: {problem.strerror}. Run this command as the site's user, or give the directory to that user."
        return Finding("data directory", Status.ERROR, text, DATA_DIR)
    text = str(directory) if nearest == directory else f"{directory} will be created at the first start"
    return Finding("data directory", Status.OK, text, DATA_DIR)


def disk(settings: Settings) -> Finding:
    """Check the free space and inodes of the data directory's file system."""
    found = os.statvfs(_nearest(settings.data_dir.absolute()))
    free = found.f_bavail * found.f_frsize
    if not found.f_blocks:
        return Finding("disk", Status.OK, "the file system does not say how much is free", DATA_DIR)
    if free < TOO_LOW_BYTES or free < LOW_BYTES:
        text = f"{free / 1e6:,.0f} MB free: delete something, or move the data directory to a larger file system"
        return Finding("disk", Status.ERROR if free < TOO_LOW_BYTES else Status.WARNING, text, DATA_DIR)
    if found.f_files and found.f_favail < LOW_INODES:
        text = f"only {found.f_favail:,} more files can be created on the file system: delete some, or use another one"
        return Finding("disk", Status.WARNING, text, DATA_DIR)
    return Finding("disk", Status.OK, f"{free / 1e9:,.1f} GB free", DATA_DIR)


def file_modes(settings: Settings, file: Path | None, origin: Mapping[str, str]) -> Iterator[Finding]:
    """Yield problems of the modes and owners of files that contain secrets, or that there are none."""
    problems = [
        *_settings_file(file, origin),
        *_private_files(settings.data_dir),
        *_readable(settings.data_dir),
        *_owners(settings.data_dir),
    ]
    yield from problems or [Finding("file modes", Status.OK, "only the site's user can read its secrets", DATA_DIR)]


def _settings_file(file: Path | None, origin: Mapping[str, str]) -> Iterator[Finding]:
    secrets = [setting.name for setting in setting_docs() if setting.secret and origin[setting.name] == "file"]
    if file is not None and secrets and file.stat().st_mode & _OTHERS:
        text = f"{file} contains passwords and other users of this machine can read it: chown root:microblog {file}; chmod 640 {file}"
        yield Finding("file modes", Status.ERROR, text, secrets[0])


def _private_files(data_dir: Path) -> Iterator[Finding]:
    for path in (data_dir / name for name in _PRIVATE):
        if path.exists() and path.stat().st_mode & _GROUP_AND_OTHERS:
            text = f"other users can read {path}, which contains secrets: chmod go= {path}"
            yield Finding("file modes", Status.ERROR, text, DATA_DIR)


def _readable(data_dir: Path) -> Iterator[Finding]:
    """Yield a finding if users outside the group of the data directory can reach and read something in it."""
    if not data_dir.is_dir() or not data_dir.stat().st_mode & 0o001:
        return
    found = sorted(path.name for path in data_dir.iterdir() if path.name not in _PRIVATE and path.lstat().st_mode & 0o004)
    if found:
        text = f"other users of this machine can read {_listed(found)} in {data_dir}: chmod o= {data_dir}"
        yield Finding("file modes", Status.WARNING, text, DATA_DIR)


def _owners(data_dir: Path) -> Iterator[Finding]:
    """Yield a finding if a command that ran as another user left files in the data directory that the site cannot write."""
    if not data_dir.is_dir():
        return
    owner = data_dir.stat().st_uid
    found = sorted(path.name for path in data_dir.iterdir() if path.lstat().st_uid != owner and not path.name.startswith("postgres"))
    if found and owner != 0:
        text = f"{_listed(found)} in {data_dir} belong to another user than the directory: chown -R {owner} {data_dir}"
        yield Finding("file owners", Status.ERROR, text, DATA_DIR)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:MAX_LISTED]) + (f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else "")


def _nearest(directory: Path) -> Path:
    return next(parent for parent in (directory, *directory.parents) if parent.exists())
