"""The logs of a running site: lines of JSON without secrets, one id from a request to its jobs, SIGHUP reopens and reloads."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from microblog.logs.field_names import ALWAYS, FIELDS
from tests.acceptance.site_client import PASSWORD, SiteClient
from tests.acceptance.site_process import SiteProcess, site_process, twistd_path, wait_until

LOG = {"log_format": "json", "log_level": "debug", "log_slow_transactions": "0", "trusted_proxies": "127.0.0.1", "rate_limits": "off"}
TOKEN = "canary-canary-canary-token"


@frozen
class Logs:
    """A started site with its own log and its access log."""

    site: SiteProcess
    main: Path
    settings_file: Path

    @property
    def access(self) -> Path:
        """Return the path of the access log."""
        return self.site.data_dir / "log" / "access.log"

    def events(self, path: Path | None = None) -> list[dict[str, Any]]:
        """Return the events of a log, of the site's own by default; a line that is still being written is left out."""
        return [json.loads(line) for line in (path or self.main).read_text("utf-8").split("\n")[:-1]]

    def hang_up(self) -> None:
        """Send SIGHUP."""
        assert self.site.process is not None
        self.site.process.send_signal(signal.SIGHUP)


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[Logs]:
    """A site with JSON logs whose settings are in a file."""
    main, file = tmp_path / "twistd.log", tmp_path / "microblog.toml"
    write(file, **LOG)
    with site_process(tmp_path) as site:
        site.program = (twistd_path(), f"--logfile={main}")
        site.start("--config", str(file))
        yield Logs(site, main, file)


def write(file: Path, **settings: str) -> None:
    """Write a settings file."""
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))


def test_every_line_is_json_with_documented_fields_and_nothing_secret(logs: Logs) -> None:
    client = SiteClient(logs.site)
    client.sign_up("ada")
    secrets = [PASSWORD, TOKEN, client.csrf_token, *filter(None, client.cookies.values()), "canary-password", "canary-query"]
    client.request("GET", f"/home?canary-query={TOKEN}")
    client.request("POST", "/login", {"csrf": client.csrf_token, "name": "ada", "password": "canary-password"})
    client.request("GET", f"/api/v1/accounts/verify_credentials?access_token={TOKEN}")
    client.request("GET", "/api/v1/timelines/home", Authorization=f"Bearer {TOKEN}")
    client.request("GET", f"/confirm/{TOKEN}")
    client.publish("A post", "canary-key")
    assert wait_until(lambda: "/confirm/<secret:token>" in logs.access.read_text() and "/posts" in logs.access.read_text())
    logs.site.stop()
    for path in (logs.main, logs.access):
        text = path.read_text("utf-8")
        assert [secret for secret in secrets if secret in text] == []
        for event in logs.events(path):
            assert set(ALWAYS) <= set(event) <= {*ALWAYS, *FIELDS}, event
    assert {event.get("event") for event in logs.events(logs.access)} == {"request"}


def test_one_id_leads_from_a_request_to_its_transactions_and_jobs(logs: Logs) -> None:
    client = SiteClient(logs.site)
    client.sign_up("ada")
    form = {"csrf": client.csrf_token, "text": "A post with a preview https://elsewhere.invalid/page", "idempotency_key": "one"}
    _, headers, _ = client.request("POST", "/posts", form, X_Request_Id="0123456789abcdef")
    assert headers["x-request-id"] == "0123456789abcdef"

    def caused() -> list[dict[str, Any]]:
        return [event for event in logs.events() if event.get("request_id") == "0123456789abcdef"]

    assert wait_until(lambda: any(event.get("event") == "job_ended" for event in caused())), logs.main.read_text()[-5000:]
    [publish] = [event for event in caused() if event.get("transaction") == "Posts._publish"]
    assert (publish["route"], publish["logger"]) == ("/posts", "microblog.storage.slow_calls")
    job = next(event for event in caused() if event.get("event") == "job_ended")
    assert any(event.get("transaction") and event.get("job_id") == job["job_id"] for event in caused())
    assert wait_until(lambda: "0123456789abcdef" in logs.access.read_text())
    [served] = [event for event in logs.events(logs.access) if event["request_id"] == "0123456789abcdef"]
    assert (served["user_id"], served["route"], served["method"]) == (publish["user_id"], "/posts", "POST")


def test_sighup_reopens_renamed_logs_and_applies_the_changed_settings(logs: Logs) -> None:
    moved = logs.main.with_name("twistd.log.1")
    logs.main.rename(moved)
    logs.access.rename(logs.access.with_name("access.log.moved"))
    write(logs.settings_file, **LOG | {"log_format": "text", "site_name": "Other"})
    logs.hang_up()
    assert wait_until(lambda: logs.main.exists() and "MICROBLOG_SITE_NAME has changed: restart" in logs.main.read_text())
    assert "MICROBLOG_LOG_FORMAT has changed" in logs.main.read_text()
    assert logs.events(moved)
    logs.site.get("/about")
    assert wait_until(lambda: " GET /about 200 " in logs.access.read_text())
    write(logs.settings_file, **LOG | {"log_format": "xml"})
    logs.hang_up()
    assert wait_until(lambda: "Those from before stay in force. MICROBLOG_LOG_FORMAT is 'xml'" in logs.main.read_text())
    write(logs.settings_file, **LOG | {"log_level": "warn"})
    logs.hang_up()
    assert wait_until(lambda: logs.main.read_text().rstrip().endswith("}"))
    logs.site.get("/login")
    assert wait_until(lambda: '"path":"/login"' in logs.access.read_text())
    assert logs.site.get("/about")[0] == 200
