"""What a site lets programs read: robots.txt as RFC 9309 has it. Pure, and linear in what it reads."""

from __future__ import annotations

from attrs import frozen

MOST_LINES = 5_000
MOST_RULES = 500


@frozen
class Robots:
    """The rules for one program: (allowed, pattern) each. The longest pattern that fits decides; of two as long, the one that allows."""

    rules: tuple[tuple[bool, str], ...] = ()

    def allows(self, path: str) -> bool:
        """True if the program may read this path, with its query."""
        fitting = [(len(pattern), allowed) for allowed, pattern in self.rules if _fits(pattern, path)]
        return max(fitting)[1] if fitting else True


NOTHING = Robots(((False, "/"),))
EVERYTHING = Robots()


def parse(text: str, agent: str) -> Robots:
    """The rules of the groups that name the program `agent`, else of those for everybody (`*`)."""
    groups: dict[str, list[tuple[bool, str]]] = {}
    named: list[str] = []
    heading = False
    for line in text.splitlines()[:MOST_LINES]:
        key, _, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if key == "user-agent":
            named = [*named, value.lower()] if heading else [value.lower()]
            heading = True
            groups.setdefault(value.lower(), [])
        elif key in ("allow", "disallow"):
            heading = False
            for name in named:
                if value and len(groups[name]) < MOST_RULES:
                    groups[name].append((key == "allow", value))
    return Robots(tuple(groups.get(agent.lower(), groups.get("*", []))))


def _fits(pattern: str, path: str) -> bool:
    """True if the path begins as the pattern says, whose `*` is anything and whose `$` is the end."""
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
