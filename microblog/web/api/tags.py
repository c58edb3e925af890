"""Tags: looking at them, following them, showing them on one's profile."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.accounts import Accounts
from microblog.domain.rate_limits import FOLLOWS
from microblog.domain.tags import HashtagService
from microblog.model.errors import Invalid, NotFound
from microblog.model.ids import AccountId, RelationId
from microblog.model.profile_features import TagFlags
from microblog.render.api.entities import Entities
from microblog.render.api.schemas import EMPTY, TEXT, array_of
from microblog.render.api.tags import FEATURED_TAG, TAG, featured_entity, tag_entity
from microblog.web.api.paging import PEOPLE, page_of, paged
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import PAGING, Param, RouteDoc

OPEN = RouteOptions(api=True, viewer_scopes={"read:follows"})  # the flag `following` is personal
FOLLOW = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:follows"}, rate=FOLLOWS)
READ = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:accounts"})
WRITE = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:accounts"})


@frozen
class TagRoutes:
    """One tag at a time. A tag that nobody ever used is one too."""

    entities: Entities
    tags: HashtagService

    @route("GET", "/api/v1/tags/<name>", OPEN, RouteDoc("A tag", TAG, errors=(404,)))
    async def show(self, request: Request, name: str) -> Response:
        """With how it was used in the last days."""
        return await self._told(request, name)

    @route("POST", "/api/v1/tags/<name>/follow", FOLLOW, RouteDoc("Follow a tag", TAG, errors=(404, 422)))
    async def follow(self, request: Request, name: str) -> Response:
        """See at home what is posted with it."""
        await self.tags.follow(request.member, name)
        return await self._told(request, name)

    @route("POST", "/api/v1/tags/<name>/unfollow", FOLLOW, RouteDoc("Follow a tag no more", TAG, errors=(404,)))
    async def unfollow(self, request: Request, name: str) -> Response:
        """See it there no more."""
        await self.tags.unfollow(request.member, name)
        return await self._told(request, name)

    @route("POST", "/api/v1/tags/<name>/feature", WRITE, RouteDoc("Show a tag on one's profile", TAG, errors=(404, 422)))
    async def feature(self, request: Request, name: str) -> Response:
        """Show it."""
        await self.tags.feature(request.member, name)
        return await self._told(request, name)

    @route("POST", "/api/v1/tags/<name>/unfeature", WRITE, RouteDoc("Show a tag there no more", TAG, errors=(404,)))
    async def unfeature(self, request: Request, name: str) -> Response:
        """Show it no more."""
        await self.tags.unfeature(request.member, name)
        return await self._told(request, name)

    async def _told(self, request: Request, name: str) -> Response:
        use = await self.tags.one(request.viewer, name)
        flags = await self.tags.flags(request.viewer, [use.tag])
        return Response.json(tag_entity(self.entities, use, flags.get(use.tag.key)))


@frozen
class FollowedTagRoutes:
    """The tags that one follows, and those on profiles."""

    entities: Entities
    tags: HashtagService
    accounts: Accounts

    @route(
        "GET",
        "/api/v1/followed_tags",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:follows"}),
        RouteDoc("The tags that one follows", array_of(TAG), query=PAGING),
    )
    async def followed(self, request: Request) -> Response:
        """The newest follow first."""
        page = page_of(request, 100, 200)
        found = await self.tags.followed(request.member, page)
        uses = await self.tags.search.uses([kept.tag for kept in found])
        flags = await self.tags.flags(request.member, [kept.tag for kept in found])
        told = [tag_entity(self.entities, use, flags.get(use.tag.key, TagFlags(following=True))) for use in uses]
        return paged(request, told, [kept.id for kept in found], page, PEOPLE)

    @route("GET", "/api/v1/featured_tags", READ, RouteDoc("The tags on one's profile", array_of(FEATURED_TAG)))
    async def own(self, request: Request) -> Response:
        """The most used first."""
        account = request.member.account
        return Response.json([featured_entity(self.entities, account, one) for one in await self.tags.featured(account.id)])

    @route(
        "POST",
        "/api/v1/featured_tags",
        WRITE,
        RouteDoc("Show a tag on one's profile", FEATURED_TAG, body=(Param("name", TEXT, "The tag.", required=True),), errors=(400, 422)),
    )
    async def feature(self, request: Request) -> Response:
        """One more."""
        try:
            made = await self.tags.feature(request.member, request.fields.required("name", max=200))
        except NotFound as none:
            raise Invalid({"name": "Name is no tag"}, codes={"name": "ERR_INVALID"}) from none
        return Response.json(featured_entity(self.entities, request.member.account, made))

    @route("DELETE", "/api/v1/featured_tags/<id:featured_id>", WRITE, RouteDoc("Show a tag there no more", EMPTY, errors=(404,)))
    async def remove(self, request: Request, featured_id: int) -> Response:
        """One less."""
        await self.tags.remove(request.member, RelationId(featured_id))
        return Response.json({})

    @route("GET", "/api/v1/featured_tags/suggestions", READ, RouteDoc("Tags that one uses, and might show", array_of(TAG)))
    async def suggestions(self, request: Request) -> Response:
        """The most used first."""
        uses = await self.tags.search.uses(await self.tags.suggested(request.member))
        flags = await self.tags.flags(request.member, [use.tag for use in uses])
        return Response.json([tag_entity(self.entities, use, flags.get(use.tag.key)) for use in uses])

    @route(
        "GET",
        "/api/v1/accounts/<id:account_id>/featured_tags",
        RouteOptions(api=True),
        RouteDoc("The tags on somebody's profile", array_of(FEATURED_TAG), errors=(404,)),
    )
    async def of_account(self, request: Request, account_id: int) -> Response:
        """The most used first."""
        del request
        account = await self.accounts.by_id(AccountId(account_id), suspended=True)
        return Response.json([featured_entity(self.entities, account, one) for one in await self.tags.featured(account.id)])
