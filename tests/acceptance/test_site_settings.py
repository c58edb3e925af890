"""A change of the site's settings reaches the other processes of a site without a restart, with the pages that they keep."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from microblog.adapters.postgres_files import dsn
from tests.acceptance.site_client import SiteClient
from tests.acceptance.site_process import SiteProcess, site_process, wait_until
from tests.servers import PostgresServer

pytestmark = pytest.mark.acceptance


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[tuple[SiteProcess, SiteProcess]]:
    """Two processes of one site."""
    with ExitStack() as stack:
        server = stack.enter_context(PostgresServer.below(tmp_path / "postgres"))
        sites = []
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            sites.append(stack.enter_context(site_process(tmp_path / name, database_url=dsn(server.sockets, "postgres"))))
            sites[-1].settings["public_url"] = sites[0].url
            sites[-1].start()
        yield sites[0], sites[1]
        for site in sites:
            site.stop()


def test_settings_reach_second_process(processes: tuple[SiteProcess, SiteProcess]) -> None:
    first, second = processes
    boss, visitor = SiteClient(first), SiteClient(second)
    boss.sign_up("boss")
    first.run_command("user", "role", "boss", "admin")
    assert wait_until(lambda: boss.request("GET", "/admin/site")[0] == 200)
    paths = ("/", "/local", "/about", "/api/v2/instance", "/manifest.json")
    assert not any("Kommata" in visitor.request("GET", path)[2] for path in paths for _ in range(2))  # the second one from the cache
    typed = {"name": "Kommata", "description": "A place to write.", "registration": "closed", "landing": "front", "trends": "all"}
    status, _, body = boss.request("POST", "/admin/site", {"csrf": boss.fetch_csrf_token("/admin/site"), **typed})
    assert status == 303, body
    assert "Kommata" in boss.request("GET", "/admin/site")[2]  # in the process of the change at once
    assert wait_until(lambda: "Kommata" in visitor.request("GET", "/")[2])
    assert [path for path in paths if "Kommata" not in visitor.request("GET", path)[2]] == []
    assert "Sign-ups are currently closed" in visitor.request("GET", "/signup")[2]
    second.stop()
    second.start()
    assert "Kommata" in visitor.request("GET", "/")[2]
