"""Sample values of every API entity: minimal ones and ones with all optional parts."""

from __future__ import annotations

from datetime import date, timedelta
from ipaddress import ip_network

import orjson
from attrs import evolve

from microblog.model.account_origins import AccountAddress, AccountOrigin, AddressSource
from microblog.model.accounts import (
    AccountWithLogin,
    Login,
    Preferences,
    ProfileField,
    RegistrationMode,
    RelatedAccount,
    Relationship,
    Role,
    Viewer,
)
from microblog.model.admin_metrics import Cohort, CohortPoint, DimensionEntry, DimensionKey, DimensionReport, MeasureKey, MeasureReport
from microblog.model.announcements import Announcement, Reaction
from microblog.model.audit import AuditAction, AuditEntry, AuditRecord
from microblog.model.canonical_email_blocks import CanonicalEmailBlock
from microblog.model.cards import Card, CardId
from microblog.model.conversations import Conversation
from microblog.model.domain_rules import AllowedDomain, DomainRule, DomainSeverity, StoredDomainRule
from microblog.model.email_domain_blocks import AttemptDay, EmailDomainBlock
from microblog.model.emojis import CustomEmoji, Emoji, EmojiFiles
from microblog.model.filters import Filter, FilterAction, FilterContext, FilteredPost, Keyword, Match
from microblog.model.ids import (
    AccountId,
    AnnouncementId,
    AppId,
    AuditId,
    CanonicalEmailBlockId,
    ConversationId,
    DomainRuleId,
    EmailDomainBlockId,
    FilterId,
    IpBlockId,
    KeywordId,
    ListId,
    MediaId,
    NotificationId,
    NotificationRequestId,
    PollId,
    PostId,
    PushSubscriptionId,
    RelationId,
    ReportId,
    RuleId,
    ScheduledId,
    SeveranceEventId,
    TagId,
    TokenId,
    WarningId,
)
from microblog.model.ip_blocks import IpBlock, IpBlockValues, IpSeverity
from microblog.model.lists import AccountList
from microblog.model.media import ConvertedMedia, Dimensions, Focus, Media, MediaKind, MediaState
from microblog.model.moderation import AccountWarning
from microblog.model.moderation import ModerationAction as Decision
from microblog.model.notification_policy import NotificationRequest, PendingCounts, Policy
from microblog.model.notifications import Notification, NotificationKind
from microblog.model.oauth import App, IssuedToken, RegisteredApp, Token
from microblog.model.polls import Poll, PollDraft
from microblog.model.posts import Mention, PostDraft, PostFlags, PostRevision, Tag, TagDay, TagUse, Visibility
from microblog.model.profile_features import FeaturedTag, TagFlags
from microblog.model.push import PushChoice, PushSubscription, PushTarget
from microblog.model.reports import Report, ReportCategory, ReportDetails, ReportedPost
from microblog.model.rules import Rule
from microblog.model.scheduled import ScheduledPost
from microblog.model.severances import Severance, SeveranceKind
from microblog.model.site_texts import SiteTexts, TextPage
from microblog.model.statistics import Unit
from microblog.model.trends import LinkTrend, ReviewedTag, ReviewedTagUse
from microblog.render.api import apps
from microblog.render.api.account_json import AccountJsonCache
from microblog.render.api.accounts import PREFERENCES, RELATIONSHIP
from microblog.render.api.admin_metrics import ADMIN_COHORT, ADMIN_DIMENSION, ADMIN_MEASURE
from microblog.render.api.audit import ADMIN_AUDIT_RECORD
from microblog.render.api.conversations import conversation_entity
from microblog.render.api.domain_rules import ADMIN_DOMAIN_ALLOW, ADMIN_DOMAIN_BLOCK, DOMAIN_BLOCK
from microblog.render.api.emojis import ADMIN_EMOJI, EMOJI
from microblog.render.api.entities import Entities
from microblog.render.api.filters import FILTER as FILTER_DEFINITION
from microblog.render.api.filters import encode_filter_results, v1_filter_entity
from microblog.render.api.instance import InstanceEntities, InstanceNumbers, languages, weeks
from microblog.render.api.lists import LIST
from microblog.render.api.moderation import admin_account_entity, admin_report_entity
from microblog.render.api.notifications import (
    ACCOUNT_WARNING,
    SEVERANCE,
    WarningWithTarget,
    groups_entity,
    policy_entity,
    request_entity,
    v1_policy_entity,
)
from microblog.render.api.push import SUBSCRIPTION
from microblog.render.api.reports import announcement_entity, reaction_entity, report_entity, streamed_announcement
from microblog.render.api.scheduled import SCHEDULED_STATUS
from microblog.render.api.sign_up_blocks import ADMIN_CANONICAL_EMAIL_BLOCK, ADMIN_EMAIL_DOMAIN_BLOCK, ADMIN_IP_BLOCK
from microblog.render.api.status_json import StatusJsonCache
from microblog.render.api.statuses import POLL, STATUS_SOURCE, PollForViewer
from microblog.render.api.tags import featured_entity, tag_entity
from microblog.render.api.trends import ADMIN_TAG, ADMIN_TREND_LINK, TREND_LINK, TagForModerator
from tests.render.samples import NOW, SITE, account, post

