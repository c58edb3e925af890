"""The site as a process: it starts, stops, dies and comes back, and loses nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from tests.acceptance.site import Site, environment, free_port, site, twistd, until

pytestmark = pytest.mark.acceptance


def write_row(url: str, name: str) -> None:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("create table if not exists kept (name text)")
        cursor.execute("insert into kept values (%(name)s)", {"name": name})
    connection.close()


def rows(url: str) -> list[str]:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("select name from kept order by name")
        found = [name for (name,) in cursor.fetchall()]
    connection.close()
    return found


def test_it_starts_says_where_and_stops_without_a_trace(own_site: Site) -> None:
    own_site.start()
    assert f"is ready at {own_site.url}" in own_site.log
    sockets = own_site.database_url()
    assert own_site.postgres()
    assert own_site.stop() in {0, -signal.SIGTERM}
    assert own_site.postgres() == []
    assert not own_site.is_up()
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(sockets)
    assert "Traceback" not in own_site.log


def test_what_was_committed_is_there_after_a_restart(own_site: Site) -> None:
    own_site.start()
    write_row(own_site.database_url(), "first")
    own_site.stop()
    own_site.start()
    write_row(own_site.database_url(), "second")
    assert rows(own_site.database_url()) == ["first", "second"]


def test_kill_9_of_the_site_takes_its_database_along_and_loses_nothing(own_site: Site) -> None:
    own_site.start()
    write_row(own_site.database_url(), "first")
    own_site.kill()
    assert until(lambda: not own_site.postgres(), 5)
    own_site.start()
    assert rows(own_site.database_url()) == ["first"]


def test_kill_9_of_the_site_and_an_immediate_start(own_site: Site) -> None:
    own_site.start()
    write_row(own_site.database_url(), "first")
    own_site.kill()
    own_site.start()
    assert rows(own_site.database_url()) == ["first"]


def test_kill_9_of_the_database_is_survived_by_the_site(own_site: Site) -> None:
    own_site.start()
    write_row(own_site.database_url(), "first")
    dead = own_site.postmaster()
    os.kill(dead, signal.SIGKILL)
    assert until(lambda: own_site.is_up() and own_site.postmaster() != dead, 30), own_site.log
    assert rows(own_site.database_url()) == ["first"]
    assert own_site.process is not None
    assert own_site.process.poll() is None


def test_kill_9_of_both_and_a_pid_file_that_names_somebody_else(own_site: Site) -> None:
    own_site.start()
    write_row(own_site.database_url(), "first")
    state = own_site.data_dir / "postgres" / "data" / "postmaster.pid"
    lines = state.read_text().splitlines(keepends=True)
    dead = own_site.postmaster()
    own_site.kill()
    os.kill(dead, signal.SIGKILL)
    assert until(lambda: not own_site.postgres(), 5)
    state.write_text("".join([f"{os.getpid()}\n", *lines[1:]]))  # as after a restart of a container
    own_site.start()
    assert rows(own_site.database_url()) == ["first"]


def test_a_second_site_on_the_same_data_says_so_and_ends(own_site: Site) -> None:
    own_site.start()
    other = Site(own_site.data_dir)
    other_log = other.log_file
    process = other.launch()
    assert process.wait(60) == 1
    assert "Another process of the site already uses" in other_log.read_text()
    assert own_site.is_up()


def test_a_port_in_use_ends_it_with_a_sentence_and_no_database_left(own_site: Site, tmp_path: Path) -> None:
    own_site.start()
    with site(tmp_path / "other") as other:
        (tmp_path / "other").mkdir()
        other.port = own_site.port
        assert other.launch().wait(60) == 1
        assert "The site cannot start: Couldn't listen on" in other.log
        assert "Traceback" not in other.log
        assert other.postgres() == []


def test_a_database_out_of_reach_ends_it_with_a_sentence_that_keeps_the_password(tmp_path: Path) -> None:
    url = f"postgresql://ada:open-sesame@127.0.0.1:{free_port()}/none"
    with site(tmp_path, database_url=url) as made:
        assert made.launch().wait(60) == 1
        assert "The site cannot start: The database cannot be reached" in made.log
        assert "open-sesame" not in made.log


def test_wrong_settings_are_all_reported_and_nothing_starts(tmp_path: Path) -> None:
    given = environment(listen="tcp:http", max_characters="many", registratoin="open", data_dir=str(tmp_path / "var"))
    command = [twistd(), "--pidfile=", "-n", "microblog"]
    ended = subprocess.run(command, env=given, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    for told in ("MICROBLOG_LISTEN is 'tcp:http'", "MICROBLOG_MAX_CHARACTERS is 'many'", "did you mean MICROBLOG_REGISTRATION?"):
        assert told in ended.stdout
    assert not (tmp_path / "var").exists()


def test_the_settings_file_is_read(own_site: Site, tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('registration = "closed"\ndatabase_pool = 2\n')
    own_site.start("--config", str(file))
    assert "registration: closed" in own_site.log


def test_as_a_daemon_it_starts_its_database_after_the_fork(own_site: Site, tmp_path: Path) -> None:
    pid_file = tmp_path / "site.pid"
    command = [twistd(), f"--pidfile={pid_file}", f"--logfile={own_site.log_file}", "microblog"]
    ended = subprocess.run(command, env=own_site.environment(), cwd=tmp_path, timeout=60, check=False)
    assert ended.returncode == 0
    try:
        assert until(own_site.is_up, 60), own_site.log
        write_row(own_site.database_url(), "first")
    finally:
        daemon = int(pid_file.read_text())
        os.kill(daemon, signal.SIGTERM)
    assert until(lambda: not pid_file.exists() and not own_site.postgres(), 30), own_site.log
    own_site.start()
    assert rows(own_site.database_url()) == ["first"]


def test_sigterm_in_the_middle_of_the_first_start_leaves_nothing(own_site: Site) -> None:
    process = own_site.launch()
    assert until((own_site.data_dir / "postgres").exists, 30), own_site.log
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    assert own_site.postgres() == []
    own_site.start()


@pytest.fixture
def _terminal() -> Iterator[None]:
    """SIGHUP as in a terminal, also where the tests run under nohup: children inherit what is ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("_terminal")
