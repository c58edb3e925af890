"""Identifiers. In Python they are integers, on the wire decimal strings.

Layout: `(unix milliseconds << 16) | 16 bits of a sequence`, made by the SQL function `new_id`. So ids order by time, fit 63 bits, and a
client may turn a time into an id to page from it. The sequence begins elsewhere in each millisecond, by a secret of the database: two ids
do not tell how many were made between them. The time is never later than the database's clock. Importers may give small ids ("1").
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NewType

AccountId = NewType("AccountId", int)
PostId = NewType("PostId", int)
NotificationId = NewType("NotificationId", int)
NotificationRequestId = NewType("NotificationRequestId", int)
SessionId = NewType("SessionId", int)
TagId = NewType("TagId", int)
JobId = NewType("JobId", int)
RelationId = NewType("RelationId", int)
InviteId = NewType("InviteId", int)
EmailId = NewType("EmailId", int)
AppId = NewType("AppId", int)
TokenId = NewType("TokenId", int)
MediaId = NewType("MediaId", int)
PollId = NewType("PollId", int)
ScheduledId = NewType("ScheduledId", int)
ListId = NewType("ListId", int)
FilterId = NewType("FilterId", int)
KeywordId = NewType("KeywordId", int)
AnnouncementId = NewType("AnnouncementId", int)
ReportId = NewType("ReportId", int)
WarningId = NewType("WarningId", int)
ConversationId = NewType("ConversationId", int)
PushSubscriptionId = NewType("PushSubscriptionId", int)

LARGEST_ID = 2**63 - 1
SEQUENCE_BITS = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def id_at(moment: datetime) -> int:
    """The smallest id that something made at `moment` can have."""
    return ((moment - _EPOCH) // timedelta(milliseconds=1)) << SEQUENCE_BITS


def moment_of(id: int) -> datetime:
    """When something with this id was made, to the millisecond."""
    return _EPOCH + timedelta(milliseconds=id >> SEQUENCE_BITS)
