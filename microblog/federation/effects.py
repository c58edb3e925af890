"""Effects of received activities. Each happens once, whatever the order in which activities arrive and however often."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from microblog.domain.account_deletion import begin_deletion
from microblog.domain.follows import FollowRequestOptions, Follows, confirm_follow, create_follow, record_rejection, remove_follow
from microblog.domain.relationships import Relationships
from microblog.federation.documents.ids import LocalKind, SiteIds
from microblog.federation.fetching import NotFetched
from microblog.federation.incoming import parse_activity
from microblog.federation.incoming_moves import IncomingMoves
from microblog.federation.post_effects import LIKES, PostEffects
from microblog.federation.remote_actors import RemoteActors
from microblog.federation.trust import Believed
from microblog.model.accounts import Account, Viewer
from microblog.model.errors import Forbidden, NotFound
from microblog.model.federation import Activity, ActivityKind, InvalidDocument, Reference, RemoteActor, RemoteObject
from microblog.model.ids import AccountId, RelationId
from microblog.model.incoming_activities import IncomingActivity
from microblog.model.jobs import PermanentFailure, RetryLater
from microblog.storage import accounts, follows, incoming_activities, remote_relations
from microblog.storage.database import Cursor, Transactions
from microblog.storage.follows import DeletedFollow

Finish = Callable[[Cursor], None]


@frozen
class Effects:
    """Effects of activities. The last transaction of each effect also finishes its job."""

    database: Transactions
    actors: RemoteActors
    follows: Follows
    relationships: Relationships
    posts: PostEffects
    ids: SiteIds
    now: Callable[[], datetime]

    @property
    def moves(self) -> IncomingMoves:
        """The moves of accounts of other servers."""
        return IncomingMoves(self.database, self.actors, self.ids, self.now)

    async def apply(self, id: int, finish: Finish) -> None:
        """Let a received activity have its effect. Raises RetryLater if another server has to be asked first and does not respond."""
        received = await self.database.read(incoming_activities.by_id, id=id)
        if received is None:
            raise PermanentFailure("The activity is not stored any more.")
        signer = await self.database.read(accounts.by_id, id=received.signer_id)
        if signer is None or signer.uri is None:  # deleted meanwhile
            await self.database.run(finish)
            return
        activity = parse_activity(received.body.encode())
        about_itself = activity.object_id == activity.actor or isinstance(activity.object, RemoteActor)
        match activity.kind:
            case ActivityKind.UPDATE if about_itself:
                await self._update(activity)
                await self.database.run(finish)
                return
            case ActivityKind.CREATE | ActivityKind.UPDATE:
                await self.posts.published(activity, signer, received.recipient_id, finish)
            case ActivityKind.ANNOUNCE:
                await self.posts.announced(activity, signer, finish)
            case ActivityKind.MOVE:
                await self.moves.moved(activity, signer, finish)
                return  # its document says no more
            case _:
                await self.database.run(self._apply_within, received, activity, signer, finish)
        await self.actors.refresh_if_old(signer)

    def _apply_within(self, cursor: Cursor, received: IncomingActivity, activity: Activity, signer: Account, finish: Finish) -> None:
        match activity.kind:
            case ActivityKind.FOLLOW:
                self._follow(cursor, activity, signer, received.id)
            case ActivityKind.BLOCK:
                self._block(cursor, activity, signer)
            case ActivityKind.UNDO:
                self._undo(cursor, activity, signer)
            case ActivityKind.ACCEPT | ActivityKind.REJECT:
                self._answer(cursor, activity.object, signer, accepted=activity.kind is ActivityKind.ACCEPT)
            case ActivityKind.DELETE if activity.object_id == activity.actor:
                begin_deletion(cursor, signer.id, self.now())
            case ActivityKind.DELETE:
                self.posts.deleted(cursor, activity)
            case kind if kind in LIKES:
                self.posts.liked(cursor, activity, signer)
        finish(cursor)

    def _local(self, cursor: Cursor, uri: str | None) -> AccountId | None:
        """Return the account of this site with this id; None if there is none."""
        found = self.ids.parse(uri or "")
        if found is None or found.kind is not LocalKind.ACTOR:
            return None
        account = accounts.approved_by_username(cursor, username=found.name)
        return None if account is None else account.id

    def _follow(self, cursor: Cursor, activity: Activity, signer: Account, number: int) -> None:
        """Follow, or request to. A follow that exists is accepted again, under its newest id."""
        target, uri = self._local(cursor, activity.object_id), activity.id
        if target is None or uri is None or incoming_activities.was_deleted(cursor, uri=uri, actor=activity.actor):
            return
        before = follows.follow_options(cursor, follower=signer.id, followee=target)
        try:
            self.follows.follow_within(cursor, Viewer(signer), target, FollowRequestOptions())
        except (Forbidden, NotFound):
            record_rejection(cursor, signer.id, target, DeletedFollow(RelationId(number), uri), self.now())
            return
        follows.set_activity_uri(cursor, follower=signer.id, followee=target, uri=uri)
        if before is not None:
            create_follow(cursor, signer.id, target, before, self.now())

    def _block(self, cursor: Cursor, activity: Activity, signer: Account) -> None:
        target, uri = self._local(cursor, activity.object_id), activity.id
        if target is None or (uri and incoming_activities.was_deleted(cursor, uri=uri, actor=activity.actor)):
            return
        self.relationships.block_within(cursor, Viewer(signer), target)
        remote_relations.set_block_uri(cursor, account=signer.id, target=target, uri=uri)

    def _answer(self, cursor: Cursor, follow: RemoteObject | None, signer: Account, *, accepted: bool) -> None:
        """Let a followee elsewhere accept a follow, or reject or end it: by its id, or by who is meant if that is not ours."""
        follower = self._follower(cursor, follow, signer)
        if follower is None:
            return
        accounts.lock(cursor, ids=[follower, signer.id])
        if accepted:
            confirm_follow(cursor, follower, signer.id, self.now())
        else:
            remove_follow(cursor, follower, signer.id, self.now(), ended_by=signer.id)

    def _follower(self, cursor: Cursor, follow: RemoteObject | None, signer: Account) -> AccountId | None:
        """Return the account of this site whose follow of the signer is answered."""
        if not isinstance(follow, Reference | Activity):
            return None
        named = self.ids.parse(follow.id or "")
        if named is not None and named.kind is LocalKind.FOLLOW:
            return remote_relations.follower_of(cursor, id=named.number, followee=signer.id)
        if isinstance(follow, Activity) and follow.kind is ActivityKind.FOLLOW and follow.object_id == signer.uri:
            return self._local(cursor, follow.actor)
        return None

    def _undo(self, cursor: Cursor, activity: Activity, signer: Account) -> None:
        """Undo what was done before. Follows and blocks are found by who is meant if ids differ."""
        undone = activity.object
        uri = activity.object_id
        if uri:
            incoming_activities.remember_deleted(cursor, uri=uri, actor=activity.actor, now=self.now())
        target: AccountId | None = None
        kind: ActivityKind | None = None
        if isinstance(undone, Activity):
            if undone.actor != activity.actor:
                return
            if undone.kind is ActivityKind.ACCEPT:
                self._answer(cursor, undone.object, signer, accepted=False)
                return
            target, kind = self._local(cursor, undone.object_id), undone.kind
        elif uri:
            target, kind = self._undone_by_id(cursor, signer, uri)
        if target is not None and kind is ActivityKind.FOLLOW:
            accounts.lock(cursor, ids=[signer.id, target])
            remove_follow(cursor, signer.id, target, self.now())
        elif target is not None and kind is ActivityKind.BLOCK:
            self.relationships.unblock_within(cursor, Viewer(signer), target)
        else:
            self.posts.undone(cursor, activity, signer)

    def _undone_by_id(self, cursor: Cursor, signer: Account, uri: str) -> tuple[AccountId | None, ActivityKind | None]:
        found = remote_relations.by_uri(cursor, account=signer.id, uri=uri)
        return (None, None) if found is None else (found.target, ActivityKind.BLOCK if found.is_block else ActivityKind.FOLLOW)

    async def _update(self, activity: Activity) -> None:
        """Store an actor by the document that it has sent, or fetch it if that is not to be believed."""
        embedded = activity.object
        try:
            if isinstance(embedded, RemoteActor) and self.actors.fetcher.rules().check_embedded(embedded, activity.actor) == Believed():
                await self.actors.update(embedded)
            else:
                await self.actors.fetch(activity.actor)
        except NotFetched as problem:
            if problem.temporary:
                raise RetryLater(str(problem)) from problem
        except InvalidDocument as problem:
            raise PermanentFailure(str(problem)) from problem
