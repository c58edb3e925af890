"""Jobs about what other servers show: copies of profile images, previews of pages, and removal of copies."""

from __future__ import annotations

from microblog.domain import link_previews as previews
from microblog.domain.link_previews import LinkPreviews
from microblog.federation.domain_moderation import HIDE_MEDIA_JOB
from microblog.federation.profile_images import JOB as IMAGES_JOB
from microblog.federation.profile_images import ProfileImageCopies
from microblog.federation.rejected_media import RejectedMedia
from microblog.federation.remote_files import RemoteFiles
from microblog.jobs import post_jobs
from microblog.jobs.cleanup import HOURLY
from microblog.jobs.retry import RetryPolicy
from microblog.jobs.scheduler import Timer
from microblog.jobs.worker import Task
from microblog.model.ids import AccountId
from microblog.model.jobs import Job

CONCURRENCY = 4
CLEAN_FILES = Timer("cleanup.remote_files", HOURLY)
RETRY_POLICIES = {
    IMAGES_JOB: RetryPolicy(tries=4, first_pause=600.0, time_limit=180.0),
    HIDE_MEDIA_JOB: RetryPolicy(time_limit=3600.0),
    previews.REMOTE_FETCH: post_jobs.RETRY_POLICIES[previews.FETCH],
}


def tasks(files: RemoteFiles, cards: LinkPreviews | None) -> dict[str, Task]:
    """Return the tasks of this module by job kind."""
    images, rejected = ProfileImageCopies(files), RejectedMedia(files)

    async def clean_files(job: Job) -> None:
        await files.delete_old()

    async def copy_profile_images(job: Job) -> None:
        await images.copy(AccountId(job.id_of("account")))

    async def hide_media(job: Job) -> None:
        await rejected.hide(job.text_of("domain"))

    fetch_preview = post_jobs.card_tasks(cards)[previews.FETCH]
    return {
        CLEAN_FILES.kind: clean_files,
        IMAGES_JOB: copy_profile_images,
        HIDE_MEDIA_JOB: hide_media,
        previews.REMOTE_FETCH: fetch_preview,
    }