Samples = dict[str, tuple[str, object]]
"""By what each shows: the name of its schema (`list X`: several of it; empty: it has no name), and the entity."""

ADA = account(1)
RULES = (Rule(RuleId(1), "Be kind.", "To everybody."), Rule(RuleId(2), "Be brief."))
GRACE = account(
    2,
    "Grace Hopper",
    fields=(ProfileField("Site", "https://g.example", '<a href="https://g.example" rel="me">g</a>'),),
    bio_html='<p><a href="http://old/tags/navy" class="mention hashtag">#navy</a></p>',
    locked=True,
    bot=True,
    discoverable=False,
    indexable=False,
    hide_relations=True,
    last_post_on=date(2025, 11, 19),
    avatar="/media/a.webp",
    header="/media/h.webp",
    limited_at=NOW,
)
GONE = evolve(GRACE, id=AccountId(3), suspended_at=NOW)
NAVY = Tag(TagId(5), "navy", "Navy")
KEY = "B" * 87
ENTITIES = Entities("https://kommata.example", vapid=KEY)
STATUSES = StatusJsonCache(ENTITIES, now=lambda: NOW)
VOTE = Poll(PollId(8), ("Yes", "No"), (3, 1), 3, True, False, NOW + timedelta(days=1))
PICTURE = Media(
    MediaId(1),
    AccountId(1),
    MediaKind.IMAGE,
    MediaState.READY,
    ConvertedMedia("a.webp", "b.webp", Dimensions(400, 200), Dimensions(200, 100), blurhash="LKO2"),
    "A cup",
    Focus(0.5, -0.25),
)
FILM = evolve(
    PICTURE, kind=MediaKind.VIDEO, rendition=ConvertedMedia("f.mp4", "f.webp", Dimensions(640, 360), None, 2.5, "25/1", 9000), focus=None
)
SOUND = evolve(PICTURE, kind=MediaKind.AUDIO, rendition=ConvertedMedia("s.mp3", duration=2.5, bitrate=9000), description="", focus=None)
WAITING = evolve(PICTURE, state=MediaState.WAITING, rendition=None, description="", focus=None)
STORY = Card("https://news.example/1", "A story", "All of it", "de", "Ann", "https://ann.example", "News", image="/media/c.webp")
FULL = post(
    102,
    GRACE,
    spoiler="Careful",
    sensitive=True,
    edited_at=NOW,
    reply_to=PostId(7),
    reply_to_account=AccountId(9),
    application="Tapper",
    website="https://tapper.example",
    mentions=(Mention(AccountId(9), "nine"),),
    tags=(NAVY,),
    media=(PICTURE, FILM, SOUND, WAITING),
    poll=VOTE,
    card=evolve(STORY, published_at=NOW),
    replies_count=1,
    boosts_count=2,
    favourites_count=3,
)
FLAGS = PostFlags(favourited=True, boosted=True, bookmarked=True, votes=(1,))
FILTER = Filter(
    FilterId(4),
    "Navy",
    (FilterContext.HOME, FilterContext.PUBLIC),
    FilterAction.HIDE,
    NOW,
    (Keyword(KeywordId(1), "ship", whole_word=False),),
    (FilteredPost(RelationId(2), PostId(9)),),
)
RULE = DomainRule("b.example", DomainSeverity.SUSPEND, reject_media=True, obfuscate=True)
BLOCKED = StoredDomainRule(DomainRuleId(8), RULE, "Spam", "", NOW)
EMAIL_BLOCKED = EmailDomainBlock(
    EmailDomainBlockId(5), "d.example", True, NOW, tuple(AttemptDay(86_400 * day, day, 2 * day) for day in range(7))
)
ADDRESS_BLOCKED = CanonicalEmailBlock(CanonicalEmailBlockId(6), 64 * "0", NOW)
ACT = AuditRecord(AuditId(7), NOW, "ada", AuditEntry(AuditAction.ACCOUNT_LIMIT, ADA.id, "eve", 8, AccountId(8), "Spam", {"before": "user"}))
IP_BLOCKED = IpBlock(IpBlockId(4), IpBlockValues(ip_network("192.0.2.0/24"), IpSeverity.NO_ACCESS, "Spam"), NOW)
CAT = CustomEmoji(Emoji("cat", 12, EmojiFiles("cat.gif", "cat-small.png"), True, NOW, "Animals"), None, None, None, NOW, 2_048)
FAR_CAT = CustomEmoji(Emoji("cat", 13), "b.example", "https://b.example/cat.webp", NOW, NOW)
SEVERED = Severance(SeveranceEventId(7), SeveranceKind.DOMAIN_BLOCK, "b.example", NOW, 2, 1)
WARNED = AccountWarning(WarningId(6), Decision.SILENCE, "Be kind", (PostId(101),), NOW)


