"""Hashtags: view, follow and feature them on the profile."""

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
    """Endpoints for one hashtag. Tags that were never used exist too."""

    entities: Entities
    tags: HashtagService

    @route("GET", "/api/v1/tags/<name>", OPEN, RouteDoc("View information about a single tag", TAG, errors=(404,)))
    async def show(self, request: Request, name: str) -> Response:
        """The tag with its usage of the last days."""
        return await self._response(request, name)

    @route("POST", "/api/v1/tags/<name>/follow", FOLLOW, RouteDoc("Follow a hashtag", TAG, errors=(404, 422)))
    async def follow(self, request: Request, name: str) -> Response:
        """Follow the tag: posts with it are shown in the home timeline."""
        await self.tags.follow(request.member, name)
        return await self._response(request, name)

    @route("POST", "/api/v1/tags/<name>/unfollow", FOLLOW, RouteDoc("Unfollow a hashtag", TAG, errors=(404,)))
    async def unfollow(self, request: Request, name: str) -> Response:
        """Unfollow the tag."""
        await self.tags.unfollow(request.member, name)
        return await self._response(request, name)

    @route("POST", "/api/v1/tags/<name>/feature", WRITE, RouteDoc("Feature a hashtag", TAG, errors=(404, 422)))
    async def feature(self, request: Request, name: str) -> Response:
        """Feature the tag on the user's profile."""
        await self.tags.feature(request.member, name)
        return await self._response(request, name)

    @route("POST", "/api/v1/tags/<name>/unfeature", WRITE, RouteDoc("Unfeature a hashtag", TAG, errors=(404,)))
    async def unfeature(self, request: Request, name: str) -> Response:
        """Remove the tag from the user's profile."""
        await self.tags.unfeature(request.member, name)
        return await self._response(request, name)

    async def _response(self, request: Request, name: str) -> Response:
        use = await self.tags.one(request.viewer, name)
        flags = await self.tags.flags(request.viewer, [use.tag])
        return Response.json(tag_entity(self.entities, use, flags.get(use.tag.key)))


@frozen
class FollowedTagRoutes:
    """Followed tags, and featured tags of profiles."""

    entities: Entities
    tags: HashtagService
    accounts: Accounts

    @route(
        "GET",
        "/api/v1/followed_tags",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:follows"}),
        RouteDoc("View all followed tags", array_of(TAG), query=PAGING),
    )
    async def followed(self, request: Request) -> Response:
        """Followed tags, most recent follow first."""
        page = page_of(request, 100, 200)
        found = await self.tags.followed(request.member, page)
        uses = await self.tags.search.uses([followed.tag for followed in found])
        flags = await self.tags.flags(request.member, [followed.tag for followed in found])
        entities = [tag_entity(self.entities, use, flags.get(use.tag.key, TagFlags(following=True))) for use in uses]
        return paged(request, entities, [followed.id for followed in found], page, PEOPLE)

    @route("GET", "/api/v1/featured_tags", READ, RouteDoc("View your featured tags", array_of(FEATURED_TAG)))
    async def own(self, request: Request) -> Response:
        """Tags featured on the user's profile, most used first."""
        account = request.member.account
        return Response.json([featured_entity(self.entities, account, one) for one in await self.tags.featured(account.id)])

    @route(
        "POST",
        "/api/v1/featured_tags",
        WRITE,
        RouteDoc(
            "Feature a tag",
            FEATURED_TAG,
            body=(Param("name", TEXT, "The hashtag to be featured, without the hash sign.", required=True),),
            errors=(400, 422),
        ),
    )
    async def feature(self, request: Request) -> Response:
        """Feature a tag on the user's profile."""
        try:
            feature = await self.tags.feature(request.member, request.fields.required("name", max=200))
        except NotFound as not_found:
            raise Invalid({"name": "Name is not a valid hashtag"}, codes={"name": "ERR_INVALID"}) from not_found
        return Response.json(featured_entity(self.entities, request.member.account, feature))

    @route("DELETE", "/api/v1/featured_tags/<id:featured_id>", WRITE, RouteDoc("Unfeature a tag", EMPTY, errors=(404,)))
    async def remove(self, request: Request, featured_id: int) -> Response:
        """Remove a featured tag by its id."""
        await self.tags.remove(request.member, RelationId(featured_id))
        return Response.json({})

    @route("GET", "/api/v1/featured_tags/suggestions", READ, RouteDoc("View suggested tags to feature", array_of(TAG)))
    async def suggestions(self, request: Request) -> Response:
        """Tags that the user posts with and does not feature yet, most used first."""
        uses = await self.tags.search.uses(await self.tags.suggested(request.member))
        flags = await self.tags.flags(request.member, [use.tag for use in uses])
        return Response.json([tag_entity(self.entities, use, flags.get(use.tag.key)) for use in uses])

    @route(
        "GET",
        "/api/v1/accounts/<id:account_id>/featured_tags",
        RouteOptions(api=True),
        RouteDoc("Get account's featured tags", array_of(FEATURED_TAG), errors=(404,)),
    )
    async def of_account(self, request: Request, account_id: int) -> Response:
        """Tags featured on the account's profile, most used first."""
        del request
        account = await self.accounts.by_id(AccountId(account_id), suspended=True)
        return Response.json([featured_entity(self.entities, account, one) for one in await self.tags.featured(account.id)])
