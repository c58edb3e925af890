"""The button under a poll."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.polls import Polls
from microblog.model.errors import Invalid
from microblog.model.ids import PollId
from microblog.render.html.polls import FIELD
from microblog.web.http.request import Call
from microblog.web.http.response import Answer
from microblog.web.http.route import Needs, Who, route
from microblog.web.pages.post_renderer import Articles


@frozen
class PollButtons:
    """Voting. Answers a script with the article as it is now, and a form by going back to where it was."""

    polls: Polls
    articles: Articles

    @route("POST", "/polls/<id:poll_id>/vote", Needs(viewer=Who.MEMBER))
    async def vote(self, call: Call, poll_id: int) -> Answer:
        """Choose; the fields are named for the poll, because several may be on one page."""
        given = call.fields.list(FIELD.format(poll_id), max=10)
        if not given:
            raise Invalid({"choices": "Please choose an answer first."})
        choices = [int(choice) if choice.isascii() and choice.isdigit() and len(choice) < 3 else -1 for choice in given]
        post = await self.polls.vote(call.member, PollId(poll_id), choices)
        if call.wants_json:
            return Answer.json({"id": str(post.id), "html": await self.articles.one(call.viewer, post)})
        return Answer.redirect(call.next_path(f"/@{post.author.username}/{post.id}"))
