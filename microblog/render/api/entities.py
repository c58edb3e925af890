"""Entities of people and posts for one site, ready for orjson. Pure; nothing here depends on the viewer.

How one viewer stands to a post is laid over it by render/api/status_json.py. The definitions are in the modules `entities_*.py`.
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
    """Makes entities for one site."""

    def account(self, account: Account) -> Entity:
        """Account."""
        return ACCOUNT(account, self)

    def person(self, account: Account, role: Role) -> Entity:
        """Account with the role that its profile shows. Elsewhere nobody looks for it, and it would be asked for with every post."""
        return ACCOUNT(account, self) | {"roles": BADGE.each(visible_roles(account, role), self)}

    def accounts(self, accounts: Iterable[Account]) -> list[Entity]:
        """Several."""
        return ACCOUNT.each(accounts, self)

    def related(self, related: Iterable[RelatedAccount]) -> list[Entity]:
        """The accounts of a list of people."""
        return [ACCOUNT(one.account, self) for one in related]

    def muted(self, related: Iterable[RelatedAccount]) -> list[Entity]:
        """MutedAccount: with when the mute ends by itself."""
        return MUTED_ACCOUNT.each(related, self)

    def credentials(self, viewer: Viewer, requests: int) -> Entity:
        """CredentialAccount: the viewer's own. `requests` is how many ask to follow."""
        return CREDENTIAL_ACCOUNT(OwnAccount(viewer, requests), self)

    def status(self, post: Post) -> Entity:
        """Status as everybody sees it; `reblog` and `poll` are left null: see render/api/status_json.py."""
        return STATUS(post, self)

    def media(self, several: Iterable[Media]) -> list[Entity]:
        """The media of a post."""
        return ATTACHMENT.each(several, self)

    def revision(self, author: Account, revision: PostRevision) -> Entity:
        """StatusEdit."""
        return STATUS_EDIT(AuthoredRevision(author, revision), self)

    def notification(self, notification: Notification, status: bytes | None) -> Entity:
        """Notification. `status` is its post, encoded for its receiver."""
        return NOTIFICATION(NotificationWithStatus(notification, status), self)