def samples() -> Samples:
    """Return all samples."""
    return accounts() | statuses() | notifications() | curation() | moderation() | programs() | site()


def accounts() -> Samples:
    credentials = Viewer(GRACE, Role.ADMIN, Preferences("private", True, "de", attribution_domains=("news.example",)))
    near = Relationship(AccountId(2), following=True, showing_boosts=True, languages=("de",), endorsed=True, note="Nice")
    return {
        "account": ("Account", ENTITIES.account(ADA)),
        "account, everything": ("Account", ENTITIES.account(GRACE)),
        "account, suspended": ("Account", ENTITIES.account(GONE)),
        "account of staff": ("Account", ENTITIES.person(ADA, Role.MODERATOR)),
        "account of staff, suspended": ("Account", ENTITIES.person(GONE, Role.ADMIN)),
        "accounts": ("list Account", ENTITIES.accounts([ADA, GRACE])),
        "related": ("list Account", ENTITIES.related([RelatedAccount(RelationId(1), ADA)])),
        "muted": ("list MutedAccount", ENTITIES.muted([RelatedAccount(RelationId(1), ADA, NOW), RelatedAccount(RelationId(2), GRACE)])),
        "credentials": ("CredentialAccount", ENTITIES.credentials(Viewer(ADA), 0)),
        "credentials, everything": ("CredentialAccount", ENTITIES.credentials(credentials, 3)),
        "relationship": ("Relationship", RELATIONSHIP(Relationship(AccountId(2)), None)),
        "relationship, near": ("Relationship", RELATIONSHIP(near, None)),
        "preferences": ("Preferences", PREFERENCES(Preferences("unlisted", True, "de"), None)),
    }


def statuses() -> Samples:
    edit = PostRevision("Old", "<p>Old</p>", "Careful", True, NOW, (PICTURE,), ("Yes", "No"))
    draft = PostDraft("Later", Visibility.PRIVATE, "Careful", True, "de", PostId(7), allowed=frozenset({AccountId(9)}), media=(MediaId(1),))
    hidden = evolve(VOTE, hide_totals=True)
    return {
        "status": ("Status", ENTITIES.status(post())),
        "status, everything": ("Status", ENTITIES.status(FULL)),
        "status, boost": ("Status", ENTITIES.status(post(103, boost=FULL))),
        "status, encoded": ("Status", orjson.Fragment(STATUSES.encoded(post()))),
        "status, encoded for its author": (
            "Status",
            orjson.Fragment(STATUSES.encoded(FULL, GRACE.id, FLAGS, encode_filter_results([_match()]))),
        ),
        "status, boost encoded": ("Status", orjson.Fragment(STATUSES.encoded(post(103, boost=FULL), AccountId(9), FLAGS))),
        "edit": ("StatusEdit", ENTITIES.revision(ADA, edit)),
        "edit, plain": ("StatusEdit", ENTITIES.revision(ADA, PostRevision("", "<p>Old</p>", "", False, NOW))),
        "source": ("StatusSource", STATUS_SOURCE(FULL, None)),
        "poll": ("Poll", POLL(PollForViewer(VOTE, NOW, None, False), None)),
        "poll, voted": ("Poll", POLL(PollForViewer(VOTE, NOW, (1,), False), None)),
        "poll, hidden": ("Poll", POLL(PollForViewer(hidden, NOW, (), True), None)),
        "poll, ended": ("Poll", POLL(PollForViewer(hidden, NOW + timedelta(days=2), (), False), None)),
        "media": ("list MediaAttachment", ENTITIES.media(FULL.media)),
        "scheduled": ("ScheduledStatus", SCHEDULED_STATUS(ScheduledPost(ScheduledId(1), ADA.id, NOW, PostDraft("Later")), ENTITIES)),
        "scheduled, everything": (
            "ScheduledStatus",
            SCHEDULED_STATUS(
                ScheduledPost(ScheduledId(1), ADA.id, NOW, evolve(draft, poll=PollDraft(("Yes", "No"), 300, True, True)), (PICTURE,)),
                ENTITIES,
            ),
        ),
    }


