"""Names of the entries of dimensions, for people. Pure."""

from __future__ import annotations

from microblog.model.admin_metrics import DimensionEntry, DimensionKey
from microblog.render.languages import LANGUAGES

_LANGUAGES = dict(LANGUAGES) | {"und": "Unknown language"}
_OF_LANGUAGES = (DimensionKey.LANGUAGES, DimensionKey.TAG_LANGUAGES, DimensionKey.INSTANCE_LANGUAGES)


def entry_name(dimension: DimensionKey, entry: DimensionEntry) -> str:
    """Return the key of an entry for people."""
    names = _LANGUAGES if dimension in _OF_LANGUAGES else {}
    return entry.name or names.get(entry.key, entry.key)
