"""Composition of a demo site: people who follow each other, and what they posted in the last sixty days.

`compose` is pure: the same seed and the same `now` give the same plan, to the second; fill.py writes it to the database. Each text is
posted by the same person at most once, threads stay in one language, and nobody replies to, boosts or favourites a post that they could not
have seen. The texts are in texts/, one file per language.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from microblog.domain.demo.library import Library, load
from microblog.domain.demo.plan import Demo, DemoPerson, PlannedBookmark, PlannedFavourite, PlannedFollow, PlannedPost
from microblog.domain.demo.posts import DAYS, OPEN, PlannedDraft, PostWriter, ReaderIndex, ReplyWriter, several

_REPLIES, _BOOSTS = 0.34, 0.14  # shares of all posts


def compose(seed: int, now: datetime, posts: int = 2000) -> Demo:
    """Return a plan of `posts` posts and boosts (1500 to 3000) that ends just before `now` (timezone-aware)."""
    rng = random.Random(seed)  # noqa: S311  has to be reproducible, not secret
    library = load()
    people = _people(library, rng, now)
    follows = _follows(people, rng, now)
    writer, readers = PostWriter(library, people, rng, now), ReaderIndex(people, follows)
    writer.write_all(round(posts * (1 - _REPLIES - _BOOSTS)))
    ReplyWriter(library, writer, readers).add(posts - round(posts * _BOOSTS))
    favourites = _marks(writer, readers, 3.0)
    bookmarks = _marks(writer, readers, 0.12)
    _boost(writer, readers, posts)
    drafts = sorted(writer.drafts, key=lambda draft: draft.at)
    index = {id(draft): place for place, draft in enumerate(drafts)}
    return Demo(
        people,
        follows,
        tuple(_planned(draft, index) for draft in drafts),
        tuple(PlannedFavourite(who, index[id(draft)], at) for at, who, draft in favourites),
        tuple(PlannedBookmark(who, index[id(draft)], at) for at, who, draft in bookmarks),
    )


def _people(library: Library, rng: random.Random, now: datetime) -> tuple[DemoPerson, ...]:
    people = (
        DemoPerson(
            entry.username, entry.name, entry.bio, entry.speaks[0], entry.speaks, entry.interests,
            _moment(rng, now - timedelta(days=DAYS), 30), entry.locked, entry.site,
        )
        for entry in library.people
    )  # fmt: skip
    return tuple(sorted(people, key=lambda person: person.joined))


def _moment(rng: random.Random, before: datetime, days: float) -> datetime:
    """Return a random whole second in the `days` days before."""
    return before.replace(microsecond=0) - timedelta(seconds=rng.randrange(1, round(days * 86400)))


def _follows(people: Sequence[DemoPerson], rng: random.Random, now: datetime) -> tuple[PlannedFollow, ...]:
    """Return follows between people with common languages and interests; a few people have very many followers."""
    ranks = rng.sample(range(1, len(people) + 1), len(people))
    popularity = {person.username: rank**-0.6 for person, rank in zip(people, ranks, strict=True)}
    found: dict[tuple[str, str], PlannedFollow] = {}
    for person in people:
        others = [other for other in people if other is not person]
        weights = [popularity[other.username] * _closeness(person, other) for other in others]
        for other in several(rng, others, weights, min(30, round(rng.lognormvariate(2.5, 0.5)))):
            back = (other, person) if rng.random() < 0.4 else None
            for follower, followed in filter(None, ((person, other), back)):
                at = max(follower.joined, followed.joined) + (now - timedelta(days=DAYS) - follower.joined) * rng.random()
                accepted = not followed.locked or rng.random() < 0.75
                follow = PlannedFollow(follower.username, followed.username, at.replace(microsecond=0), accepted)
                found.setdefault((follow.follower, follow.followed), follow)
    return tuple(sorted(found.values(), key=lambda follow: follow.at))


def _closeness(person: DemoPerson, other: DemoPerson) -> float:
    shared = set(person.languages) & set(other.languages)
    language_weight = 3.0 if person.language in shared and other.language in shared else 1.2 if shared else 0.05
    return language_weight * (0.5 + len(set(person.interests) & set(other.interests)))


def _marks(writer: PostWriter, readers: ReaderIndex, typical: float) -> list[tuple[datetime, str, PlannedDraft]]:
    """Return (time, username, draft) of favourites or bookmarks in order of time; `typical` is their usual number per post."""
    found: list[tuple[datetime, str, PlannedDraft]] = []
    for draft in writer.drafts:
        candidates = readers.of(draft)
        count = min(len(candidates), int(draft.liked * writer.rng.expovariate(1 / typical)))
        weights = [readers.interest(person, draft) for person in candidates]
        for person in several(writer.rng, candidates, weights, count):
            at = writer.later(draft.at, 300)
            if at is not None:
                found.append((at, person.username, draft))
    return sorted(found, key=lambda mark: mark[0])


def _boost(writer: PostWriter, readers: ReaderIndex, total: int) -> None:
    """Add boosts of popular posts, each at most once per person, until there are `total` posts."""
    originals = [draft for draft in writer.drafts if draft.visibility in OPEN]
    weights = [draft.liked * (0.2 if draft.reply_to else 1.0) for draft in originals]
    done: set[tuple[int, str]] = set()
    while len(writer.drafts) < total:
        draft = writer.rng.choices(originals, weights)[0]
        candidates = readers.of(draft)
        booster = writer.rng.choices(candidates, [readers.interest(person, draft) for person in candidates])[0].username
        at = writer.later(draft.at, 400)
        if at is None or (id(draft), booster) in done:
            continue
        done.add((id(draft), booster))
        writer.drafts.append(PlannedDraft(booster, "", draft.language, draft.topic, at, draft.visibility, boost_of=draft))


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