def _match() -> Match:
    return Match(FILTER, ("ship",), (PostId(9),))


def notifications() -> Samples:
    plain = Notification(NotificationId(11), NotificationKind.FOLLOW, NOW, ADA)
    liked = Notification(NotificationId(12), NotificationKind.FAVOURITE, NOW, GRACE, FULL, "favourite-102", filtered=True)
    severed = evolve(plain, kind=NotificationKind.SEVERED_RELATIONSHIPS, severance=SEVERED)
    warned = evolve(plain, kind=NotificationKind.WARNING, warning=WARNED)
    status = STATUSES.encoded(FULL, ADA.id)
    groups = [evolve(liked.alone(), senders=(GRACE, ADA), count=2), warned.alone()]
    told = {FULL.id: status}
    conversation = Conversation(ConversationId(1), ADA, (), FULL, True, FULL.id)
    request = NotificationRequest(NotificationRequestId(1), GRACE, NOW, NOW, 2, FULL)
    return {
        "notification": ("Notification", ENTITIES.notification(plain, None)),
        "notification of a post": ("Notification", ENTITIES.notification(liked, status)),
        "notification of severed follows": ("Notification", ENTITIES.notification(severed, None)),
        "notification of a warning": ("Notification", ENTITIES.notification(warned, None)),
        "groups": ("GroupedNotificationsResults", groups_entity(AccountJsonCache(ENTITIES), groups, told, listed=True)),
        "groups, partial": (
            "GroupedNotificationsResults",
            groups_entity(AccountJsonCache(ENTITIES), groups, told, listed=False, partial=True),
        ),
        "policy": ("NotificationPolicy", policy_entity(Policy(), PendingCounts(1, 2))),
        "policy, first version": ("V1NotificationPolicy", v1_policy_entity(Policy(), PendingCounts(1, 2))),
        "request": ("NotificationRequest", request_entity(ENTITIES, request, status)),
        "request without a post": ("NotificationRequest", request_entity(ENTITIES, evolve(request, post=None), None)),
        "conversation with oneself": ("Conversation", conversation_entity(ENTITIES, conversation, status)),
        "conversation": ("Conversation", conversation_entity(ENTITIES, evolve(conversation, people=(GRACE,), unread=False), status)),
    }


def curation() -> Samples:
    use = TagUse(NAVY, tuple(TagDay(86400 * day, day, 2 * day) for day in range(7)))
    featured = FeaturedTag(RelationId(3), NAVY, 2, date(2025, 11, 19))
    return {
        "filter": ("Filter", FILTER_DEFINITION(FILTER, None)),
        "filter, first version": ("V1Filter", v1_filter_entity(FILTER, FILTER.keywords[0])),
        "filter results": ("list FilterResult", orjson.Fragment(encode_filter_results([_match(), Match(evolve(FILTER, expires_at=None))]))),
        "no filter results": ("list FilterResult", orjson.Fragment(encode_filter_results([]))),
        "list": ("List", LIST(AccountList(ListId(1), "Friends", exclusive=True), None)),
        "tag": ("Tag", tag_entity(ENTITIES, use, None)),
        "tag, followed": ("Tag", tag_entity(ENTITIES, use, TagFlags(True, False))),
        "tag, featured": ("FeaturedTag", featured_entity(ENTITIES, ADA, featured)),
        "tag, featured and unused": ("FeaturedTag", featured_entity(ENTITIES, ADA, FeaturedTag(RelationId(3), NAVY))),
    }


