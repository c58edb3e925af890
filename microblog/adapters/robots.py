"""Parser of robots.txt (RFC 9309). Pure; its time is linear in the input."""

from __future__ import annotations

from attrs import frozen

MAX_LINES = 5_000
MAX_RULES = 500


@frozen
class Robots:
    """Rules for one crawler, as (allowed, pattern). The longest matching pattern decides; of equally long ones, one that allows."""

    rules: tuple[tuple[bool, str], ...] = ()

    def allows(self, path: str) -> bool:
        """True if the crawler may fetch this path with its query."""
        matching = [(len(pattern), allowed) for allowed, pattern in self.rules if _matches(pattern, path)]
        return max(matching)[1] if matching else True


ALLOW_NONE = Robots(((False, "/"),))
ALLOW_ALL = Robots()


def parse(text: str, agent: str) -> Robots:
    """Return the rules of the groups for `agent`, else those for all crawlers (`*`)."""
    groups: dict[str, list[tuple[bool, str]]] = {}
    agents: list[str] = []
    in_header = False
    for line in text.splitlines()[:MAX_LINES]:
        key, _, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if key == "user-agent":
            agents = [*agents, value.lower()] if in_header else [value.lower()]
            in_header = True
            groups.setdefault(value.lower(), [])
        elif key in ("allow", "disallow"):
            in_header = False
            for name in agents:
                if value and len(groups[name]) < MAX_RULES:
                    groups[name].append((key == "allow", value))
    return Robots(tuple(groups.get(agent.lower(), groups.get("*", []))))


def _matches(pattern: str, path: str) -> bool:
    """True if the path matches the pattern: `*` is anything, `$` is the end."""
    ends = pattern.endswith("$")
    first, *others = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    for number, part in enumerate(others):
        if ends and number == len(others) - 1:
            return path.endswith(part) and len(path) - len(part) >= at
        found = path.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return not ends or at == len(path)
