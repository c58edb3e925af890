"""Two started sites and a server of Fedify, of which one is blocked from the command line while people follow each other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.acceptance.administration import federation_tools
from tests.acceptance.federation_sites import find, follow, settled, until
from tests.acceptance.named_sites import NamedServers, Person

pytestmark = pytest.mark.acceptance


def run(servers: NamedServers, host: str, *arguments: str) -> tuple[int, Any]:
    """Run `microblog federation` on a site; return the exit code and the JSON."""
    done = servers.sites[host].try_command("federation", *arguments, "--json")
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


async def steps(servers: NamedServers, host: str, target: str) -> dict[str, str]:
    """Return what each step of a test of deliveries to a handle or host found."""
    async with federation_tools(servers.sites[host]) as tools:
        handle = tools.resolution.handle(target)
        return {step.name: step.found for step in await tools.delivery_test.run(handle.host if handle else target, handle)}


async def delivery_is(found: str, servers: NamedServers, host: str, target: str) -> bool:
    """True if a test of deliveries found this. The site at the other end reads changed rules some time later."""
    return found in (await steps(servers, host, target))["delivery"]


async def befriend(one: Person, other: Person) -> Any:
    """Let two people follow each other; return the other one as known to the first."""
    for follower, followee in ((one, other), (other, one)):
        await follow(follower.client, followee.handle)
    return find(one.client, f"@{other.handle}")


async def test_a_server_is_suspended_and_comes_back(servers: NamedServers) -> None:
    ada, ben = servers.register("a.test", "ada"), servers.register("b.test", "ben")
    known = await befriend(ada, ben)
    post = ben.client.status_post("before")
    await until(lambda: [each for each in ada.client.timeline_home() if each.uri == post.uri])

    assert run(servers, "a.test", "block", "b.test", "--yes", "--comment", "spam")[0] == 0
    await until(lambda: [each for each in ada.client.timeline_home() if each.uri == post.uri] == [])
    [told] = await until(lambda: [each for each in ada.client.notifications() if each.type == "severed_relationships"])
    assert (told.event.target_name, told.event.followers_count, told.event.following_count) == ("b.test", 1, 1)
    assert ada.client.account_relationships(known) == []
    await until(lambda: delivery_is("refused: 403", servers, "b.test", f"@{ada.handle}"))
    assert await steps(servers, "a.test", "b.test") == {"rule": "suspend (rule for b.test)"}
    ben.client.status_post(f"hello @{ada.handle}")
    await settled(servers.sites["b.test"])  # it was refused, and is not tried again
    assert ada.client.search_v2(f"@{ben.handle}", resolve=True).accounts == []

    async with federation_tools(servers.sites["a.test"]) as tools:
        rule = await tools.domains.for_domain("b.test")
        assert rule is not None
        await tools.domains.remove(rule.id)
    code, found = run(servers, "a.test", "resolve", f"@{ben.handle}")
    assert (code, found["account"]) == (0, ben.handle)
    [account] = await until(lambda: ada.client.search_v2(f"@{ben.handle}", resolve=True).accounts)
    assert ada.client.account_statuses(account) == []  # what was deleted stays deleted
    await until(lambda: delivery_is("accepted: 202", servers, "b.test", f"@{ada.handle}"))
    again = ben.client.status_post(f"hello again @{ada.handle}")
    await until(lambda: [each for each in ada.client.notifications() if each.type == "mention" and each.status.uri == again.uri])


async def test_the_way_to_a_server_of_other_software(servers: NamedServers) -> None:
    found = await steps(servers, "a.test", "@bo@c.test")
    assert found["rule"] == "none"
    assert "accepted: 202" in found["delivery"]
    front = servers.fronts["c.test"]
    behind, front.target = front.target, 0
    code, failed = run(servers, "a.test", "deliver-test", "c.test")
    front.target = behind
    assert code == 1
    assert failed["steps"][-1]["name"] == "connection"
