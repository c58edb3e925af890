"""Tests of the OpenAPI document: schemathesis sends valid and invalid requests to a started site and checks each response."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from mastodon import Mastodon

from tests.acceptance.accounts import register_account
from tests.acceptance.site_process import SiteProcess, wait_until

pytestmark = pytest.mark.acceptance

TIMEOUT_S = 180  # it takes a fifth of that where nothing else runs
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "allow_header_conformance",
    "unsupported_method",
)
ENDLESS = "^/api/v1/streaming"


def things(ada: Mastodon, bob: Mastodon) -> dict[str, list[str]]:
    """What is there to be asked for, by the names of variables in paths: several, for some will be deleted."""
    posts = [ada.status_post(f"Post {number} #tag") for number in range(5)] + [bob.status_post("Hello @" + ada.me().username)]
    assert wait_until(ada.notifications)
    filters = [ada.create_filter_v2(f"Filter {number}", ["home"], "warn", keywords_attributes=[{"keyword": "x"}]) for number in range(3)]
    return {
        "account_id": [str(bob.me().id), str(ada.me().id)],
        "status_id": [str(post.id) for post in posts],
        "list_id": [str(ada.list_create(f"List {number}").id) for number in range(3)],
        "filter_id": [str(one.id) for one in filters],
        "keyword_id": [str(keyword.id) for one in filters for keyword in one.keywords],
        "notification_id": [str(one.id) for one in ada.notifications()],
    }


def knowing(document: dict[str, Any], known: dict[str, list[str]]) -> dict[str, Any]:
    """The document, with ids of things that are there among those that may be asked for: else nearly everything would be 404."""
    for methods in document["paths"].values():
        for operation in methods.values():
            for one in operation.get("parameters", ()):
                if one["in"] == "path" and known.get(one["name"]):
                    one["schema"] = {"anyOf": [{"enum": known[one["name"]]}, one["schema"]]}
    return document


def explore(directory: Path, site: SiteProcess, known: dict[str, list[str]], *options: str) -> subprocess.CompletedProcess[str]:
    """Let schemathesis loose, always in the same way."""
    status, body = site.get("/api/openapi.json")
    assert status == 200
    file = directory / "openapi.json"
    file.write_bytes(orjson.dumps(knowing(orjson.loads(body), known)))
    program = [str(Path(sys.executable).with_name("schemathesis")), "run", str(file), "--url", site.url]
    bounds = ["--phases", "fuzzing", "--seed", "1", "--workers", "2", "--generation-database", "none", "--no-color"]
    asked = ["--checks", ",".join(CHECKS), "--exclude-path-regex", ENDLESS, "--continue-on-failure", "--warnings", "off", *options]
    return subprocess.run([*program, *bounds, *asked], cwd=directory, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def found_nothing(site: SiteProcess, done: subprocess.CompletedProcess[str], refused: Sequence[str] = ("Traceback",)) -> None:
    """Fail with all that it found."""
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    assert not any(word in site.log for word in refused), site.log[-20_000:]


def test_every_operation_answers_as_promised_to_somebody(running_site: SiteProcess, tmp_path: Path) -> None:
    ada, bob = register_account(running_site, "ada"), register_account(running_site, "bob")
    bearer = f"Authorization: Bearer {ada.access_token}"
    found_nothing(running_site, explore(tmp_path, running_site, things(ada, bob), "--max-examples", "4", "--header", bearer))


def test_every_operation_answers_as_promised_to_nobody(running_site: SiteProcess, tmp_path: Path) -> None:
    ada, bob = register_account(running_site, "ada"), register_account(running_site, "bob")
    found_nothing(running_site, explore(tmp_path, running_site, things(ada, bob), "--max-examples", "2"))
