"""Posts of the demo site: prewritten posts and conversations, posts from templates, and replies."""

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
_HOURS = (1, 1, 0, 0, 0, 1, 3, 7, 9, 8, 7, 7, 9, 8, 6, 6, 7, 8, 10, 12, 13, 12, 8, 4)  # relative activity per local hour

T = TypeVar("T")


@define(eq=False)
class PlannedDraft:
    """A post or boost whose index is not known yet. `to` is the recipient of a direct message, `liked` its popularity."""

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


def several(rng: random.Random, items: Sequence[T], weights: Sequence[float], count: int) -> list[T]:
    """Return `count` different items (or all, if there are fewer), drawn by weight."""
    keys = [rng.random() ** (1 / weight) for weight in weights]
    order = sorted(range(len(items)), key=keys.__getitem__, reverse=True)
    return [items[place] for place in order[:count]]


@define
class PostWriter:
    """Writes original posts and the prewritten conversations."""

    library: Library
    people: Sequence[DemoPerson]
    rng: random.Random
    now: datetime
    drafts: list[PlannedDraft] = Factory(list)
    written_texts: set[tuple[str, str]] = Factory(set)
    zones: dict[str, int] = field(init=False)
    activity: dict[str, float] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.zones = {person.username: person.zone for person in self.library.people}
        self.activity = {person.username: self.rng.lognormvariate(0, 0.5) for person in self.people}

    def write_all(self, count: int) -> None:
        """Write everything prewritten, then posts from templates until there are `count`."""
        for texts in self.library.languages:
            for entry in texts.entries:
                self._write_entry(texts, entry)
            for script in texts.scripts:
                self._write_script(texts, script)
            for text in texts.direct:
                self._write_direct(texts, text)
        supply = self._templates()
        while len(self.drafts) < count:
            texts, template, number = supply.pop()
            self._write(self.author(texts.language, template.topic), template.filled(number), texts, template.topic)
        for draft in self.drafts:
            self._maybe_edit(draft)

    def speakers(self, language: str) -> list[DemoPerson]:
        """Return the people who speak the language."""
        return [person for person in self.people if language in person.languages]

    def author(self, language: str, topic: str) -> DemoPerson:
        """Choose an author who is interested in the topic, preferably a native speaker."""
        speakers = self.speakers(language)
        candidates = [person for person in speakers if topic in person.interests] or speakers
        weights = [self.activity[person.username] * (1 if person.language == language else 0.35) for person in candidates]
        return self.rng.choices(candidates, weights)[0]

    def hour(self, username: str, at: datetime) -> datetime:
        """Move the time to a waking hour of the person on the same day; never after now."""
        local = self.rng.choices(range(24), _HOURS)[0]
        moved = at.replace(hour=(local - self.zones[username]) % 24)
        return moved if moved < self.now else moved - timedelta(days=1)

    def later(self, at: datetime, typical: float) -> datetime | None:
        """Return a time after `at`, typically by this many minutes; None if it is in the future."""
        then = at + timedelta(seconds=round(60 * typical * self.rng.lognormvariate(0, 1)) + 20)
        return then if then < self.now else None

    def _templates(self) -> list[tuple[LanguageTexts, Template, int]]:
        """Return every text of the templates once, alternating between templates; languages in proportion to their speakers."""
        turns: list[tuple[float, LanguageTexts, Template, int]] = []
        for texts in self.library.languages:
            share = len(texts.templates) / sum(person.language == texts.language for person in self.people)
            for template in texts.templates:
                numbers = self.rng.sample(range(template.size), template.size)
                turns += [((turn + self.rng.random()) * share, texts, template, number) for turn, number in enumerate(numbers)]
        turns.sort(key=lambda turn: turn[0], reverse=True)
        return [(texts, template, number) for _, texts, template, number in turns]

    def _write(self, author: DemoPerson, text: str, texts: LanguageTexts, topic: str, spoiler: str = "") -> PlannedDraft:
        age = timedelta(seconds=round(86400 * (DAYS - 1) * self.rng.random() ** 1.3) + 120)
        at = self.hour(author.username, self.now.replace(microsecond=0) - age)
        draft = PlannedDraft(author.username, text, texts.language, topic, at, self._visibility(author), spoiler)
        draft.liked = self.rng.paretovariate(1.3)
        self.drafts.append(draft)
        self.written_texts.add((draft.author, text))
        return draft

    def _visibility(self, author: DemoPerson) -> Visibility:
        return self.rng.choices((*OPEN, Visibility.PRIVATE), (35, 10, 55) if author.locked else (86, 9, 5))[0]

    def _write_entry(self, texts: LanguageTexts, entry: WrittenPost) -> None:
        author = self._person(entry.by) or self.author(texts.language, entry.topic)
        self._write(author, entry.text, texts, entry.topic, entry.spoiler)

    def _write_script(self, texts: LanguageTexts, script: Script) -> None:
        first = self._person(script.by) or self.author(texts.language, script.topic)
        others = [person for person in self.speakers(texts.language) if person is not first]
        weights = [3.0 if script.topic in person.interests else 1.0 for person in others]
        roles = sorted({who for who, _ in script.lines})
        speakers = dict(zip(roles, [first, *several(self.rng, others, weights, len(roles) - 1)], strict=True))
        last = self._write(first, script.lines[0][1], texts, script.topic)
        last.visibility = Visibility.PUBLIC
        last.at = min(last.at, self.now.replace(microsecond=0) - timedelta(hours=8))
        for who, text in script.lines[1:]:
            author = speakers[who].username
            at = last.at + timedelta(seconds=self.rng.randrange(90, 2400))
            last = PlannedDraft(author, addressed(text, last.author, author, last.language), last.language, last.topic, at, reply_to=last)
            self.drafts.append(last)

    def _write_direct(self, texts: LanguageTexts, text: str) -> None:
        author, other = self.rng.sample(self.speakers(texts.language), 2)
        draft = self._write(author, addressed(text, other.username, author.username, texts.language), texts, "daily")
        draft.visibility, draft.to = Visibility.DIRECT, other.username

    def _maybe_edit(self, draft: PlannedDraft) -> None:
        at = self.later(draft.at, 6)
        if at and draft.reply_to is None and draft.visibility in OPEN and self.rng.random() < 0.025:
            phrases = next(texts.edits for texts in self.library.languages if texts.language == draft.language)
            draft.edits = (PlannedEdit(at, f"{draft.text}\n\n{self.rng.choice(phrases)}"),)

    def _person(self, username: str | None) -> DemoPerson | None:
        return next((person for person in self.people if person.username == username), None)


