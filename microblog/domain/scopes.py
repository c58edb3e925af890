"""OAuth scopes. A broad scope (`read`) implies its narrow ones (`read:lists`), never the other way round."""

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
"""Scopes that the deprecated scope `follow` implies."""

ALL = ("profile", *READ, *WRITE, "follow", "push", *ADMIN)
"""Every scope, in the order in which they are listed."""

DEFAULT = ("read",)
_KNOWN = frozenset(ALL)
_ORDER = {scope: place for place, scope in enumerate(ALL)}


def parse(text: str) -> tuple[str, ...] | None:
    """Return the scopes of a space-separated text, in order and without duplicates; the default scopes if empty; None if one is unknown."""
    wanted = tuple(dict.fromkeys(text.replace("+", " ").split())) or DEFAULT
    return wanted if _KNOWN.issuperset(wanted) else None


def covers(granted: Iterable[str], wanted: str) -> bool:
    """Return True if a granted scope includes `wanted`: the scope itself, a broader one, or the old `follow`."""
    return any(scope == wanted or wanted.startswith(scope + ":") or (scope == "follow" and wanted in FOLLOW) for scope in granted)


def within(wanted: Iterable[str], granted: Iterable[str]) -> bool:
    """Return True if `granted` includes all scopes of `wanted`."""
    have = tuple(granted)
    return all(covers(have, scope) for scope in wanted)


def ordered(scopes: Iterable[str]) -> tuple[str, ...]:
    """Return the scopes without duplicates, in the order of `ALL`."""
    return tuple(sorted(set(scopes), key=lambda scope: _ORDER.get(scope, len(_ORDER))))
