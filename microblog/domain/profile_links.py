"""Check of links in profile fields: a link is verified if its page links back to the profile with rel="me".

Pages are fetched by a job after a profile changed. Each link is checked once for as long as it stays on the profile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from urllib.parse import urlsplit

from attrs import frozen

from microblog.domain.back_links import links_back
from microblog.domain.ports import HttpFetcher
from microblog.model.accounts import Account
from microblog.model.cards import MAX_URL, FetchError
from microblog.model.ids import AccountId
from microblog.storage import accounts, jobs, profile_links
from microblog.storage.database import Cursor, Transactions

JOB = "profile.verify_links"
MAX_LINKS = 8  # of one profile
MAX_BYTES = 1024 * 1024
SECONDS = 5.0
TRIES = 3
PAGES = ("text/html", "application/xhtml+xml")


def is_verifiable(value: str) -> bool:
    """True for a value that is an https address and nothing else, without a username."""
    if not value.startswith("https://") or len(value) > MAX_URL or not value.isprintable() or " " in value:
        return False
    try:
        parts = urlsplit(value)
        return bool(parts.hostname) and "@" not in parts.netloc and parts.port is None and "." in (parts.hostname or "")
    except ValueError:
        return False


def links_of(account: Account) -> list[str]:
    """Return the links on a profile that can be verified."""
    values = dict.fromkeys(line.value for line in account.fields)
    return [value for value in values if is_verifiable(value)][:MAX_LINKS]


def schedule(cursor: Cursor, account: Account, now: datetime) -> None:
    """Queue the check of links that were not checked yet, in the running transaction."""
    links = links_of(account)
    if links and profile_links.has_unchecked(cursor, account=account.id, links=links):
        jobs.add(cursor, JOB, {"account": str(account.id)}, due_at=now, now=now, key=str(account.id))


@frozen
class ProfileLinks:
    """Verifies links. `base_url` is that of the site. Without `http`, nothing is fetched."""

    database: Transactions
    base_url: str
    now: Callable[[], datetime]
    http: HttpFetcher | None = None

    async def verify(self, id: AccountId, *, last_try: bool = False) -> None:
        """Check the new links of a profile. Raise FetchError if a retry may succeed, unless this is the last try."""
        account = await self.database.read(accounts.by_id, id=id)
        if account is None or account.suspended_at is not None or self.http is None:
            return
        checked = await self.database.read(profile_links.checked, account=id)
        problem: FetchError | None = None
        for link in links_of(account):
            if link in checked:
                continue
            try:
                checked[link] = await self._verified(self.http, link, self._addresses(account))
            except FetchError as failure:
                if failure.permanent or last_try:
                    checked[link] = None
                else:
                    problem = failure
        await self.database.run(self._store, id, checked)
        if problem is not None:
            raise problem

    async def _verified(self, http: HttpFetcher, link: str, addresses: Iterable[str]) -> datetime | None:
        page = await http.get(link, types=PAGES, max_bytes=MAX_BYTES)
        return self.now() if page.url.startswith("https://") and links_back(page, list(addresses)) else None

    def _addresses(self, account: Account) -> tuple[str, ...]:
        """Return the addresses of a profile that count."""
        if account.uri is not None:  # a page on another host than the account may not be its own
            page = account.url if account.url and urlsplit(account.url).netloc in (account.host, urlsplit(account.uri).netloc) else None
            return tuple(filter(None, (page, account.uri)))
        return tuple(f"{self.base_url}/{path}{account.username}" for path in ("@", "users/"))

    def _store(self, cursor: Cursor, id: AccountId, checked: dict[str, datetime | None]) -> None:
        """Store what was found about the links that are still on the profile."""
        account = accounts.by_id(cursor, id=id)
        if account is not None:
            links = links_of(account)
            profile_links.store(cursor, account=id, links={link: at for link, at in checked.items() if link in links})
