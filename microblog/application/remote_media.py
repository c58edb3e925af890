"""Construction of the copies of files of other servers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from microblog.application.services import Domain, now
from microblog.config import Settings
from microblog.domain.link_previews import PreviewScheduler
from microblog.federation.file_fetches import FileFetches
from microblog.federation.remote_files import CopyLimits, RemoteFiles


def remote_files_of(settings: Settings, reactor: Any, domain: Domain, fetches: FileFetches) -> RemoteFiles:
    """Return the copies, in the storage of the site's own media."""
    limits = CopyLimits(settings.media_cache_mb * 1_000_000, timedelta(days=settings.media_cache_days))
    return RemoteFiles(domain.attachments.database, fetches, domain.attachments.media_store, limits, reactor, now)


def remote_previews(domain: Domain) -> PreviewScheduler | None:
    """Return the scheduler of previews for posts of other servers; None if the site shows none."""
    return None if domain.posts.previews is None else domain.posts.previews.for_remote_posts()
