"""Construction of the copies of files of other servers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from microblog.application.services import Domain, now
from microblog.config import Settings
from microblog.federation.file_fetches import FileFetches
from microblog.federation.remote_files import CopyLimits, RemoteFiles


def remote_files_of(settings: Settings, reactor: Any, domain: Domain, fetches: FileFetches) -> RemoteFiles:
    """Return the copies, in the storage of the site's own media."""
    limits = CopyLimits(settings.media_cache_mb * 1_000_000, timedelta(days=settings.media_cache_days))
    return RemoteFiles(domain.attachments.database, fetches, domain.attachments.media_store, limits, reactor, now)
