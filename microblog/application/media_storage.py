"""Construction of the storage of media files."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from microblog.adapters.file_bucket import BucketFileStore, Links
from microblog.adapters.file_directory import DirectoryFileStore
from microblog.adapters.media_processing import MediaProcessor
from microblog.adapters.s3_bucket import MAX_REQUESTS, BucketAddress, S3Bucket
from microblog.application.federation import in_thread
from microblog.config import Settings
from microblog.domain.ports import FileStore, InThread, MediaStore


def file_store(settings: Settings, reactor: Any) -> DirectoryFileStore | BucketFileStore:
    """Return where the site's media files are, without contacting it. Raises BucketError if a package for it is missing."""
    directory = DirectoryFileStore(settings.data_dir / "media", in_thread(reactor))
    if settings.s3_bucket is None:
        return directory
    links = Links(open_bucket(settings, settings.s3_bucket), settings.s3_public_url, settings.s3_link_seconds)
    return BucketFileStore(directory, links, _bucket_threads(reactor), keeps_local=settings.media_storage == "local")


def media_store(settings: Settings, reactor: Any) -> MediaStore:
    """Return the conversion of uploads into that storage."""
    return MediaProcessor[FileStore].on(file_store(settings, reactor), reactor, in_thread(reactor))


def open_bucket(settings: Settings, bucket: str) -> S3Bucket:
    """Return the bucket that the settings describe. Raises BucketError if a package for it is missing."""
    place = bucket, settings.s3_endpoint, settings.s3_region
    address = BucketAddress(*place, settings.s3_path_style, settings.s3_prefix or "", settings.s3_timeout)
    return S3Bucket.open(address, settings.s3_key_id or "", settings.s3_secret_key or "")


def _bucket_threads(reactor: Any) -> InThread:
    """Return what runs requests in threads of their own: while the object storage hangs, other work of threads must go on."""
    pool = ThreadPool(0, MAX_REQUESTS, "bucket")
    reactor.callWhenRunning(pool.start)
    reactor.addSystemEventTrigger("during", "shutdown", pool.stop)
    return partial(deferToThreadPool, reactor, pool)
