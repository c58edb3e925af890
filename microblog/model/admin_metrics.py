"""Numbers for moderators over a period: measures, dimensions and the retention of sign-ups, as in Mastodon's admin API."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from attrs import frozen

from microblog.model.statistics import DAY, Unit


class MeasureKey(StrEnum):
    """A number by day, https://docs.joinmastodon.org/methods/admin/measures/."""

    ACTIVE_USERS = "active_users"
    NEW_USERS = "new_users"
    INTERACTIONS = "interactions"
    OPENED_REPORTS = "opened_reports"
    RESOLVED_REPORTS = "resolved_reports"
    TAG_ACCOUNTS = "tag_accounts"
    TAG_USES = "tag_uses"
    TAG_SERVERS = "tag_servers"
    INSTANCE_ACCOUNTS = "instance_accounts"
    INSTANCE_MEDIA = "instance_media_attachments"
    INSTANCE_REPORTS = "instance_reports"
    INSTANCE_STATUSES = "instance_statuses"
    INSTANCE_FOLLOWS = "instance_follows"
    INSTANCE_FOLLOWERS = "instance_followers"

    @property
    def unit(self) -> str | None:
        """Unit of the values; None for a count."""
        return "bytes" if self is MeasureKey.INSTANCE_MEDIA else None


class DimensionKey(StrEnum):
    """A ranking or a list of facts, https://docs.joinmastodon.org/methods/admin/dimensions/."""

    LANGUAGES = "languages"
    SOURCES = "sources"
    SERVERS = "servers"
    SPACE_USAGE = "space_usage"
    SOFTWARE_VERSIONS = "software_versions"
    TAG_SERVERS = "tag_servers"
    TAG_LANGUAGES = "tag_languages"
    INSTANCE_ACCOUNTS = "instance_accounts"
    INSTANCE_LANGUAGES = "instance_languages"


def subject_parameter(key: MeasureKey | DimensionKey) -> str | None:
    """Return the parameter that names the subject of a measure or dimension: `id` of a hashtag, `domain` of a server, or None."""
    return {"tag": "id", "instance": "domain"}.get(key.partition("_")[0])


@frozen
class DayRange:
    """Days (UTC) from the first to the last, both included."""

    first: date
    last: date

    @property
    def previous(self) -> DayRange:
        """The period before: moved back by the days between the first and the last, as Mastodon does, so that they share one day."""
        length = self.last - self.first
        return DayRange(self.first - length, self.last - length)

    @property
    def days(self) -> list[date]:
        """All days, oldest first."""
        return [self.first + offset * DAY for offset in range((self.last - self.first).days + 1)]


@frozen
class MeasureReport:
    """A measure. `previous`: the total of the period before; None if `total` is the one of all times. `days`: each day with its value."""

    key: MeasureKey
    total: int
    previous: int | None
    days: tuple[tuple[date, int], ...]


@frozen
class DimensionEntry:
    """An entry of a ranking, or a fact. `value` is a number or a version. `name`: the key for people, if it differs."""

    key: str
    value: str
    name: str = ""
    unit: str | None = None


@frozen
class DimensionReport:
    """A dimension, the largest entries first."""

    key: DimensionKey
    entries: tuple[DimensionEntry, ...]


@frozen
class CohortPoint:
    """Accounts of a cohort that were active in the day or month that begins at `begin`; `rate` is their part of all, 0 to 1."""

    begin: date
    people: int
    rate: float


@frozen
class Cohort:
    """The accounts that signed up in the day or month that begins at `begin`, with their later activity, oldest first."""

    begin: date
    frequency: Unit
    size: int
    points: tuple[CohortPoint, ...]


@frozen
class WaitingCounts:
    """Numbers of things that wait for a moderator: open reports, sign-ups to approve, and appeals."""

    reports: int
    applicants: int
    appeals: int
