"""Tests with toot on a started site, each command a process of its own; it logged in with an out-of-band code."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import time
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any

import pytest
from attrs import define

from tests import files
from tests.acceptance.site_client import SiteClient
from tests.acceptance.site_process import SiteProcess
from tests.acceptance.test_sign_in import out_of_band_code, toot_command, toot_environment
from tests.adapters.test_media_processing import needs_ffmpeg
from tests.forked_programs import TOOT, run_forked

pytestmark = pytest.mark.acceptance


@define
class TootUser:
    """A user of toot; `home` holds the configuration."""

    name: str
    home: Path

    def run(self, *arguments: str) -> str:
        """Run a command and return its output."""
        exit_code, output = self._execute(*arguments)
        assert exit_code == 0, output
        return output

    def run_json(self, *arguments: str) -> Any:
        """Run a command with --json and return the decoded output."""
        return json.loads(self.run(*arguments, "--json"))

    def run_failing(self, *arguments: str) -> str:
        """Run a command that must fail and return its output."""
        exit_code, output = self._execute(*arguments)
        assert exit_code != 0, output
        return output

    def post(self, *arguments: str) -> str:
        """Publish a post and return its id."""
        return re.search(r"/@\w+/(\d+)", self.run("post", *arguments))[1]  # type: ignore[index]  # no match fails the test

    def page_through(self, *arguments: str) -> str:
        """Run a command in a terminal, press space to page through, and return the output."""
        keyboard, terminal = pty.openpty()
        command = toot_command(*arguments)
        with subprocess.Popen(command, env=toot_environment(self.home), stdin=terminal, stdout=PIPE, stderr=STDOUT, text=True) as process:
            while process.poll() is None:
                os.write(keyboard, b" ")
                time.sleep(0.05)
            assert process.stdout is not None
            output = process.stdout.read()
        os.close(terminal)
        os.close(keyboard)
        assert process.returncode == 0, output
        return output

    def _execute(self, *arguments: str) -> tuple[int, str]:
        completed = run_forked(TOOT, ["toot", *arguments], environment=toot_environment(self.home))
        return completed.returncode, completed.stdout + completed.stderr


def log_in_toot(site: SiteProcess, name: str, home: Path) -> TootUser:
    """Sign up and log in with toot by an out-of-band code."""
    client = SiteClient(site)
    client.sign_up(name)
    command = toot_command("login", "--instance", site.url)
    with subprocess.Popen(command, env=toot_environment(home), stdin=PIPE, stdout=PIPE, stderr=STDOUT, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = next(line.strip() for line in process.stdout if "/oauth/authorize" in line)
        output, _ = process.communicate(f"n\n{out_of_band_code(client, url)}\n", timeout=60)
    assert "Successfully logged in" in output
    return TootUser(name, home)


@pytest.fixture(scope="module")
def tess(shared_site: SiteProcess, tmp_path_factory: pytest.TempPathFactory) -> TootUser:
    return log_in_toot(shared_site, "tess", tmp_path_factory.mktemp("tess"))


@pytest.fixture(scope="module")
def tom(shared_site: SiteProcess, tmp_path_factory: pytest.TempPathFactory) -> TootUser:
    return log_in_toot(shared_site, "tom", tmp_path_factory.mktemp("tom"))


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("files") / "photo.jpg"
    path.write_bytes(files.image().getvalue())
    return str(path)


def test_posts_are_published_with_all_options(tess: TootUser, photo: str) -> None:
    post = tess.run_json(
        "post", "two #kites", "-m", photo, "-d", "a red one", "-m", photo, "-d", "a blue one", "-v", "unlisted", "-l", "nl"
    )
    assert ([one["description"] for one in post["media_attachments"]], post["visibility"]) == (["a red one", "a blue one"], "unlisted")
    assert (post["language"], post["tags"][0]["name"]) == ("nl", "kites")
    reply = tess.run_json("post", "careful", "-p", "heights", "-s", "-r", post["id"])
    assert (reply["spoiler_text"], reply["sensitive"], reply["in_reply_to_id"]) == ("heights", True, post["id"])
    assert tess.run_json("post", "and on", "-R")["in_reply_to_id"] == reply["id"]
    thread = tess.run_json("thread", reply["id"])
    assert ([one["id"] for one in thread["ancestors"]], len(thread["descendants"])) == ([post["id"]], 1)
    assert "Toot scheduled for" in tess.run("post", "later", "--scheduled-in", "10 minutes")
    assert "desc" in tess.run_json("upload", photo, "-d", "desc")["description"]
    assert "✓ Status deleted" in tess.run("delete", post["id"])
    assert "Record not found" in tess.run_failing("status", post["id"])


@needs_ffmpeg
def test_a_video_is_sent_with_a_custom_thumbnail(tess: TootUser, photo: str, tmp_path: Path) -> None:
    video = tmp_path / "film.mp4"
    video.write_bytes(files.video().getvalue())
    post = tess.run("post", "watch", "-m", str(video), "-d", "a test card", "--thumbnail", photo)
    assert "Waiting for media to finish processing" in post
    [media] = tess.run_json("status", post.rpartition("/")[2].strip())["media_attachments"]
    assert (media["type"], media["description"]) == ("video", "a test card")


def test_a_poll_is_created_and_voted_on(tess: TootUser, tom: TootUser) -> None:
    created = tess.run_json(
        "post", "which?", "--poll-option", "red", "--poll-option", "blue", "--poll-expires-in", "1h", "--poll-hide-totals"
    )
    poll = created["poll"]["id"]
    assert "red" in tom.run("polls", "show", poll)
    assert tom.run_json("polls", "vote", poll, "1")["own_votes"] == [1]
    assert "already voted" in tom.run_failing("polls", "vote", poll, "0")


def test_posts_are_favourited_boosted_bookmarked_and_pinned(tess: TootUser, tom: TootUser) -> None:
    post = tess.post("mark me")
    assert tom.run_json("favourite", post)["favourited"]
    assert tom.run_json("reblog", post)["reblog"]["id"] == post
    assert tom.run_json("bookmark", post)["bookmarked"]
    assert tess.run_json("pin", post)["pinned"]
    assert [one["acct"] for one in tess.run_json("reblogged-by", post)] == ["tom"]
    assert "mark me" in tom.run("timelines", "favourites")
    assert "mark me" in tom.run("bookmarks")
    assert {one["type"] for one in tess.run_json("notifications")} == {"favourite", "reblog"}
    assert [one["type"] for one in tess.run_json("notifications", "-t", "reblog")] == ["reblog"]
    assert not tom.run_json("unfavourite", post)["favourited"]
    assert not tom.run_json("unreblog", post)["reblogged"]
    assert not tom.run_json("unbookmark", post)["bookmarked"]
    assert not tess.run_json("unpin", post)["pinned"]
    tess.run("notifications", "--clear")
    assert "You have no notifications" in tess.run("notifications")


def test_accounts_are_followed_muted_and_blocked(tess: TootUser, tom: TootUser) -> None:
    assert "You are now following tom" in tess.run("follow", "tom")
    assert [one["acct"] for one in tess.run_json("following")] == ["tom"]
    assert [one["acct"] for one in tom.run_json("followers")] == ["tess"]
    assert tess.run_json("whois", "@tom")["acct"] == "tom"
    assert tess.run_json("mute", "tom")["muting"]
    assert "tom" in tess.run("muted")
    assert not tess.run_json("unmute", "tom")["muting"]
    assert tess.run_json("block", "tom")["blocking"]
    assert "tom" in tess.run("blocked")
    assert not tess.run_json("unblock", "tom")["blocking"]
    assert "Account not found" in tess.run_failing("follow", "nobody_of_that_name")


def test_follow_requests_are_accepted_or_rejected(tess: TootUser, tom: TootUser) -> None:
    assert tom.run_json("update-account", "--locked")["locked"]
    assert tess.run_json("follow", "tom")["requested"]
    assert "tess" in tom.run("follow-requests", "list")
    tom.run("follow-requests", "reject", "tess")
    assert tess.run_json("follow", "tom")["requested"]
    tom.run("follow-requests", "accept", "tess")
    assert [one["acct"] for one in tom.run_json("followers")] == ["tess"]
    assert not tom.run_json("update-account", "--no-locked")["locked"]
    assert not tess.run_json("unfollow", "tom")["following"]


def test_a_profile_is_changed(tess: TootUser, photo: str) -> None:
    changed = tess.run_json(
        "update-account", "--display-name", "Tess", "--note", "I fly", "--avatar", photo, "--header", photo, "--language", "nl"
    )
    assert (changed["display_name"], changed["source"]["note"], changed["source"]["language"]) == ("Tess", "I fly", "nl")
    assert "missing" not in changed["avatar"] + changed["header"]
    assert "I fly" in tess.run("whoami")


def test_lists_are_created_filled_and_deleted(tess: TootUser, tom: TootUser) -> None:
    tess.run("follow", "tom")
    tess.run("lists", "create", "fliers")
    assert 'Added account "tom"' in tess.run("lists", "add", "fliers", "tom")
    assert "tom" in tess.run("lists", "accounts", "fliers")
    assert [one["title"] for one in tess.run_json("lists", "list")] == ["fliers"]
    tom.post("for fliers")
    assert "for fliers" in tess.run("timelines", "list", "fliers")
    tess.run("lists", "remove", "fliers", "tom")
    assert "deleted" in tess.run("lists", "delete", "fliers")
    tess.run("unfollow", "tom")


def test_hashtags_are_followed_and_featured(tess: TootUser, tom: TootUser) -> None:
    tom.post("up #balloons")
    assert "You are now following #balloons" in tess.run("tags", "follow", "balloons")
    assert "balloons" in tess.run("tags", "followed")
    assert "Not followed" not in tess.run("tags", "info", "balloons")
    assert "up #balloons" in tess.run("timelines", "home", "--no-pager")
    tess.run("tags", "unfollow", "balloons")
    assert "Not followed" in tess.run("tags", "info", "balloons")
    tess.run("tags", "feature", "balloons")
    assert "balloons" in tess.run("tags", "featured")
    tess.run("tags", "unfeature", "balloons")


def test_timelines_are_read_page_by_page(tess: TootUser) -> None:
    for number in range(3):
        tess.post(f"gliders {number} #gliders")
    paged_output = tess.page_through("timelines", "tag", "gliders", "--limit", "2")
    assert re.findall(r"gliders \d", paged_output) == ["gliders 2", "gliders 1", "gliders 0"]
    for timeline in (("public", "--local"), ("account", "tess"), ("home",)):
        assert "gliders 2" in tess.run("timelines", *timeline, "--no-pager")


def test_search_finds_posts_hashtags_and_accounts(tess: TootUser) -> None:
    post = tess.post("a zeppelin #airships")
    found = tess.run_json("search", "zeppelin")
    assert [one["id"] for one in found["statuses"]] == [post]
    assert [one["name"] for one in tess.run_json("search", "airships", "-t", "hashtags")["hashtags"]] == ["airships"]
    assert [one["acct"] for one in tess.run_json("search", "tess", "-t", "accounts")["accounts"]] == ["tess"]


def test_instance_information_is_shown(tess: TootUser, shared_site: SiteProcess) -> None:
    assert tess.run_json("instance")["uri"] == f"127.0.0.1:{shared_site.port}"
    assert "version 4.4.0+microblog" in tess.run("diag", "-s")
    assert "Not Found" in tess.run_failing("timelines", "link", "https://nobody.example/talks-about-it")


def test_logging_out_works(tess: TootUser) -> None:
    token = json.loads((tess.home / "toot" / "config.json").read_text())["users"]
    assert len(token) == 1
    tess.run("logout", next(iter(token)))
    assert "requires you to be logged in" in tess.run_failing("whoami")
