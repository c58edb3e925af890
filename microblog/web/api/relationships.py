"""What is done about people: follow, block, mute, note; and the lists that come of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from attrs import frozen

from microblog.domain.follows import FollowRequestOptions, Follows
from microblog.domain.rate_limits import FOLLOWS
from microblog.domain.relationships import Relationships
from microblog.model.accounts import RelatedAccount, Relationship, Viewer
from microblog.model.errors import Invalid
from microblog.model.ids import AccountId
from microblog.model.paging import Page
from microblog.render.api.accounts import ACCOUNT, MUTED_ACCOUNT, RELATIONSHIP
from microblog.render.api.definition import Entity
from microblog.render.api.entities import Entities
from microblog.render.api.schemas import FLAG, TEXT, TEXTS, WHOLE, Schema, array_of
from microblog.web.api.paging import PEOPLE, page_of, paged
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import PAGING, Param, RouteDoc

FOLLOW = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:follows"}, rate=FOLLOWS)
UNFOLLOW = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:follows"})
BLOCK = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:blocks"})
MUTE = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:mutes"})
NOTE = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:accounts"})
LONGEST_MUTE = 2**31

Command = Callable[[Viewer, AccountId], Awaitable[Relationship]]


def _doc(summary: str, *body: Param) -> RouteDoc:
    return RouteDoc(summary, RELATIONSHIP, body=body, errors=(403, 404, 422))


def _list(summary: str, of: Schema = ACCOUNT) -> RouteDoc:
    return RouteDoc(summary, array_of(of), query=PAGING)


FOLLOW_DOC = _doc(
    "Follow somebody, or ask to",
    Param("reblogs", FLAG, "See their boosts at home."),
    Param("notify", FLAG, "Be told of each of their posts."),
    Param("languages", TEXTS, "See only posts in these languages (ISO 639)."),
)
NOTE_DOC = _doc("Note something about somebody", Param("comment", TEXT, "The note; an empty one deletes it."))
MUTE_DOC = _doc(
    "Mute somebody",
    Param("notifications", FLAG, "Be told nothing of them either."),
    Param("duration", WHOLE, "For how many seconds; 0 for ever."),
)


@frozen
class RelationshipActionRoutes:
    """The buttons on a profile. Each answers how one stands to the person then."""

    follows: Follows
    relations: Relationships

    @route("POST", "/api/v1/accounts/<id:account_id>/follow", FOLLOW, FOLLOW_DOC)
    async def follow(self, request: Request, account_id: int) -> Response:
        """Follow; once more changes what is wanted."""
        fields = request.fields
        languages = tuple(filter(None, fields.list("languages"))) if fields.has("languages") else None
        wanted = FollowRequestOptions(fields.flag("reblogs", None), fields.flag("notify", None), languages)
        return _told(await self.follows.follow(request.member, AccountId(account_id), wanted))

    @route("POST", "/api/v1/accounts/<id:account_id>/unfollow", UNFOLLOW, _doc("Follow somebody no more"))
    async def unfollow(self, request: Request, account_id: int) -> Response:
        """Follow no more, and ask no more to."""
        return await self._done(request, self.follows.unfollow, account_id)

    @route("POST", "/api/v1/accounts/<id:account_id>/remove_from_followers", UNFOLLOW, _doc("Let somebody follow one no more"))
    async def remove_follower(self, request: Request, account_id: int) -> Response:
        """They are not told."""
        return await self._done(request, self.follows.remove_follower, account_id)

    @route("POST", "/api/v1/accounts/<id:account_id>/block", BLOCK, _doc("Block somebody"))
    async def block(self, request: Request, account_id: int) -> Response:
        """Neither sees the other any more."""
        return await self._done(request, self.relations.block, account_id)

    @route("POST", "/api/v1/accounts/<id:account_id>/unblock", BLOCK, _doc("Block somebody no more"))
    async def unblock(self, request: Request, account_id: int) -> Response:
        """What the block severed stays severed."""
        return await self._done(request, self.relations.unblock, account_id)

    @route("POST", "/api/v1/accounts/<id:account_id>/mute", MUTE, MUTE_DOC)
    async def mute(self, request: Request, account_id: int) -> Response:
        """See them no more, for a while or for ever."""
        fields = request.fields
        seconds = fields.integer("duration", 0)
        if not 0 <= seconds <= LONGEST_MUTE:
            raise Invalid({"duration": "Duration must be a number of seconds"}, codes={"duration": "ERR_INVALID"})
        relationship = await self.relations.mute(
            request.member, AccountId(account_id), notifications=fields.flag("notifications", True), duration=timedelta(seconds=seconds)
        )
        return _told(relationship)

    @route("POST", "/api/v1/accounts/<id:account_id>/unmute", MUTE, _doc("Mute somebody no more"))
    async def unmute(self, request: Request, account_id: int) -> Response:
        """See them again."""
        return await self._done(request, self.relations.unmute, account_id)

    @route("POST", "/api/v1/accounts/<id:account_id>/note", NOTE, NOTE_DOC)
    async def note(self, request: Request, account_id: int) -> Response:
        """Only oneself sees it; an empty one deletes it."""
        return _told(await self.relations.note(request.member, AccountId(account_id), request.fields.text("comment")))

    @route("POST", "/api/v1/follow_requests/<id:account_id>/authorize", UNFOLLOW, _doc("Let in who asks to follow one"))
    async def authorize(self, request: Request, account_id: int) -> Response:
        """They follow from now on."""
        return await self._done(request, self.follows.accept, account_id)

    @route("POST", "/api/v1/follow_requests/<id:account_id>/reject", UNFOLLOW, _doc("Refuse who asks to follow one"))
    async def reject(self, request: Request, account_id: int) -> Response:
        """They are not told."""
        return await self._done(request, self.follows.reject, account_id)

    async def _done(self, request: Request, command: Command, account_id: int) -> Response:
        return _told(await command(request.member, AccountId(account_id)))


@frozen
class RelatedAccountRoutes:
    """One's own lists of people."""

    entities: Entities
    follows: Follows
    relations: Relationships

    @route(
        "GET",
        "/api/v1/follow_requests",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:follows"}),
        _list("Who asks to follow one"),
    )
    async def requests(self, request: Request) -> Response:
        """The newest first."""
        return await self._page(request, self.follows.requests, self.entities.related)

    @route("GET", "/api/v1/blocks", RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:blocks"}), _list("Whom one blocks"))
    async def blocks(self, request: Request) -> Response:
        """The newest first."""
        return await self._page(request, self.relations.blocked, self.entities.related)

    @route(
        "GET",
        "/api/v1/mutes",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:mutes"}),
        _list("Whom one mutes", MUTED_ACCOUNT),
    )
    async def mutes(self, request: Request) -> Response:
        """The newest first, with when each mute ends."""
        return await self._page(request, self.relations.muted, self.entities.muted)

    async def _page(
        self,
        request: Request,
        list_of: Callable[[Viewer, Page], Awaitable[list[RelatedAccount]]],
        told: Callable[[list[RelatedAccount]], list[Entity]],
    ) -> Response:
        page = page_of(request, 40, 80)
        related = await list_of(request.member, page)
        return paged(request, told(related), [one.id for one in related], page, PEOPLE)


def _told(relationship: Relationship) -> Response:
    return Response.json(RELATIONSHIP(relationship, None))
