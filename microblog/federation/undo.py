"""Undo activities of other servers: each ends what an earlier activity did, which is found by its id.

Activities arrive in any order. An Undo of a follow may arrive after the same actor has followed again, and then ends nothing: the actor did
the same under another id, which is not undone. So the ids are remembered, and an Undo ends what was done unless another activity that did
the same arrived later than the undone one, or shortly before it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import evolve, frozen

from microblog.domain.follows import remove_follow
from microblog.domain.relationships import Relationships
from microblog.federation.post_effects import LIKES, PostEffects
from microblog.federation.relevance import Relevance
from microblog.federation.trust import TrustRules
from microblog.model.accounts import Account, Viewer
from microblog.model.federation import Activity, ActivityKind
from microblog.model.ids import AccountId, PostId
from microblog.model.jobs import RetryLater
from microblog.storage import accounts, follows, incoming_activities, posts, received_actions, remote_posts, remote_relations
from microblog.storage.database import Cursor
from microblog.storage.received_actions import Action, ActionKind

LATE_FOR = timedelta(hours=1)
"""Longest time by which an activity may arrive before one that preceded it. Servers repeat failed deliveries after some time."""


@frozen
class Undo:
    """Ends follows, blocks, favourites and boosts of accounts of other servers."""

    rules: Callable[[], TrustRules]
    relevance: Relevance
    relationships: Relationships
    posts: PostEffects
    now: Callable[[], datetime]

    def apply(self, cursor: Cursor, activity: Activity, signer: Account) -> None:
        """Undo what an activity names. Raises RetryLater if it is unknown, while the same was done under another id a short time ago."""
        undone = activity.object
        if isinstance(undone, Activity) and undone.actor != activity.actor:
            return
        uri = self.rules().own_id(evolve(activity, id=activity.object_id))
        if uri is not None:
            remote_posts.lock(cursor, uris=[uri])  # so that it does not have its effect at the same time
            if not incoming_activities.remember_deleted(cursor, uri=uri, actor=activity.actor, now=self.now()):
                return  # undone before
        seen = received_actions.forget(cursor, actor=signer.id, uri=uri) if uri else None
        if seen is not None:
            action, since = seen
            self._end(cursor, signer, action, since=since - LATE_FOR)
        elif uri is not None and (stored := received_actions.by_uri(cursor, actor=signer.id, uri=uri)):
            self._end(cursor, signer, stored[0], since=self.now() - LATE_FOR)
        elif isinstance(undone, Activity) and (named := self._named(cursor, undone)) is not None:
            self._end_unknown(cursor, signer, named, uri)

    def _named(self, cursor: Cursor, undone: Activity) -> Action | None:
        """Return what an embedded activity does, by what it is about."""
        if undone.kind in (ActivityKind.FOLLOW, ActivityKind.BLOCK):
            target = self.relevance.account_here(cursor, undone.object_id)
            kind = ActionKind.FOLLOW if undone.kind is ActivityKind.FOLLOW else ActionKind.BLOCK
            return None if target is None else Action(kind, target.id)
        if undone.kind in LIKES or undone.kind is ActivityKind.ANNOUNCE:
            post = self.posts.posts.find(cursor, undone.object_id or "")
            kind = ActionKind.FAVOURITE if undone.kind in LIKES else ActionKind.BOOST
            return None if post is None else Action(kind, post.id)
        return None

    def _end_unknown(self, cursor: Cursor, signer: Account, action: Action, uri: str | None) -> None:
        """End an action by what it is about. Some servers make a new id for what they undo; others have not delivered it yet."""
        self._lock_target(cursor, signer, action)
        repeated = received_actions.latest(cursor, actor=signer.id, action=action, since=self.now() - LATE_FOR)
        if uri is not None and repeated is not None:
            raise RetryLater("What is undone has not arrived yet, or was done again meanwhile.")
        self._end(cursor, signer, action, since=None)

    def _end(self, cursor: Cursor, signer: Account, action: Action, *, since: datetime | None) -> None:
        """End an action unless the same was done under another id since then: it goes on under that id."""
        self._lock_target(cursor, signer, action)
        if since is not None and (other := received_actions.latest(cursor, actor=signer.id, action=action, since=since)) is not None:
            self._rename(cursor, signer, action, other)
            return
        match action.kind:
            case ActionKind.FOLLOW:
                remove_follow(cursor, signer.id, AccountId(action.target), self.now())
            case ActionKind.BLOCK:
                self.relationships.unblock_within(cursor, Viewer(signer), AccountId(action.target))
            case ActionKind.FAVOURITE:
                self.posts.unfavourite(cursor, PostId(action.target), signer)
            case ActionKind.BOOST:
                self.posts.remove_boost(cursor, PostId(action.target), signer)

    def _lock_target(self, cursor: Cursor, signer: Account, action: Action) -> None:
        """Wait for whoever does the same to the same target under another id."""
        if action.kind in (ActionKind.FOLLOW, ActionKind.BLOCK):
            accounts.lock(cursor, ids=[signer.id, AccountId(action.target)])
        else:
            posts.lock(cursor, post=PostId(action.target))

    def _rename(self, cursor: Cursor, signer: Account, action: Action, uri: str) -> None:
        match action.kind:
            case ActionKind.FOLLOW:
                follows.set_activity_uri(cursor, follower=signer.id, followee=AccountId(action.target), uri=uri)
            case ActionKind.BLOCK:
                remote_relations.set_block_uri(cursor, account=signer.id, target=AccountId(action.target), uri=uri)
            case ActionKind.FAVOURITE:
                remote_posts.set_favourite_uri(cursor, account=signer.id, post=PostId(action.target), uri=uri)
            case ActionKind.BOOST:
                remote_posts.set_boost_uri(cursor, account=signer.id, original=PostId(action.target), uri=uri)
