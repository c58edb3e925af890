"""Posts: publishing, editing, deleting, looking at single ones and at who likes them."""

from __future__ import annotations

from datetime import datetime

import orjson
from attrs import evolve, frozen

from microblog.domain.attachments import Attachments
from microblog.domain.interactions import Interactions
from microblog.domain.posts import Posts
from microblog.domain.rate_limits import DELETING, POSTING
from microblog.domain.scheduled import Schedules
from microblog.model.accounts import RelatedAccount, UnexpectedMentions
from microblog.model.ids import PostId
from microblog.model.media import IMAGE_BYTES
from microblog.model.paging import Page
from microblog.model.scheduled import ScheduledPost
from microblog.render.api.accounts import ACCOUNT
from microblog.render.api.entities import Entities
from microblog.render.api.polls import SCHEDULED_STATUS
from microblog.render.api.schemas import FLAG, IDS, array_of
from microblog.render.api.statuses import CONTEXT, DELETED_STATUS, STATUS, STATUS_EDIT, STATUS_SOURCE, Around
from microblog.web.api.paging import PEOPLE, page_of, paged
from microblog.web.api.scheduled import moment_of
from microblog.web.api.status_params import DRAFT_PARAMS, EDIT_PARAMS, IDEMPOTENCY_KEY, draft_of, edit_of, thumbnails_of
from microblog.web.api.status_serializer import StatusSerializer
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import DATA_FORM, TEXT_FORM, AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import PAGING, Param, RouteDoc

MOST_AT_ONCE = 20
PUBLISHED = {"anyOf": [STATUS, SCHEDULED_STATUS]}  # at once or later
OPEN = RouteOptions(api=True, scopes={"read:statuses"})
WRITE = RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:statuses"}, body=TEXT_FORM, rate=POSTING)

EDIT = RouteOptions(
    api=True, viewer=AccessLevel.MEMBER, scopes={"write:statuses"}, body=DATA_FORM, files=IMAGE_BYTES + TEXT_FORM, rate=POSTING
)
EDITING = RouteDoc("Edit a post", STATUS, body=EDIT_PARAMS, errors=(404, 422))


