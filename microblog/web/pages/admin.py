"""What only administrators see: the outbox, and the jobs."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.email_queue import EmailOutbox
from microblog.domain.jobs import Jobs
from microblog.model.emails import EmailState
from microblog.model.ids import JobId, LetterId
from microblog.model.jobs import JobState
from microblog.render.html.email_views import JOB_LISTS, JobsPage, OutboxPage
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.web.http.request import Request
from microblog.web.http.response import Response
from microblog.web.http.route import AccessLevel, RouteOptions, route
from microblog.web.pages.page_context import PageContexts
from microblog.web.pages.paging import older, page_of

ADMIN = RouteOptions(viewer=AccessLevel.ADMIN)


@frozen
class OutboxPages:
    """Every letter: what it is about, how it stands, what the mail server said."""

    pages: Pages
    shells: PageContexts
    outbox: EmailOutbox

    @route("GET", "/admin/outbox", ADMIN)
    async def show(self, call: Request) -> Response:
        """The letters, the newest first; those in one state, if asked for."""
        page, wanted = page_of(call), call.fields.value("state")
        state = EmailState(wanted) if wanted in set(EmailState) else None
        found = await self.outbox.page(page, state)
        further = older(call, [letter.id for letter in found], page)
        view = OutboxPage(tuple(found), await self.outbox.counts(), state or "", self.outbox.directory, further)
        return Response.html(self.pages.page("outbox", await self.shells.of(call), PageMetadata("Outbox"), page=view))

    @route("POST", "/admin/outbox/<id:letter_id>/retry", ADMIN)
    async def retry(self, call: Request, letter_id: int) -> Response:
        """Try a letter again, now."""
        await self.outbox.retry(LetterId(letter_id))
        return Response.redirect(call.next_path("/admin/outbox"))


@frozen
class JobPages:
    """How much there is to do, and what does not get on."""

    pages: Pages
    shells: PageContexts
    jobs: Jobs

    @route("GET", "/admin/jobs", ADMIN)
    async def show(self, call: Request) -> Response:
        """The figures, and the jobs of one list."""
        page, wanted = page_of(call), call.fields.value("state")
        which = wanted if wanted in JOB_LISTS else "dead"
        state = JobState.WAITING if which == "retrying" else JobState(which)
        found = await self.jobs.page(state, page, retrying=which == "retrying")
        further = older(call, [job.id for job in found], page)
        view = JobsPage(await self.jobs.counts(), await self.jobs.by_kind(), tuple(found), which, further)
        return Response.html(self.pages.page("jobs", await self.shells.of(call), PageMetadata("Jobs"), page=view))

    @route("POST", "/admin/jobs/<id:job_id>/retry", ADMIN)
    async def retry(self, call: Request, job_id: int) -> Response:
        """Try it now, with all its tries before it."""
        await self.jobs.retry(JobId(job_id))
        return Response.redirect(call.next_path("/admin/jobs"))

    @route("POST", "/admin/jobs/<id:job_id>/discard", ADMIN)
    async def discard(self, call: Request, job_id: int) -> Response:
        """Forget it."""
        await self.jobs.discard(JobId(job_id))
        return Response.redirect(call.next_path("/admin/jobs"))
