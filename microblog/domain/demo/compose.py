"""The plan of a lively site: people who follow each other, and what they said in the last sixty days.

`compose` is pure: the same seed and the same `now` give the same plan, to the second. Somebody else writes it to the database.
Each text is said by the same person at most once, conversations stay in one language, and nobody answers, boosts or likes what
they could not have seen. The texts are in texts/, a file for each language.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from microblog.domain.demo.library import Library, load
from microblog.domain.demo.plan import Demo, DemoPerson, PlannedBookmark, PlannedFavourite, PlannedFollow, PlannedPost
from microblog.domain.demo.posts import DAYS, OPEN, PlannedDraft, PostWriter, ReaderIndex, ReplyWriter, several

_REPLIES, _BOOSTS = 0.34, 0.14  # parts of all posts


def compose(seed: int, now: datetime, posts: int = 2000) -> Demo:
    """A plan of `posts` posts and boosts (1500 to 3000) that ends just before `now` (aware)."""
    chance = random.Random(seed)  # noqa: S311  what is asked of it is to be the same each time
    library = load()
    people = _people(library, chance, now)
    follows = _follows(people, chance, now)
    writing, readers = PostWriter(library, people, chance, now), ReaderIndex(people, follows)
    writing.write_all(round(posts * (1 - _REPLIES - _BOOSTS)))
    ReplyWriter(library, writing, readers).add(posts - round(posts * _BOOSTS))
    likes = _marks(writing, readers, 3.0)
    keeps = _marks(writing, readers, 0.12)
    _boost(writing, readers, posts)
    drafts = sorted(writing.drafts, key=lambda draft: draft.at)
    index = {id(draft): place for place, draft in enumerate(drafts)}
    return Demo(
        people,
        follows,
        tuple(_planned(draft, index) for draft in drafts),
        tuple(PlannedFavourite(who, index[id(draft)], at) for at, who, draft in likes),
        tuple(PlannedBookmark(who, index[id(draft)], at) for at, who, draft in keeps),
    )


def _people(library: Library, chance: random.Random, now: datetime) -> tuple[DemoPerson, ...]:
    people = (
        DemoPerson(
            someone.username, someone.name, someone.bio, someone.speaks[0], someone.speaks, someone.interests,
            _moment(chance, now - timedelta(days=DAYS), 30), someone.locked, someone.site,
        )
        for someone in library.people
    )  # fmt: skip
    return tuple(sorted(people, key=lambda person: person.joined))


def _moment(chance: random.Random, before: datetime, days: float) -> datetime:
    """Some whole second in the `days` days before."""
    return before.replace(microsecond=0) - timedelta(seconds=chance.randrange(1, round(days * 86400)))


def _follows(people: Sequence[DemoPerson], chance: random.Random, now: datetime) -> tuple[PlannedFollow, ...]:
    """People follow who speaks their language and likes what they like; a few are followed by very many."""
    ranks = chance.sample(range(1, len(people) + 1), len(people))
    fame = {person.username: rank**-0.6 for person, rank in zip(people, ranks, strict=True)}
    found: dict[tuple[str, str], PlannedFollow] = {}
    for person in people:
        others = [other for other in people if other is not person]
        weights = [fame[other.username] * _closeness(person, other) for other in others]
        for other in several(chance, others, weights, min(30, round(chance.lognormvariate(2.5, 0.5)))):
            back = (other, person) if chance.random() < 0.4 else None
            for follower, followed in filter(None, ((person, other), back)):
                at = max(follower.joined, followed.joined) + (now - timedelta(days=DAYS) - follower.joined) * chance.random()
                accepted = not followed.locked or chance.random() < 0.75
                follow = PlannedFollow(follower.username, followed.username, at.replace(microsecond=0), accepted)
                found.setdefault((follow.follower, follow.followed), follow)
    return tuple(sorted(found.values(), key=lambda follow: follow.at))


def _closeness(person: DemoPerson, other: DemoPerson) -> float:
    shared = set(person.languages) & set(other.languages)
    tongue = 3.0 if person.language in shared and other.language in shared else 1.2 if shared else 0.05
    return tongue * (0.5 + len(set(person.interests) & set(other.interests)))


def _marks(writing: PostWriter, readers: ReaderIndex, typical: float) -> list[tuple[datetime, str, PlannedDraft]]:
    """Who likes or keeps what from when on, in order of time; `typical` is how many do so with a post like others."""
    found: list[tuple[datetime, str, PlannedDraft]] = []
    for draft in writing.drafts:
        candidates = readers.of(draft)
        count = min(len(candidates), int(draft.liked * writing.chance.expovariate(1 / typical)))
        weights = [readers.interest(person, draft) for person in candidates]
        for person in several(writing.chance, candidates, weights, count):
            at = writing.later(draft.at, 300)
            if at is not None:
                found.append((at, person.username, draft))
    return sorted(found, key=lambda mark: mark[0])


def _boost(writing: PostWriter, readers: ReaderIndex, total: int) -> None:
    """Boosts of what pleases, each by the same person once, until there are `total` posts."""
    originals = [draft for draft in writing.drafts if draft.visibility in OPEN]
    weights = [draft.liked * (0.2 if draft.reply_to else 1.0) for draft in originals]
    done: set[tuple[int, str]] = set()
    while len(writing.drafts) < total:
        draft = writing.chance.choices(originals, weights)[0]
        candidates = readers.of(draft)
        booster = writing.chance.choices(candidates, [readers.interest(person, draft) for person in candidates])[0].username
        at = writing.later(draft.at, 400)
        if at is None or (id(draft), booster) in done:
            continue
        done.add((id(draft), booster))
        writing.drafts.append(PlannedDraft(booster, "", draft.language, draft.topic, at, draft.visibility, boost_of=draft))


def _planned(draft: PlannedDraft, index: dict[int, int]) -> PlannedPost:
    return PlannedPost(
        index[id(draft)],
        draft.author,
        draft.text,
        draft.language,
        draft.at,
        None if draft.reply_to is None else index[id(draft.reply_to)],
        None if draft.boost_of is None else index[id(draft.boost_of)],
        draft.visibility,
        draft.spoiler,
        draft.edits,
    )
