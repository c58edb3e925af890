"""Client of a bucket of an S3-compatible object storage. Blocking: it is called in threads, by any number of them at once.

botocore is imported when a client is built: it is an optional dependency (`microblog[s3]`), large, and few sites need it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import ssl
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Self

from attrs import field, frozen

from microblog.model.errors import ProbeError

MAX_REQUESTS = 8
"""Requests at a time."""
_TRIES = 3
_CHUNK = 1024 * 1024
_AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem")  # Debian, Fedora, SUSE
_MISSING = frozenset({"404", "NoSuchKey"})
_REASONS = {
    "NoSuchBucket": "there is no such bucket; create it, or correct MICROBLOG_S3_BUCKET",
    "AccessDenied": "the access key may not do this; give it the rights to list the bucket and to read, write and delete its objects",
    "AllAccessDisabled": "the bucket is disabled",
    "403": "the access key may not do this",
    "InvalidAccessKeyId": "there is no such access key; correct MICROBLOG_S3_KEY_ID",
    "SignatureDoesNotMatch": "the signature is wrong; correct MICROBLOG_S3_SECRET_KEY",
    "PermanentRedirect": "the bucket is in another region; correct MICROBLOG_S3_REGION",
    "AuthorizationHeaderMalformed": "the bucket is in another region; correct MICROBLOG_S3_REGION",
}


class BucketError(ProbeError):
    """The object storage cannot be reached, or refuses a request. The text names the bucket and the reason."""


@frozen
class BucketAddress:
    """A bucket and how to reach it. `endpoint`: None for Amazon S3. `timeout`: seconds for a connection and between packets."""

    bucket: str
    endpoint: str | None
    region: str
    path_style: bool
    prefix: str
    timeout: float

    def __str__(self) -> str:
        return f"{self.endpoint or 'Amazon S3'}, bucket {self.bucket}"


@frozen
class StoredObject:
    """An object of the bucket. `sha256`: the checksum stored with it, empty if the listing does not tell it or nobody stored one."""

    key: str
    bytes: int
    changed_at: datetime
    sha256: str = ""


@frozen
class Checksums:
    """Checksums and size of a file."""

    sha256: str
    md5: bytes
    bytes: int

    @classmethod
    def of(cls, file: BinaryIO) -> Self:
        """Read all of the file, and go back to its begin."""
        sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
        file.seek(0)
        while chunk := file.read(_CHUNK):
            sha256.update(chunk)
            md5.update(chunk)
            size += len(chunk)
        file.seek(0)
        return cls(sha256.hexdigest(), md5.digest(), size)


@frozen
class S3Bucket:
    """A bucket, or a directory of it. Keys are paths below the prefix. Everything raises BucketError."""

    address: BucketAddress
    _client: Any = field(alias="client", repr=False)
    page: int = 1_000
    """Objects in a response to a listing."""

    @classmethod
    def open(cls, address: BucketAddress, key_id: str, secret_key: str) -> Self:
        """Return the bucket, without contacting it. Raises BucketError if botocore is not installed."""
        try:
            from botocore.config import Config
            from botocore.session import Session
        except ImportError as cause:
            raise BucketError("Media in an object storage need the package botocore: pip install 'microblog[s3]'") from cause
        config = Config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if address.path_style else "virtual"},
            connect_timeout=address.timeout,
            read_timeout=address.timeout,
            retries={"mode": "standard", "total_max_attempts": _TRIES},
            max_pool_connections=MAX_REQUESTS,
            request_checksum_calculation="when_required",  # not all storages know the newer checksums
            response_checksum_validation="when_required",
        )
        keys = {"aws_access_key_id": key_id, "aws_secret_access_key": secret_key}
        place = {"region_name": address.region, "endpoint_url": address.endpoint, "verify": _trusted_authorities()}
        return cls(address, Session().create_client("s3", config=config, **place, **keys))

    def put(self, key: str, file: BinaryIO, content_type: str, cache_control: str) -> Checksums:
        """Store the whole file and return its checksums. The storage compares what arrives with one of them."""
        checksums = Checksums.of(file)
        with self._asking():
            self._client.put_object(
                Bucket=self.address.bucket,
                Key=self._full(key),
                Body=file,
                ContentLength=checksums.bytes,
                ContentMD5=b64encode(checksums.md5).decode("ascii"),
                ContentType=content_type,
                CacheControl=cache_control,
                Metadata={"sha256": checksums.sha256},
            )
        return checksums

    def get(self, key: str, path: Path) -> Checksums | None:
        """Write an object to a new file and return the file's checksums; None if there is no such object."""
        with self._asking(), path.open("w+b") as file:
            try:
                body = self._client.get_object(Bucket=self.address.bucket, Key=self._full(key))["Body"]
            except self._client.exceptions.ClientError as problem:
                if _code(problem) in _MISSING:
                    return None
                raise
            with body:
                for chunk in body.iter_chunks(_CHUNK):  # raises if the connection ends too early
                    file.write(chunk)
            return Checksums.of(file)

    def head(self, key: str) -> StoredObject | None:
        """Return what is known of an object; None if there is none."""
        with self._asking():
            try:
                found = self._client.head_object(Bucket=self.address.bucket, Key=self._full(key))
            except self._client.exceptions.ClientError as problem:
                if _code(problem) in _MISSING:
                    return None
                raise
        return StoredObject(key, found["ContentLength"], found["LastModified"], found.get("Metadata", {}).get("sha256", ""))

    def delete(self, key: str) -> None:
        """Delete an object. It need not exist.

        One by one: the request that deletes several is not the same for all storages.
        """
        with self._asking():
            self._client.delete_object(Bucket=self.address.bucket, Key=self._full(key))

    def objects(self, begin: str) -> list[StoredObject]:
        """Return the objects whose keys begin with the text."""
        found = (each for page in self._pages(begin, "") for each in page.get("Contents", ()))
        cut = len(self._full(""))
        return [StoredObject(each["Key"][cut:], each["Size"], each["LastModified"]) for each in found]

    def directories(self, begin: str) -> list[str]:
        """Return the names of the directories below `begin`, which is empty or ends with a slash."""
        found = [each["Prefix"] for page in self._pages(begin, "/") for each in page.get("CommonPrefixes", ())]
        return [name[len(self._full(begin)) : -1] for name in found]

    def _pages(self, begin: str, delimiter: str) -> Iterator[Any]:
        with self._asking():
            place = {"Bucket": self.address.bucket, "Prefix": self._full(begin), "Delimiter": delimiter}
            yield from self._client.get_paginator("list_objects_v2").paginate(**place, PaginationConfig={"PageSize": self.page})

    def link(self, key: str, seconds: int) -> str:
        """Return an address from which everybody can read an object for so many seconds. Contacts nobody."""
        target = {"Bucket": self.address.bucket, "Key": self._full(key)}
        return str(self._client.generate_presigned_url("get_object", Params=target, ExpiresIn=seconds))

    def check(self) -> None:
        """List one object: raises BucketError if the bucket cannot be reached, or the access key may not read it."""
        with self._asking():
            self._client.list_objects_v2(Bucket=self.address.bucket, Prefix=self._full(""), MaxKeys=1)

    def try_out(self) -> None:
        """List, write, read and delete: raises BucketError if the access key may not do one of them, or what is read differs."""
        self.check()
        key, content = f"check-{secrets.token_hex(8)}", secrets.token_bytes(64)
        checksums = self.put(key, BytesIO(content), "application/octet-stream", "no-store")
        try:
            with tempfile.TemporaryDirectory(prefix="microblog-check-") as directory:
                if self.get(key, Path(directory, "object")) != checksums or self.head(key) is None:
                    raise BucketError(f"{self.address}: what is read is not what was written.")
        finally:
            self.delete(key)

    def _full(self, key: str) -> str:
        return f"{self.address.prefix}/{key}" if self.address.prefix else key

    @contextmanager
    def _asking(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

        try:
            yield
        except ClientError as problem:
            code = _code(problem)
            reason = _REASONS.get(code) or f"{problem.response.get('Error', {}).get('Message') or 'it refuses the request'} ({code})"
            raise BucketError(f"{self.address}: {reason}.") from problem
        except (BotoCoreError, HTTPClientError) as problem:
            raise BucketError(f"{self.address}: it cannot be reached: {_one_line(problem)}") from problem


def _trusted_authorities() -> str | None:
    """Return the file of the certificate authorities that this machine trusts, as for all other connections; None: those of botocore."""
    usual = ssl.get_default_verify_paths().cafile  # respects SSL_CERT_FILE
    return usual or next(filter(os.path.isfile, _AUTHORITIES), None)


def _code(problem: Any) -> str:
    return str(problem.response.get("Error", {}).get("Code", ""))


def _one_line(problem: Exception) -> str:
    return " ".join(str(problem).split())[:300]
