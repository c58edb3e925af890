"""Effects of received activities. Each happens once, whatever the order in which activities arrive and however often."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from attrs import field, frozen

from microblog.domain.account_deletion import begin_deletion
from microblog.domain.follows import FollowRequestOptions, Follows, confirm_follow, create_follow, record_rejection, remove_follow
from microblog.domain.relationships import Relationships
from microblog.federation.featured import FeaturedPosts
from microblog.federation.fetching import NotFetched
from microblog.federation.incoming import parse_activity
from microblog.federation.incoming_moves import IncomingMoves
from microblog.federation.incoming_reports import IncomingReports
from microblog.federation.outgoing_forwards import OutgoingForwards
from microblog.federation.post_effects import LIKES, PostEffects
from microblog.federation.relevance import Relevance, Signer
from microblog.federation.remote_actors import RemoteActors
from microblog.federation.trust import Believed
from microblog.federation.undo import Undo
from microblog.model.accounts import Account, Viewer
from microblog.model.errors import Forbidden, NotFound
from microblog.model.federation import Activity, ActivityKind, InvalidDocument, RemoteActor, RemoteObject
from microblog.model.ids import RelationId
from microblog.model.incoming_activities import IncomingActivity
from microblog.model.jobs import PermanentFailure, RetryLater
from microblog.storage import accounts, follows, incoming_activities, received_actions, remote_posts, remote_relations
from microblog.storage.database import Cursor, Transactions
from microblog.storage.follows import DeletedFollow
from microblog.storage.received_actions import Action, ActionKind

Finish = Callable[[Cursor], None]


@frozen
class Effects:
    """Effects of activities. The last transaction of each effect also finishes its job."""

    database: Transactions
    actors: RemoteActors
    follows: Follows
    relationships: Relationships
    posts: PostEffects
    relevance: Relevance
    now: Callable[[], datetime]
    forwards: OutgoingForwards | None = None
    undo: Undo = field(init=False)

    @undo.default
    def _new_undo(self) -> Undo:
        return Undo(self.actors.fetcher.rules, self.relevance, self.relationships, self.posts, self.now)

    @property
    def moves(self) -> IncomingMoves:
        """The moves of accounts of other servers."""
        return IncomingMoves(self.database, self.actors, self.relevance.ids, self.now)

    @property
    def featured(self) -> FeaturedPosts:
        """The pinned posts of accounts of other servers."""
        return FeaturedPosts(self.posts)

    async def apply(self, id: int, finish: Finish) -> None:
        """Let a received activity have its effect. Raises RetryLater if another server has to be asked first and does not respond."""
        received = await self.database.read(incoming_activities.by_id, id=id)
        if received is None:
            raise PermanentFailure("The activity is not stored any more.")
        await self._apply(received, partial(_finish_and_forget, finish=finish, id=id))

    async def _apply(self, received: IncomingActivity, finish: Finish) -> None:
        signer = await self.database.read(accounts.by_id, id=received.signer_id)
        if signer is None or signer.uri is None or self.actors.fetcher.rules().check_id(signer.uri):  # deleted or suspended meanwhile
            await self.database.run(finish)
            return
        activity = await self.actors.fetcher.long_documents.parse(parse_activity, received.body.encode())
        if self.forwards is not None:
            finish = partial(
                _forward_and_finish,
                forward=partial(self.forwards.forward, activity=activity, body=received.body, signer=signer),
                finish=finish,
            )
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
            case ActivityKind.ADD | ActivityKind.REMOVE:
                await self.featured.changed(activity, signer, finish)
            case ActivityKind.MOVE:
                await self.moves.moved(activity, signer, finish)
                return  # its document says no more
            case _:
                await self.database.run(self._apply_within, received, activity, signer, finish)
        if await self.actors.refresh_if_old(signer):
            await self.database.run(self.featured.request, signer.id)

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
                self.posts.deleted(cursor, activity, signer)
            case ActivityKind.FLAG:
                IncomingReports(self.actors.fetcher.rules, self.relevance.ids, self.now).received(cursor, activity, signer)
            case ActivityKind.QUOTE_REQUEST:
                self.posts.quote_requested(cursor, activity, signer)
            case kind if kind in LIKES:
                self.posts.liked(cursor, activity, signer)
        finish(cursor)

    def _follow(self, cursor: Cursor, activity: Activity, signer: Account, number: int) -> None:
        """Follow, or request to. A follow that exists is accepted again, under its newest id."""
        account, uri = self.relevance.account_here(cursor, activity.object_id), self.actors.fetcher.rules().own_id(activity)
        if account is None or uri is None or self._was_undone(cursor, activity, uri):
            return
        target = account.id
        before = follows.follow_options(cursor, follower=signer.id, followee=target)
        try:
            self.follows.follow_within(cursor, Viewer(signer), target, FollowRequestOptions())
        except (Forbidden, NotFound):
            record_rejection(cursor, signer.id, target, DeletedFollow(RelationId(number), uri), self.now())
            return
        follows.set_activity_uri(cursor, follower=signer.id, followee=target, uri=uri)
        received_actions.remember(cursor, actor=signer.id, uri=uri, action=Action(ActionKind.FOLLOW, target), now=self.now())
        if before is not None:
            create_follow(cursor, signer.id, target, before, self.now())

    def _was_undone(self, cursor: Cursor, activity: Activity, uri: str) -> bool:
        remote_posts.lock(cursor, uris=[uri])  # as an Undo at the same time does
        return incoming_activities.was_deleted(cursor, uri=uri, actor=activity.actor)

    def _block(self, cursor: Cursor, activity: Activity, signer: Account) -> None:
        target, uri = self.relevance.account_here(cursor, activity.object_id), self.actors.fetcher.rules().own_id(activity)
        if target is None or (uri is not None and self._was_undone(cursor, activity, uri)):
            return
        self.relationships.block_within(cursor, Viewer(signer), target.id)
        if uri is not None:
            remote_relations.set_block_uri(cursor, account=signer.id, target=target.id, uri=uri)
            received_actions.remember(cursor, actor=signer.id, uri=uri, action=Action(ActionKind.BLOCK, target.id), now=self.now())

    def _answer(self, cursor: Cursor, follow: RemoteObject | None, signer: Account, *, accepted: bool) -> None:
        """Let a followee elsewhere accept a follow, or reject or end it: by its id, or by who is meant if that is not ours."""
        follower = self.relevance.answered_follower(cursor, follow, Signer(signer.id, str(signer.uri)))
        if follower is None:
            return
        accounts.lock(cursor, ids=[follower, signer.id])
        if accepted:
            confirm_follow(cursor, follower, signer.id, self.now())
            self.featured.request(cursor, signer.id)
        else:
            remove_follow(cursor, follower, signer.id, self.now(), ended_by=signer.id)

    def _undo(self, cursor: Cursor, activity: Activity, signer: Account) -> None:
        """Undo what was done before. An Accept that is undone ends the follow."""
        undone = activity.object
        if not (isinstance(undone, Activity) and undone.kind is ActivityKind.ACCEPT):
            self.undo.apply(cursor, activity, signer)
        elif undone.actor == activity.actor:
            self._answer(cursor, undone.object, signer, accepted=False)

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


def _forward_and_finish(cursor: Cursor, *, forward: Callable[[Cursor], int], finish: Finish) -> None:
    forward(cursor)
    finish(cursor)


def _finish_and_forget(cursor: Cursor, *, finish: Finish, id: int) -> None:
    incoming_activities.done(cursor, id=id)
    finish(cursor)
