"""The button under a poll."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.polls import Polls
from microblog.model.errors import Invalid
from microblog.model.ids import PollId
from microblog.render.html.polls import FIELD
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.post_renderer import PostRenderer


@frozen
class PollButtons:
    """Voting. Answers a script with the article as it is now, and a form by going back to where it was."""

    polls: Polls
    articles: PostRenderer

    @route("POST", "/polls/<id:poll_id>/vote", RouteOptions(viewer=AccessLevel.MEMBER))
    async def vote(self, call: Request, poll_id: int) -> Response:
        """Choose; the fields are named for the poll, because several may be on one page."""
        given = call.fields.list(FIELD.format(poll_id), max=10)
        if not given:
            raise Invalid({"choices": "Please choose an option first."})
        choices = [int(choice) if choice.isascii() and choice.isdigit() and len(choice) < 3 else -1 for choice in given]
        post = await self.polls.vote(call.member, PollId(poll_id), choices)
        if call.wants_json:
            return Response.json({"id": str(post.id), "html": await self.articles.one(call.viewer, post)})
        return Response.redirect(call.next_path(f"/@{post.author.username}/{post.id}"))
