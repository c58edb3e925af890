"""The tasks about posts: people are told of them, polls end, scheduled posts come out, films are made, links are looked at, files go."""

from __future__ import annotations

from microblog.domain import attachments, cards, polls, scheduled, telling
from microblog.domain.posting import PostingServices
from microblog.jobs.retry import Plan
from microblog.jobs.tasks import HOURLY, Sweep, nightly
from microblog.jobs.worker import Task
from microblog.model.cards import CardId, Unfetchable
from microblog.model.ids import AccountId, MediaId, PollId, PostId, ScheduledId
from microblog.model.jobs import Hopeless, Job, NotNow

SWEEPS = (
    Sweep("sweep.media", attachments.sweep, attachments.LOOSE_KEPT, HOURLY),
    Sweep("sweep.cards", cards.sweep, cards.KEPT, nightly(3, 40)),
)
SLOW = frozenset({attachments.CONVERT, cards.FETCH})
"""What asks other machines or runs long programs."""

PLANS = {
    scheduled.PUBLISH: Plan(tries=scheduled.TRIES),
    attachments.CONVERT: Plan(tries=3, limit=3600.0),  # one film at a time, so the last of several waits
    cards.FETCH: Plan(tries=cards.TRIES, first=120.0, limit=90.0),
}


def _id(job: Job, name: str) -> int:
    id = job.payload.get(name)
    if not isinstance(id, str) or not id.isdecimal():
        raise Hopeless(f"The job does not say which {name} it is about.")
    return int(id)


async def _fetch(previews: cards.Cards, job: Job) -> None:
    try:
        await previews.fetch(CardId(_id(job, "card")), last_try=job.tries >= cards.TRIES)
    except Unfetchable as problem:  # anybody may link to what there is not: no fault of ours to look into
        raise NotNow(str(problem)) from problem


def tasks(services: PostingServices) -> dict[str, Task]:
    """The tasks of this page, by the kind of their jobs."""

    async def tell(job: Job) -> None:
        post, anew = PostId(_id(job, "post")), job.payload.get("anew")
        if isinstance(anew, list):
            await services.tellings.edited(post, [AccountId(int(account)) for account in anew])
        else:
            await services.tellings.published(post)

    async def end_poll(job: Job) -> None:
        await services.polls.end(PollId(_id(job, "poll")))

    async def publish(job: Job) -> None:
        await services.schedules.publish(ScheduledId(_id(job, "scheduled")), last_try=job.tries >= scheduled.TRIES)

    async def convert(job: Job) -> None:
        await services.attachments.convert(MediaId(_id(job, "media")))

    async def tidy(job: Job) -> None:
        names = job.payload.get("names")
        if not isinstance(names, list):
            raise Hopeless("The job does not say which files it is about.")
        await services.attachments.tidy([str(name) for name in names])

    async def fetch(job: Job) -> None:
        if services.cards is not None:  # else previews were switched off since
            await _fetch(services.cards, job)

    return {
        telling.JOB: tell,
        polls.END: end_poll,
        scheduled.PUBLISH: publish,
        attachments.CONVERT: convert,
        attachments.TIDY: tidy,
        cards.FETCH: fetch,
    }
