"""Statistics as page, JSON and CSV."""

from __future__ import annotations

import csv
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from microblog.application.services import now
from microblog.model.accounts import Role
from microblog.model.ids import PostId
from microblog.model.posts import Visibility
from microblog.model.statistics import Day, Measure, Period, PostScore, Unit, periods
from microblog.render.statistics import Tile, csv_cell, preceding_range, statistics_csv
from microblog.storage import interactions, users
from microblog.storage.database import Cursor, execute
from tests import make
from tests.fakes import result_of
from tests.web.visitor import SiteFixture, Visitor, build_site, document, main_text

YESTERDAY = now() - timedelta(days=1)


@pytest.fixture
def active_site(site: SiteFixture, cursor: Cursor) -> SiteFixture:
    """A site with public and private activity of yesterday."""
    author, fan = make.viewer(cursor, "author", now=YESTERDAY), make.viewer(cursor, "fan", now=YESTERDAY)
    public = make.post(cursor, author, "Read #books", now=YESTERDAY)
    hidden = [make.post(cursor, author, f"#secret{one} word", visibility=one, now=YESTERDAY) for one in list(Visibility)[1:]]
    for post in (public, *hidden):
        interactions.favourite(cursor, account=fan.id, post=post.id, now=YESTERDAY)
    result_of(site.domain.statistics.rebuild())
    return site


def admin(site: SiteFixture, cursor: Cursor) -> Visitor:
    administrator = site.registered_user("boss")
    users.change_role(cursor, account=site.viewer("boss").id, role=Role.ADMIN)
    return administrator


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_the_public_page_has_plots_and_tables_by_day(active_site: SiteFixture) -> None:
    response = active_site.visitor().get("/stats")
    page = document(response)
    assert response.status == 200
    assert [len(figure.xpath(".//*[local-name()='svg']")) for figure in page.xpath("//figure")][:2] == [1, 1]
    [posts] = page.xpath("//figure[.//h2[text()='Posts']]")
    assert [csv_cell.text for csv_cell in posts.xpath(".//tbody/tr[1]/td")] == ["2", "0"]
    assert "#books" in main_text(response)
    assert "Read #books" in main_text(response)
    assert "No data for this period." in main_text(response)


@pytest.mark.parametrize("path", ["/stats", "/stats?by=month", "/stats.json", "/stats.csv", "/api/v1/instance/activity"])
def test_statistics_contain_nothing_private(active_site: SiteFixture, path: str) -> None:
    text = active_site.visitor().get(path).text
    assert text
    assert "secret" not in text


def test_posts_hidden_since_then_are_no_longer_shown(active_site: SiteFixture, cursor: Cursor) -> None:
    make.suspend(cursor, make.account_named(cursor, "author"))
    response = active_site.visitor().get("/stats")
    assert "books" not in main_text(response)
    found = json.loads(active_site.visitor().get("/stats.json").text)
    assert (found["days"][-1]["top_tags"], found["days"][-1]["top_posts"], found["days"][-1]["posts"]) == ([], [], 2)


def test_accounts_that_are_not_discoverable_are_not_in_the_rankings(active_site: SiteFixture, cursor: Cursor) -> None:
    execute(cursor, "update accounts set discoverable = false where username = 'author'")
    assert "Read" not in main_text(active_site.visitor().get("/stats"))


def test_the_json_export_has_the_same_numbers(active_site: SiteFixture) -> None:
    found: dict[str, Any] = json.loads(active_site.visitor().get("/stats.json").text)
    day = found["days"][-1]
    assert (found["zone"], day["day"], day["posts"], day["new_accounts"]) == ("UTC", YESTERDAY.date().isoformat(), 2, 2)
    assert [tag["name"] for tag in day["top_tags"]] == ["books"]
    assert [(post["favourites"], post["boosts"]) for post in day["top_posts"]] == [(1, 0)]
    assert "mails_sent" not in day


def test_the_csv_export_has_the_same_numbers(active_site: SiteFixture) -> None:
    response = active_site.visitor().get("/stats.csv")
    assert response.header("Content-Type") == "text/csv; charset=utf-8; header=present"
    assert "attachment" in (response.header("Content-Disposition") or "")
    [row] = rows(response.text)
    assert (row["day"], row["posts"], row["favourites"]) == (YESTERDAY.date().isoformat(), "2", "2")
    assert "visited" not in row


