"""People as others see them: looking them up, profiles, and how they like to see the site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from attrs import evolve, frozen

from microblog.domain import follows, validation
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

LONGEST_BIO = 500
LONGEST_FIELD = 255
MOST_FIELDS = 4
MOST_DOMAINS = 100
LONGEST_QUERY = 200
MOST_LET_IN = 1000  # at once, when an account is unlocked
DIGESTS = frozenset(FREQUENCIES)
THEMES = frozenset({"auto", "light", "dark"})
VISIBILITIES = frozenset(str(visibility) for visibility in Visibility)


@frozen
class ProfileChanges:
    """What somebody changes about their profile; None leaves it as it is. `fields` are names and values, blank names are dropped."""

    display_name: str | None = None
    bio: str | None = None
    fields: tuple[tuple[str, str], ...] | None = None
    locked: bool | None = None
    bot: bool | None = None
    discoverable: bool | None = None
    indexable: bool | None = None
    hide_relations: bool | None = None


def _field(name: str, value: str) -> ProfileField:
    tidy = ProfileField(post_text.clean_line(name, "fields"), post_text.clean_line(value, "fields"))
    if len(tidy.name) > LONGEST_FIELD or len(tidy.value) > LONGEST_FIELD:
        message = f"Fields are too long (maximum is {LONGEST_FIELD} characters)"
        raise Invalid({"fields": message}, codes={"fields": "ERR_TOO_LONG"})
    return tidy


def _fields(given: tuple[tuple[str, str], ...]) -> tuple[ProfileField, ...]:
    """Raises Invalid for too many or too long ones. Their HTML is not made yet."""
    kept = tuple(line for line in (_field(name, value) for name, value in given[:100]) if not post_text.is_blank(line.name))
    if len(kept) > MOST_FIELDS:
        message = f"Fields are too many (maximum is {MOST_FIELDS})"
        raise Invalid({"fields": message}, codes={"fields": "ERR_TOO_LONG"})
    return kept


def _tidy(changes: ProfileChanges) -> dict[str, Any]:
    """What is to be written, by the names of Account's fields. Raises Invalid with everything that is wrong."""
    findings = ValidationErrors()
    new: dict[str, Any] = {}
    no_fields: tuple[ProfileField, ...] = ()
    if changes.display_name is not None:
        new["display_name"] = findings.of(lambda: post_text.display_name(changes.display_name or ""), "")
    if changes.bio is not None:
        new["bio"] = findings.of(lambda: validation.limited(changes.bio or "", LONGEST_BIO, "bio"), "")
    if changes.fields is not None:
        new["fields"] = findings.of(lambda: _fields(changes.fields or ()), no_fields)
    findings.settle()
    for name in ("locked", "bot", "discoverable", "indexable", "hide_relations"):
        if (value := getattr(changes, name)) is not None:
            new[name] = value
    return new


def validated(preferences: Preferences) -> Preferences:
    """As they are stored. Raises Invalid with everything that is wrong."""
    findings = ValidationErrors()
    findings.of(lambda: validation.one_of(preferences.visibility, VISIBILITIES, "visibility"), "")
    findings.of(lambda: validation.one_of(preferences.theme, THEMES, "theme"), "")
    findings.of(lambda: validation.one_of(preferences.mail_digest, DIGESTS, "mail_digest"), "")
    findings.of(lambda: validation.locale(preferences.locale), "")
    findings.of(lambda: validation.time_zone(preferences.time_zone), "")
    domains = findings.of(lambda: _domains(preferences.attribution_domains), preferences.attribution_domains)
    language = preferences.language or None
    if language:
        findings.of(lambda: validation.language(language), "")
    findings.settle()
    return evolve(preferences, language=language, attribution_domains=domains)


def _domains(given: tuple[str, ...]) -> tuple[str, ...]:
    """Websites as people name them: by domain or address, each once. Raises Invalid (field attribution_domains)."""
    name = "attribution_domains"
    bare = (site.strip().lower().removeprefix("http://").removeprefix("https://").removeprefix("*.").rstrip("/") for site in given)
    domains = tuple(dict.fromkeys(validation.domain(site, name) for site in bare if site))
    if len(domains) > MOST_DOMAINS:
        raise Invalid({name: f"Attribution domains are too many (maximum is {MOST_DOMAINS})"}, codes={name: "ERR_TOO_LONG"})
    return domains


