"""FEDERATION.md lists the activities that the code sends and understands, and names no address that is not served."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from microblog.federation import effects, outbound
from microblog.federation.documents.ids import LocalKind, SiteIds
from microblog.federation.post_effects import LIKES
from microblog.model.deliveries import OutgoingKind
from microblog.model.federation import ActivityKind

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "FEDERATION.md").read_text()


def listed(heading: str) -> set[str]:
    """Return the types in the first column of the table below a heading."""
    table = TEXT.partition(f"### {heading}\n")[2].partition("\n### ")[0]
    return {name for row in table.splitlines() if row.startswith("| `") for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def sent_type(kind: OutgoingKind) -> str:
    """Return the type of an activity: the first word of its kind, apart from votes."""
    return "Create" if kind is OutgoingKind.VOTE else kind.value.partition("_")[0].capitalize()


def test_the_activities_sent_are_those_that_the_code_makes() -> None:
    own = set(OutgoingKind) - {OutgoingKind.FORWARD}  # those of others go on as they are
    assert listed("Activities sent") == {sent_type(kind) for kind in own}


def test_every_kind_of_activity_is_made_somewhere() -> None:
    code = "\n".join(path.read_text() for path in Path(outbound.__file__).parent.glob("outgoing_*.py"))
    assert [kind for kind in OutgoingKind if f"OutgoingKind.{kind.name}" not in code] == []


def test_the_activities_received_are_those_that_have_an_effect() -> None:
    code = Path(effects.__file__).read_text()
    with_effect = {kind for kind in ActivityKind if f"ActivityKind.{kind.name}" in code} | set(LIKES)
    assert listed("Activities received") == {kind.value for kind in with_effect}


@pytest.mark.parametrize("kind", [LocalKind.ACTOR, LocalKind.SHARED_INBOX, LocalKind.INSTANCE_ACTOR, LocalKind.PROFILE])
def test_the_addresses_are_those_of_the_code(kind: LocalKind) -> None:
    assert f"`{SiteIds('https://HOST').make(kind, 'NAME')}`" in TEXT


def test_the_file_has_the_parts_that_its_proposal_asks_for() -> None:
    assert TEXT.startswith("# Federation\n")
    headings = re.findall(r"^## (.*)$", TEXT, re.MULTILINE)
    assert headings == ["Supported federation protocols and standards", "Supported FEPs", "ActivityPub", "Additional documentation"]
    assert all((ROOT / target).exists() for target in re.findall(r"\]\((docs/[^)#]+)\)", TEXT))
