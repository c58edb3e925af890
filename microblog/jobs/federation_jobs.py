"""Jobs of federation: effects of received activities, and posts that are fetched: unknown parents, polls and pinned posts."""

from __future__ import annotations

from datetime import timedelta

from microblog.domain.polls import COUNTS_JOB
from microblog.domain.remote_mentions import JOB as MENTIONS_JOB
from microblog.domain.remote_mentions import LateMentions
from microblog.federation.effects import Effects
from microblog.federation.featured import FEATURED_JOB
from microblog.federation.followers_repair import JOB as FOLLOWERS_JOB
from microblog.federation.followers_repair import FollowersRepairs
from microblog.federation.followers_sync import FollowersDigest
from microblog.federation.forwarding import JOB as FORWARDED_JOB
from microblog.federation.forwarding import ForwardedPosts
from microblog.federation.gone_inboxes import JOB as GONE_JOB
from microblog.federation.gone_inboxes import GoneInboxes
from microblog.federation.host_software import JOB as SOFTWARE_JOB
from microblog.federation.host_software import SoftwareReader
from microblog.federation.idempotency import SEEN_FOR
from microblog.federation.inbox import JOB
from microblog.federation.profile_counts import JOB as PROFILE_JOB
from microblog.federation.reading_again import POLL_JOB, ReadingAgain
from microblog.federation.remote_posts import PARENT_JOB
from microblog.federation.statistics import FederationStatistics
from microblog.federation.thread_backfill import REPLIES_JOB, REPLY_JOB
from microblog.jobs.cleanup import CleanupBatch, nightly
from microblog.jobs.retry import RetryPolicy
from microblog.jobs.scheduler import Every, Timer
from microblog.jobs.worker import Finish, Finishing, Task
from microblog.model.ids import AccountId, PollId, PostId
from microblog.model.jobs import Job, PermanentFailure
from microblog.storage import actor_keys, incoming_activities, outgoing_activities

CONCURRENCY = 8
COUNT_RECEIVED = Timer("federation.count_received", Every(timedelta(minutes=10)))
RETRY_POLICIES = {
    JOB: RetryPolicy(tries=8, first_pause=60.0, time_limit=120.0),
    FORWARDED_JOB: RetryPolicy(tries=4, first_pause=300.0, time_limit=120.0),
    GONE_JOB: RetryPolicy(tries=3, first_pause=300.0, time_limit=700.0),
    PARENT_JOB: RetryPolicy(tries=4, first_pause=300.0, time_limit=120.0),
    FEATURED_JOB: RetryPolicy(tries=2, time_limit=300.0),
    POLL_JOB: RetryPolicy(tries=2, time_limit=120.0),
    PROFILE_JOB: RetryPolicy(tries=2, time_limit=120.0),
    REPLIES_JOB: RetryPolicy(tries=2, time_limit=300.0),
    REPLY_JOB: RetryPolicy(tries=2, first_pause=300.0, time_limit=120.0),
    MENTIONS_JOB: RetryPolicy(tries=6, first_pause=60.0, time_limit=60.0),
    SOFTWARE_JOB: RetryPolicy(tries=2, time_limit=120.0),
    FOLLOWERS_JOB: RetryPolicy(tries=3, first_pause=600.0, time_limit=120.0),
}
CLEANUP_BATCHES = (
    CleanupBatch("cleanup.activities", incoming_activities.delete_old, SEEN_FOR, nightly(3, 50)),
    CleanupBatch("cleanup.replaced_keys", actor_keys.delete_expired, timedelta(), nightly(3, 50)),
    CleanupBatch("cleanup.outgoing_activities", outgoing_activities.delete_delivered, timedelta(days=1), nightly(3, 55)),
)


