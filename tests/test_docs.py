"""What is documented is what there is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from microblog.config import described

ROOT = Path(__file__).parent.parent
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def test_every_setting_is_documented_as_it_is() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    for setting in described():
        unit = f" {setting.unit}" if setting.unit else ""
        assert f"| `{setting.name}` | {setting.default}{unit} | {setting.meaning} It {setting.allowed}. |" in text


def test_no_setting_is_documented_that_there_is_not() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert set(re.findall(r"\| `(MICROBLOG_\w+)`", text)) == {setting.name for setting in described()}


def test_the_readme_says_why_each_package_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = (ROOT / "README.md").read_text("utf-8").lower()
    for requirement in project["dependencies"]:
        name = re.split(r"[\[<>=~! ;]", requirement)[0]
        assert f"[{name.lower()}](" in text, name


def test_links_between_the_documents_lead_somewhere() -> None:
    for document in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in LINK.findall(document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
