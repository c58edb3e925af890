"""Started sites that federate, and what tests wait for at them and at a server of Fedify."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from inspect import isawaitable
from pathlib import Path
from typing import Any

from mastodon import Mastodon
from twisted.internet import reactor
from twisted.internet.task import deferLater

from tests.acceptance.site_process import SiteProcess, site_process
from tests.federation.peer import Peer

LEASE = timedelta(minutes=1)  # of jobs, and of hosts that deliveries go to


@contextmanager
def run_federated_site(directory: Path, *ports: int) -> Iterator[SiteProcess]:
    """Start a site that may talk to servers at these ports of 127.0.0.1; stop it at the end."""
    addresses = ", ".join(f"127.0.0.1:{port}" for port in ports)
    settings = {"federation": "on", "federation_test_addresses": addresses, "rate_limits": "off", "registration": "open"}
    with site_process(directory, **settings) as site:
        site.start()
        yield site
        site.stop()


def start_after_kill(site: SiteProcess) -> None:
    """Start a site that was killed. What it had claimed is free at once, as if the time of its leases had passed."""
    killed_at = datetime.now(UTC)
    site.start()
    for table in ("jobs", "hosts"):  # the leases of the new process end later
        site.change(f"update {table} set lease_until = now() where lease_until <= %s", killed_at + LEASE)


async def until(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Wait until a condition, which may be asynchronous, returns something true, and return that."""
    for _ in range(int(seconds / 0.1)):
        found = condition()
        found = await found if isawaitable(found) else found
        if found:
            return found
        await deferLater(reactor, 0.1)
    raise AssertionError(f"it did not happen within {seconds:g} seconds")


async def received(peer: Peer, type: str, containing: str = "", seconds: float = 30.0, count: int = 1) -> dict[str, Any]:
    """Wait until the peer has got `count` such activities since its last `configure`; return the last of them."""

    async def found() -> dict[str, Any] | None:
        fitting = [each for each in await peer.activities() if each["type"] == type and containing in str(each)]
        return fitting[count - 1] if len(fitting) >= count else None

    activity: dict[str, Any] = await until(found, seconds)
    return activity


def actor_id(site: SiteProcess, client: Mastodon) -> str:
    """Return the id by which other servers know the client's account."""
    return f"{site.settings.get('public_url', site.url)}/users/{client.me().username}"


def find(client: Mastodon, query: str) -> Any:
    """Return the one account that a search finds, also on other servers."""
    [account] = client.search_v2(query, resolve=True).accounts
    return account


async def follow(client: Mastodon, address: str) -> Any:
    """Let a client's account follow one on another server, which accepts; return that account as the client's site knows it."""
    account = find(client, f"@{address}")
    client.account_follow(account)
    await until(lambda: client.account_relationships(account)[0].following)
    return account


def newest(client: Mastodon) -> Any:
    """Return the newest post of the home timeline, or None."""
    return next(iter(client.timeline_home(limit=1)), None)


UNDONE = """
    select (select count(*) from deliveries) + (select count(*) from jobs where state in ('waiting', 'running') and due_at <= now())
            + (select ((e.xid, e.id) > (p.xid, p.id))::int from events e order by e.xid desc, e.id desc limit 1),
        (select max(id) from outgoing_activities), (select max(id) from incoming_activities)
    from outbound_position p"""
"""The number of things that a site has still to do because of what happened, and the last activities that left and arrived."""


async def settled(*sites: SiteProcess) -> None:
    """Wait until everything that happened on these sites has had its effect on all of them."""
    before: list[Any] = []

    def is_settled() -> bool:
        nonlocal before
        earlier, before = before, [site.query(UNDONE) for site in sites]
        return before == earlier and all(undone == 0 for [(undone, *_)] in before)

    await until(is_settled)


async def follow_from(peer: Peer, actor: str, name: str = "bo") -> str:
    """Let an account of the peer follow an account, which accepts; return the id of the follower."""
    await peer.control("configure")
    await peer.control("send", **{"as": name}, activity={"type": "Follow", "object": actor}, to=[actor])
    await received(peer, "Accept", actor)
    return f"{peer.origin}/users/{name}"
