"""The embedded PostgreSQL, as whoever runs the site: root, or anybody else."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg2
import pytest
from twisted.internet import reactor
from twisted.internet.task import deferLater

from microblog.adapters import postgres_files
from microblog.adapters.child_launcher import command_line
from microblog.adapters.postgres import EmbeddedPostgres, EmbeddedPostgresError, running
from microblog.adapters.postgres_files import Home, lock, package_directory, servers_in

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up being root")


@asynccontextmanager
async def server(data_dir: Path) -> AsyncIterator[str]:
    embedded = EmbeddedPostgres(data_dir, reactor, durable=False)
    url = await embedded.start()
    try:
        yield url
    finally:
        await embedded.stop()


def ask(url: str, sql: str) -> object:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            row = cursor.fetchone() if cursor.description else None
            return row and row[0]
    finally:
        connection.close()


async def until(is_so: Callable[[], bool], seconds: float = 30.0) -> bool:
    for _ in range(int(seconds / 0.02)):
        if is_so():
            return True
        await deferLater(reactor, 0.02)
    return False


async def test_it_keeps_its_data_from_one_start_to_the_next(tmp_path: Path) -> None:
    async with server(tmp_path) as url:
        ask(url, "create table kept as select 7 as number")
    async with server(tmp_path) as url:
        assert ask(url, "select number from kept") == 7


async def test_it_speaks_utf_8_and_sorts_the_same_everywhere(tmp_path: Path) -> None:
    async with server(tmp_path) as url:
        assert ask(url, "show server_encoding") == "UTF8"
        assert ask(url, "select lower('ÄΣИ')") == "äσи"
        assert ask(url, "show timezone") == "UTC"


async def test_it_listens_on_no_network(tmp_path: Path) -> None:
    async with server(tmp_path) as url:
        assert ask(url, "show listen_addresses") == ""
        sockets = Path(str(ask(url, "show unix_socket_directories")))
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert not sockets.exists()


async def test_it_is_found_while_it_runs_and_only_then(tmp_path: Path) -> None:
    assert running(tmp_path) is None
    async with server(tmp_path) as url:
        assert running(tmp_path) == url
    assert running(tmp_path) is None
    assert list(servers_in(Home(tmp_path).data)) == []


async def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    async with server(tmp_path / ("long" * 40) / "and longer") as url:
        assert ask(url, "select 1") == 1


async def test_only_one_may_have_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("microblog.adapters.postgres._WAIT_FOR_LOCK_S", 0.2)
    async with server(tmp_path) as url:
        with pytest.raises(EmbeddedPostgresError, match="Another process of the site already uses"):
            await EmbeddedPostgres(tmp_path, reactor).start()
        assert ask(url, "select 1") == 1


async def test_it_starts_again_when_it_dies(tmp_path: Path) -> None:
    async with server(tmp_path) as url:
        for _ in range(2):
            dead = _postmaster(tmp_path)
            os.kill(dead, signal.SIGKILL)
            assert await until(lambda: _answers(url))
            assert _postmaster(tmp_path) != dead


def _postmaster(data_dir: Path) -> int:
    [pid] = [pid for pid in servers_in(Home(data_dir).data) if _parent(pid) == os.getpid()]
    return pid


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _answers(url: str) -> bool:
    try:
        return ask(url, "select 1") == 1
    except psycopg2.OperationalError:
        return False


async def test_what_a_broken_off_first_start_left_is_made_anew(tmp_path: Path) -> None:
    half = tmp_path / "postgres" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    async with server(tmp_path) as url:
        assert ask(url, "select 1") == 1
    assert not half.exists()


async def test_a_pid_file_and_a_socket_lock_that_name_an_unrelated_process_are_cleared(tmp_path: Path) -> None:
    async with server(tmp_path) as url:
        sockets = Path(str(ask(url, "show unix_socket_directories")))
        state = (Home(tmp_path).data / "postmaster.pid").read_text()
    _, rest = state.split("\n", 1)
    (Home(tmp_path).data / "postmaster.pid").write_text(f"{os.getpid()}\n{rest}")
    home = Home(tmp_path)
    assert home.socket_directory() == sockets
    (sockets / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n{rest}")
    async with server(tmp_path) as url:
        assert ask(url, "select 1") == 1


async def test_data_of_another_major_version_is_left_alone_and_the_way_out_is_said(tmp_path: Path) -> None:
    async with server(tmp_path):
        pass
    (Home(tmp_path).data / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedPostgresError, match=r"was written by PostgreSQL 17 .* make a backup"):
        await EmbeddedPostgres(tmp_path, reactor).start()
    lock_again = lock(tmp_path / "postgres.lock")
    assert lock_again is not None
    os.close(lock_again)


async def test_what_the_server_said_is_told_when_it_does_not_start(tmp_path: Path) -> None:
    async with server(tmp_path):
        pass
    with (Home(tmp_path).data / "postgresql.conf").open("a") as conf:
        conf.write("no_such_parameter = 1\n")
    with pytest.raises(EmbeddedPostgresError, match="no_such_parameter"):
        await EmbeddedPostgres(tmp_path, reactor).start()


async def test_a_data_directory_that_cannot_be_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedPostgresError, match="cannot use"):
        await EmbeddedPostgres(tmp_path / "file", reactor).start()


@as_root
async def test_as_root_the_server_belongs_to_somebody_without_rights(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)  # like root's own home: the server's user cannot walk there
    async with server(private / "var") as url:
        assert ask(url, "select 1") == 1
        [*owners] = {Path(f"/proc/{pid}").stat().st_uid for pid in servers_in(Home(private / "var").data)}
        assert len(owners) == 1
        assert owners[0] != 0
        assert Home(private / "var").root.stat().st_uid == owners[0]
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


@as_root
async def test_as_root_data_of_an_ordinary_user_stays_that_users(tmp_path: Path) -> None:
    async with server(tmp_path):
        pass
    home = Home(tmp_path)
    for directory, directories, files in os.walk(home.root):
        for name in (*directories, *files, "."):
            os.lchown(Path(directory, name), 12345, 12345)
    async with server(tmp_path) as url:
        assert ask(url, "select 1") == 1
        assert {Path(f"/proc/{pid}").stat().st_uid for pid in servers_in(home.data)} == {12345}


@pytest.fixture
def place_for_programs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where programs are copied to, instead of the machine's own place; others may walk there."""
    place = Path("/var/tmp") / f"microblog-test-{os.getpid()}"
    place.mkdir(mode=0o755)
    monkeypatch.setattr(postgres_files, "PLACES_FOR_PROGRAMS", (place,))
    yield place
    shutil.rmtree(place)