def moderation() -> Samples:
    member = AccountWithLogin(GRACE, Login(GRACE.id, "g@example.org", "hash", Role.MODERATOR, NOW, NOW, NOW, None, "Please"))
    origin = AccountOrigin((AccountAddress("192.0.2.7", NOW, (AddressSource.APP,)),), ADA.id, ADA.username, AppId(1), "Tapper")
    report = Report(ReportId(1), ADA, GRACE, "Spam", ReportCategory.SPAM, NOW)
    broken = (Rule(RuleId(1), "Be kind."), Rule(RuleId(0), "Old."))
    closed = evolve(report, posts=(PostId(102),), closed_at=NOW, closed_by=GRACE.id, rules=broken, assigned_to=GRACE.id)
    made = Announcement(AnnouncementId(1), "Hello", "<p>Hello</p>", NOW, NOW)
    ending = evolve(made, starts_at=NOW, ends_at=NOW, all_day=True, read=True, reactions=(Reaction("🎉", 2, True),))
    return {
        "severance": ("RelationshipSeveranceEvent", SEVERANCE(SEVERED, ENTITIES)),
        "warning": ("AccountWarning", ACCOUNT_WARNING(WarningWithTarget(WARNED, GRACE), ENTITIES)),
        "member": ("AdminAccount", admin_account_entity(ENTITIES, member, {GRACE.id: origin})),
        "case": ("AdminReport", admin_report_entity(ENTITIES, ReportDetails(report, (), {}), (), {})),
        "case, closed": (
            "AdminReport",
            admin_report_entity(ENTITIES, ReportDetails(closed, (ReportedPost(FULL),), {GRACE.id: member}), (STATUSES.encoded(FULL),), {}),
        ),
        "report": ("Report", report_entity(ENTITIES, report)),
        "report, closed": ("Report", report_entity(ENTITIES, closed)),
        "announcement": ("Announcement", announcement_entity(ENTITIES, made)),
        "announcement, everything": ("Announcement", announcement_entity(ENTITIES, ending)),
        "announcement, streamed": ("Announcement", streamed_announcement(ENTITIES, ending)),
        "reaction, streamed": ("", reaction_entity(ending, "🎉")),
    }


def programs() -> Samples:
    app = App(AppId(1), "id", "Tapper", "https://tapper.example", ("x://", "urn:ietf:wg:oauth:2.0:oob"), ("read", "write"), NOW)
    token = Token(TokenId(1), AppId(1), ADA.id, ("read", "write"), NOW)
    target = PushTarget("https://push.example/1", b"", b"", True)
    subscription = PushSubscription(PushSubscriptionId(1), ADA.id, target, PushChoice(frozenset({NotificationKind.MENTION})))
    return {
        "application": ("Application", apps.APPLICATION(app, ENTITIES)),
        "application, registered": ("CredentialApplication", apps.CREDENTIAL_APPLICATION(RegisteredApp(app, "secret"), ENTITIES)),
        "user info": ("", apps.USER_INFO(ADA, ENTITIES)),
        "server metadata": ("", apps.SERVER_METADATA(apps.OAuthOptions(["read"], ["query"], ["authorization_code"]), ENTITIES.url)),
        "token": ("Token", apps.TOKEN(IssuedToken(token, "text"), None)),
        "push subscription": ("WebPushSubscription", SUBSCRIPTION(subscription, ENTITIES)),
    }


