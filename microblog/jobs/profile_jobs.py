"""Jobs of profiles: the check of links in profile fields."""

from __future__ import annotations

from microblog.domain import profile_links
from microblog.domain.profile_links import ProfileLinks
from microblog.jobs.retry import RetryPolicy
from microblog.jobs.worker import Task
from microblog.model.cards import FetchError
from microblog.model.ids import AccountId
from microblog.model.jobs import Job, RetryLater

SLOW = frozenset({profile_links.JOB})
"""Job kinds that wait for other servers."""

RETRY_POLICIES = {profile_links.JOB: RetryPolicy(tries=profile_links.TRIES, first_pause=300.0, time_limit=120.0)}


def tasks(links: ProfileLinks) -> dict[str, Task]:
    """Return the tasks of this module by job kind."""

    async def verify(job: Job) -> None:
        try:
            await links.verify(AccountId(job.id_of("account")), last_try=job.tries >= profile_links.TRIES)
        except FetchError as problem:
            raise RetryLater(str(problem)) from problem

    return {profile_links.JOB: verify}
