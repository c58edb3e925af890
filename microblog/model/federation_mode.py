"""Which other servers the site exchanges accounts and posts with."""

from __future__ import annotations

from enum import StrEnum


class FederationMode(StrEnum):
    """OFF: none. ALLOWLIST: those that an administrator has allowed. ON: all that are not suspended."""

    OFF = "off"
    ALLOWLIST = "allowlist"
    ON = "on"


class ShownBlocks(StrEnum):
    """Who sees the list of domains that the site suspends or limits."""

    NOBODY = "nobody"
    USERS = "users"
    ALL = "all"
