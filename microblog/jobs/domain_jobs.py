"""Jobs that let rules for other servers have their effect on known accounts."""

from __future__ import annotations

from microblog.federation.domain_moderation import PURGE_JOB
from microblog.federation.domain_purge import DomainPurge
from microblog.federation.domain_rules import STATES_JOB
from microblog.jobs.retry import RetryPolicy
from microblog.jobs.worker import Finish, Finishing, Task
from microblog.model.ids import SeveranceEventId
from microblog.model.jobs import Job, PermanentFailure

RETRY_POLICIES = {PURGE_JOB: RetryPolicy(tries=20, first_pause=10.0, time_limit=12 * 3600.0)}  # a domain may have many accounts


def tasks(domains: DomainPurge) -> dict[str, Task]:
    """Return the tasks of this module by job kind."""

    async def apply_rules(job: Job, finish: Finish) -> None:
        del job
        await domains.apply(None, finish)

    async def purge_domain(job: Job, finish: Finish) -> None:
        domain, event = job.payload.get("domain"), job.payload.get("event")
        if not isinstance(domain, str) or not isinstance(event, str) or not event.isdecimal():
            raise PermanentFailure("The job's payload has no domain.")
        await domains.purge(domain, SeveranceEventId(int(event)), finish)

    return {STATES_JOB: Finishing(apply_rules), PURGE_JOB: Finishing(purge_domain)}