def tasks(effects: Effects, mentions: LateMentions) -> dict[str, Task]:
    """Return the tasks of this module by job kind."""

    async def apply(job: Job, finish: Finish) -> None:
        await effects.apply(job.id_of("activity"), finish)

    async def fetch_parent(job: Job, finish: Finish) -> None:
        ancestors = job.payload.get("ancestors")
        if not isinstance(ancestors, int):
            raise PermanentFailure("The job's payload has no number of ancestors.")
        await effects.posts.fetch_parent(job.text_of("uri"), ancestors, finish)

    async def send_poll_counts(job: Job, finish: Finish) -> None:
        await effects.posts.polls.send_counts(PollId(job.id_of("poll")), finish)

    async def add_mentions(job: Job, finish: Finish) -> None:
        await mentions.add(PostId(job.id_of("post")), finish)

    return {
        JOB: Finishing(apply),
        PARENT_JOB: Finishing(fetch_parent),
        COUNTS_JOB: Finishing(send_poll_counts),
        MENTIONS_JOB: Finishing(add_mentions),
    }


def gone_tasks(inboxes: GoneInboxes) -> dict[str, Task]:
    """Return the task that looks at the accounts with an inbox that is gone."""

    async def check(job: Job, finish: Finish) -> None:
        await inboxes.check(job.text_of("host"), job.text_of("inbox"), job.id_of("after"), finish)

    return {GONE_JOB: Finishing(check)}


def forwarded_tasks(posts: ForwardedPosts) -> dict[str, Task]:
    """Return the task that fetches what forwarded activities name."""

    async def fetch(job: Job, finish: Finish) -> None:
        await posts.fetch(job.text_of("uri"), finish)

    return {FORWARDED_JOB: Finishing(fetch)}


def followers_tasks(repairs: FollowersRepairs) -> dict[str, Task]:
    """Return the task that makes follows from here agree with the followers that another server knows."""

    async def repair(job: Job, finish: Finish) -> None:
        digest = FollowersDigest(*(job.text_of(name) for name in ("collection", "url", "digest")))
        await repairs.repair(AccountId(job.id_of("account")), digest, finish)

    return {FOLLOWERS_JOB: Finishing(repair)}


def reading_tasks(reading: ReadingAgain) -> dict[str, Task]:
    """Return the tasks that read profiles, pinned posts, polls and replies again."""

    async def read_featured(job: Job, finish: Finish) -> None:
        await reading.featured.read(AccountId(job.id_of("account")), finish)

    async def read_poll(job: Job, finish: Finish) -> None:
        await reading.read_poll(PostId(job.id_of("post")), AccountId(job.id_of("viewer")), finish)

    async def read_profile(job: Job, finish: Finish) -> None:
        await reading.profiles.read(AccountId(job.id_of("account")), finish)

    async def read_replies(job: Job, finish: Finish) -> None:
        await reading.threads.read_replies(PostId(job.id_of("post")), _depth(job), finish)

    async def fetch_reply(job: Job, finish: Finish) -> None:
        await reading.threads.fetch_reply(job.text_of("uri"), _depth(job), finish)

    return {
        FEATURED_JOB: Finishing(read_featured),
        POLL_JOB: Finishing(read_poll),
        PROFILE_JOB: Finishing(read_profile),
        REPLIES_JOB: Finishing(read_replies),
        REPLY_JOB: Finishing(fetch_reply),
    }


def software_tasks(reader: SoftwareReader) -> dict[str, Task]:
    """Return the task that reads which software a server runs."""

    async def read(job: Job, finish: Finish) -> None:
        host = job.payload.get("host")
        if not isinstance(host, str):
            raise PermanentFailure("The job's payload has no host.")
        await reader.read(host, finish)

    return {SOFTWARE_JOB: Finishing(read)}


def _depth(job: Job) -> int:
    depth = job.payload.get("depth")
    return depth if isinstance(depth, int) else 0


def statistics_tasks(statistics: FederationStatistics) -> dict[str, Task]:
    """Task that counts received activities."""

    async def count_received(job: Job) -> None:
        del job
        await statistics.count_received()

    return {COUNT_RECEIVED.kind: count_received}
