"""What only administrators see: the outbox, and the jobs."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.email_queue import Outbox
from microblog.domain.jobs import Jobs
from microblog.model.emails import LetterState
from microblog.model.ids import JobId, LetterId
from microblog.model.jobs import JobState
from microblog.render.html.email_views import JOB_LISTS, JobsPage, OutboxPage
from microblog.render.html.page_metadata import Head
from microblog.render.html.pages import Pages
from microblog.web.http.request import Call
from microblog.web.http.response import Answer
from microblog.web.http.route import Needs, Who, route
from microblog.web.pages.page_context import Shells
from microblog.web.pages.paging import older, page_of

ADMIN = Needs(viewer=Who.ADMIN)


@frozen
class OutboxPages:
    """Every letter: what it is about, how it stands, what the mail server said."""

    pages: Pages
    shells: Shells
    outbox: Outbox

    @route("GET", "/admin/outbox", ADMIN)
    async def show(self, call: Call) -> Answer:
        """The letters, the newest first; those in one state, if asked for."""
        page, wanted = page_of(call), call.fields.value("state")
        state = LetterState(wanted) if wanted in set(LetterState) else None
        found = await self.outbox.page(page, state)
        further = older(call, [letter.id for letter in found], page)
        view = OutboxPage(tuple(found), await self.outbox.counts(), state or "", self.outbox.kept_in, further)
        return Answer.html(self.pages.page("outbox", await self.shells.of(call), Head("Outbox"), page=view))

    @route("POST", "/admin/outbox/<id:letter_id>/retry", ADMIN)
    async def retry(self, call: Call, letter_id: int) -> Answer:
        """Try a letter again, now."""
        await self.outbox.retry(LetterId(letter_id))
        return Answer.redirect(call.next_path("/admin/outbox"))


@frozen
class JobPages:
    """How much there is to do, and what does not get on."""

    pages: Pages
    shells: Shells
    jobs: Jobs

    @route("GET", "/admin/jobs", ADMIN)
    async def show(self, call: Call) -> Answer:
        """The figures, and the jobs of one list."""
        page, wanted = page_of(call), call.fields.value("state")
        which = wanted if wanted in JOB_LISTS else "dead"
        state = JobState.WAITING if which == "retrying" else JobState(which)
        found = await self.jobs.page(state, page, retrying=which == "retrying")
        further = older(call, [job.id for job in found], page)
        view = JobsPage(await self.jobs.counts(), await self.jobs.by_kind(), tuple(found), which, further)
        return Answer.html(self.pages.page("jobs", await self.shells.of(call), Head("Jobs"), page=view))

    @route("POST", "/admin/jobs/<id:job_id>/retry", ADMIN)
    async def retry(self, call: Call, job_id: int) -> Answer:
        """Try it now, with all its tries before it."""
        await self.jobs.retry(JobId(job_id))
        return Answer.redirect(call.next_path("/admin/jobs"))

    @route("POST", "/admin/jobs/<id:job_id>/discard", ADMIN)
    async def discard(self, call: Call, job_id: int) -> Answer:
        """Forget it."""
        await self.jobs.discard(JobId(job_id))
        return Answer.redirect(call.next_path("/admin/jobs"))
