"""Reports and announcements, as the API tells them."""

from __future__ import annotations

from collections.abc import Sequence

from microblog.model.announcements import Announcement
from microblog.model.reports import Report
from microblog.render.entities import Entities, Entity, moment, moment_or_null
from microblog.render.own_links import own_links
from microblog.render.schemas import ACCOUNT, ANY, COUNT, FLAG, HTML, ID, IDS, MOMENT, TEXT, TEXTS, URL, array_of, entity, nullable, record

REPORT = entity(
    "Report",
    {
        "id": ID,
        "action_taken": FLAG,
        "action_taken_at": nullable(MOMENT),
        "category": TEXT,
        "comment": TEXT,
        "forwarded": FLAG,
        "created_at": MOMENT,
        "status_ids": nullable(IDS),
        "rule_ids": nullable(TEXTS),
        "target_account": ACCOUNT,
    },
)
ANNOUNCEMENT = entity(
    "Announcement",
    {
        "id": ID,
        "content": HTML,
        "starts_at": nullable(MOMENT),
        "ends_at": nullable(MOMENT),
        "all_day": FLAG,
        "published_at": MOMENT,
        "updated_at": MOMENT,
        "read": FLAG,
        "mentions": array_of(ANY),
        "statuses": array_of(ANY),
        "tags": array_of(ANY),
        "emojis": array_of(ANY),
        "reactions": array_of(
            record({"name": TEXT, "count": COUNT, "me": FLAG, "url": URL, "static_url": URL}, ["me", "url", "static_url"])
        ),
    },
    ["read"],
)


def said_of(report: Report) -> Entity:
    """What reports have for whoever made them and for moderators."""
    return {
        "id": str(report.id),
        "action_taken": report.closed_at is not None,
        "action_taken_at": moment_or_null(report.closed_at),
        "category": report.category,
        "comment": report.comment,
        "forwarded": report.forwarded,
        "created_at": moment(report.created_at),
    }


def broken_rules(report: Report, rules: Sequence[str]) -> list[Entity]:
    """Those of the site's rules that the report names, if they are still worded as they were."""
    return [rule for rule in rules_entity(rules) if rule["text"] in report.rules]


def report_entity(entities: Entities, report: Report, rules: Sequence[str]) -> Entity:
    """Report (8.20). `rules` are the site's."""
    return said_of(report) | {
        "status_ids": [str(post) for post in report.posts],
        "rule_ids": [rule["id"] for rule in broken_rules(report, rules)] or None,
        "target_account": entities.account(report.target),
    }


def announcement_entity(entities: Entities, made: Announcement) -> Entity:
    """Announcement (8.20) for whoever is logged in."""
    return streamed_announcement(entities, made) | {
        "read": made.read,
        "reactions": [{"name": one.name, "count": one.count, "me": one.mine} for one in made.reactions],
    }


def reaction_entity(made: Announcement, name: str) -> Entity:
    """The payload of `announcement.reaction`: how many people have put this emoji under it by now."""
    count = next((one.count for one in made.reactions if one.name == name), 0)
    return {"name": name, "count": count, "announcement_id": str(made.id)}


def streamed_announcement(entities: Entities, made: Announcement) -> Entity:
    """Announcement (8.20) as streams tell it to everybody alike: without `read` and `me`."""
    return {
        "id": str(made.id),
        "content": own_links(made.html, entities.url),
        "starts_at": moment_or_null(made.starts_at),
        "ends_at": moment_or_null(made.ends_at),
        "all_day": made.all_day,
        "published_at": moment(made.published_at),
        "updated_at": moment(made.updated_at),
        "mentions": [],
        "statuses": [],
        "tags": [],
        "emojis": [],
        "reactions": [{"name": one.name, "count": one.count} for one in made.reactions],
    }


def rules_entity(rules: Sequence[str]) -> list[Entity]:
    """Each Rule (8.10) by its place."""
    return [{"id": str(id), "text": text, "hint": "", "translations": {}} for id, text in enumerate(rules, 1)]
