"""Profiles: lookup, search, editing, and the preferences of an account."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import evolve, frozen

from microblog.domain import follows, profile_links, validation
from microblog.domain.text import post_text
from microblog.domain.validation import ValidationErrors
from microblog.model.accounts import Account, Preferences, ProfileField, Role, Viewer
from microblog.model.emails import FREQUENCIES
from microblog.model.errors import Invalid, NotFound
from microblog.model.events import EventKind
from microblog.model.ids import AccountId
from microblog.model.posts import Visibility
from microblog.storage import accounts, events, users
from microblog.storage import follows as requests
from microblog.storage.database import Cursor, Transactions

MAX_BIO_LENGTH = 500
MAX_FIELD_LENGTH = 255
MAX_FIELDS = 4
MAX_DOMAINS = 100
MAX_QUERY_LENGTH = 200
SUGGESTIONS = 6  # in the sidebar; fills rows of two and of three
MAX_ACCEPTED = 1000  # follow requests accepted when an account is unlocked
DIGESTS = frozenset(FREQUENCIES)
THEMES = frozenset({"auto", "light", "dark"})
VISIBILITIES = frozenset(str(visibility) for visibility in Visibility)


@frozen
class ProfileChanges:
    """Changes to a profile; None leaves a field unchanged. `fields`: names and values; entries with a blank name are dropped."""

    display_name: str | None = None
    bio: str | None = None
    fields: tuple[tuple[str, str], ...] | None = None
    locked: bool | None = None
    bot: bool | None = None
    discoverable: bool | None = None
    indexable: bool | None = None
    hide_relations: bool | None = None


def _field(name: str, value: str) -> ProfileField:
    cleaned = ProfileField(post_text.clean_line(name, "fields"), post_text.clean_line(value, "fields"))
    if len(cleaned.name) > MAX_FIELD_LENGTH or len(cleaned.value) > MAX_FIELD_LENGTH:
        message = f"Fields are too long (maximum is {MAX_FIELD_LENGTH} characters)"
        raise Invalid({"fields": message}, codes={"fields": "ERR_TOO_LONG"})
    return cleaned


def _fields(values: tuple[tuple[str, str], ...]) -> tuple[ProfileField, ...]:
    """The profile fields, without HTML yet. Raise Invalid for too many or too long ones."""
    cleaned = tuple(line for line in (_field(name, value) for name, value in values[:100]) if not post_text.is_blank(line.name))
    if len(cleaned) > MAX_FIELDS:
        message = f"Fields are too many (maximum is {MAX_FIELDS})"
        raise Invalid({"fields": message}, codes={"fields": "ERR_TOO_LONG"})
    return cleaned


def _validated_changes(changes: ProfileChanges) -> dict[str, Any]:
    """Values to store by attribute name of Account. Raise Invalid with all errors."""
    errors = ValidationErrors()
    new: dict[str, Any] = {}
    no_fields: tuple[ProfileField, ...] = ()
    if changes.display_name is not None:
        new["display_name"] = errors.collect(lambda: post_text.display_name(changes.display_name or ""), "")
    if changes.bio is not None:
        new["bio"] = errors.collect(lambda: validation.limited(changes.bio or "", MAX_BIO_LENGTH, "bio"), "")
    if changes.fields is not None:
        new["fields"] = errors.collect(lambda: _fields(changes.fields or ()), no_fields)
    errors.raise_if_any()
    for name in ("locked", "bot", "discoverable", "indexable", "hide_relations"):
        if (value := getattr(changes, name)) is not None:
            new[name] = value
    return new


def validated(preferences: Preferences) -> Preferences:
    """Return the preferences as they are stored. Raise Invalid with all errors."""
    errors = ValidationErrors()
    errors.collect(lambda: validation.one_of(preferences.visibility, VISIBILITIES, "visibility"), "")
    errors.collect(lambda: validation.one_of(preferences.theme, THEMES, "theme"), "")
    errors.collect(lambda: validation.one_of(preferences.mail_digest, DIGESTS, "mail_digest"), "")
    errors.collect(lambda: validation.locale(preferences.locale), "")
    errors.collect(lambda: validation.time_zone(preferences.time_zone), "")
    domains = errors.collect(lambda: _domains(preferences.attribution_domains), preferences.attribution_domains)
    language = preferences.language or None
    if language:
        errors.collect(lambda: validation.language(language), "")
    errors.raise_if_any()
    return evolve(preferences, language=language, attribution_domains=domains)


def _domains(values: tuple[str, ...]) -> tuple[str, ...]:
    """Unique domains out of domains or URLs. Raise Invalid (field attribution_domains)."""
    name = "attribution_domains"
    domains_only = (site.strip().lower().removeprefix("http://").removeprefix("https://").removeprefix("*.").rstrip("/") for site in values)
    domains = tuple(dict.fromkeys(validation.domain(site, name) for site in domains_only if site))
    if len(domains) > MAX_DOMAINS:
        raise Invalid({name: f"Attribution domains are too many (maximum is {MAX_DOMAINS})"}, codes={name: "ERR_TOO_LONG"})
    return domains


@frozen
class Accounts:
    """Lookup and editing of profiles. `host` and `base_url`: the site's public ones."""

    database: Transactions
    host: str
    base_url: str
    now: Callable[[], datetime]

    async def by_id(self, id: AccountId, *, suspended: bool = False) -> Account:
        """Return the account. Raise NotFound if it does not exist, is deleted, not approved or suspended, without telling which.

        `suspended`: include suspended accounts; the API shows them as suspended and without any content.
        """
        found = await self.database.read(accounts.approved_by_id, id=id)
        return _existing(found) if suspended else _unsuspended(found)

    async def moved_to(self, account: Account) -> Account | None:
        """Return the account that this one moved to; None if it did not move, or if that account is deleted or suspended."""
        found = None if account.moved_to is None else await self.database.read(accounts.approved_by_id, id=account.moved_to)
        return None if found is None or found.suspended_at is not None else found

    async def by_ids(self, ids: Sequence[AccountId], *, suspended: bool = False) -> list[Account]:
        """Return the accounts that `by_id` would find, in the order of `ids`."""
        found = await self.database.read(accounts.approved_by_ids, ids=ids) if ids else []
        return [account for account in found if suspended or account.suspended_at is None]

    async def by_username(self, name: str, *, suspended: bool = False) -> Account:
        """Return the account of this site called `name`, `@name` or `name@our.host`, ignoring case. Raise NotFound as `by_id` does."""
        username = validation.own_username(name, self.host)
        found = await self.database.read(accounts.approved_by_username, username=username) if username else None
        return _existing(found) if suspended else _unsuspended(found)

    async def by_acct(self, acct: str, *, suspended: bool = False) -> Account:
        """Return the account that `by_username` would find, or for `name@host` the known one of that server."""
        remote = validation.remote_acct(acct, self.host)
        if remote is None:
            return await self.by_username(acct, suspended=suspended)
        found = await self.database.read(accounts.approved_by_username, username=remote[0], host=remote[1])
        return _existing(found) if suspended else _unsuspended(found)

    async def is_gone(self, name: str) -> bool:
        """True if an account with this name existed and was deleted."""
        username = validation.own_username(name, self.host)
        return bool(username) and await self.database.read(accounts.is_deleted, username=username)

    async def role(self, account: Account) -> Role:
        """Return the role of the account on this site."""
        return await self.database.read(users.role_of, account=account.id) or Role.USER

    async def complete(self, prefix: str, *, limit: int = 10) -> list[Account]:
        """Return accounts whose username starts with `prefix`: the exact match first, then by number of followers."""
        username = validation.own_username(prefix, self.host)
        return await self.database.read(accounts.by_prefix, prefix=username, limit=limit) if username else []

    async def search(
        self, viewer: Viewer | None, query: str, *, limit: int = 40, offset: int = 0, following: bool = False
    ) -> list[Account]:
        """Return accounts with this text in username or display name: exact match first, then usernames that start with it.

        Within each group, accounts that the viewer follows come first, then those with more followers. `following`: only accounts that the
        viewer follows. Scans all accounts; use `complete` while somebody types.
        """
        remote = validation.remote_acct(query, self.host)
        if remote is not None:
            known = await self.database.read(accounts.approved_by_username, username=remote[0], host=remote[1])
            if known is not None and known.suspended_at is None and not (offset or following):
                return [known]
        text = validation.own_username(query, self.host) or _searchable(query)
        if not text:
            return []
        return await self.database.read(
            accounts.search, text=text, viewer=viewer.id if viewer else None, following=following, limit=limit, offset=offset
        )

    async def suggestions(self, viewer: Viewer | None, *, limit: int = SUGGESTIONS) -> list[Account]:
        """Return the most followed accounts to which the viewer has no relationship yet."""
        return await self.database.read(accounts.suggested, viewer=viewer.id if viewer else None, limit=limit)

    async def edit(self, viewer: Viewer, changes: ProfileChanges, preferences: Preferences | None = None) -> Account:
        """Update the viewer's profile and, if given, preferences. Unlocking an account accepts its follow requests.

        Raise Invalid with all errors (fields display_name, bio, fields, and those of `set_preferences`).
        """
        written = None if preferences is None else validated(preferences)
        return await self.database.run(self._edit, viewer.id, _validated_changes(changes), written)

    async def set_preferences(self, viewer: Viewer, preferences: Preferences) -> Preferences:
        """Store the viewer's preferences (`evolve(viewer.preferences, ...)`).

        Raise Invalid with all errors (fields visibility, language, locale, time_zone, theme, mail_digest).
        """
        written = validated(preferences)
        await self.database.run(users.change_preferences, account=viewer.id, preferences=written)
        return written

    def _edit(self, cursor: Cursor, id: AccountId, new: dict[str, Any], preferences: Preferences | None) -> Account:
        if preferences is not None:
            users.change_preferences(cursor, account=id, preferences=preferences)
        unlocks = new.get("locked") is False
        requesters = requests.requesters(cursor, followee=id, limit=MAX_ACCEPTED) if unlocks else []
        accounts.lock(cursor, ids=[id, *requesters])
        before = accounts.by_id(cursor, id=id)
        if before is None:
            raise NotFound
        after = self._with_html(cursor, evolve(before, **new), {line.value: line.verified_at for line in before.fields})
        if after != before:
            accounts.update_profile(cursor, account=after)
            events.record(cursor, EventKind.ACCOUNT_CHANGED, at=self.now(), account=id)
        if after.fields != before.fields:
            profile_links.schedule(cursor, after, self.now())
        if before.locked and not after.locked:
            for follower in requesters:
                follows.accept_request(cursor, follower, id, self.now())
        return _unsuspended(accounts.by_id(cursor, id=id))

    def _with_html(self, cursor: Cursor, account: Account, verified: Mapping[str, datetime | None]) -> Account:
        """The account with newly rendered HTML of bio and fields; mentions of existing accounts become links."""

        def field(line: ProfileField) -> ProfileField:
            html = post_text.field_html(line.value, self.host, known, self.base_url)
            return evolve(line, html=html, verified_at=verified.get(line.value))

        bio = post_text.parse(account.bio, self.host)
        usernames = {
            name for parsed in (bio, *(post_text.parse(line.value, self.host) for line in account.fields)) for name in parsed.mentions
        }
        found = accounts.by_usernames(cursor, usernames=list(usernames)) if usernames else []
        known = {match.username.lower(): match.username for match in found}
        return evolve(
            account,
            bio_html=bio.html(known, self.base_url),
            fields=tuple(map(field, account.fields)),
        )


def _existing(account: Account | None) -> Account:
    if account is None:
        raise NotFound
    return account


def _unsuspended(account: Account | None) -> Account:
    if _existing(account).suspended_at is not None:
        raise NotFound
    return _existing(account)


def _searchable(query: str) -> str:
    """The text to search for; empty if it cannot match anything."""
    try:
        return post_text.clean_line(query[:MAX_QUERY_LENGTH], "q").removeprefix("@")
    except Invalid:
        return ""
