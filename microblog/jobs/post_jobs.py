"""Jobs of posts: notifications, poll results, scheduled posts, media conversion, link previews and file deletion."""

from __future__ import annotations

from microblog.domain import attachments as media
from microblog.domain import link_previews as previews
from microblog.domain import notify, scheduled
from microblog.domain.attachments import Attachments
from microblog.domain.link_previews import LinkPreviews
from microblog.domain.notify import PostNotifier
from microblog.domain.polls import END_JOB as POLL_END
from microblog.domain.polls import Polls
from microblog.domain.scheduled import Schedules
from microblog.jobs.cleanup import HOURLY, CleanupBatch, nightly
from microblog.jobs.retry import RetryPolicy
from microblog.jobs.worker import Finish, Finishing, Task
from microblog.model.cards import CardId, FetchError
from microblog.model.ids import AccountId, MediaId, PollId, PostId, ScheduledId
from microblog.model.jobs import Job, PermanentFailure, RetryLater

CLEANUP_BATCHES = (
    CleanupBatch("cleanup.media", media.delete_unattached, media.UNATTACHED_LIFETIME, HOURLY),
    CleanupBatch("cleanup.link_previews", previews.delete_unused_cards, previews.UNUSED_LIFETIME, nightly(3, 40)),
)
SLOW = frozenset({media.CONVERT, previews.FETCH})
"""Job kinds that wait for other servers or run long programs."""

RETRY_POLICIES = {
    scheduled.PUBLISH: RetryPolicy(tries=scheduled.TRIES),
    media.CONVERT: RetryPolicy(tries=3, time_limit=3600.0),  # one video is converted at a time; the others wait
    previews.FETCH: RetryPolicy(tries=previews.TRIES, first_pause=120.0, time_limit=90.0),
}


async def _fetch(cards: LinkPreviews, job: Job) -> None:
    try:
        await cards.fetch(CardId(job.id_of("card")), last_try=job.tries >= previews.TRIES)
    except FetchError as problem:  # posts may link to pages that do not exist: no error of this site
        raise RetryLater(str(problem)) from problem


def tasks(
    attachments: Attachments, cards: LinkPreviews | None, polls: Polls, schedules: Schedules, notifier: PostNotifier
) -> dict[str, Task]:
    """Return the tasks of this module by job kind."""
    return {
        **media_tasks(attachments),
        **card_tasks(cards),
        **poll_tasks(polls),
        **schedule_tasks(schedules),
        **notification_tasks(notifier),
    }


def notification_tasks(notifier: PostNotifier) -> dict[str, Task]:
    """Tasks that create the notifications of posts and edits."""

    async def notify_about(job: Job, finish: Finish) -> None:
        post, newly_mentioned = PostId(job.id_of("post")), job.payload.get("anew")
        if isinstance(newly_mentioned, list):
            await notifier.edited(post, [AccountId(int(account)) for account in newly_mentioned], finish)
        else:
            await notifier.published(post, finish)

    return {notify.JOB: Finishing(notify_about)}


def poll_tasks(polls: Polls) -> dict[str, Task]:
    """Task that ends polls."""

    async def end_poll(job: Job) -> None:
        await polls.end(PollId(job.id_of("poll")))

    return {POLL_END: end_poll}


def schedule_tasks(schedules: Schedules) -> dict[str, Task]:
    """Task that publishes scheduled posts."""

    async def publish(job: Job) -> None:
        await schedules.publish(ScheduledId(job.id_of("scheduled")), last_try=job.tries >= scheduled.TRIES)

    return {scheduled.PUBLISH: publish}


def media_tasks(attachments: Attachments) -> dict[str, Task]:
    """Tasks that convert video and audio, and delete files."""

    async def convert(job: Job) -> None:
        await attachments.convert(MediaId(job.id_of("media")))

    async def delete_unused(job: Job) -> None:
        names = job.payload.get("names")
        if not isinstance(names, list):
            raise PermanentFailure("The job's payload has no list of files.")
        await attachments.delete_unused([str(name) for name in names])

    return {media.CONVERT: convert, media.DELETE_UNUSED: delete_unused}


def card_tasks(cards: LinkPreviews | None) -> dict[str, Task]:
    """Task that fetches link previews. Does nothing without `cards`: previews were switched off after the job was queued."""

    async def fetch(job: Job) -> None:
        if cards is not None:
            await _fetch(cards, job)

    return {previews.FETCH: fetch}
