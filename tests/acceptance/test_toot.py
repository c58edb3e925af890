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

pytestmark = pytest.mark.acceptance


@define
class Terminal:
    """Where somebody uses toot."""

    name: str
    home: Path

    def says(self, *arguments: str) -> str:
        """What it prints."""
        code, said = self._run(*arguments)
        assert code == 0, said
        return said

    def tells(self, *arguments: str) -> Any:
        """What it prints for scripts."""
        return json.loads(self.says(*arguments, "--json"))

    def refuses(self, *arguments: str) -> str:
        """Why it did not."""
        code, said = self._run(*arguments)
        assert code != 0, said
        return said

    def post(self, *arguments: str) -> str:
        """Write; the post's id."""
        return re.search(r"/@\w+/(\d+)", self.says("post", *arguments))[1]  # type: ignore[index]  # no match is a failure

    def turns_pages(self, *arguments: str) -> str:
        """What it prints while somebody holds the space key down."""
        keyboard, terminal = pty.openpty()
        with subprocess.Popen(
            toot_command(*arguments), env=toot_environment(self.home), stdin=terminal, stdout=PIPE, stderr=STDOUT, text=True
        ) as process:
            while process.poll() is None:
                os.write(keyboard, b" ")
                time.sleep(0.05)
            assert process.stdout is not None
            said = process.stdout.read()
        os.close(terminal)
        os.close(keyboard)
        assert process.returncode == 0, said
        return said

    def _run(self, *arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            toot_command(*arguments),
            env=toot_environment(self.home),
            stdin=subprocess.DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout


def terminal(site: SiteProcess, name: str, home: Path) -> Terminal:
    """Somebody signs up, and lets toot in."""
    visitor = SiteClient(site)
    visitor.sign_up(name)
    command = toot_command("login", "--instance", site.url)
    with subprocess.Popen(command, env=toot_environment(home), stdin=PIPE, stdout=PIPE, stderr=STDOUT, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = next(line.strip() for line in process.stdout if "/oauth/authorize" in line)
        said, _ = process.communicate(f"n\n{out_of_band_code(visitor, url)}\n", timeout=60)
    assert "Successfully logged in" in said
    return Terminal(name, home)


@pytest.fixture(scope="module")
def tess(shared_site: SiteProcess, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    return terminal(shared_site, "tess", tmp_path_factory.mktemp("tess"))


@pytest.fixture(scope="module")
def tom(shared_site: SiteProcess, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    return terminal(shared_site, "tom", tmp_path_factory.mktemp("tom"))


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("files") / "photo.jpg"
    path.write_bytes(files.picture().getvalue())
    return str(path)


def test_posts_are_written_in_every_way(tess: Terminal, photo: str) -> None:
    post = tess.tells("post", "two #kites", "-m", photo, "-d", "a red one", "-m", photo, "-d", "a blue one", "-v", "unlisted", "-l", "nl")
    assert ([one["description"] for one in post["media_attachments"]], post["visibility"]) == (["a red one", "a blue one"], "unlisted")
    assert (post["language"], post["tags"][0]["name"]) == ("nl", "kites")
    reply = tess.tells("post", "careful", "-p", "heights", "-s", "-r", post["id"])
    assert (reply["spoiler_text"], reply["sensitive"], reply["in_reply_to_id"]) == ("heights", True, post["id"])
    assert tess.tells("post", "and on", "-R")["in_reply_to_id"] == reply["id"]
    thread = tess.tells("thread", reply["id"])
    assert ([one["id"] for one in thread["ancestors"]], len(thread["descendants"])) == ([post["id"]], 1)
    assert "Toot scheduled for" in tess.says("post", "later", "--scheduled-in", "10 minutes")
    assert "desc" in tess.tells("upload", photo, "-d", "desc")["description"]
    assert "✓ Status deleted" in tess.says("delete", post["id"])
    assert "Record not found" in tess.refuses("status", post["id"])


@needs_ffmpeg
def test_a_film_is_sent_with_a_still_of_one_s_own(tess: Terminal, photo: str, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(files.film().getvalue())
    post = tess.says("post", "watch", "-m", str(film), "-d", "a test card", "--thumbnail", photo)
    assert "Waiting for media to finish processing" in post
    [media] = tess.tells("status", post.rpartition("/")[2].strip())["media_attachments"]
    assert (media["type"], media["description"]) == ("video", "a test card")


def test_a_poll_is_made_and_voted_on(tess: Terminal, tom: Terminal) -> None:
    made = tess.tells("post", "which?", "--poll-option", "red", "--poll-option", "blue", "--poll-expires-in", "1h", "--poll-hide-totals")
    poll = made["poll"]["id"]
    assert "red" in tom.says("polls", "show", poll)
    assert tom.tells("polls", "vote", poll, "1")["own_votes"] == [1]
    assert "already voted" in tom.refuses("polls", "vote", poll, "0")


def test_posts_are_marked(tess: Terminal, tom: Terminal) -> None:
    post = tess.post("mark me")
    assert tom.tells("favourite", post)["favourited"]
    assert tom.tells("reblog", post)["reblog"]["id"] == post
    assert tom.tells("bookmark", post)["bookmarked"]
    assert tess.tells("pin", post)["pinned"]
    assert [one["acct"] for one in tess.tells("reblogged-by", post)] == ["tom"]
    assert "mark me" in tom.says("timelines", "favourites")
    assert "mark me" in tom.says("bookmarks")
    assert {one["type"] for one in tess.tells("notifications")} == {"favourite", "reblog"}
    assert [one["type"] for one in tess.tells("notifications", "-t", "reblog")] == ["reblog"]
    assert not tom.tells("unfavourite", post)["favourited"]
    assert not tom.tells("unreblog", post)["reblogged"]
    assert not tom.tells("unbookmark", post)["bookmarked"]
    assert not tess.tells("unpin", post)["pinned"]
    tess.says("notifications", "--clear")
    assert "You have no notifications" in tess.says("notifications")


def test_people_are_followed_muted_and_blocked(tess: Terminal, tom: Terminal) -> None:
    assert "You are now following tom" in tess.says("follow", "tom")
    assert [one["acct"] for one in tess.tells("following")] == ["tom"]
    assert [one["acct"] for one in tom.tells("followers")] == ["tess"]
    assert tess.tells("whois", "@tom")["acct"] == "tom"
    assert tess.tells("mute", "tom")["muting"]
    assert "tom" in tess.says("muted")
    assert not tess.tells("unmute", "tom")["muting"]
    assert tess.tells("block", "tom")["blocking"]
    assert "tom" in tess.says("blocked")
    assert not tess.tells("unblock", "tom")["blocking"]
    assert "Account not found" in tess.refuses("follow", "nobody_of_that_name")


def test_those_who_ask_are_let_in_or_not(tess: Terminal, tom: Terminal) -> None:
    assert tom.tells("update-account", "--locked")["locked"]
    assert tess.tells("follow", "tom")["requested"]
    assert "tess" in tom.says("follow-requests", "list")
    tom.says("follow-requests", "reject", "tess")
    assert tess.tells("follow", "tom")["requested"]
    tom.says("follow-requests", "accept", "tess")
    assert [one["acct"] for one in tom.tells("followers")] == ["tess"]
    assert not tom.tells("update-account", "--no-locked")["locked"]
    assert not tess.tells("unfollow", "tom")["following"]


def test_a_profile_is_changed(tess: Terminal, photo: str) -> None:
    changed = tess.tells(
        "update-account", "--display-name", "Tess", "--note", "I fly", "--avatar", photo, "--header", photo, "--language", "nl"
    )
    assert (changed["display_name"], changed["source"]["note"], changed["source"]["language"]) == ("Tess", "I fly", "nl")
    assert "missing" not in changed["avatar"] + changed["header"]
    assert "I fly" in tess.says("whoami")


def test_lists_are_kept(tess: Terminal, tom: Terminal) -> None:
    tess.says("follow", "tom")
    tess.says("lists", "create", "fliers")
    assert 'Added account "tom"' in tess.says("lists", "add", "fliers", "tom")
    assert "tom" in tess.says("lists", "accounts", "fliers")
    assert [one["title"] for one in tess.tells("lists", "list")] == ["fliers"]
    tom.post("for fliers")
    assert "for fliers" in tess.says("timelines", "list", "fliers")
    tess.says("lists", "remove", "fliers", "tom")
    assert "deleted" in tess.says("lists", "delete", "fliers")
    tess.says("unfollow", "tom")


def test_tags_are_followed_and_featured(tess: Terminal, tom: Terminal) -> None:
    tom.post("up #balloons")
    assert "You are now following #balloons" in tess.says("tags", "follow", "balloons")
    assert "balloons" in tess.says("tags", "followed")
    assert "Not followed" not in tess.says("tags", "info", "balloons")
    assert "up #balloons" in tess.says("timelines", "home", "--no-pager")
    tess.says("tags", "unfollow", "balloons")
    assert "Not followed" in tess.says("tags", "info", "balloons")
    tess.says("tags", "feature", "balloons")
    assert "balloons" in tess.says("tags", "featured")
    tess.says("tags", "unfeature", "balloons")


def test_timelines_are_read_page_by_page(tess: Terminal) -> None:
    for number in range(3):
        tess.post(f"gliders {number} #gliders")
    turned = tess.turns_pages("timelines", "tag", "gliders", "--limit", "2")
    assert re.findall(r"gliders \d", turned) == ["gliders 2", "gliders 1", "gliders 0"]
    for where in (("public", "--local"), ("account", "tess"), ("home",)):
        assert "gliders 2" in tess.says("timelines", *where, "--no-pager")


def test_words_and_people_are_found(tess: Terminal) -> None:
    post = tess.post("a zeppelin #airships")
    found = tess.tells("search", "zeppelin")
    assert [one["id"] for one in found["statuses"]] == [post]
    assert [one["name"] for one in tess.tells("search", "airships", "-t", "hashtags")["hashtags"]] == ["airships"]
    assert [one["acct"] for one in tess.tells("search", "tess", "-t", "accounts")["accounts"]] == ["tess"]


def test_the_site_is_described(tess: Terminal, shared_site: SiteProcess) -> None:
    assert tess.tells("instance")["uri"] == f"127.0.0.1:{shared_site.port}"
    assert "version 4.4.0+microblog" in tess.says("diag", "-s")
    assert "Not Found" in tess.refuses("timelines", "link", "https://nobody.example/talks-about-it")


def test_somebody_leaves(tess: Terminal) -> None:
    token = json.loads((tess.home / "toot" / "config.json").read_text())["users"]
    assert len(token) == 1
    tess.says("logout", next(iter(token)))
    assert "requires you to be logged in" in tess.refuses("whoami")