def test_any_range_of_days_can_be_requested(active_site: SiteFixture) -> None:
    get = active_site.visitor().get
    assert rows(get("/stats.csv?from=2020-01-01&to=2020-02-01").text) == []
    assert len(rows(get(f"/stats.csv?from={YESTERDAY.date()}&to={YESTERDAY.date()}").text)) == 1
    assert get("/stats.json?from=2020-01-02&to=2020-01-01").status == 422
    assert get("/stats.json?from=0001-01-01").status == 422
    assert get("/stats.json?to=0001-01-01").status == 200
    assert get("/stats.csv?from=soon").status == 422


def test_only_administrators_see_operational_statistics(active_site: SiteFixture, cursor: Cursor) -> None:
    member = active_site.registered_user("member")
    boss = admin(active_site, cursor)
    for path in ("/admin/stats", "/admin/stats.json", "/admin/stats.csv"):
        assert active_site.visitor().get(path).status in (303, 401)
        assert member.get(path).status in (403, 404)
        assert boss.get(path).status == 200
    assert "Today so far" in main_text(boss.get("/admin/stats"))
    assert "mails_failed" in rows(boss.get("/admin/stats.csv").text)[0]


def test_a_site_with_a_time_zone_offers_it_and_utc(cursor: Cursor, tmp_path: Path) -> None:
    site = build_site(cursor, tmp_path, time_zone="Pacific/Kiritimati")
    get = site.visitor().get
    assert "Pacific/Kiritimati" in main_text(get("/stats"))
    assert json.loads(get("/stats.json").text)["zone"] == "Pacific/Kiritimati"
    assert json.loads(get("/stats.json?zone=utc").text)["zone"] == "UTC"
    assert get("/stats?by=week&zone=utc").status == 200
    assert get("/stats?by=nonsense&zone=nowhere").status == 200


def test_no_csv_cell_is_a_spreadsheet_formula() -> None:
    for start in ("=", "+", "-", "@", "\t", "\r", "\n", "＝"):
        assert csv_cell(start + "1").startswith("'")
    assert csv_cell("books") == "books"
    text = statistics_csv([Day(date(2026, 3, 4), {Measure.POSTS: 3})], "=cmd()", {}, admin=True).decode()
    assert text.splitlines()[1].startswith("2026-03-04,'=cmd(),0,")


@pytest.mark.parametrize(
    ("value", "earlier", "change"), [(3, 2, "+50%"), (1, 4, "−75%"), (2, 2, "No change"), (1001, 1000, "No change"), (5, 0, "")]
)
def test_a_tile_shows_the_relative_change(value: int, earlier: int, change: str) -> None:
    assert Tile("Posts", value, earlier).change == change


def test_days_are_grouped_into_weeks_and_months() -> None:
    monday = date(2026, 3, 2)
    found = [Day(monday + timedelta(days=n), {Measure.POSTS: n, Measure.ACTIVE: n}) for n in range(10)]
    weeks = periods(found, Unit.WEEK, monday, monday + timedelta(days=9))
    assert [(week.begin, week[Measure.POSTS], week[Measure.ACTIVE]) for week in weeks] == [(monday, 21, 6), (date(2026, 3, 9), 24, 9)]
    months = periods(found, Unit.MONTH, date(2026, 2, 1), date(2026, 3, 11))
    assert [(month.begin, month[Measure.POSTS]) for month in months] == [(date(2026, 2, 1), 0), (date(2026, 3, 1), 45)]
    assert Unit.MONTH.back(date(2026, 3, 31), 3) == date(2025, 12, 1)
    assert Unit.WEEK.back(date(2026, 3, 8), 1) == date(2026, 2, 23)
    assert Unit.DAY.back(date(2026, 3, 8), 29) == date(2026, 2, 7)
    assert preceding_range(date(2026, 3, 8), date(2026, 3, 10)) == (date(2026, 3, 5), date(2026, 3, 7))


def test_daily_rankings_are_merged() -> None:
    one, two = PostScore(PostId(1), 3, 0), PostScore(PostId(2), 1, 1)
    whole = Period(date.min, (Day(date(2026, 3, 4), {}, (), (one, two)), Day(date(2026, 3, 5), {}, (), (evolve(two, boosts=4),))))
    assert [(score.post, score.favourites, score.boosts) for score in whole.posts()] == [(2, 2, 5), (1, 3, 0)]