@frozen
class StatusRoutes:
    """Single posts."""

    entities: Entities
    shown: StatusSerializer
    posts: Posts
    marks: Interactions
    schedules: Schedules
    attachments: Attachments

    @route(
        "POST",
        "/api/v1/statuses",
        WRITE,
        RouteDoc("Publish a post", PUBLISHED, body=DRAFT_PARAMS, headers=(IDEMPOTENCY_KEY,), errors=(404, 422)),
    )
    async def publish(self, request: Request) -> Response:
        """Publish. The same Idempotency-Key again gives the post that it gave first."""
        at = moment_of(request.fields)
        try:
            if at is not None and at > self.schedules.now():
                return await self._schedule(request, at)
            post = await self.posts.publish(request.member, draft_of(request))
        except UnexpectedMentions as problem:
            body = {"error": problem.sentence, "unexpected_accounts": self.entities.accounts(problem.accounts)}
            return Response.json(body, 422)
        return Response.json(await self.shown.one(request.viewer, post))

    async def _schedule(self, request: Request, at: datetime) -> Response:
        planned = await self.schedules.add(request.member, draft_of(request), at)
        if isinstance(planned, ScheduledPost):
            return Response.json(SCHEDULED_STATUS(planned, self.entities))
        return Response.json(await self.shown.one(request.viewer, planned))

    @route("GET", "/api/v1/statuses", OPEN, RouteDoc("Several posts", array_of(STATUS), query=(Param("id", IDS, required=True),)))
    async def several(self, request: Request) -> Response:
        """Those of up to 20 posts that the caller may see."""
        ids = [PostId(id) for id in request.fields.ids("id")[:MOST_AT_ONCE]]
        return Response.json(await self.shown.many(request.viewer, await self.posts.several(request.viewer, ids)))

    @route("GET", "/api/v1/statuses/<id:status_id>", OPEN, RouteDoc("A post", STATUS, errors=(404,)))
    async def show(self, request: Request, status_id: int) -> Response:
        """One post."""
        return Response.json(await self.shown.one(request.viewer, await self.posts.one(request.viewer, PostId(status_id))))

    @route("PUT", "/api/v1/statuses/<id:status_id>", EDIT, EDITING)
    @route("PATCH", "/api/v1/statuses/<id:status_id>", EDIT, EDITING)
    async def edit(self, request: Request, status_id: int) -> Response:
        """Let one's own post say something else."""
        draft, files = edit_of(request), thumbnails_of(request)
        changes = await self.attachments.with_previews(request.member, draft.changes, files) if files else draft.changes
        post = await self.posts.edit(request.member, PostId(status_id), evolve(draft, changes=changes))
        return Response.json(await self.shown.one(request.viewer, post))

    @route(
        "DELETE",
        "/api/v1/statuses/<id:status_id>",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:statuses"}, rate=DELETING),
        RouteDoc("Delete a post", DELETED_STATUS, query=(Param("delete_media", FLAG, "Its media too, at once."),), errors=(404,)),
    )
    async def delete(self, request: Request, status_id: int) -> Response:
        """Delete one's own post; it is given back with its plain text, for writing it anew."""
        post = await self.posts.delete(request.member, PostId(status_id), media=request.fields.flag("delete_media"))
        told = orjson.loads(await self.shown.one(request.viewer, post))
        del told["content"]
        return Response.json(told | {"text": post.original.text})

    @route("GET", "/api/v1/statuses/<id:status_id>/context", OPEN, RouteDoc("The conversation around a post", CONTEXT, errors=(404,)))
    async def context(self, request: Request, status_id: int) -> Response:
        """What it answers, and what answers it."""
        thread = await self.posts.thread(request.viewer, PostId(status_id))
        made = await self.shown.each(request.viewer, [*thread.ancestors, *thread.descendants])
        above = len(thread.ancestors)
        return Response.json(CONTEXT(Around(made[:above], made[above:]), None))

    @route(
        "GET",
        "/api/v1/statuses/<id:status_id>/source",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"read:statuses"}),
        RouteDoc("What was typed", STATUS_SOURCE, errors=(404,)),
    )
    async def source(self, request: Request, status_id: int) -> Response:
        """The plain text of a post, to edit it."""
        return Response.json(STATUS_SOURCE((await self.posts.one(request.viewer, PostId(status_id))).original, None))

    @route(
        "GET",
        "/api/v1/statuses/<id:status_id>/history",
        OPEN,
        RouteDoc("All that a post ever said", array_of(STATUS_EDIT), errors=(404,)),
    )
    async def history(self, request: Request, status_id: int) -> Response:
        """Every edition, the first first."""
        post, revisions = await self.posts.history(request.viewer, PostId(status_id))
        return Response.json([self.entities.revision(post.author, revision) for revision in revisions])

    @route(
        "GET",
        "/api/v1/statuses/<id:status_id>/favourited_by",
        OPEN,
        RouteDoc("Who likes a post", array_of(ACCOUNT), query=PAGING, errors=(404,)),
    )
    async def favourited_by(self, request: Request, status_id: int) -> Response:
        """The newest first."""
        page = page_of(request, 40, 80)
        return self._people(request, await self.marks.favourited_by(request.viewer, PostId(status_id), page), page)

    @route(
        "GET",
        "/api/v1/statuses/<id:status_id>/reblogged_by",
        OPEN,
        RouteDoc("Who boosted a post", array_of(ACCOUNT), query=PAGING, errors=(404,)),
    )
    async def reblogged_by(self, request: Request, status_id: int) -> Response:
        """The newest first."""
        page = page_of(request, 40, 80)
        return self._people(request, await self.marks.boosted_by(request.viewer, PostId(status_id), page), page)

    def _people(self, request: Request, related: list[RelatedAccount], page: Page) -> Response:
        return paged(request, self.entities.related(related), [one.id for one in related], page, PEOPLE)
