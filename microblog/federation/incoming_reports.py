"""Reports by other servers about people here. They become reports to the moderators of this site."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime

from attrs import frozen

from microblog.domain.reports import MAX_POSTS, ReceivedReport, receive
from microblog.federation import bounds
from microblog.federation.documents.ids import LocalId, LocalKind, SiteIds
from microblog.federation.hosts import host_of
from microblog.federation.trust import TrustRules
from microblog.model.accounts import Account
from microblog.model.federation import Activity
from microblog.model.federation_posts import RemoteHashtag
from microblog.model.ids import AccountId, PostId
from microblog.storage import accounts, remote_posts, reports
from microblog.storage.database import Cursor

MAX_TARGETS = 5  # accounts that one report is about
_ACCOUNTS = (LocalKind.ACTOR, LocalKind.PROFILE)
_POSTS = (LocalKind.POST, LocalKind.POST_PAGE)
_URL = re.compile(r"https?://[^\s<>\"']+")


def reported(activity: Activity, ids: SiteIds) -> Iterator[LocalId]:
    """Yield the accounts and posts of this site that a report names: as its objects, or in its comment, as Misskey does."""
    objects = [one.id or "" for one in activity.objects if not isinstance(one, RemoteHashtag)]
    for uri in (*objects, *_URL.findall(activity.content)):
        found = ids.parse(uri)
        if found is not None and found.kind in (*_ACCOUNTS, *_POSTS):
            yield found


@frozen
class IncomingReports:
    """Takes reports, unless they are not wanted from the reporting server."""

    rules: Callable[[], TrustRules]
    ids: SiteIds
    now: Callable[[], datetime]

    def received(self, cursor: Cursor, activity: Activity, signer: Account) -> None:
        """Store a report about each account of this site that it is about, and notify the moderators."""
        rules = self.rules()
        host = host_of(signer.uri, rules.exempt)
        if host is None or rules.domains.rejects_reports(host):
            return
        comment, uri = bounds.text(activity.content, bounds.MAX_REPORT_COMMENT).strip(), rules.own_id(activity)
        if uri is not None and reports.is_known(cursor, uri=uri):
            return
        for target, posts in self._targets(cursor, activity).items():
            receive(cursor, signer, ReceivedReport(target, tuple(posts), comment, uri), self.now())
            uri = None  # the id stands for all of them

    def _targets(self, cursor: Cursor, activity: Activity) -> dict[AccountId, list[PostId]]:
        """Return the accounts with those of their posts that are named. The author of a post is reported if no account is."""
        named = list(dict.fromkeys(reported(activity, self.ids)))[:MAX_POSTS]
        found = (accounts.approved_by_username(cursor, username=one.name) for one in named if one.kind in _ACCOUNTS)
        targets: dict[AccountId, list[PostId]] = {account.id: [] for account in found if account is not None}
        are_named = bool(targets)
        for one in named:
            post = remote_posts.of_this_site(cursor, id=one.number, username=one.name) if one.kind in _POSTS else None
            if post is not None and (post.author in targets or not are_named):
                targets.setdefault(post.author, []).append(post.id)
        return dict(list(targets.items())[:MAX_TARGETS])