@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGHUP])
def test_being_asked_to_stop_cuts_no_accepted_request(own_site: Site, asked: signal.Signals) -> None:
    own_site.start()
    body = b"name=ada&password=open-sesame"
    head = f"POST /login HTTP/1.1\r\nHost: 127.0.0.1:{own_site.port}\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection(("127.0.0.1", own_site.port), timeout=20) as connection:
        # Expect (RFC 9110, section 10.1.1): the answer says that the head has been read.
        connection.sendall(head.encode() + b"Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body[:10])
        assert own_site.process is not None
        own_site.process.send_signal(asked)
        assert until(lambda: not own_site.is_up())
        connection.sendall(body[10:])
        assert connection.recv(20).startswith(b"HTTP/1.1 4")  # this form was not one of ours, which is an answer
    own_site.process.wait(60)
    assert own_site.postgres() == []


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_twistd_tells_about_the_site(option: str) -> None:
    command = [twistd(), "microblog", option]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert ("MICROBLOG_DATABASE_URL" if option == "--help" else "microblog 0.") in told


def test_a_killed_test_run_leaves_nothing_behind(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, signal, sys; from tests.acceptance.site import Site;"
        "site = Site(pathlib.Path(sys.argv[1])); site.start(); print(site.process.pid, flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    run = [sys.executable, "-c", program, str(tmp_path / "var")]
    root = Path(__file__).parent.parent.parent
    ended = subprocess.run(run, capture_output=True, text=True, cwd=root, timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    child = int(ended.stdout)
    left = Site(tmp_path / "var")
    assert until(lambda: not Path(f"/proc/{child}").exists() and not left.postgres(), 10)
