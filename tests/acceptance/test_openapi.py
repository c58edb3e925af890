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

TIMEOUT_S = 180  # five times what it takes on an idle machine
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


def create_objects(ada: Mastodon, bob: Mastodon) -> dict[str, list[str]]:
    """Create objects; return their ids by path variable. Each kind has several, because requests delete some."""
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


def add_known_ids(document: dict[str, Any], known_ids: dict[str, list[str]]) -> dict[str, Any]:
    """Add the ids of existing objects to the path parameters; otherwise nearly every response would be 404."""
    for methods in document["paths"].values():
        for operation in methods.values():
            for one in operation.get("parameters", ()):
                if one["in"] == "path" and known_ids.get(one["name"]):
                    one["schema"] = {"anyOf": [{"enum": known_ids[one["name"]]}, one["schema"]]}
    return document


def run_schemathesis(
    directory: Path, site: SiteProcess, known_ids: dict[str, list[str]], *options: str
) -> subprocess.CompletedProcess[str]:
    """Run schemathesis with a fixed seed."""
    status, body = site.get("/api/openapi.json")
    assert status == 200
    file = directory / "openapi.json"
    file.write_bytes(orjson.dumps(add_known_ids(orjson.loads(body), known_ids)))
    program = [str(Path(sys.executable).with_name("schemathesis")), "run", str(file), "--url", site.url]
    limits = ["--phases", "fuzzing", "--seed", "1", "--workers", "2", "--generation-database", "none", "--no-color"]
    selection = ["--checks", ",".join(CHECKS), "--exclude-path-regex", ENDLESS, "--continue-on-failure", "--warnings", "off", *options]
    return subprocess.run([*program, *limits, *selection], cwd=directory, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def assert_no_failures(
    site: SiteProcess, result: subprocess.CompletedProcess[str], forbidden_words: Sequence[str] = ("Traceback",)
) -> None:
    """Fail with its output if it found something."""
    assert result.returncode == 0, result.stdout[-20_000:] + result.stderr
    assert not any(word in site.log for word in forbidden_words), site.log[-20_000:]


def test_every_operation_conforms_with_a_token(running_site: SiteProcess, tmp_path: Path) -> None:
    ada, bob = register_account(running_site, "ada"), register_account(running_site, "bob")
    bearer = f"Authorization: Bearer {ada.access_token}"
    assert_no_failures(
        running_site, run_schemathesis(tmp_path, running_site, create_objects(ada, bob), "--max-examples", "4", "--header", bearer)
    )


def test_every_operation_conforms_without_a_token(running_site: SiteProcess, tmp_path: Path) -> None:
    ada, bob = register_account(running_site, "ada"), register_account(running_site, "bob")
    assert_no_failures(running_site, run_schemathesis(tmp_path, running_site, create_objects(ada, bob), "--max-examples", "2"))
