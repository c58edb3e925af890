"""Tests that the pages of a site that federates are accessible and fit the window, with the longest texts of other servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import psycopg2
import pytest

from microblog.adapters.postgres import running
from microblog.application.services import now
from tests import make
from tests.acceptance.accounts import register_account
from tests.acceptance.site_process import SiteProcess, site_process, wait_until
from tests.browser.axe import violations_of
from tests.browser.conftest import BrowserUser
from tests.browser.page_lists import FEDERATED_FOR_ADMINISTRATORS, FEDERATED_FOR_MEMBERS, FEDERATED_FOR_VISITORS, filled
from tests.browser.test_overflow import find_overflows

HOST, LIMITED, GONE = (f"{letter * 60}.{letter * 60}.example" for letter in "wlg")
ERROR = "ConnectionLost:" + "w" * 200


class Elsewhere(NamedTuple):
    """Names of a member, an administrator, and an account of another server, and the id of one of its posts."""

    member: str
    boss: str
    far: str
    post: int

    def filled(self, paths: tuple[str, ...]) -> tuple[str, ...]:
        """Return paths with their names replaced."""
        return filled(paths, name=self.member, far=self.far, post=self.post, host=HOST, limited=LIMITED)


@pytest.fixture(scope="module")
def browser_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProcess]:
    """A started site that federates; it can reach no other server."""
    settings = {"federation": "on", "federation_test_addresses": "127.0.0.1:1", "registration": "open", "rate_limits": "off"}
    with site_process(tmp_path_factory.mktemp("site"), **settings) as site:
        site.start()
        yield site


@pytest.fixture(scope="module")
def elsewhere(browser_site: SiteProcess) -> Elsewhere:
    """Content of other servers with texts of maximum length, and servers in every state."""
    member, boss = (register_account(browser_site, name) for name in ("ada", "boss"))
    names = [client.me().username for client in (member, boss)]
    browser_site.run_command("user", "role", names[1], "admin")
    url = running(browser_site.data_dir)
    assert url is not None
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        ada = make.account_named(cursor, names[0])
        far = make.remote_account(cursor, "w" * 200, HOST, display_name="W" * 200, bio_html=f"<p>{'W' * 500}</p>", now=now())
        gone = make.remote_account(cursor, "bo", GONE, now=now())
        for other in (far, gone):
            make.follow(cursor, other, ada, now=now())
            make.follow(cursor, ada, other, now=now())
        post = make.remote_post(cursor, far, "W" * 500, mentions=[ada], now=now())
        make.remote_post(cursor, far, "M" * 500, reply_to=post, now=now())
        cursor.execute("insert into hosts (host, failures, last_error, seen_at) values (%s, 3, %s, now())", [HOST, ERROR])
        cursor.execute("insert into hosts (host, dead_since) values (%s, now())", [f"{'d' * 60}.example"])
    member.domain_block("w" * 60 + ".blocked.example")
    browser_site.run_command("federation", "block", LIMITED, "--limit", "--reject-media", "--reject-reports", "--yes")
    browser_site.run_command("federation", "block", GONE, "--comment", "W" * 500, "--yes")
    assert wait_until(lambda: any(one.type == "severed_relationships" for one in member.notifications()))
    return Elsewhere(names[0], names[1], f"{far.username}@{far.host}", post.id)


def test_pages_about_other_servers_are_accessible(new_user: Callable[..., BrowserUser], elsewhere: Elsewhere) -> None:
    member, boss, visitor = new_user(width=390, height=844), new_user(), new_user()
    member.log_in(elsewhere.member)
    boss.log_in(elsewhere.boss)
    pages = ((visitor, FEDERATED_FOR_VISITORS), (member, FEDERATED_FOR_MEMBERS), (boss, FEDERATED_FOR_ADMINISTRATORS))
    assert [problem for user, paths in pages for problem in violations_of(user, elsewhere.filled(paths))] == []


def test_texts_of_other_servers_make_no_page_wider(new_user: Callable[..., BrowserUser], elsewhere: Elsewhere) -> None:
    member, boss, visitor = (new_user() for _ in range(3))
    member.log_in(elsewhere.member)
    boss.log_in(elsewhere.boss)
    found = find_overflows(visitor, elsewhere.filled(FEDERATED_FOR_VISITORS))
    found += find_overflows(member, elsewhere.filled(FEDERATED_FOR_MEMBERS))
    found += find_overflows(boss, elsewhere.filled(FEDERATED_FOR_ADMINISTRATORS))
    assert found == []
