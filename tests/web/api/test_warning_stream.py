"""A moderation warning reaches its account at once, in apps and on an open page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from microblog.model.moderation import ModerationAction, Sanction
from tests.fakes import done
from tests.web.sample_data import Village, village_at
from tests.web.socket_client import open_socket


@pytest.fixture
def village(database_url: str, tmp_path: Path) -> Iterator[Village]:
    with village_at(database_url, tmp_path) as made:
        yield made


def test_a_warning_is_streamed_to_the_one_whom_it_concerns(village: Village) -> None:
    eve, _ = village.resident("eve"), village.resident("maud")
    program = open_socket(village, f"access_token={village.token('eve')}&stream=user:notification")
    others = open_socket(village, f"access_token={village.token('maud')}&stream=user")
    page = village.listen("/live/notifications", eve)
    page.read()
    sanctions = village.domain.moderation.sanctions
    done(sanctions.impose(village.viewer("maud").id, village.viewer("eve").id, Sanction(ModerationAction.SILENCE, "Too <loud>")))
    village.happens()
    [told] = program.read()
    payload = json.loads(told["payload"])
    assert (told["event"], payload["type"]) == ("notification", "moderation_warning")
    assert (payload["moderation_warning"]["action"], payload["moderation_warning"]["text"]) == ("silence", "Too <loud>")
    [shown] = [said for said in page.read() if said.name == "notification"]
    assert "have limited your account" in str(shown.json["html"])
    assert "Too &lt;loud&gt;" in str(shown.json["html"])
    assert others.read() == []
