"""Tests of the embedded PostgreSQL, run as root and as an ordinary user."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psycopg2
import pytest
from twisted.internet import reactor
from twisted.internet.task import deferLater

from microblog.adapters import postgres_files
from microblog.adapters.child_launcher import command_line
from microblog.adapters.postgres import EmbeddedPostgres, EmbeddedPostgresError, initdb_command, running
from microblog.adapters.postgres_files import Home, lock, package_directory, servers_in

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change users")


@asynccontextmanager
async def server(data_dir: Path) -> AsyncIterator[str]:
    embedded = EmbeddedPostgres(data_dir, reactor, durable=False)
    url = await embedded.start()
    try:
        yield url
    finally:
        await embedded.stop()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a server that never ran, as initdb makes it: that takes longer than the tests."""
    home = Home(tmp_path_factory.mktemp("cluster"))
    home.prepare()
    subprocess.run(initdb_command(home, durable=False), capture_output=True, check=True)
    home.fresh.rename(home.data)
    return home.root


@pytest.fixture
def data_dir(tmp_path: Path, cluster: Path) -> Path:
    """A data directory with a server that never ran."""
    subprocess.run(["cp", "-a", cluster, Home(tmp_path).root], check=True)
    return tmp_path


def query(url: str, sql: str) -> object:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            row = cursor.fetchone() if cursor.description else None
            return row and row[0]
    finally:
        connection.close()


async def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    for _ in range(int(seconds / 0.02)):
        if condition():
            return True
        await deferLater(reactor, 0.02)
    return False


async def test_data_survives_a_restart(tmp_path: Path) -> None:
    async with server(tmp_path) as url:
        query(url, "create table entries as select 7 as number")
    async with server(tmp_path) as url:
        assert query(url, "select number from entries") == 7


async def test_encoding_collation_and_time_zone_are_fixed(data_dir: Path) -> None:
    async with server(data_dir) as url:
        assert query(url, "show server_encoding") == "UTF8"
        assert query(url, "select lower('ÄΣИ')") == "äσи"
        assert query(url, "show timezone") == "UTC"


async def test_it_listens_on_a_private_unix_socket_only(data_dir: Path) -> None:
    async with server(data_dir) as url:
        assert query(url, "show listen_addresses") == ""
        sockets = Path(str(query(url, "show unix_socket_directories")))
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert not sockets.exists()


async def test_running_finds_the_server_only_while_it_runs(data_dir: Path) -> None:
    assert running(data_dir) is None
    async with server(data_dir) as url:
        assert running(data_dir) == url
    assert running(data_dir) is None


def test_a_server_is_found_whose_process_this_user_cannot_look_at(tmp_path: Path) -> None:
    data, sockets = Home(tmp_path).data, tmp_path / "socket"
    for directory in (data, sockets):
        directory.mkdir(parents=True)
    (data / "postmaster.pid").write_text(f"1\n{data}\n0\n5432\n{sockets}\n\n0 0\nready\n")
    assert running(tmp_path) is None
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(sockets / ".s.PGSQL.5432"))
        assert running(tmp_path) is None, "it was killed"
        listener.listen()
        assert running(tmp_path) == postgres_files.dsn(sockets)
    assert list(servers_in(Home(tmp_path).data)) == []


async def test_a_long_path_works(tmp_path: Path) -> None:
    async with server(tmp_path / ("long" * 40) / "and longer") as url:
        assert query(url, "select 1") == 1


