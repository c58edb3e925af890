"""`microblog federation`."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from microblog.application import federation_tools
from microblog.application.services import now
from microblog.cli.federation import mode_sentence
from microblog.config import load
from microblog.model.actor_keys import StoredKeyPair
from microblog.model.deliveries import HostState, Inbox, OutgoingActivity, OutgoingKind
from microblog.storage import actor_keys, deliveries, federation_start, outgoing_activities
from microblog.storage.database import Cursor, fetch_all, fetch_value
from tests import make
from tests.federation.internet import at_once
from tests.test_cli import Run, _environment, microblog

__all__ = ["_environment", "microblog"]  # fixtures


def fail(cursor: Cursor, host: str, state: HostState) -> None:
    """Queue an activity for a host, and let the delivery fail."""
    inbox, at = Inbox(host, f"https://{host}/inbox"), now()
    activity = OutgoingActivity(OutgoingKind.CREATE, make.account(cursor).id, "{}")
    outgoing_activities.add(cursor, activity, inboxes=[inbox], now=at)
    deliveries.claim_hosts(cursor, worker="w", lease_until=at, now=at, limit=10)
    deliveries.retry(cursor, id=deliveries.due(cursor, hosts=[host], now=at, limit=1)[host][0].id, due_at=at + timedelta(hours=1), error="")
    deliveries.release(cursor, host=host, worker="w", state=state)


def test_status_lists_what_waits_and_who_does_not_respond(cursor: Cursor, microblog: Run) -> None:
    fail(cursor, "slow.example", HostState(failures=3, last_error="The server answered \x1b500."))
    fail(cursor, "dead.example", HostState(failures=30, dead_since=now()))
    found = json.loads(microblog("federation", "status", "--json").stdout)
    assert (found["mode"], found["waiting"], found["hosts"], found["slow"], found["dead"]) == ("off", 1, 2, 1, 1)
    assert [(one["host"], one["state"], one["waiting"]) for one in found["failing"]] == [
        ("dead.example", "dead", 0),
        ("slow.example", "fails", 1),
    ]
    text = microblog("federation", "status").stdout
    assert "Deliveries that wait: 1" in text
    assert "\x1b" not in text


def test_retry_lets_a_host_be_tried_at_once(cursor: Cursor, microblog: Run) -> None:
    fail(cursor, "slow.example", HostState(failures=20, paused_until=now() + timedelta(hours=1)))
    assert json.loads(microblog("federation", "retry", "Slow.example", "--json").stdout) == {"host": "slow.example", "waiting": 1}
    at = now()
    assert deliveries.state(cursor, host="slow.example") == HostState()
    assert len(deliveries.claim_hosts(cursor, worker="w", lease_until=at, now=at, limit=10)) == 1
    assert len(deliveries.due(cursor, hosts=["slow.example"], now=at, limit=10)["slow.example"]) == 1
    assert microblog("federation", "retry", "nobody.example").exit_code == 1


def test_when_federation_is_off_one_sentence_says_what_switching_it_on_means() -> None:
    sentence = mode_sentence(load({"MICROBLOG_PUBLIC_URL": "https://blog.example.org"}, None), None)
    assert "MICROBLOG_FEDERATION=on" in sentence
    assert "https://blog.example.org for ever" in sentence


@pytest.mark.parametrize("mode", ["off", "allowlist", "on"])
def test_a_site_that_has_federated_is_told_that_its_public_url_can_never_change(cursor: Cursor, microblog: Run, mode: str) -> None:
    federation_start.store(cursor, public_url="https://blog.example.org", now=now())
    settings = load({"MICROBLOG_PUBLIC_URL": "https://blog.example.org", "MICROBLOG_FEDERATION": mode}, None)
    sentence = "other servers know this site as https://blog.example.org, so its public URL can never change"
    assert mode_sentence(settings, "https://blog.example.org").endswith(sentence)
    assert sentence in microblog("federation", "status").stdout
    assert json.loads(microblog("federation", "status", "--json").stdout)["public_url"] == "https://blog.example.org"
    if mode != "off":
        assert mode_sentence(settings, None).endswith("the next start fixes the public URL https://blog.example.org for ever")


# --- Rules


def rules(microblog: Run) -> list[tuple[str, str]]:
    found = json.loads(microblog("federation", "blocks", "--json").stdout)["rules"]
    return [(one["domain"], one["severity"]) for one in found]


def test_a_domain_is_blocked_and_unblocked(cursor: Cursor, microblog: Run) -> None:
    make.follow(cursor, make.account(cursor), make.remote_account(cursor, "bo", host="b.example"))
    asked = microblog("federation", "block", "B.example", input="n\n")
    assert asked.exit_code == 1
    assert "People here will lose 0 followers and 1 follow" in asked.stderr
    assert rules(microblog) == []
    done = microblog("federation", "block", "B.example", "--yes", "--reject-media", "--comment", "spam", "--json")
    assert json.loads(done.stdout) | {"created_at": ""} == {
        "domain": "b.example",
        "severity": "suspend",
        "reject_media": True,
        "reject_reports": False,
        "obfuscate": False,
        "public_comment": "spam",
        "private_comment": "",
        "created_at": "",
    }
    assert fetch_value(cursor, "select suspended_by_domain from accounts where host = 'b.example'")
    assert "spam" in microblog("federation", "blocks").stdout
    assert microblog("federation", "block", "b.example", "--limit").exit_code == 0  # nothing is lost: no question
    assert rules(microblog) == [("b.example", "silence")]
    assert microblog("federation", "unblock", "b.example").stdout == "Removed the rule for b.example.\n"
    assert microblog("federation", "unblock", "b.example").exit_code == 1
    assert microblog("federation", "block", "nonsense", "--yes").exit_code == 1


def test_rules_are_exported_and_imported_as_by_mastodon(microblog: Run, tmp_path: Path) -> None:
    exported = (
        "#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate\n"
        'a.example,suspend,true,true,"Spam, scams",false\n'
        "b.example,silence,false,false,,true\n"
    )
    file = tmp_path / "blocks.csv"
    file.write_text(exported + "nonsense,suspend,,,,\n", "utf-8")
    done = json.loads(microblog("federation", "blocks", "--import", str(file), "--json").stdout)
    assert done == {"added": ["a.example", "b.example"], "skipped": ["nonsense: Domain is not a valid domain name"]}
    assert microblog("federation", "blocks", "--csv").stdout == exported
    again = microblog("federation", "blocks", "--import", "-", input="c.example\na.example\n")
    assert again.stdout == "Added 1 rules, skipped 1.\na.example: There is a rule for this domain already\n"
    assert rules(microblog) == [("a.example", "suspend"), ("b.example", "silence"), ("c.example", "suspend")]
    assert microblog("federation", "blocks", "--import", "-", input="#domain,#severity\nd.example,worse\n").exit_code == 1


def test_the_allow_list_is_edited(cursor: Cursor, microblog: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROBLOG_PUBLIC_URL", "https://site.test")
    monkeypatch.setenv("MICROBLOG_FEDERATION", "allowlist")
    make.remote_account(cursor, "bo", host="b.example")
    assert microblog("federation", "allow", "B.example").stdout == "Allowed: b.example\n"
    assert json.loads(microblog("federation", "blocks", "--json").stdout)["allowed"] == ["b.example"]
    assert microblog("federation", "disallow", "b.example", input="n\n").exit_code == 1
    assert microblog("federation", "disallow", "b.example", "--yes").exit_code == 0
    assert fetch_value(cursor, "select suspended_by_domain from accounts where host = 'b.example'")
    assert microblog("federation", "disallow", "b.example", "--yes").exit_code == 1


def test_look_ups_need_federation(microblog: Run) -> None:
    for command in ("resolve", "deliver-test"):
        failed = microblog("federation", command, "@bo@b.example")
        assert (failed.exit_code, "MICROBLOG_FEDERATION" in failed.stderr) == (1, True)


def test_keys_are_replaced_of_named_accounts_or_of_all(cursor: Cursor, microblog: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert microblog("federation", "rotate-keys", "--all", "--yes").exit_code == 1, "federation is off"
    monkeypatch.setenv("MICROBLOG_PUBLIC_URL", "https://site.test")
    monkeypatch.setenv("MICROBLOG_FEDERATION", "on")
    monkeypatch.setattr(federation_tools, "in_thread", lambda reactor: at_once)
    ada, ben, cy = make.account(cursor, "ada"), make.account(cursor, "ben"), make.account(cursor, "cy")
    for owner in (ada.id, ben.id, None):
        actor_keys.add(cursor, account=owner, pair=StoredKeyPair("known", b"sealed"), now=now())

    def replaced() -> list[int | None]:
        return fetch_all(cursor, lambda id: id, "select account_id from actor_keys where expires_at is not null order by id")

    for arguments in ([], ["ada", "--all"]):
        assert microblog("federation", "rotate-keys", *arguments).exit_code == 2
    assert microblog("federation", "rotate-keys", "ada", cy.username).exit_code == 1, "nobody knows a key of cy"
    assert microblog("federation", "rotate-keys", "--all", input="n\n").exit_code == 1
    assert replaced() == []
    assert microblog("federation", "rotate-keys", "Ada").stdout == "Replaced the keys of 1 account.\n"
    assert replaced() == [ada.id]
    assert json.loads(microblog("federation", "rotate-keys", "--all", "--yes", "--json").stdout) == {"replaced": ["ada", "ben"]}
    assert sorted(replaced(), key=str) == sorted([ada.id, ada.id, ben.id, None], key=str)
    assert fetch_value(cursor, "select count(*) from actor_keys where expires_at is null and public_key <> 'known'") == 3
