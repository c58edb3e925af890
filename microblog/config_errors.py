"""What is wrong with settings, said to whoever wrote them."""

from __future__ import annotations

from attrs import frozen


@frozen
class SettingProblem:
    """One thing that is wrong: the setting's name, the value as given (None: not to be shown), and what is allowed."""

    name: str
    value: str | None
    sentence: str

    def __str__(self) -> str:
        shown = "" if self.value is None else f" is {self.value!r}"
        return f"{self.name}{shown}: {self.sentence}"


class SettingsError(Exception):
    """The settings cannot be used. `problems` has all that is wrong with them; the text is one line for each."""

    def __init__(self, problems: list[SettingProblem]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))
