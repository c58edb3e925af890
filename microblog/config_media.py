"""The settings about media: where files are, and the copies of files of other servers."""

from __future__ import annotations

from attrs import frozen

from microblog import config_parsers as read
from microblog.config_fields import number, setting


@frozen(kw_only=True)
class MediaSettings:
    """A part of the settings."""

    media_storage: str = setting(
        "Where new media files are stored: in media/ of the data directory, or in a bucket of an S3-compatible object storage.",
        read=read.one_of("local", "s3"),
        allowed="must be one of local, s3",
        default="local",
    )
    s3_bucket: str | None = setting(
        "The bucket for media. While it is set, files in it are found whatever MICROBLOG_MEDIA_STORAGE says.",
        read=read.matching(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
        allowed="must be the name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens",
        default=None,
    )
    s3_endpoint: str | None = setting(
        "The object storage, at an address that browsers can reach too. Unset: Amazon S3.",
        read=read.base_url,
        allowed="must be http:// or https:// with a host and at most a port, such as https://s3.example.org",
        default=None,
        shown_default="unset: Amazon S3",
    )
    s3_region: str = setting(
        "The region of the bucket.",
        read=read.matching(r"[A-Za-z0-9-]{1,64}"),
        allowed="must be a region such as eu-central-1",
        default="us-east-1",
    )
    s3_key_id: str | None = setting(
        "The id of the access key for the bucket.",
        read=read.matching(r"\S{1,256}"),
        allowed="must be one word",
        default=None,
        secret=True,
    )
    s3_secret_key: str | None = setting(
        "The secret of the access key for the bucket.",
        read=read.matching(r"\S{1,256}"),
        allowed="must be one word",
        default=None,
        secret=True,
    )
    s3_path_style: bool = setting(
        "Name the bucket in the path of addresses instead of in their host.",
        read=read.switch,
        allowed="must be on or off",
        default=None,
        shown_default="on if MICROBLOG_S3_ENDPOINT is set",
    )
    s3_prefix: str | None = setting(
        "A directory of the bucket that belongs to this site, if the bucket has other things in it too.",
        read=read.matching(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*"),
        allowed="must be a path without a slash at its begin or end, such as media or sites/blog",
        default=None,
        shown_default="unset: the whole bucket",
    )
    s3_public_url: str | None = setting(
        "The address under which everybody can read the bucket, such as that of a CDN in front of it. "
        "Unset: browsers get links that expire.",
        read=read.base_url_with_path,
        allowed="must be http:// or https:// with a host and perhaps a path, such as https://media.example.org",
        default=None,
        shown_default="unset: links that expire",
    )
    s3_link_seconds: int = number("How long such a link works.", 60, 604_800, default=3_600, unit="seconds")
    s3_timeout: int = number(
        "How long the object storage may take to accept a connection or to continue.", 1, 120, default=10, unit="seconds"
    )
    media_cache_mb: int = number(
        "Disk space for copies of other servers' media; the least recently used go first.", 200, 9_999_999, default=5_000, unit="megabytes"
    )
    media_cache_days: int = number(
        "How long a copy of a file of another server is kept that nobody looks at.", 7, 30, default=14, unit="days"
    )
