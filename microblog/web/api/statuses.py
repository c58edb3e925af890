"""Statuses: publish, read, edit and delete posts; their threads, edit history, favourites and boosts."""

from __future__ import annotations

from datetime import datetime

import orjson
from attrs import evolve, frozen

from microblog.domain.attachments import Attachments
from microblog.domain.caching import cache_keys
from microblog.domain.caching.cache_keys import CacheDependencies
from microblog.domain.interactions import Interactions
from microblog.domain.posts import Posts
from microblog.domain.rate_limits import DELETING, POSTING
from microblog.domain.remote_views import RemoteViews
from microblog.domain.scheduled import Schedules
from microblog.domain.thread_cache import ThreadCache
from microblog.domain.timelines import Timelines
from microblog.model.accounts import RelatedAccount, UnexpectedMentions, Viewer
from microblog.model.ids import PostId
from microblog.model.media import MAX_IMAGE_BYTES
from microblog.model.paging import Page
from microblog.model.scheduled import ScheduledPost
from microblog.render.api.accounts import ACCOUNT
from microblog.render.api.entities import Entities
from microblog.render.api.scheduled import SCHEDULED_STATUS
from microblog.render.api.schemas import FLAG, IDS, array_of
from microblog.render.api.statuses import CONTEXT, DELETED_STATUS, STATUS, STATUS_EDIT, STATUS_SOURCE, ThreadContext
from microblog.web.api.paging import PEOPLE, page_of, paged
from microblog.web.api.scheduled import moment_of
from microblog.web.api.status_params import DRAFT_PARAMS, EDIT_PARAMS, IDEMPOTENCY_KEY, draft_of, edit_of, thumbnails_of
from microblog.web.api.status_serializer import StatusSerializer
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.response_cache import CacheableResponse, ResponseCache
from microblog.web.http.route import DATA_FORM, TEXT_FORM, AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import PAGING, Param, RouteDoc

MAX_IDS = 20
PUBLISHED = {"anyOf": [STATUS, SCHEDULED_STATUS]}  # at once or later
OPEN = RouteOptions(api=True, scopes={"read:statuses"})
WRITE = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:statuses"}, body=TEXT_FORM, rate=POSTING)

EDIT = RouteOptions(
    api=True, viewer=AccessLevel.MEMBER, scopes={"write:statuses"}, body=DATA_FORM, files=MAX_IMAGE_BYTES + TEXT_FORM, rate=POSTING
)
EDITING = RouteDoc("Edit a status", STATUS, body=EDIT_PARAMS, errors=(404, 422))


