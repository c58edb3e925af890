"""Who of the demo's people says what, when, to whom: posts, written-out conversations, and replies from each language's pool."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from attrs import Factory, define, field

from microblog.domain.demo.library import LanguageTexts, Library, Script, Template, WrittenPost
from microblog.domain.demo.plan import DemoPerson, PlannedEdit, PlannedFollow
from microblog.model.posts import Visibility

DAYS = 60
OPEN = (Visibility.PUBLIC, Visibility.UNLISTED)
_FROM_RIGHT = frozenset({"ar", "fa", "he"})
_HOURS = (1, 1, 0, 0, 0, 1, 3, 7, 9, 8, 7, 7, 9, 8, 6, 6, 7, 8, 10, 12, 13, 12, 8, 4)  # how many write at which hour of their day

T = TypeVar("T")


@define(eq=False)
class PlannedDraft:
    """A post or boost whose place among the others is not yet known. `to` is who a direct one is for, `liked` how well it pleases."""

    author: str
    text: str
    language: str
    topic: str
    at: datetime
    visibility: Visibility = Visibility.PUBLIC
    spoiler: str = ""
    reply_to: PlannedDraft | None = None
    boost_of: PlannedDraft | None = None
    to: str | None = None
    edits: tuple[PlannedEdit, ...] = ()
    liked: float = 1.0


def several(chance: random.Random, items: Sequence[T], weights: Sequence[float], count: int) -> list[T]:
    """`count` different ones of `items` (or all, if there are no more), drawn by weight."""
    keys = [chance.random() ** (1 / weight) for weight in weights]
    order = sorted(range(len(items)), key=keys.__getitem__, reverse=True)
    return [items[place] for place in order[:count]]


@define
class PostWriter:
    """Posts that answer nothing, and the conversations that are written out."""

    library: Library
    people: Sequence[DemoPerson]
    chance: random.Random
    now: datetime
    drafts: list[PlannedDraft] = Factory(list)
    said: set[tuple[str, str]] = Factory(set)
    zones: dict[str, int] = field(init=False)
    energy: dict[str, float] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.zones = {someone.username: someone.zone for someone in self.library.people}
        self.energy = {person.username: self.chance.lognormvariate(0, 0.5) for person in self.people}

    def write_all(self, count: int) -> None:
        """Everything that is written out, then from templates until there are `count` posts."""
        for tongue in self.library.tongues:
            for entry in tongue.entries:
                self._write_entry(tongue, entry)
            for script in tongue.scripts:
                self._write_script(tongue, script)
            for text in tongue.direct:
                self._write_direct(tongue, text)
        supply = self._templates()
        while len(self.drafts) < count:
            tongue, template, number = supply.pop()
            self._write(self.author(tongue.language, template.topic), template.filled(number), tongue, template.topic)
        for draft in self.drafts:
            self._maybe_edit(draft)

    def speakers(self, language: str) -> list[DemoPerson]:
        return [person for person in self.people if language in person.languages]

    def author(self, language: str, topic: str) -> DemoPerson:
        """Who might write about this: somebody whom it interests, mostly in their first language."""
        speakers = self.speakers(language)
        candidates = [person for person in speakers if topic in person.interests] or speakers
        weights = [self.energy[person.username] * (1 if person.language == language else 0.35) for person in candidates]
        return self.chance.choices(candidates, weights)[0]

    def hour(self, username: str, at: datetime) -> datetime:
        """The same day, moved to an hour at which this person might be awake; never after now."""
        local = self.chance.choices(range(24), _HOURS)[0]
        moved = at.replace(hour=(local - self.zones[username]) % 24)
        return moved if moved < self.now else moved - timedelta(days=1)

    def later(self, at: datetime, typical: float) -> datetime | None:
        """Some time after `at`, typically this many minutes; None if that is not over yet."""
        then = at + timedelta(seconds=round(60 * typical * self.chance.lognormvariate(0, 1)) + 20)
        return then if then < self.now else None

    def _templates(self) -> list[tuple[LanguageTexts, Template, int]]:
        """Every text of a template once, in an order that takes all templates by turns; languages by their speakers."""
        turns: list[tuple[float, LanguageTexts, Template, int]] = []
        for tongue in self.library.tongues:
            share = len(tongue.templates) / sum(person.language == tongue.language for person in self.people)
            for template in tongue.templates:
                numbers = self.chance.sample(range(template.size), template.size)
                turns += [((turn + self.chance.random()) * share, tongue, template, number) for turn, number in enumerate(numbers)]
        turns.sort(key=lambda turn: turn[0], reverse=True)
        return [(tongue, template, number) for _, tongue, template, number in turns]

    def _write(self, author: DemoPerson, text: str, tongue: LanguageTexts, topic: str, spoiler: str = "") -> PlannedDraft:
        age = timedelta(seconds=round(86400 * (DAYS - 1) * self.chance.random() ** 1.3) + 120)
        at = self.hour(author.username, self.now.replace(microsecond=0) - age)
        draft = PlannedDraft(author.username, text, tongue.language, topic, at, self._visibility(author), spoiler)
        draft.liked = self.chance.paretovariate(1.3)
        self.drafts.append(draft)
        self.said.add((draft.author, text))
        return draft

    def _visibility(self, author: DemoPerson) -> Visibility:
        return self.chance.choices((*OPEN, Visibility.PRIVATE), (35, 10, 55) if author.locked else (86, 9, 5))[0]

    def _write_entry(self, tongue: LanguageTexts, entry: WrittenPost) -> None:
        author = self._named(entry.by) or self.author(tongue.language, entry.topic)
        self._write(author, entry.text, tongue, entry.topic, entry.spoiler)

    def _write_script(self, tongue: LanguageTexts, script: Script) -> None:
        first = self._named(script.by) or self.author(tongue.language, script.topic)
        others = [person for person in self.speakers(tongue.language) if person is not first]
        weights = [3.0 if script.topic in person.interests else 1.0 for person in others]
        letters = sorted({who for who, _ in script.lines})
        cast = dict(zip(letters, [first, *several(self.chance, others, weights, len(letters) - 1)], strict=True))
        last = self._write(first, script.lines[0][1], tongue, script.topic)
        last.visibility = Visibility.PUBLIC
        last.at = min(last.at, self.now.replace(microsecond=0) - timedelta(hours=8))
        for who, text in script.lines[1:]:
            author = cast[who].username
            at = last.at + timedelta(seconds=self.chance.randrange(90, 2400))
            last = PlannedDraft(author, addressed(text, last.author, author, last.language), last.language, last.topic, at, reply_to=last)
            self.drafts.append(last)

    def _write_direct(self, tongue: LanguageTexts, text: str) -> None:
        author, other = self.chance.sample(self.speakers(tongue.language), 2)
        draft = self._write(author, addressed(text, other.username, author.username, tongue.language), tongue, "daily")
        draft.visibility, draft.to = Visibility.DIRECT, other.username

    def _maybe_edit(self, draft: PlannedDraft) -> None:
        at = self.later(draft.at, 6)
        if at and draft.reply_to is None and draft.visibility in OPEN and self.chance.random() < 0.025:
            phrases = next(tongue.edits for tongue in self.library.tongues if tongue.language == draft.language)
            draft.edits = (PlannedEdit(at, f"{draft.text}\n\n{self.chance.choice(phrases)}"),)

    def _named(self, username: str | None) -> DemoPerson | None:
        return next((person for person in self.people if person.username == username), None)


def addressed(text: str, to: str, author: str, language: str) -> str:
    """`text` with a mention of whom it is for. Where one writes from the right it ends the text, because a browser takes
    the direction of a line from its first letter."""
    if to == author:
        return text
    return f"{text} @{to}" if language in _FROM_RIGHT else f"@{to} {text}"


@define
class ReaderIndex:
    """Who could have seen a post when."""

    people: Sequence[DemoPerson]
    follows: Iterable[PlannedFollow]
    since: dict[tuple[str, str], datetime] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.since = {(follow.follower, follow.followed): follow.at for follow in self.follows if follow.accepted}

    def follows_at(self, reader: str, author: str, at: datetime) -> bool:
        since = self.since.get((reader, author))
        return since is not None and since <= at

    def of(self, draft: PlannedDraft) -> list[DemoPerson]:
        """Everybody but the author who may see it."""
        match draft.visibility:
            case Visibility.DIRECT:
                return [person for person in self.people if person.username == draft.to]
            case Visibility.PRIVATE:
                return [person for person in self.people if self.follows_at(person.username, draft.author, draft.at)]
            case _:
                return [person for person in self.people if person.username != draft.author]

    def interest(self, person: DemoPerson, draft: PlannedDraft) -> float:
        """How likely this person reads it and cares."""
        reads = 1.0 if draft.language in person.languages else 0.04
        near = 4.0 if self.follows_at(person.username, draft.author, draft.at) else 0.6
        return reads * near * (2.0 if draft.topic in person.interests else 1.0)


@define
class ReplyWriter:
    """Replies from the pool of each language, to posts that somebody who speaks it could see."""

    library: Library
    written: PostWriter
    readers: ReaderIndex
    heard: set[tuple[int, str]] = Factory(set)  # which text, and whom, a post has already been answered by

    def add(self, total: int) -> None:
        """Write replies until there are `total` posts."""
        chance, drafts = self.written.chance, self.written.drafts
        pools = {tongue.language: tongue.replies for tongue in self.library.tongues}
        parents = [draft for draft in drafts if draft.reply_to is None]
        weights = [self._draw(draft) for draft in parents]
        while len(drafts) < total:
            parent = chance.choices(parents, weights)[0]
            reply = self._reply(parent, pools[parent.language])
            if reply is not None:
                drafts.append(reply)
                if reply.visibility in OPEN and chance.random() < 0.3:
                    parents.append(reply)
                    weights.append(self._draw(reply))

    def _draw(self, draft: PlannedDraft) -> float:
        """How many replies a post draws, beside others: where more people speak its language, there are more."""
        native = sum(person.language == draft.language for person in self.written.people)
        drawn: float = draft.liked * native**0.6 * (1 if draft.visibility in OPEN else 0.3)
        return drawn

    def _reply(self, parent: PlannedDraft, pool: Mapping[str, Sequence[str]]) -> PlannedDraft | None:
        """Somebody's reply; None if nobody who could read it has anything new to say."""
        chance = self.written.chance
        readers = [person for person in self.readers.of(parent) if parent.language in person.languages]
        at = self.written.later(parent.at, 70)
        if not readers or at is None:
            return None
        author = chance.choices(readers, [self.readers.interest(person, parent) for person in readers])[0].username
        fitting = pool.get(parent.topic, ()) if parent.reply_to is None and chance.random() < 0.6 else ()
        text = chance.choice(fitting or pool["any"])
        if (author, text) in self.written.said or {(id(parent), text), (id(parent), author)} & self.heard:
            return None
        self.written.said.add((author, text))
        self.heard |= {(id(parent), text), (id(parent), author)}
        visibility = chance.choice(OPEN).narrowest(parent.visibility) if chance.random() < 0.2 else parent.visibility
        to = parent.author if visibility is Visibility.DIRECT else None
        return PlannedDraft(
            author, addressed(text, parent.author, author, parent.language), parent.language, parent.topic, at,
            visibility, parent.spoiler, reply_to=parent, to=to, liked=0.4 * chance.paretovariate(1.5),
        )  # fmt: skip
