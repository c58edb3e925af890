"""API entities of accounts, posts and notifications of one site, as dictionaries for orjson. Pure, and independent of the viewer.

render/api/status_json.py adds the viewer's flags to a post. The other modules of this package hold the definitions.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from microblog.model.accounts import Account, RelatedAccount, Role, Viewer
from microblog.model.media import Media
from microblog.model.notifications import Notification
from microblog.model.posts import Post, PostRevision
from microblog.render.api.accounts import ACCOUNT, BADGE, CREDENTIAL_ACCOUNT, MUTED_ACCOUNT, OwnAccount, visible_roles
from microblog.render.api.definition import Entity
from microblog.render.api.media import ATTACHMENT
from microblog.render.api.notifications import NOTIFICATION, NotificationWithStatus
from microblog.render.api.site import SiteUrls
from microblog.render.api.statuses import STATUS, STATUS_EDIT, AuthoredRevision


@frozen
class Entities(SiteUrls):
    """Builds the entities of one site."""

    def account(self, account: Account) -> Entity:
        """Return the Account entity."""
        return ACCOUNT(account, self)

    def person(self, account: Account, role: Role, moved: Account | None = None) -> Entity:
        """Return the Account entity with the role that the profile shows, and the account that it moved to.

        Other responses omit both, to save a query per post.
        """
        return ACCOUNT(account, self) | {"roles": BADGE.each(visible_roles(account, role), self)} | self._moved(moved)

    def accounts(self, accounts: Iterable[Account]) -> list[Entity]:
        """Return an Account entity for each account."""
        return ACCOUNT.each(accounts, self)

    def related(self, related: Iterable[RelatedAccount]) -> list[Entity]:
        """Return the Account entities of a list of followers, blocks or mutes."""
        return [ACCOUNT(one.account, self) for one in related]

    def muted(self, related: Iterable[RelatedAccount]) -> list[Entity]:
        """Return MutedAccount entities: accounts with the expiry of the mute."""
        return MUTED_ACCOUNT.each(related, self)

    def credentials(self, viewer: Viewer, requests: int, moved: Account | None = None) -> Entity:
        """Return the CredentialAccount entity of the viewer. `requests` is the number of pending follow requests."""
        return CREDENTIAL_ACCOUNT(OwnAccount(viewer, requests), self) | self._moved(moved)

    def _moved(self, target: Account | None) -> Entity:
        return {} if target is None else {"moved": ACCOUNT(target, self)}

    def status(self, post: Post) -> Entity:
        """Return the Status entity without the viewer's flags; `reblog` and `poll` are null, see render/api/status_json.py."""
        return STATUS(post, self)

    def media(self, several: Iterable[Media]) -> list[Entity]:
        """Return the MediaAttachment entities of a post."""
        return ATTACHMENT.each(several, self)

    def revision(self, author: Account, revision: PostRevision) -> Entity:
        """Return the StatusEdit entity."""
        return STATUS_EDIT(AuthoredRevision(author, revision), self)

    def notification(self, notification: Notification, status: bytes | None) -> Entity:
        """Return the Notification entity. `status` is its post as JSON, encoded for the recipient."""
        return NOTIFICATION(NotificationWithStatus(notification, status), self)
