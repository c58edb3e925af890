"""A moderation warning reaches its account at once, in apps and on an open page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from microblog.model.moderation import ModerationAction, Sanction
from tests.fakes import result_of
from tests.web.live_site import LiveSite, open_live_site
from tests.web.socket_client import open_socket


@pytest.fixture
def live_site(database_url: str, tmp_path: Path) -> Iterator[LiveSite]:
    with open_live_site(database_url, tmp_path) as site:
        yield site


def test_a_warning_is_streamed_only_to_the_warned_account(live_site: LiveSite) -> None:
    eve, _ = live_site.registered_user("eve"), live_site.registered_user("maud")
    app_socket = open_socket(live_site, f"access_token={live_site.token('eve')}&stream=user:notification")
    other_socket = open_socket(live_site, f"access_token={live_site.token('maud')}&stream=user")
    page = live_site.listen("/live/notifications", eve)
    page.read()
    sanctions = live_site.domain.moderation.sanctions
    result_of(sanctions.impose(live_site.viewer("maud").id, live_site.viewer("eve").id, Sanction(ModerationAction.SILENCE, "Too <loud>")))
    live_site.process_events()
    [received] = app_socket.read()
    payload = json.loads(received["payload"])
    assert (received["event"], payload["type"]) == ("notification", "moderation_warning")
    assert (payload["moderation_warning"]["action"], payload["moderation_warning"]["text"]) == ("silence", "Too <loud>")
    [shown] = [event for event in page.read() if event.name == "notification"]
    assert "have limited your account" in str(shown.json["html"])
    assert "Too &lt;loud&gt;" in str(shown.json["html"])
    assert other_socket.read() == []
