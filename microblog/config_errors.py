"""Problems in the settings, reported to the administrator."""

from __future__ import annotations

from attrs import frozen


@frozen
class SettingProblem:
    """A problem with one setting: its name, the given value (None: not to be shown) and what is allowed."""

    name: str
    value: str | None
    sentence: str

    def __str__(self) -> str:
        shown = "" if self.value is None else f" is {self.value!r}"
        return f"{self.name}{shown}: {self.sentence}"


class SettingsError(Exception):
    """Invalid settings. `problems` lists all of them; the message has one line for each."""

    def __init__(self, problems: list[SettingProblem]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))
