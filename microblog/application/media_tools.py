"""Construction of what the command line needs of media, without a running site."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from attrs import frozen

from microblog.application.federation import federation_client, trust_rules
from microblog.application.media_storage import media_store
from microblog.application.services import now
from microblog.config import Settings
from microblog.domain.media_admin import MediaAdmin
from microblog.federation.documents.ids import SiteIds
from microblog.federation.file_fetches import FileFetches
from microblog.federation.remote_files import CopyLimits, RemoteFiles
from microblog.storage.database import Transactions

MEGABYTE = 1_000_000


@frozen
class MediaTools:
    """Usage and pruning of the site's media, and pruning of copies of files of other servers."""

    admin: MediaAdmin
    copies: RemoteFiles

    @classmethod
    def on(cls, settings: Settings, reactor: Any, database: Transactions, *, copy_days: int, on_part: Callable[[int], None]) -> MediaTools:
        """Build them. Copies that nobody has looked at for `copy_days` days are old."""
        store = media_store(settings, reactor)
        trust = trust_rules(settings, SiteIds(settings.public_url))
        fetches = FileFetches(federation_client(settings, reactor), lambda: trust, now)
        limits = CopyLimits(settings.media_cache_mb * MEGABYTE, timedelta(days=copy_days))
        return cls(MediaAdmin(database, store.files, now, on_part), RemoteFiles(database, fetches, store, limits, reactor, now))
