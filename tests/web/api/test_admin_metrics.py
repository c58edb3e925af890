"""The admin API of measures, dimensions and retention: shapes as in Mastodon's documentation, and errors."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from microblog.application.services import now
from microblog.model.accounts import Role
from microblog.model.admin_metrics import DimensionKey, MeasureKey, subject_parameter
from microblog.model.media_usage import FileTotals
from microblog.storage import media_usage
from microblog.storage.database import fetch_value
from tests import make
from tests.web.api.client import Client, client
from tests.web.visitor import HOST, SiteFixture

MEASURES, DIMENSIONS, RETENTION = (f"/v1/admin/{name}" for name in ("measures", "dimensions", "retention"))


def maud(site: SiteFixture) -> Client:
    return client(site, "maud", "admin:read", role=Role.MODERATOR)


def days(back: int) -> dict[str, object]:
    """The parameters of a period that ends today (UTC)."""
    today = now().astimezone(UTC).date()
    return {"start_at": str(today - timedelta(days=back)), "end_at": str(today)}


def subjects(keys: list[str], tag: int) -> dict[str, object]:
    sent = {"id": tag, "domain": "far.example"}
    return {key: {name: sent[name]} for key in keys if (name := subject_parameter(MeasureKey(key)))}


def tag_id(site: SiteFixture) -> int:
    client(site, "ada").post("/v1/statuses", status="#tea", language="de")
    return int(fetch_value(site.cursor, "select id from tags where key = 'tea'"))


def test_all_measures_have_the_documented_shape(site: SiteFixture) -> None:
    tag, keys = tag_id(site), [key.value for key in MeasureKey]
    site.registered_user("eve")
    found = maud(site).request("POST", MEASURES, json={"keys": keys, **days(6), **subjects(keys, tag)}).json
    assert [measure["key"] for measure in found] == keys
    by_key = {measure["key"]: measure for measure in found}
    assert set(by_key["new_users"]) == {"key", "unit", "total", "previous_total", "data"}
    assert set(by_key["instance_accounts"]) == {"key", "unit", "total", "data"}
    media = by_key["instance_media_attachments"]
    assert (media["unit"], media["total"], media["human_value"]) == ("bytes", "0", "0 Bytes")
    assert all(len(measure["data"]) == 7 for measure in found)
    assert by_key["tag_uses"]["data"][-1] == {"date": f"{days(0)['end_at']}T00:00:00.000Z", "value": "1"}
    assert (by_key["new_users"]["total"], by_key["tag_uses"]["total"]) == ("1", "1")


def test_measures_take_forms_with_brackets_and_times(site: SiteFixture) -> None:
    tag, sent = tag_id(site), days(1)
    form = {"keys[]": "tag_accounts", "start_at": f"{sent['start_at']}T12:30:00Z", "end_at": sent["end_at"], "tag_accounts[id]": str(tag)}
    [found] = maud(site).request("POST", MEASURES, form=form).json
    assert (found["total"], [day["value"] for day in found["data"]]) == ("1", ["0", "1"])


def test_all_dimensions_have_the_documented_shape(site: SiteFixture) -> None:
    tag, keys = tag_id(site), [key.value for key in DimensionKey]
    site.registered_user("eve")
    media_usage.store(site.cursor, totals=FileTotals(7, 1_234_567), now=make.NOW)
    sent: dict[str, object] = {"tag_servers": {"id": tag}, "tag_languages": {"id": tag}}
    sent |= {key: {"domain": "far.example"} for key in ("instance_accounts", "instance_languages")}
    found = {one["key"]: one["data"] for one in maud(site).request("POST", DIMENSIONS, json={"keys": keys, **sent}).json}
    assert list(found) == keys
    assert found["languages"] == [{"key": "de", "human_key": "Deutsch", "value": "1"}]
    assert found["sources"] == [{"key": "web", "human_key": "Website", "value": "1"}]
    assert found["servers"] == found["tag_servers"] == [{"key": HOST, "human_key": HOST, "value": "1"}]
    assert found["instance_accounts"] == found["instance_languages"] == []
    [database, own, copies] = found["space_usage"]
    assert (database["key"], database["unit"], copies["human_value"]) == ("postgresql", "bytes", "0 Bytes")
    assert (own["key"], own["value"]) == ("media", "1234567")
    assert {"key", "human_key", "value", "human_value"} == set(found["software_versions"][0])


def test_retention_has_a_cohort_for_each_day_and_month(site: SiteFixture) -> None:
    visitor = site.registered_user("eve")
    assert visitor.get("/home").status == 200
    api_client = maud(site)
    cohorts = api_client.post(RETENTION, **days(2), frequency="day").json
    assert [(len(cohort["data"]), cohort["frequency"]) for cohort in cohorts] == [(3, "day"), (2, "day"), (1, "day")]
    assert cohorts[-1]["period"] == cohorts[-1]["data"][0]["date"] == f"{days(0)['end_at']}T00:00:00.000Z"
    assert cohorts[-1]["data"][0]["rate"] > 0
    months = api_client.post(RETENTION, **days(0), frequency="month").json
    assert [cohort["frequency"] for cohort in months] == ["month"]


@pytest.mark.parametrize(
    ("path", "fields", "message"),
    [
        (MEASURES, days(1), "keys"),
        (MEASURES, {"keys": ["new_users"], "end_at": "2026-03-04"}, "start_at"),
        (MEASURES, {"keys": ["new_users"], "start_at": "2026-03-04"}, "end_at"),
        (MEASURES, {"keys": ["tag_uses"], **days(1)}, "tag_uses[id]"),
        (MEASURES, {"keys": ["instance_accounts"], **days(1)}, "instance_accounts[domain]"),
        (DIMENSIONS, {}, "keys"),
        (DIMENSIONS, {"keys": ["tag_servers"]}, "tag_servers[id]"),
        (RETENTION, days(1), "frequency"),
        (RETENTION, {"end_at": "2026-03-04", "frequency": "day"}, "start_at"),
    ],
)
def test_a_missing_parameter_is_400_and_named(site: SiteFixture, path: str, fields: dict[str, object], message: str) -> None:
    response = maud(site).request("POST", path, json=fields)
    assert (response.status, response.json["error"]) == (400, f"param is missing or the value is empty: {message}")


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (MEASURES, {"keys": ["new_users", "moss"], **days(1)}),
        (MEASURES, {"keys": ["new_users"], "start_at": "moss", "end_at": "2026-03-04"}),
        (MEASURES, {"keys": ["new_users"], "start_at": "2026-03-04", "end_at": "2026-02-30"}),
        (MEASURES, {"keys": ["new_users"], "start_at": "2026-03-04", "end_at": "2026-03-03"}),
        (MEASURES, {"keys": ["new_users"], "start_at": "0001-01-01", "end_at": "2026-03-03"}),
        (MEASURES, {"keys": ["new_users"], "start_at": "2020-03-04", "end_at": "2026-03-03"}),
        (MEASURES, {"keys": ["new_users"], "start_at": "9999-12-30", "end_at": "9999-12-31"}),
        (MEASURES, {"keys": ["tag_uses"], "tag_uses": {"id": "moss"}, **days(1)}),
        (DIMENSIONS, {"keys": ["moss"]}),
        (DIMENSIONS, {"keys": ["servers"], "start_at": "moss"}),
        (RETENTION, {**days(1), "frequency": "week"}),
        (RETENTION, {**days(100), "frequency": "day"}),
    ],
)
def test_a_bad_parameter_is_422(site: SiteFixture, path: str, fields: dict[str, object]) -> None:
    assert maud(site).request("POST", path, json=fields).status == 422


def test_an_unknown_hashtag_is_404(site: SiteFixture) -> None:
    fields = {"keys": ["tag_uses"], "tag_uses": {"id": "1"}, **days(1)}
    assert maud(site).request("POST", MEASURES, json=fields).status == 404


@pytest.mark.parametrize("path", [MEASURES, DIMENSIONS, RETENTION])
def test_the_numbers_are_for_moderators_with_the_scope(site: SiteFixture, path: str) -> None:
    assert client(site, "ada", "admin:read").post(path).status == 403
    assert client(site, "mod", "read", role=Role.MODERATOR).post(path).status == 403
