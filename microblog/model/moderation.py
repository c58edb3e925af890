"""What moderators look for."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen


class Standing(StrEnum):
    """How a member stands, in the words of client programs."""

    ACTIVE = "active"
    PENDING = "pending"
    DISABLED = "disabled"
    SILENCED = "silenced"
    SUSPENDED = "suspended"


class Action(StrEnum):
    """What a moderator does about somebody, in the words of client programs."""

    NONE = "none"
    DISABLE = "disable"
    SILENCE = "silence"
    SUSPEND = "suspend"


@frozen
class Sought:
    """Which members: of this standing, who moderate, whose name or address begins like this. Nothing said: everybody."""

    standing: Standing | None = None
    staff: bool = False
    username: str = ""
    display_name: str = ""
    email: str = ""
