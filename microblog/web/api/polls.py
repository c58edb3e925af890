"""Polls and votes."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.caching.flags_cache import FlagsCache
from microblog.domain.polls import NO_OPTION, Polls
from microblog.domain.posts import Posts
from microblog.domain.remote_views import RemoteViews
from microblog.federation.bounds import MAX_POLL_OPTIONS
from microblog.model.errors import Invalid, Malformed, NotFound
from microblog.model.ids import PollId
from microblog.model.polls import PollDraft
from microblog.model.posts import NO_FLAGS, Post
from microblog.render.api.schemas import FLAG, TEXTS, WHOLE, array_of
from microblog.render.api.site import SiteUrls
from microblog.render.api.statuses import POLL, PollForViewer, poll_emojis
from microblog.web.http.params import Params
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import Param, RouteDoc

POLL_PARAMS = (
    Param("poll[options]", TEXTS, "Possible options: two to four texts."),
    Param("poll[expires_in]", WHOLE, "Duration that the poll should be open, in seconds."),
    Param("poll[multiple]", FLAG, "Allow multiple choices?"),
    Param("poll[hide_totals]", FLAG, "Hide vote counts until the poll ends?"),
)
CHOICES = Param("choices", array_of(WHOLE), "Index values of the chosen options, from 0.", required=True)


@frozen
class PollRoutes:
    """Read and vote in polls."""

    polls: Polls
    posts: Posts
    flags: FlagsCache
    views: RemoteViews
    site: SiteUrls

    @route(
        "GET", "/api/v1/polls/<id:poll_id>", RouteOptions(api=True, scopes={"read:statuses"}), RouteDoc("View a poll", POLL, errors=(404,))
    )
    async def show(self, request: Request, poll_id: int) -> Response:
        """One poll, with the user's own votes. That of another server is read again there, at most every five minutes."""
        post = await self.polls.one(request.viewer, PollId(poll_id))
        if await self.views.poll(request.viewer, post):
            post = await self.polls.one(request.viewer, PollId(poll_id))
        return await self._response(request, post)

    @route(
        "POST",
        "/api/v1/polls/<id:poll_id>/votes",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:statuses"}),
        RouteDoc("Vote on a poll", POLL, body=(CHOICES,), errors=(400, 404, 422)),
    )
    async def vote(self, request: Request, poll_id: int) -> Response:
        """Vote. A vote is final; in a poll with multiple choices, further options may be added while it is open."""
        if not request.fields.list("choices", max=MAX_POLL_OPTIONS):
            raise Malformed("param is missing or the value is empty: choices")
        return await self._response(request, await self.polls.vote(request.member, PollId(poll_id), choices_of(request.fields)))

    async def _response(self, request: Request, post: Post) -> Response:
        flags = (await self.flags.of(request.viewer, [post])).get(post.id, NO_FLAGS)
        own = request.viewer is not None and request.viewer.id == post.author.id
        if post.poll is None:
            raise NotFound
        votes = flags.votes if request.viewer else None
        return Response.json(POLL(PollForViewer(post.poll, self.polls.now(), votes, own, poll_emojis(post, self.site)), None))


def choices_of(fields: Params) -> tuple[int, ...]:
    """Indexes of the chosen options. Raises Invalid for anything but numbers."""
    values = fields.list("choices", max=MAX_POLL_OPTIONS)
    if not all(choice.isascii() and choice.isdigit() and len(choice) < 4 for choice in values):
        raise Invalid({"choices": NO_OPTION})
    return tuple(map(int, values))


def poll_of(fields: Params) -> PollDraft | None:
    """The poll of a new post, or None."""
    poll = fields.sub("poll")
    if poll is None or not (poll.texts("options") or poll.text("expires_in")):
        return None
    return PollDraft(
        tuple(poll.texts("options")), poll.integer("expires_in"), multiple=poll.flag("multiple"), hide_totals=poll.flag("hide_totals")
    )
