"""Jobs of announcements."""

from __future__ import annotations

from microblog.domain.announcement_desk import PUBLISH, AnnouncementDesk
from microblog.jobs.worker import Task
from microblog.model.ids import AnnouncementDraftId
from microblog.model.jobs import Job


def tasks(desk: AnnouncementDesk) -> dict[str, Task]:
    """Return the task that publishes scheduled announcements."""

    async def publish(job: Job) -> None:
        await desk.publish_scheduled(AnnouncementDraftId(job.id_of("draft")))

    return {PUBLISH: publish}
