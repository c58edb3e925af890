"""Real S3 servers for tests, in a process of their own, with a bucket: moto's, and one that verifies signatures."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import field, frozen
from botocore.session import Session

from microblog.adapters.child_launcher import command_line
from microblog.adapters.s3_bucket import BucketAddress, S3Bucket
from tests.acceptance.site_process import free_port, wait_until
from tests.node import NODE, PACKAGES

BUCKET = "site-media"
VERIFYING_SERVER = "@20minutes/s3rver"
"""An S3 server on npm that verifies signatures of headers and of links. It knows one access key."""
ITS_KEY = "S3RVER"
"""The id of that key, and the secret too."""
START_IT = """
const [path, directory, port, bucket] = process.argv.slice(1)
const S3rver = require(path)
new S3rver({ directory, port, address: "127.0.0.1", silent: true, configureBuckets: [{ name: bucket }] }).run()
"""


@frozen
class S3Server:
    """The server. moto accepts every access key, except with `strict`: then it accepts none."""

    port: int
    process: subprocess.Popen[bytes] = field(repr=False)
    key_id: str = "key"
    secret_key: str = "secret"
    client: Any = field(init=False, repr=False)
    """A client of another making than the site's."""

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://127.0.0.1:{self.port}"

    @client.default
    def _client(self) -> Any:
        keys = {"aws_access_key_id": "admin", "aws_secret_access_key": "admin"}
        return Session().create_client("s3", region_name="us-east-1", endpoint_url=self.url, **keys)

    def bucket(self, name: str = BUCKET, *, prefix: str = "", secret_key: str | None = None) -> S3Bucket:
        """A bucket, as the site opens it."""
        address = BucketAddress(name, self.url, "us-east-1", True, prefix, 5)
        return S3Bucket.open(address, self.key_id, secret_key or self.secret_key)

    @property
    def keys(self) -> list[str]:
        """The keys of all objects."""
        return [each["Key"] for each in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", ())]

    def empty(self) -> None:
        """Delete everything but an empty bucket."""
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/moto-api/reset", method="POST"), timeout=10).close()
        self.client.create_bucket(Bucket=BUCKET)

    def let_everybody_read(self) -> None:
        """Make all objects that are stored from now on public, as for a CDN."""
        self.client.put_bucket_policy(
            Bucket=BUCKET,
            Policy=f'{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", '
            f'"Resource": "arn:aws:s3:::{BUCKET}/*"}}]}}',
        )

    def settings(self, **changed: str) -> dict[str, str]:
        """The settings of a site that stores its media there."""
        settings = {"media_storage": "s3", "s3_bucket": BUCKET, "s3_endpoint": self.url, "s3_key_id": "key", "s3_secret_key": "secret"}
        return settings | {"s3_timeout": "5"} | changed


@contextmanager
def run_s3_server(directory: Path, *, strict: bool = False) -> Iterator[S3Server]:
    """Run moto's server with an empty bucket."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    environment = {"INITIAL_NO_AUTH_ACTION_COUNT": "1"} if strict else {}
    with _running(command, directory, port, **environment) as process:
        server = S3Server(port, process)
        server.client.create_bucket(Bucket=BUCKET)
        yield server


@contextmanager
def run_verifying_s3_server(directory: Path) -> Iterator[S3Server]:
    """Run the server that verifies signatures, with an empty bucket."""
    port = free_port()
    command = [NODE, "-e", START_IT, str(PACKAGES / VERIFYING_SERVER), str(directory / "objects"), str(port), BUCKET]
    with _running(command, directory, port) as process:
        yield S3Server(port, process, ITS_KEY, ITS_KEY)


@contextmanager
def _running(command: Sequence[str], directory: Path, port: int, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    log = directory / "s3.log"
    with log.open("ab") as output:
        launched = command_line(command, directory=directory, at_parents_death=signal.SIGKILL)
        process = subprocess.Popen(launched, stdout=output, stderr=output, env=os.environ | environment)
    try:
        assert wait_until(lambda: _responds(port) or process.poll() is not None), log.read_text()
        yield process
    finally:
        process.kill()
        process.wait(10)


def _responds(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        time.sleep(0.1)
        return False