@frozen
class Accounts:
    """Looking people up, and what they say about themselves. `host` and `base_url` are the site's public ones."""

    database: Transactions
    host: str
    base_url: str
    now: Callable[[], datetime]

    async def by_id(self, id: AccountId, *, suspended: bool = False) -> Account:
        """The account. Raises NotFound if there is none, or it is deleted, not let in yet, or suspended: nobody can tell which.

        `suspended`: give a suspended one, too, to programs, which are told so and nothing else of it.
        """
        found = await self.database.read(accounts.admitted_by_id, id=id)
        return _there(found) if suspended else _shown(found)

    async def by_ids(self, ids: Sequence[AccountId], *, suspended: bool = False) -> list[Account]:
        """Those of the accounts that `by_id` would find, in the order of `ids`."""
        found = await self.database.read(accounts.admitted_by_ids, ids=ids) if ids else []
        return [account for account in found if suspended or account.suspended_at is None]

    async def by_username(self, name: str, *, suspended: bool = False) -> Account:
        """The account called `name`, `@name` or `name@our.host`, in whatever case. Raises NotFound as `by_id` does."""
        username = validation.own_username(name, self.host)
        found = await self.database.read(accounts.admitted_by_username, username=username) if username else None
        return _there(found) if suspended else _shown(found)

    async def is_gone(self, name: str) -> bool:
        """True if there was an account called so, and it was deleted."""
        username = validation.own_username(name, self.host)
        return bool(username) and await self.database.read(accounts.is_deleted, username=username)

    async def role(self, account: Account) -> Role:
        """What somebody may do on this site."""
        return await self.database.read(users.role_of, account=account.id) or Role.USER

    async def complete(self, prefix: str, *, limit: int = 10) -> list[Account]:
        """People whose username begins so: the exact one first, then by how many follow them."""
        username = validation.own_username(prefix, self.host)
        return await self.database.read(accounts.by_prefix, prefix=username, limit=limit) if username else []

    async def search(
        self, viewer: Viewer | None, query: str, *, limit: int = 40, offset: int = 0, following: bool = False
    ) -> list[Account]:
        """People with this text in their username or display name: the exact one first, then those whose username begins so.

        Among equals, people whom the viewer follows come before others, and the most followed before the less. `following`: only people
        whom the viewer follows. Reads every account: for completion while somebody types there is `complete`.
        """
        wanted = validation.own_username(query, self.host) or _searchable(query)
        if not wanted:
            return []
        return await self.database.read(
            accounts.search, text=wanted, viewer=viewer.id if viewer else None, following=following, limit=limit, offset=offset
        )

    async def suggestions(self, viewer: Viewer | None, *, limit: int = 5) -> list[Account]:
        """The most followed people to whom the viewer has no relation yet."""
        return await self.database.read(accounts.suggested, viewer=viewer.id if viewer else None, limit=limit)

    async def edit(self, viewer: Viewer, changes: ProfileChanges, preferences: Preferences | None = None) -> Account:
        """Change the viewer's profile and, if they are given, preferences. Whoever unlocks it lets in those who asked to follow.

        Raises Invalid with everything that is wrong (fields display_name, bio, fields; and those of `set_preferences`).
        """
        written = None if preferences is None else validated(preferences)
        return await self.database.run(self._edit, viewer.id, _tidy(changes), written)

    async def set_preferences(self, viewer: Viewer, preferences: Preferences) -> Preferences:
        """Write how the viewer likes to write and to see the site (`evolve(viewer.preferences, ...)`).

        Raises Invalid with everything that is wrong (fields visibility, language, locale, time_zone, theme, mail_digest).
        """
        written = validated(preferences)
        await self.database.run(users.change_preferences, account=viewer.id, preferences=written)
        return written

    def _edit(self, cursor: Cursor, id: AccountId, new: dict[str, Any], preferences: Preferences | None) -> Account:
        if preferences is not None:
            users.change_preferences(cursor, account=id, preferences=preferences)
        unlocks = new.get("locked") is False
        asking = requests.requesters(cursor, followee=id, limit=MOST_LET_IN) if unlocks else []
        accounts.lock(cursor, ids=[id, *asking])
        before = accounts.by_id(cursor, id=id)
        if before is None:
            raise NotFound
        after = self._rendered(cursor, evolve(before, **new))
        if after != before:
            accounts.update_profile(cursor, account=after)
            events.record(cursor, EventKind.ACCOUNT_CHANGED, at=self.now(), account=id)
        if before.locked and not after.locked:
            for follower in asking:
                follows.accept_request(cursor, follower, id, self.now())
        return _shown(accounts.by_id(cursor, id=id))

    def _rendered(self, cursor: Cursor, account: Account) -> Account:
        """The account with the HTML of its bio and fields made anew, mentions of people who exist being links."""
        bio = post_text.parse(account.bio, self.host)
        named = {name for parsed in (bio, *(post_text.parse(line.value, self.host) for line in account.fields)) for name in parsed.mentions}
        found = accounts.by_usernames(cursor, usernames=list(named)) if named else []
        known = {one.username.lower(): one.username for one in found}
        return evolve(
            account,
            bio_html=bio.html(known, self.base_url),
            fields=tuple(evolve(line, html=post_text.field_html(line.value, self.host, known, self.base_url)) for line in account.fields),
        )


def _there(account: Account | None) -> Account:
    if account is None:
        raise NotFound
    return account


def _shown(account: Account | None) -> Account:
    if _there(account).suspended_at is not None:
        raise NotFound
    return _there(account)


def _searchable(query: str) -> str:
    """What can be looked for; nothing where nothing can be found."""
    try:
        return post_text.clean_line(query[:LONGEST_QUERY], "q").removeprefix("@")
    except Invalid:
        return ""