def addressed(text: str, to: str, author: str, language: str) -> str:
    """Return the text with a mention of its recipient.

    In right-to-left languages the mention comes last, because browsers take the direction of a line from its first letter.
    """
    if to == author:
        return text
    return f"{text} @{to}" if language in _FROM_RIGHT else f"@{to} {text}"


@define
class ReaderIndex:
    """Index of the people who could have seen a post at its time."""

    people: Sequence[DemoPerson]
    follows: Iterable[PlannedFollow]
    since: dict[tuple[str, str], datetime] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.since = {(follow.follower, follow.followed): follow.at for follow in self.follows if follow.accepted}

    def follows_at(self, reader: str, author: str, at: datetime) -> bool:
        """Return True if `reader` followed `author` at that time."""
        since = self.since.get((reader, author))
        return since is not None and since <= at

    def of(self, draft: PlannedDraft) -> list[DemoPerson]:
        """Return everyone but the author who may see the post."""
        match draft.visibility:
            case Visibility.DIRECT:
                return [person for person in self.people if person.username == draft.to]
            case Visibility.PRIVATE:
                return [person for person in self.people if self.follows_at(person.username, draft.author, draft.at)]
            case _:
                return [person for person in self.people if person.username != draft.author]

    def interest(self, person: DemoPerson, draft: PlannedDraft) -> float:
        """Return the weight with which this person reads the post and reacts to it."""
        reads = 1.0 if draft.language in person.languages else 0.04
        near = 4.0 if self.follows_at(person.username, draft.author, draft.at) else 0.6
        return reads * near * (2.0 if draft.topic in person.interests else 1.0)


@define
class ReplyWriter:
    """Writes replies from the pool of each language, by people who could see the post."""

    library: Library
    written: PostWriter
    readers: ReaderIndex
    used: set[tuple[int, str]] = Factory(set)  # (post, text) and (post, author) of the replies so far

    def add(self, total: int) -> None:
        """Write replies until there are `total` posts."""
        rng, drafts = self.written.rng, self.written.drafts
        pools = {texts.language: texts.replies for texts in self.library.languages}
        parents = [draft for draft in drafts if draft.reply_to is None]
        weights = [self._draw(draft) for draft in parents]
        while len(drafts) < total:
            parent = rng.choices(parents, weights)[0]
            reply = self._reply(parent, pools[parent.language])
            if reply is not None:
                drafts.append(reply)
                if reply.visibility in OPEN and rng.random() < 0.3:
                    parents.append(reply)
                    weights.append(self._draw(reply))

    def _draw(self, draft: PlannedDraft) -> float:
        """Return the weight with which a post gets replies: more in languages with more speakers."""
        native = sum(person.language == draft.language for person in self.written.people)
        drawn: float = draft.liked * native**0.6 * (1 if draft.visibility in OPEN else 0.3)
        return drawn

    def _reply(self, parent: PlannedDraft, pool: Mapping[str, Sequence[str]]) -> PlannedDraft | None:
        """Return a reply; None if no reader of the post has an unused text."""
        rng = self.written.rng
        readers = [person for person in self.readers.of(parent) if parent.language in person.languages]
        at = self.written.later(parent.at, 70)
        if not readers or at is None:
            return None
        author = rng.choices(readers, [self.readers.interest(person, parent) for person in readers])[0].username
        fitting = pool.get(parent.topic, ()) if parent.reply_to is None and rng.random() < 0.6 else ()
        text = rng.choice(fitting or pool["any"])
        if (author, text) in self.written.written_texts or {(id(parent), text), (id(parent), author)} & self.used:
            return None
        self.written.written_texts.add((author, text))
        self.used |= {(id(parent), text), (id(parent), author)}
        visibility = rng.choice(OPEN).narrower(parent.visibility) if rng.random() < 0.2 else parent.visibility
        to = parent.author if visibility is Visibility.DIRECT else None
        return PlannedDraft(
            author, addressed(text, parent.author, author, parent.language), parent.language, parent.topic, at,
            visibility, parent.spoiler, reply_to=parent, to=to, liked=0.4 * rng.paretovariate(1.5),
        )  # fmt: skip
