"""Polls: looking at them, and voting."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.polls import NO_OPTION, Polls
from microblog.domain.posts import Posts
from microblog.model.errors import Invalid, Malformed, NotFound
from microblog.model.ids import PollId
from microblog.model.polls import PollDraft
from microblog.model.posts import Post
from microblog.render.api.schemas import FLAG, TEXTS, WHOLE, array_of
from microblog.render.api.status_json import NO_FLAGS
from microblog.render.api.statuses import POLL, SeenPoll
from microblog.web.http.params import Params
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.http.route_docs import Param, RouteDoc

POLL_PARAMS = (
    Param("poll[options]", TEXTS, "From two to four answers."),
    Param("poll[expires_in]", WHOLE, "For how many seconds one can vote."),
    Param("poll[multiple]", FLAG, "Whether several answers may be chosen."),
    Param("poll[hide_totals]", FLAG, "Whether the counts are hidden until the end."),
)
CHOICES = Param("choices", array_of(WHOLE), "The places of the chosen answers.", required=True)


@frozen
class PollRoutes:
    """Single polls."""

    polls: Polls
    posts: Posts

    @route("GET", "/api/v1/polls/<id:poll_id>", RouteOptions(api=True, scopes={"read:statuses"}), RouteDoc("A poll", POLL, errors=(404,)))
    async def show(self, request: Request, poll_id: int) -> Response:
        """As the caller sees it."""
        return await self._told(request, await self.polls.one(request.viewer, PollId(poll_id)))

    @route(
        "POST",
        "/api/v1/polls/<id:poll_id>/votes",
        RouteOptions(api=True, viewer=AccessLevel.MEMBER, scopes={"write:statuses"}),
        RouteDoc("Vote", POLL, body=(CHOICES,), errors=(400, 404, 422)),
    )
    async def vote(self, request: Request, poll_id: int) -> Response:
        """Choices are final; where several are possible, further ones may be added while the poll is open."""
        if not request.fields.list("choices", max=100):
            raise Malformed("param is missing or the value is empty: choices")
        return await self._told(request, await self.polls.vote(request.member, PollId(poll_id), choices_of(request.fields)))

    async def _told(self, request: Request, post: Post) -> Response:
        flags = (await self.posts.flags(request.viewer, [post])).get(post.id, NO_FLAGS)
        own = request.viewer is not None and request.viewer.id == post.author.id
        if post.poll is None:
            raise NotFound
        return Response.json(POLL(SeenPoll(post.poll, self.polls.now(), flags.votes if request.viewer else None, own), None))


def choices_of(fields: Params) -> tuple[int, ...]:
    """The places of the chosen answers. Raises Invalid for what is no number."""
    given = fields.list("choices", max=100)
    if not all(choice.isascii() and choice.isdigit() and len(choice) < 4 for choice in given):
        raise Invalid({"choices": NO_OPTION})
    return tuple(map(int, given))


def poll_of(fields: Params) -> PollDraft | None:
    """What is to be asked with a post; None where nothing is."""
    asked = fields.sub("poll")
    if asked is None or not (asked.texts("options") or asked.text("expires_in")):
        return None
    return PollDraft(
        tuple(asked.texts("options")), asked.integer("expires_in"), multiple=asked.flag("multiple"), hide_totals=asked.flag("hide_totals")
    )