def site() -> Samples:
    texts = SiteTexts(RULES, TextPage("<p>More</p>", NOW))
    here = InstanceEntities(lambda: SITE, ENTITIES, "/static/card.png", "/static/icon.png")
    closed = evolve(SITE, texts=texts, contact=None, registration=RegistrationMode.CLOSED, closed_message="<p>Until May.</p>")
    whole = evolve(here, current_site=lambda: closed, video_enabled=True)
    numbers = InstanceNumbers(5, 6, 7, 8, (ADA,))
    return {
        "instance, first version": ("V1Instance", here.v1(InstanceNumbers())),
        "instance, first version, everything": ("V1Instance", whole.v1(numbers)),
        "instance": ("Instance", here.v2(InstanceNumbers(), 6)),
        "instance, everything": ("Instance", whole.v2(numbers, 6)),
        "nodeinfo": ("NodeInfo", here.nodeinfo(numbers)),
        "nodeinfo 2.1": ("NodeInfo21", here.nodeinfo_2_1(numbers)),
        "about, nothing": ("ExtendedDescription", here.about()),
        "about": ("ExtendedDescription", whole.about()),
        "privacy": ("PrivacyPolicy", whole.privacy()),
        "rules": ("list Rule", whole.rules()),
        "webfinger": ("WebFinger", here.webfinger(ADA)),
        "weeks": ("list InstanceActivity", weeks([(1, 2, 3, 4)])),
        "languages": ("list Language", languages()[:2]),
        "domain block": ("DomainBlock", DOMAIN_BLOCK(BLOCKED, None)),
        "domain block, for administrators": ("AdminDomainBlock", ADMIN_DOMAIN_BLOCK(BLOCKED, None)),
        "e-mail domain block": ("AdminEmailDomainBlock", ADMIN_EMAIL_DOMAIN_BLOCK(EMAIL_BLOCKED, None)),
        "canonical e-mail block": ("AdminCanonicalEmailBlock", ADMIN_CANONICAL_EMAIL_BLOCK(ADDRESS_BLOCKED, None)),
        "act of a moderator": ("AdminAuditRecord", ADMIN_AUDIT_RECORD(ACT, None)),
        "act of the command line": ("AdminAuditRecord", ADMIN_AUDIT_RECORD(evolve(ACT, actor=""), None)),
        "IP block": ("AdminIpBlock", ADMIN_IP_BLOCK(IP_BLOCKED, None)),
        "custom emoji": ("CustomEmoji", EMOJI(CAT.emoji, ENTITIES)),
        "custom emoji, for administrators": ("AdminEmoji", ADMIN_EMOJI(CAT, ENTITIES)),
        "custom emoji of another server, for administrators": ("AdminEmoji", ADMIN_EMOJI(FAR_CAT, ENTITIES)),
        "domain allow": ("AdminDomainAllow", ADMIN_DOMAIN_ALLOW(AllowedDomain(DomainRuleId(9), "c.example", NOW), None)),
        **_metrics(),
    }


def _metrics() -> Samples:
    """Return samples of the numbers for moderators."""
    day = date(2026, 3, 4)
    entries = DimensionEntry("de", "3"), DimensionEntry("web", "2", "Website")
    size = DimensionReport(DimensionKey.SPACE_USAGE, (DimensionEntry("postgresql", "1971519", "PostgreSQL", "bytes"),))
    version = DimensionReport(DimensionKey.SOFTWARE_VERSIONS, (DimensionEntry("python", "3.13.1", "Python"),))
    days = tuple(TagDay(start * 86_400, 1, 2) for start in range(7))
    link = LinkTrend(CardId(5), Card("https://example.net/", "Moss"), None, days)
    reviewed = ReviewedTagUse(ReviewedTag(Tag(TagId(6), "moss", "Moss"), listable=False), TagUse(Tag(TagId(6), "moss", "Moss"), days))
    cohort = Cohort(day, Unit.DAY, 4, (CohortPoint(day, 3, 0.75),))
    return {
        "trending link": ("TrendsLink", TREND_LINK(link, ENTITIES)),
        "trending link, for moderators": ("AdminTrendsLink", ADMIN_TREND_LINK(link, ENTITIES)),
        "hashtag, for moderators": ("AdminTag", ADMIN_TAG(TagForModerator(reviewed, trendable=True), ENTITIES)),
        "measure": ("AdminMeasure", ADMIN_MEASURE(MeasureReport(MeasureKey.NEW_USERS, 3, 1, ((day, 3),)), None)),
        "measure, bytes": ("AdminMeasure", ADMIN_MEASURE(MeasureReport(MeasureKey.INSTANCE_MEDIA, 1536, None, ((day, 0),)), None)),
        "dimension": ("AdminDimension", ADMIN_DIMENSION(DimensionReport(DimensionKey.LANGUAGES, entries), None)),
        "dimension, bytes": ("AdminDimension", ADMIN_DIMENSION(size, None)),
        "dimension, versions": ("AdminDimension", ADMIN_DIMENSION(version, None)),
        "cohort": ("AdminCohort", ADMIN_COHORT(cohort, None)),
    }
