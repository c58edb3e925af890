"""Jobs that let rules for other servers have their effect on known accounts."""

from __future__ import annotations

from microblog.federation.domain_moderation import PURGE_JOB
from microblog.federation.domain_purge import DomainPurge
from microblog.federation.domain_rules import STATES_JOB
from microblog.jobs.retry import RetryPolicy
from microblog.jobs.worker import Finish, Finishing, Task
from microblog.model.ids import SeveranceEventId
from microblog.model.jobs import Job

RETRY_POLICIES = {PURGE_JOB: RetryPolicy(tries=20, first_pause=10.0, time_limit=12 * 3600.0)}  # a domain may have many accounts


def tasks(domains: DomainPurge) -> dict[str, Task]:
    """Return the tasks of this module by job kind."""

    async def apply_rules(job: Job, finish: Finish) -> None:
        del job
        await domains.apply(None, finish)

    async def purge_domain(job: Job, finish: Finish) -> None:
        await domains.purge(job.text_of("domain"), SeveranceEventId(job.id_of("event")), finish)

    return {STATES_JOB: Finishing(apply_rules), PURGE_JOB: Finishing(purge_domain)}
