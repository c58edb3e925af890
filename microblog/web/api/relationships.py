"""Relationships: follow, block, mute, private notes, follow requests, and the lists of blocked and muted accounts."""

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
MAX_MUTE_SECONDS = 2**31

Command = Callable[[Viewer, AccountId], Awaitable[Relationship]]


def _doc(summary: str, *body: Param) -> RouteDoc:
    return RouteDoc(summary, RELATIONSHIP, body=body, errors=(403, 404, 422))


def _list(summary: str, of: Schema = ACCOUNT) -> RouteDoc:
    return RouteDoc(summary, array_of(of), query=PAGING)


FOLLOW_DOC = _doc(
    "Follow account",
    Param("reblogs", FLAG, "Receive this account's boosts in home timeline?"),
    Param("notify", FLAG, "Receive notifications when this account posts a status?"),
    Param("languages", TEXTS, "Filter received statuses for these languages (ISO 639)."),
)
NOTE_DOC = _doc("Set private note on profile", Param("comment", TEXT, "The comment to be set on that user. An empty one clears the note."))
MUTE_DOC = _doc(
    "Mute account",
    Param("notifications", FLAG, "Mute notifications in addition to statuses?"),
    Param("duration", WHOLE, "How long the mute should last, in seconds. 0 is indefinite."),
)


@frozen
class RelationshipActionRoutes:
    """Actions on an account. Each returns the new relationship."""

    follows: Follows
    relations: Relationships

    @route("POST", "/api/v1/accounts/<id:account_id>/follow", FOLLOW, FOLLOW_DOC)
    async def follow(self, request: Request, account_id: int) -> Response:
        """Follow the account, or request to; for an account that is already followed, update the options."""
        fields = request.fields
        languages = tuple(filter(None, fields.list("languages"))) if fields.has("languages") else None
        wanted = FollowRequestOptions(fields.flag("reblogs", None), fields.flag("notify", None), languages)
        return _response(await self.follows.follow(request.member, AccountId(account_id), wanted))

    @route("POST", "/api/v1/accounts/<id:account_id>/unfollow", UNFOLLOW, _doc("Unfollow account"))
    async def unfollow(self, request: Request, account_id: int) -> Response:
        """Unfollow the account, or withdraw the follow request."""
        return await self._done(request, self.follows.unfollow, account_id)

    @route("POST", "/api/v1/accounts/<id:account_id>/remove_from_followers", UNFOLLOW, _doc("Remove account from followers"))
    async def remove_follower(self, request: Request, account_id: int) -> Response:
        """Remove the account from the user's followers, without notifying it."""
        return await self._done(request, self.follows.remove_follower, account_id)

    @route("POST", "/api/v1/accounts/<id:account_id>/block", BLOCK, _doc("Block account"))
    async def block(self, request: Request, account_id: int) -> Response:
        """Block the account: neither sees the other."""
        return await self._done(request, self.relations.block, account_id)

    @route("POST", "/api/v1/accounts/<id:account_id>/unblock", BLOCK, _doc("Unblock account"))
    async def unblock(self, request: Request, account_id: int) -> Response:
        """Unblock the account; follows that the block removed are not restored."""
        return await self._done(request, self.relations.unblock, account_id)

    @route("POST", "/api/v1/accounts/<id:account_id>/mute", MUTE, MUTE_DOC)
    async def mute(self, request: Request, account_id: int) -> Response:
        """Mute the account, for a time or indefinitely."""
        fields = request.fields
        seconds = fields.integer("duration", 0)
        if not 0 <= seconds <= MAX_MUTE_SECONDS:
            raise Invalid({"duration": "Duration must be a number of seconds"}, codes={"duration": "ERR_INVALID"})
        relationship = await self.relations.mute(
            request.member, AccountId(account_id), notifications=fields.flag("notifications", True), duration=timedelta(seconds=seconds)
        )
        return _response(relationship)

    @route("POST", "/api/v1/accounts/<id:account_id>/unmute", MUTE, _doc("Unmute account"))
    async def unmute(self, request: Request, account_id: int) -> Response:
        """Unmute the account."""
        return await self._done(request, self.relations.unmute, account_id)

    @route("POST", "/api/v1/accounts/<id:account_id>/note", NOTE, NOTE_DOC)
    async def note(self, request: Request, account_id: int) -> Response:
        """Set a note that only the user sees; an empty one deletes it."""
        return _response(await self.relations.note(request.member, AccountId(account_id), request.fields.text("comment")))

    @route("POST", "/api/v1/follow_requests/<id:account_id>/authorize", UNFOLLOW, _doc("Accept follow request"))
    async def authorize(self, request: Request, account_id: int) -> Response:
        """Accept the request; the account becomes a follower."""
        return await self._done(request, self.follows.accept, account_id)

    @route("POST", "/api/v1/follow_requests/<id:account_id>/reject", UNFOLLOW, _doc("Reject follow request"))
    async def reject(self, request: Request, account_id: int) -> Response:
        """Reject the request, without notifying the account."""
        return await self._done(request, self.follows.reject, account_id)

    async def _done(self, request: Request, command: Command, account_id: int) -> Response:
        return _response(await command(request.member, AccountId(account_id)))


@frozen
class RelatedAccountRoutes:
    """Follow requests, blocked accounts and muted accounts of the user."""

    entities: Entities
    follows: Follows
    relations: Relationships

    @route(
        "GET",
        "/api/v1/follow_requests",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:follows"}),
        _list("View pending follow requests"),
    )
    async def requests(self, request: Request) -> Response:
        """Accounts that request to follow the user, most recent first."""
        return await self._page(request, self.follows.requests, self.entities.related)

    @route("GET", "/api/v1/blocks", RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:blocks"}), _list("View your blocks"))
    async def blocks(self, request: Request) -> Response:
        """Blocked accounts, most recent first."""
        return await self._page(request, self.relations.blocked, self.entities.related)

    @route(
        "GET",
        "/api/v1/mutes",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:mutes"}),
        _list("View your mutes", MUTED_ACCOUNT),
    )
    async def mutes(self, request: Request) -> Response:
        """Muted accounts, most recent first, each with the end of its mute."""
        return await self._page(request, self.relations.muted, self.entities.muted)

    async def _page(
        self,
        request: Request,
        list_of: Callable[[Viewer, Page], Awaitable[list[RelatedAccount]]],
        entities: Callable[[list[RelatedAccount]], list[Entity]],
    ) -> Response:
        page = page_of(request, 40, 80)
        related = await list_of(request.member, page)
        return paged(request, entities(related), [one.id for one in related], page, PEOPLE)


def _response(relationship: Relationship) -> Response:
    return Response.json(RELATIONSHIP(relationship, None))
