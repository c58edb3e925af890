"""Jobs about files of other servers: cleanup of their copies."""

from __future__ import annotations

from microblog.federation.remote_files import RemoteFiles
from microblog.jobs.cleanup import HOURLY
from microblog.jobs.scheduler import Timer
from microblog.jobs.worker import Task
from microblog.model.jobs import Job

CLEAN_FILES = Timer("cleanup.remote_files", HOURLY)


def tasks(files: RemoteFiles) -> dict[str, Task]:
    """Return the tasks of this module by job kind."""

    async def clean_files(job: Job) -> None:
        await files.delete_old()

    return {CLEAN_FILES.kind: clean_files}
