"""Profile images of other servers: which are to be copied, and the copies that are shown."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from microblog.model.ids import AccountId
from microblog.model.remote_files import RemoteFileKind
from microblog.storage.database import Cursor, Prepared, execute, fetch_one, fetch_value

PROFILE_IMAGES = (RemoteFileKind.AVATAR, RemoteFileKind.HEADER)


@frozen
class ProfileImageUrls:
    """The addresses of an account's images on its server, and those that were copied last. None: there is no image."""

    host: str
    avatar: str | None
    header: str | None
    copied_avatar: str | None
    copied_header: str | None

    def changed(self, kind: RemoteFileKind) -> bool:
        """True if an image is to be copied or removed."""
        if kind is RemoteFileKind.AVATAR:
            return self.avatar != self.copied_avatar
        return self.header != self.copied_header

    def url(self, kind: RemoteFileKind) -> str | None:
        """Return the address of an image."""
        return self.avatar if kind is RemoteFileKind.AVATAR else self.header


def urls(cursor: Cursor, *, account: AccountId) -> ProfileImageUrls | None:
    """Return the addresses of the images of an account of another server; None if it was suspended or deleted."""
    return fetch_one(cursor, ProfileImageUrls, _URLS, {"account": account})


_URLS = Prepared("""select a.host, r.avatar_url, r.header_url, r.avatar_copied_url, r.header_copied_url
    from remote_actors r join accounts a on a.id = r.account_id
    where r.account_id = %(account)s and a.host is not null and a.suspended_at is null and a.deleted_at is null""")


def reserve(cursor: Cursor, *, kind: RemoteFileKind, stem: str, until: datetime, now: datetime) -> int:
    """Insert the row of a copy that is being made, which nothing shows yet; return its id. Without `show`, its files are deleted."""
    return int(fetch_value(cursor, _RESERVE, {"kind": kind, "stem": stem, "until": until, "now": now}))


_RESERVE = Prepared("""insert into remote_files (stem, kind, lease_until, used_at) values (%(stem)s, %(kind)s, %(until)s, %(now)s)
    returning id""")


def show(cursor: Cursor, *, id: int, kind: RemoteFileKind, account: AccountId, url: str, file: str) -> bool:
    """Show a copy as the image of an account, in place of the one before. Return False if the account has another image by now."""
    if not execute(cursor, _NOTE[kind], {"account": account, "url": url}):
        return False
    _set(cursor, kind, account, file)
    return bool(execute(cursor, _LINK, {"id": id, "account": account}))


_LINK = Prepared("update remote_files set account_id = %(account)s where id = %(id)s")


def remove(cursor: Cursor, *, kind: RemoteFileKind, account: AccountId) -> None:
    """Show no image of an account, because it has none any more."""
    if execute(cursor, _NOTE[kind], {"account": account, "url": None}):
        _set(cursor, kind, account, None)


def note(cursor: Cursor, *, kind: RemoteFileKind, account: AccountId, url: str) -> None:
    """Remember that the image at an address cannot be copied, so that it is not tried again. The one before stays."""
    execute(cursor, _NOTE[kind], {"account": account, "url": url})


_NOTE = {
    kind: Prepared(f"""update remote_actors set {kind}_copied_url = %(url)s
        where account_id = %(account)s and {kind}_url is not distinct from %(url)s""")
    for kind in PROFILE_IMAGES
}


def _set(cursor: Cursor, kind: RemoteFileKind, account: AccountId, file: str | None) -> None:
    execute(cursor, _RELEASE, {"account": account, "kind": kind})
    execute(cursor, _SET[kind], {"account": account, "path": None if file is None else f"/media/{file}"})


_RELEASE = Prepared("update remote_files set account_id = null where account_id = %(account)s and kind = %(kind)s")
_SET = {kind: Prepared(f"update accounts set {kind} = %(path)s where id = %(account)s and deleted_at is null") for kind in PROFILE_IMAGES}
