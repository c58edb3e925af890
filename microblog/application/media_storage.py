"""Construction of the storage of media files."""

from __future__ import annotations

from typing import Any

from microblog.adapters.file_directory import DirectoryFileStore
from microblog.adapters.media_processing import MediaProcessor
from microblog.application.federation import in_thread
from microblog.config import Settings
from microblog.domain.ports import FileStore, MediaStore


def file_store(settings: Settings, reactor: Any) -> FileStore:
    """Return where the site's media files are."""
    return DirectoryFileStore(settings.data_dir / "media", in_thread(reactor))


def media_store(settings: Settings, reactor: Any) -> MediaStore:
    """Return the conversion of uploads into that storage."""
    return MediaProcessor.on(file_store(settings, reactor), reactor, in_thread(reactor))
