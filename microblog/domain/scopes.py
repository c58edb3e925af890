"""What apps may be allowed to do. A broad scope (`read`) implies its narrow ones (`read:lists`), never the other way round."""

from __future__ import annotations

from collections.abc import Iterable

_BOTH = "accounts blocks bookmarks favourites filters follows lists mutes notifications statuses"
_ADMIN = "accounts canonical_email_blocks domain_allows domain_blocks email_domain_blocks ip_blocks reports"


def _narrow(broad: str, parts: str) -> tuple[str, ...]:
    return tuple(f"{broad}:{part}" for part in sorted(parts.split()))


READ = ("read", *_narrow("read", _BOTH + " search"))
WRITE = ("write", *_narrow("write", _BOTH + " conversations media reports"))
ADMIN = ("admin:read", *_narrow("admin:read", _ADMIN), "admin:write", *_narrow("admin:write", _ADMIN))
FOLLOW = frozenset(f"{way}:{what}" for way in ("read", "write") for what in ("blocks", "follows", "mutes"))
"""What the old scope `follow` implies."""

ALL = ("profile", *READ, *WRITE, "follow", "push", *ADMIN)
"""Every scope, in the order in which they are told."""

DEFAULT = ("read",)
_KNOWN = frozenset(ALL)
_ORDER = {scope: place for place, scope in enumerate(ALL)}


def parse(text: str) -> tuple[str, ...] | None:
    """The scopes in a text that separates them by spaces, each once and in its order; none at all are the default. None: one is unknown."""
    wanted = tuple(dict.fromkeys(text.replace("+", " ").split())) or DEFAULT
    return wanted if _KNOWN.issuperset(wanted) else None


def covers(granted: Iterable[str], wanted: str) -> bool:
    """True if one of the granted scopes includes `wanted`: itself, a broader one (`read` for `read:lists`), or the old `follow`."""
    return any(scope == wanted or wanted.startswith(scope + ":") or (scope == "follow" and wanted in FOLLOW) for scope in granted)


def within(wanted: Iterable[str], granted: Iterable[str]) -> bool:
    """True if whoever has all of `granted` may have all of `wanted` too."""
    have = tuple(granted)
    return all(covers(have, scope) for scope in wanted)


def ordered(scopes: Iterable[str]) -> tuple[str, ...]:
    """Each once, in the order in which they are told."""
    return tuple(sorted(set(scopes), key=lambda scope: _ORDER.get(scope, len(_ORDER))))
