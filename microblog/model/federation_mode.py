"""Settings of federation: with whom the site federates, and who may read its rules."""

from __future__ import annotations

from enum import StrEnum


class FederationMode(StrEnum):
    """OFF: none. ALLOWLIST: those that an administrator has allowed. ON: all that are not suspended."""

    OFF = "off"
    ALLOWLIST = "allowlist"
    ON = "on"


class ShownBlocks(StrEnum):
    """Readers of the list of domains that the site suspends or limits: nobody, users who are logged in, or everybody."""

    NOBODY = "nobody"
    USERS = "users"
    ALL = "all"
