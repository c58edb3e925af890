"""API entities of reports, rules and announcements."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from microblog.model.announcements import Announcement, Reaction
from microblog.model.reports import Report
from microblog.model.rules import Rule
from microblog.render.api.accounts import ACCOUNT
from microblog.render.api.definition import ABSENT, Definition, Entity, always, elsewhere, key, one, optional
from microblog.render.api.emojis import EMOJI
from microblog.render.api.schemas import ANY, COUNT, FLAG, HTML, ID, IDS, MOMENT, TEXT, TEXTS, URL, array_of, nullable, record
from microblog.render.api.site import SiteUrls, moment, moment_or_null

RULE = Definition[Rule, None](
    "Rule",
    {
        "id": key(ID, lambda rule, _: str(rule.id)),
        "text": key(TEXT, lambda rule, _: rule.text),
        "hint": key(TEXT, lambda rule, _: rule.hint),
        "translations": key(
            {"type": "object", "additionalProperties": record({"text": TEXT, "hint": TEXT})},
            lambda rule, _: {language: {"text": words.text, "hint": words.hint} for language, words in rule.translations.items()},
        ),
    },
)
REPORTED = Definition[Report, SiteUrls](
    "",
    {
        "id": key(ID, lambda report, _: str(report.id)),
        "action_taken": key(FLAG, lambda report, _: report.closed_at is not None),
        "action_taken_at": key(nullable(MOMENT), lambda report, _: moment_or_null(report.closed_at)),
        "category": key(TEXT, lambda report, _: report.category),
        "comment": key(TEXT, lambda report, _: report.comment),
        "forwarded": key(FLAG, lambda report, _: report.forwarded),
        "created_at": key(MOMENT, lambda report, _: moment(report.created_at)),
    },
)
"""The keys that Report and Admin::Report have in common."""


REPORT = Definition[Report, SiteUrls](
    "Report",
    {
        "status_ids": key(nullable(IDS), lambda report, _: [str(post) for post in report.posts]),
        "rule_ids": key(nullable(TEXTS), lambda report, _: [str(rule.id) for rule in broken_rules(report)] or None),
        "target_account": one(ACCOUNT, lambda report, _: report.target),
    },
    base=(REPORTED, lambda report, _: report),
)


@frozen
class ReactionForViewer:
    """A reaction to an announcement. `streamed`: it is sent to all users alike, so it has no `me`."""

    reaction: Reaction
    streamed: bool


@frozen
class AnnouncementForViewer:
    """An announcement. `streamed`: it is sent to all users alike, so it has no `read` and `me`."""

    announcement: Announcement
    streamed: bool

    @property
    def reactions(self) -> list[ReactionForViewer]:
        """The reactions to the announcement."""
        return [ReactionForViewer(one, self.streamed) for one in self.announcement.reactions]


REACTION = Definition[ReactionForViewer, SiteUrls](
    "",
    {
        "name": key(TEXT, lambda shown, _: shown.reaction.name),
        "count": key(COUNT, lambda shown, _: shown.reaction.count),
        "me": optional(FLAG, lambda shown, _: ABSENT if shown.streamed else shown.reaction.mine),
        "url": elsewhere(URL),
        "static_url": elsewhere(URL),
    },
)
ANNOUNCEMENT = Definition[AnnouncementForViewer, SiteUrls](
    "Announcement",
    {
        "id": key(ID, lambda shown, _: str(shown.announcement.id)),
        "content": key(HTML, lambda shown, site: site.linked(shown.announcement.html)),
        "starts_at": key(nullable(MOMENT), lambda shown, _: moment_or_null(shown.announcement.starts_at)),
        "ends_at": key(nullable(MOMENT), lambda shown, _: moment_or_null(shown.announcement.ends_at)),
        "all_day": key(FLAG, lambda shown, _: shown.announcement.all_day),
        "published_at": key(MOMENT, lambda shown, _: moment(shown.announcement.published_at)),
        "updated_at": key(MOMENT, lambda shown, _: moment(shown.announcement.updated_at)),
        "mentions": always(array_of(ANY), []),
        "statuses": always(array_of(ANY), []),
        "tags": always(array_of(ANY), []),
        "emojis": key(array_of(EMOJI), lambda shown, site: EMOJI.each(shown.announcement.emojis, site)),
        "reactions": key(array_of(REACTION), lambda shown, site: REACTION.each(shown.reactions, site)),
        "read": optional(FLAG, lambda shown, _: ABSENT if shown.streamed else shown.announcement.read),
    },
)


def broken_rules(report: Report) -> list[Rule]:
    """Return the rules that the report names, in the words of that time; those whose ids are not known are left out."""
    return [rule for rule in report.rules if rule.id]


def report_entity(site: SiteUrls, report: Report) -> Entity:
    """Return the Report entity."""
    return REPORT(report, site)


def announcement_entity(site: SiteUrls, announcement: Announcement) -> Entity:
    """Return the Announcement entity for one viewer."""
    return ANNOUNCEMENT(AnnouncementForViewer(announcement, streamed=False), site)


def streamed_announcement(site: SiteUrls, announcement: Announcement) -> Entity:
    """Return the Announcement entity for the stream of all users, without `read` and `me`."""
    return ANNOUNCEMENT(AnnouncementForViewer(announcement, streamed=True), site)


def reaction_entity(announcement: Announcement, name: str) -> Entity:
    """Return the payload of the event `announcement.reaction`: the current count of one emoji."""
    count = next((one.count for one in announcement.reactions if one.name == name), 0)
    return {"name": name, "count": count, "announcement_id": str(announcement.id)}


def rules_entity(rules: Sequence[Rule]) -> list[Entity]:
    """Return the Rule entities."""
    return RULE.each(rules, None)