@as_root
async def test_as_root_programs_out_of_the_servers_reach_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place_for_programs: Path
) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    package = package_directory()
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.parent / name, hidden / name, symlinks=True)
    monkeypatch.setattr(postgres_files, "package_directory", lambda: hidden / package.name)
    for _ in range(2):
        async with server(tmp_path / "var") as url:
            assert ask(url, "select 1") == 1
            programs = {os.readlink(f"/proc/{pid}/exe") for pid in servers_in(Home(tmp_path / "var").data)}
            assert all(program.startswith(str(place_for_programs)) for program in programs)
    assert len(list(place_for_programs.iterdir())) == 1


def test_a_link_that_somebody_laid_where_the_socket_goes_is_not_followed(tmp_path: Path) -> None:
    home = Home(tmp_path / ("long" * 20))
    home.make()
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
    become = f"setpriv --reuid={nobody.pw_uid} --regid={nobody.pw_gid} --clear-groups --inh-caps=+dac_override"
    command = [*become.split(), "--ambient-caps=+dac_override", sys.executable, "-c", _START_AND_STOP, str(tmp_path / "var")]
    root = Path(__file__).parent.parent.parent
    for _ in range(2):
        ended = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=60, check=False)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.startswith("postgresql://")
    assert Home(tmp_path / "var").root.stat().st_uid == nobody.pw_uid


def test_a_child_of_the_launcher_goes_with_its_parent(tmp_path: Path) -> None:
    child = "import time; print(flush=True); time.sleep(60)"
    command = command_line([sys.executable, "-c", child], directory=tmp_path, at_parents_death=signal.SIGTERM)
    parent_program = f"import os, signal, subprocess, sys\ncommand = {command!r}\n" + (
        "command[5] = str(os.getpid())\n"
        "child = subprocess.Popen(command, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", parent_program], capture_output=True, text=True, timeout=30, check=False)
    pid = int(ended.stdout)
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} lives on")
