"""Voting in polls."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.polls import Polls
from microblog.federation.bounds import MAX_POLL_OPTIONS
from microblog.model.errors import Invalid
from microblog.model.ids import PollId
from microblog.render.html.polls import FIELD
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.post_renderer import PostRenderer


@frozen
class PollButtons:
    """The vote button. Responds to scripts with the updated post as JSON, to forms with a redirect back."""

    polls: Polls
    renderer: PostRenderer

    @route("POST", "/polls/<id:poll_id>/vote", RouteOptions(viewer=AccessLevel.MEMBER))
    async def vote(self, request: Request, poll_id: int) -> Response:
        """Vote. Field names contain the poll's id, because a page may show several polls."""
        submitted = request.fields.list(FIELD.format(poll_id), max=MAX_POLL_OPTIONS)
        if not submitted:
            raise Invalid({"choices": "Please choose an option first."})
        choices = [int(choice) if choice.isascii() and choice.isdigit() and len(choice) < 4 else -1 for choice in submitted]
        post = await self.polls.vote(request.member, PollId(poll_id), choices)
        if request.wants_json:
            return Response.json({"id": str(post.id), "html": await self.renderer.one(request.viewer, post)})
        return Response.redirect(request.next_path(f"/@{post.author.acct}/{post.id}"))
