"""Pages for administrators: the e-mail queue and the background jobs."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.email_queue import EmailOutbox
from microblog.domain.jobs import Jobs
from microblog.model.emails import EmailState
from microblog.model.ids import EmailId, JobId
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
    """The e-mail queue: each e-mail's kind, state and mail server response."""

    pages: Pages
    contexts: PageContexts
    outbox: EmailOutbox

    @route("GET", "/admin/outbox", ADMIN)
    async def show(self, request: Request) -> Response:
        """List e-mails, newest first, optionally only those in one `state`."""
        page, requested = page_of(request), request.fields.value("state")
        state = EmailState(requested) if requested in set(EmailState) else None
        found = await self.outbox.page(page, state)
        older_url = older(request, [email.id for email in found], page)
        view = OutboxPage(tuple(found), await self.outbox.counts(), state or "", self.outbox.directory, older_url)
        return Response.html(self.pages.page("outbox", await self.contexts.of(request), PageMetadata("E-mail queue"), page=view))

    @route("POST", "/admin/outbox/<id:email_id>/retry", ADMIN)
    async def retry(self, request: Request, email_id: int) -> Response:
        """Retry an e-mail now."""
        await self.outbox.retry(EmailId(email_id), request.member.id)
        return Response.redirect(request.next_path("/admin/outbox"))


@frozen
class JobPages:
    """The background jobs: counts, and the jobs in each state."""

    pages: Pages
    contexts: PageContexts
    jobs: Jobs

    @route("GET", "/admin/jobs", ADMIN)
    async def show(self, request: Request) -> Response:
        """Show the counts and the jobs in one state."""
        page, requested = page_of(request), request.fields.value("state")
        tab = requested if requested in JOB_LISTS else "dead"
        state = JobState.WAITING if tab == "retrying" else JobState(tab)
        found = await self.jobs.page(state, page, retrying=tab == "retrying")
        older_url = older(request, [job.id for job in found], page)
        view = JobsPage(await self.jobs.counts(), await self.jobs.by_kind(), tuple(found), tab, older_url)
        return Response.html(self.pages.page("jobs", await self.contexts.of(request), PageMetadata("Jobs"), page=view))

    @route("POST", "/admin/jobs/<id:job_id>/retry", ADMIN)
    async def retry(self, request: Request, job_id: int) -> Response:
        """Retry a job now and reset its number of attempts."""
        await self.jobs.retry(JobId(job_id), request.member.id)
        return Response.redirect(request.next_path("/admin/jobs"))

    @route("POST", "/admin/jobs/<id:job_id>/discard", ADMIN)
    async def discard(self, request: Request, job_id: int) -> Response:
        """Delete a job."""
        await self.jobs.discard(JobId(job_id), request.member.id)
        return Response.redirect(request.next_path("/admin/jobs"))
