"""Write the baseline of the working tree's version: python -m tests.baseline.record.

Starts a site, puts something into most of its tables, and stores its database, its names and the wheel of its program.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from microblog import __version__
from microblog.storage.database import connect
from tests.acceptance.site_process import SiteProcess, site_process
from tests.baseline import ROOT, current_names, dump
from tests.jobs.test_workers import build_workers

PASSWORD = "correct horse battery"


@frozen
class ApiClient:
    """A client of the site's API with an access token."""

    site: SiteProcess
    token: str

    def post(self, path: str, **fields: str | list[str]) -> Any:
        """Send a form and return the JSON of the response."""
        body = urllib.parse.urlencode(fields, doseq=True).encode()
        request = urllib.request.Request(f"{self.site.url}/api{path}", body, {"Authorization": f"Bearer {self.token}"})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return json.load(response)
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{path}: {refused.read().decode()}") from refused


def run(started: SiteProcess, *arguments: str, typed: str = "") -> str:
    """Run an administrator's command and return its output."""
    program = str(Path(sys.executable).with_name("microblog"))
    command = [program, *arguments]
    done = subprocess.run(command, env=started.environment(), input=typed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def fill(started: SiteProcess) -> None:
    """Add rows to most tables."""
    for username in ("ann", "ben", "cem", "dia"):
        run(started, "user", "create", username, f"{username}@example.org", "--role", "admin", typed=f"{PASSWORD}\n{PASSWORD}\n")
    ann, ben = (client(started, username) for username in ("ann", "ben"))
    write(ann, ben)
    relate(ann, ben)
    run(started, "announce", "publish", "Welcome!")
    run(started, "invite", "create")
    run(started, "stats", "rebuild")


def client(started: SiteProcess, username: str) -> ApiClient:
    """Return a client of the account."""
    made = json.loads(run(started, "token", "create", username, "--scopes", "read write push admin:read admin:write", "--json"))
    return ApiClient(started, made["token"])


def write(ann: ApiClient, ben: ApiClient) -> None:
    """Write posts of all kinds."""
    poll: dict[str, str | list[str]] = {"poll[options][]": ["Tea", "Coffee"], "poll[expires_in]": "604800"}
    asked = ann.post("/v1/statuses", status="Tea or coffee? #tea", **poll)
    ben.post(f"/v1/polls/{asked['poll']['id']}/votes", **{"choices[]": ["0"]})
    ben.post("/v1/statuses", status="@ann Hello", in_reply_to_id=asked["id"])
    ben.post("/v1/statuses", status="@ann Only you", visibility="direct")
    for act in ("favourite", "bookmark", "reblog", "mute"):
        ben.post(f"/v1/statuses/{asked['id']}/{act}")
    ann.post(f"/v1/statuses/{asked['id']}/pin")
    ann.post("/v1/statuses", status="Later", scheduled_at=(datetime.now(UTC) + timedelta(days=365)).isoformat())


def id_of(started: SiteProcess, username: str) -> str:
    """Return the id of an account."""
    return str(json.loads(started.get(f"/api/v1/accounts/lookup?acct={username}")[1])["id"])


def relate(ann: ApiClient, ben: ApiClient) -> None:
    """Set up relationships, lists, filters, tags and reports."""
    ann_id, first, second = (id_of(ann.site, username) for username in ("ann", "cem", "dia"))
    ben.post(f"/v1/accounts/{ann_id}/follow")
    ben.post(f"/v1/accounts/{ann_id}/pin")
    ben.post(f"/v1/accounts/{first}/block")
    ben.post(f"/v1/accounts/{second}/mute", duration="86400000")
    listed = ben.post("/v1/lists", title="Friends")
    ben.post(f"/v1/lists/{listed['id']}/accounts", **{"account_ids[]": [ann_id]})
    keyword: dict[str, str | list[str]] = {"context[]": ["home"], "keywords_attributes[0][keyword]": "spoiler"}
    ben.post("/v2/filters", title="Spoilers", **keyword)
    ben.post("/v1/tags/tea/follow")
    ben.post("/v1/featured_tags", name="tea")
    ben.post("/v1/reports", account_id=second, comment="Spam")
    ben.post("/v1/markers", **{"home[last_read_id]": "1"})


def main() -> None:
    """Record the baseline."""
    target = ROOT / __version__
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, site_process(Path(directory), registration="open", rate_limits="off") as started:
        started.start()
        fill(started)
        exposition = started.get("/metrics")[1].decode()
        url = started.database_url()
        connection = connect(url)
        with connection.cursor() as cursor:
            hired = build_workers(cursor, Path(directory))
            names = current_names(exposition, {kind: task for worker in hired.workers.values() for kind, task in worker.tasks.items()})
        connection.close()
        (target / "database.sql").write_text(dump(url, "--inserts", "--rows-per-insert=200"), "utf-8")
        (target / "names.json").write_text(json.dumps(attrs.asdict(names), indent=2) + "\n", "utf-8")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(target), str(ROOT.parents[1])]
    subprocess.run(build, check=True)


if __name__ == "__main__":
    main()
