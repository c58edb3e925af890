"""Construction of what the command line needs of media, without a running site."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from attrs import frozen

from microblog.adapters.file_bucket import BucketFileStore
from microblog.adapters.file_transfer import DownloadTransfer, UploadTransfer
from microblog.adapters.s3_bucket import BucketError
from microblog.application.federation import federation_client, trust_rules
from microblog.application.media_storage import file_store, media_store
from microblog.application.services import now
from microblog.config import Settings
from microblog.domain.media_admin import MediaAdmin
from microblog.domain.media_migration import MediaMigration
from microblog.domain.media_verification import MediaVerification
from microblog.federation.documents.ids import SiteIds
from microblog.federation.file_fetches import FileFetches
from microblog.federation.remote_files import CopyLimits, RemoteFiles
from microblog.storage.database import Transactions

MEGABYTE = 1_000_000
WORKING = timedelta(hours=1)
"""Age from which a file of the directory is no longer being made."""


@frozen
class MediaTools:
    """Usage and pruning of the site's media, and pruning of copies of files of other servers."""

    admin: MediaAdmin
    copies: RemoteFiles
    verification: MediaVerification

    @classmethod
    def on(cls, settings: Settings, reactor: Any, database: Transactions, *, copy_days: int, on_part: Callable[[int], None]) -> MediaTools:
        """Build them. Copies that nobody has looked at for `copy_days` days are old."""
        store = media_store(settings, reactor)
        trust = trust_rules(settings, SiteIds(settings.public_url))
        fetches = FileFetches(federation_client(settings, reactor), lambda: trust, now)
        limits = CopyLimits(settings.media_cache_mb * MEGABYTE, timedelta(days=copy_days))
        copies = RemoteFiles(database, fetches, store, limits, reactor, now)
        return cls(MediaAdmin(database, store.files, now, on_part), copies, MediaVerification(database, store.files, on_part))


@frozen
class MigrationOptions:
    """Options of a migration. `to_bucket`: from the directory to the bucket, else the other way."""

    to_bucket: bool
    removes: bool
    dry_run: bool


def media_migration(settings: Settings, reactor: Any, options: MigrationOptions, on_part: Callable[[int], None]) -> MediaMigration:
    """Return the migration between the two storages that the settings name. Raises BucketError."""
    files = file_store(settings, reactor)
    if not isinstance(files, BucketFileStore):
        raise BucketError("There is no object storage: set MICROBLOG_S3_BUCKET first.")
    way = UploadTransfer if options.to_bucket else DownloadTransfer
    transfer = way(files.directory, files.bucket, files.in_thread)
    least_age = WORKING if options.to_bucket else timedelta(0)
    return MediaMigration(transfer, least_age, now, on_part, options.removes, options.dry_run)