@frozen
class StatusRoutes:
    """Endpoints for single posts."""

    entities: Entities
    serializer: StatusSerializer
    posts: Posts
    interactions: Interactions
    schedules: Schedules
    attachments: Attachments
    timelines: Timelines
    cache: ResponseCache
    views: RemoteViews

    @route(
        "POST",
        "/api/v1/statuses",
        WRITE,
        RouteDoc("Post a new status", PUBLISHED, body=DRAFT_PARAMS, headers=(IDEMPOTENCY_KEY,), errors=(404, 422)),
    )
    async def publish(self, request: Request) -> Response:
        """Publish or schedule a post. The same Idempotency-Key again returns the post that was created first."""
        at = moment_of(request.fields)
        try:
            if at is not None and at > self.schedules.now():
                return await self._schedule(request, at)
            post = await self.posts.publish(request.member, draft_of(request))
        except UnexpectedMentions as problem:
            body = {"error": problem.sentence, "unexpected_accounts": self.entities.accounts(problem.accounts)}
            return Response.json(body, 422)
        return Response.json(await self.serializer.one(request.viewer, post))

    async def _schedule(self, request: Request, at: datetime) -> Response:
        scheduled = await self.schedules.add(request.member, draft_of(request), at)
        if isinstance(scheduled, ScheduledPost):
            return Response.json(SCHEDULED_STATUS(scheduled, self.entities))
        return Response.json(await self.serializer.one(request.viewer, scheduled))

    @route("GET", "/api/v1/statuses", OPEN, RouteDoc("View multiple statuses", array_of(STATUS), query=(Param("id", IDS, required=True),)))
    async def several(self, request: Request) -> Response:
        """Up to 20 posts by id; those that the user may not see are left out."""
        ids = [PostId(id) for id in request.fields.ids("id")[:MAX_IDS]]
        return Response.json(await self.serializer.many(request.viewer, await self.posts.several(request.viewer, ids)))

    @route("GET", "/api/v1/statuses/<id:status_id>", OPEN, RouteDoc("View a single status", STATUS, errors=(404,)))
    async def show(self, request: Request, status_id: int) -> Response:
        """One post by id."""
        return await self.cache.get_or_make(request, lambda: self._show(request.viewer, PostId(status_id)))

    async def _show(self, viewer: Viewer | None, id: PostId) -> CacheableResponse:
        post = await self.posts.one(viewer, id)
        until = CacheDependencies(until=await self.views.post(viewer, post))
        response = Response.json(await self.serializer.one(viewer, post))
        return CacheableResponse(response, await self.timelines.dependencies(viewer, [post]) | until)

    @route("PUT", "/api/v1/statuses/<id:status_id>", EDIT, EDITING)
    @route("PATCH", "/api/v1/statuses/<id:status_id>", EDIT, EDITING)
    async def edit(self, request: Request, status_id: int) -> Response:
        """Edit one of the user's own posts."""
        draft, files = edit_of(request), thumbnails_of(request)
        changes = await self.attachments.with_previews(request.member, draft.changes, files) if files else draft.changes
        post = await self.posts.edit(request.member, PostId(status_id), evolve(draft, changes=changes))
        return Response.json(await self.serializer.one(request.viewer, post))

    @route(
        "DELETE",
        "/api/v1/statuses/<id:status_id>",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:statuses"}, rate=DELETING),
        RouteDoc(
            "Delete a status",
            DELETED_STATUS,
            query=(Param("delete_media", FLAG, "Whether to immediately delete its media."),),
            errors=(404,),
        ),
    )
    async def delete(self, request: Request, status_id: int) -> Response:
        """Delete one of the user's own posts, and return it with its plain text, for delete and redraft."""
        post = await self.posts.delete(request.member, PostId(status_id), media=request.fields.flag("delete_media"))
        status = orjson.loads(await self.serializer.one(request.viewer, post))
        del status["content"]
        return Response.json(status | {"text": post.original.text})

    @route(
        "GET",
        "/api/v1/statuses/<id:status_id>/source",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:statuses"}),
        RouteDoc("View status source", STATUS_SOURCE, errors=(404,)),
    )
    async def source(self, request: Request, status_id: int) -> Response:
        """The plain text of a post, for editing."""
        return Response.json(STATUS_SOURCE((await self.posts.one(request.viewer, PostId(status_id))).original, None))

    @route(
        "GET",
        "/api/v1/statuses/<id:status_id>/history",
        OPEN,
        RouteDoc("View edit history of a status", array_of(STATUS_EDIT), errors=(404,)),
    )
    async def history(self, request: Request, status_id: int) -> Response:
        """All revisions of a post, oldest first."""
        post, revisions = await self.posts.history(request.viewer, PostId(status_id))
        return Response.json([self.entities.revision(post.author, revision) for revision in revisions])

    @route(
        "GET",
        "/api/v1/statuses/<id:status_id>/favourited_by",
        OPEN,
        RouteDoc("See who favourited a status", array_of(ACCOUNT), query=PAGING, errors=(404,)),
    )
    async def favourited_by(self, request: Request, status_id: int) -> Response:
        """Accounts that favourited the post, most recent first."""
        page = page_of(request, 40, 80)
        return self._people(request, await self.interactions.favourited_by(request.viewer, PostId(status_id), page), page)

    @route(
        "GET",
        "/api/v1/statuses/<id:status_id>/reblogged_by",
        OPEN,
        RouteDoc("See who boosted a status", array_of(ACCOUNT), query=PAGING, errors=(404,)),
    )
    async def reblogged_by(self, request: Request, status_id: int) -> Response:
        """Accounts that boosted the post, most recent first."""
        page = page_of(request, 40, 80)
        return self._people(request, await self.interactions.boosted_by(request.viewer, PostId(status_id), page), page)

    def _people(self, request: Request, related: list[RelatedAccount], page: Page) -> Response:
        return paged(request, self.entities.related(related), [one.id for one in related], page, PEOPLE)


@frozen
class ThreadRoutes:
    """Threads of posts."""

    serializer: StatusSerializer
    threads: ThreadCache
    timelines: Timelines
    cache: ResponseCache
    views: RemoteViews

    @route(
        "GET", "/api/v1/statuses/<id:status_id>/context", OPEN, RouteDoc("Get parent and child statuses in context", CONTEXT, errors=(404,))
    )
    async def context(self, request: Request, status_id: int) -> Response:
        """The posts above and below a post in its thread."""
        return await self.cache.get_or_make(request, lambda: self._context(request, PostId(status_id)))

    async def _context(self, request: Request, id: PostId) -> CacheableResponse:
        thread = await self.threads.of(request.viewer, id)
        until = CacheDependencies(until=await self.views.thread(request.viewer, thread.post))
        shown, above = [*thread.ancestors, *thread.descendants], len(thread.ancestors)
        made = await self.serializer.each(request.viewer, shown)
        response = Response.json(CONTEXT(ThreadContext(made[:above], made[above:]), None))
        keys = cache_keys.of_post(id), cache_keys.of_post(thread.post.id), cache_keys.of_thread(thread.id)
        return CacheableResponse(response, await self.timelines.dependencies(request.viewer, shown, *keys) | until)