async def test_a_second_server_on_the_same_data_is_refused(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("microblog.adapters.postgres._WAIT_FOR_LOCK_S", 0.2)
    async with server(data_dir) as url:
        with pytest.raises(EmbeddedPostgresError, match="Another process of the site already uses"):
            await EmbeddedPostgres(data_dir, reactor).start()
        assert query(url, "select 1") == 1


async def test_a_killed_server_is_restarted(data_dir: Path) -> None:
    async with server(data_dir) as url:
        for _ in range(2):
            old_postmaster = _postmaster(data_dir)
            os.kill(old_postmaster, signal.SIGKILL)
            assert await wait_until(lambda: _is_up(url))
            assert _postmaster(data_dir) != old_postmaster


def _postmaster(data_dir: Path) -> int:
    [pid] = [pid for pid in servers_in(Home(data_dir).data) if _parent(pid) == os.getpid()]
    return pid


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _is_up(url: str) -> bool:
    try:
        return query(url, "select 1") == 1
    except psycopg2.OperationalError:
        return False


async def test_an_incomplete_first_start_is_repeated(tmp_path: Path) -> None:
    incomplete = tmp_path / "postgres" / "data.new"
    incomplete.mkdir(parents=True)
    (incomplete / "PG_VERSION").write_text("18\n")
    async with server(tmp_path) as url:
        assert query(url, "select 1") == 1
    assert not incomplete.exists()


async def test_a_stale_pid_file_and_socket_lock_are_removed(data_dir: Path) -> None:
    async with server(data_dir) as url:
        sockets = Path(str(query(url, "show unix_socket_directories")))
        pid_file = (Home(data_dir).data / "postmaster.pid").read_text()
    _, rest = pid_file.split("\n", 1)
    (Home(data_dir).data / "postmaster.pid").write_text(f"{os.getpid()}\n{rest}")
    home = Home(data_dir)
    assert home.socket_directory() == sockets
    (sockets / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n{rest}")
    async with server(data_dir) as url:
        assert query(url, "select 1") == 1


async def test_data_of_another_major_version_is_refused_with_advice(data_dir: Path) -> None:
    (Home(data_dir).data / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedPostgresError, match=r"was created by PostgreSQL 17, .* make a backup"):
        await EmbeddedPostgres(data_dir, reactor).start()
    lock_again = lock(data_dir / "postgres.lock")
    assert lock_again is not None
    os.close(lock_again)


async def test_a_failed_start_reports_the_message_of_the_server(data_dir: Path) -> None:
    with (Home(data_dir).data / "postgresql.conf").open("a") as config:
        config.write("no_such_parameter = 1\n")
    with pytest.raises(EmbeddedPostgresError, match="no_such_parameter"):
        await EmbeddedPostgres(data_dir, reactor).start()


async def test_an_unusable_data_directory_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedPostgresError, match="cannot use"):
        await EmbeddedPostgres(tmp_path / "file", reactor).start()


@as_root
async def test_as_root_the_server_runs_as_an_unprivileged_user(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)  # like the home of root, which the user of the server cannot enter
    async with server(private / "var") as url:
        assert query(url, "select 1") == 1
        [*owners] = {Path(f"/proc/{pid}").stat().st_uid for pid in servers_in(Home(private / "var").data)}
        assert len(owners) == 1
        assert owners[0] != 0
        assert Home(private / "var").root.stat().st_uid == owners[0]
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


@as_root
async def test_as_root_data_keeps_its_ordinary_owner(data_dir: Path) -> None:
    home = Home(data_dir)
    for directory, directories, files in os.walk(home.root):
        for name in (*directories, *files, "."):
            os.lchown(Path(directory, name), 12345, 12345)
    async with server(data_dir) as url:
        assert query(url, "select 1") == 1
        assert {Path(f"/proc/{pid}").stat().st_uid for pid in servers_in(home.data)} == {12345}


@pytest.fixture
def programs_directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory that replaces the one to which programs are copied; readable by all users."""
    directory = Path("/var/tmp") / f"microblog-test-{os.getpid()}"
    directory.mkdir(mode=0o755)
    monkeypatch.setattr(postgres_files, "PROGRAM_DIRECTORIES", (directory,))
    yield directory
    shutil.rmtree(directory)


@as_root
async def test_as_root_inaccessible_programs_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs_directory: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    package = package_directory()
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.parent / name, hidden / name, symlinks=True)
    monkeypatch.setattr(postgres_files, "package_directory", lambda: hidden / package.name)
    for _ in range(2):
        async with server(tmp_path / "var") as url:
            assert query(url, "select 1") == 1
            programs = set()
            for pid in servers_in(Home(tmp_path / "var").data):
                with suppress(FileNotFoundError):  # the process of the query may just have ended
                    programs.add(os.readlink(f"/proc/{pid}/exe"))
            assert programs
            assert all(program.startswith(str(programs_directory)) for program in programs)
    assert len(list(programs_directory.iterdir())) == 1


def test_a_symbolic_link_in_place_of_the_socket_directory_is_not_followed(tmp_path: Path) -> None:
    home = Home(tmp_path / ("long" * 20))
    home.prepare()
    expected = home.socket_directory()
    expected.rmdir()
    (tmp_path / "trap").mkdir()
    expected.symlink_to(tmp_path / "trap")
    try:
        chosen = home.socket_directory()
        assert chosen not in {expected, tmp_path / "trap"}
        assert not chosen.is_symlink()
        chosen.rmdir()
    finally:
        expected.unlink()


_START_AND_STOP = """
import sys
from pathlib import Path
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react
from microblog.adapters.postgres import EmbeddedPostgres, running
async def main(reactor):
    server = EmbeddedPostgres(Path(sys.argv[1]), reactor, durable=False)
    url = await server.start()
    assert running(Path(sys.argv[1])) == url
    print(url)
    await server.stop()
react(lambda reactor: ensureDeferred(main(reactor)))
"""


@as_root
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is missing: apt-get install util-linux")
def test_an_ordinary_user_can_run_it(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(tmp_path, nobody.pw_uid, nobody.pw_gid)
    # One capability is kept, because Python and the tests may be in a home that `nobody` cannot read.
    run_as_nobody = f"setpriv --reuid={nobody.pw_uid} --regid={nobody.pw_gid} --clear-groups --inh-caps=+dac_override"
    command = [*run_as_nobody.split(), "--ambient-caps=+dac_override", sys.executable, "-c", _START_AND_STOP, str(tmp_path / "var")]
    root = Path(__file__).parent.parent.parent
    for _ in range(2):
        completed = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=60, check=False)
        assert completed.returncode == 0, completed.stderr
        assert completed.stdout.startswith("postgresql://")
    assert Home(tmp_path / "var").root.stat().st_uid == nobody.pw_uid


def test_a_child_of_the_launcher_ends_with_its_parent(tmp_path: Path) -> None:
    child = "import time; print(flush=True); time.sleep(60)"
    command = command_line([sys.executable, "-c", child], directory=tmp_path, at_parents_death=signal.SIGTERM)
    parent_program = f"import os, signal, subprocess, sys\ncommand = {command!r}\n" + (
        "command[5] = str(os.getpid())\n"
        "child = subprocess.Popen(command, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    completed = subprocess.run([sys.executable, "-c", parent_program], capture_output=True, text=True, timeout=30, check=False)
    pid = int(completed.stdout)
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} is still running")
