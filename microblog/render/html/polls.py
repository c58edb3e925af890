"""Polls as HTML below a post: the form for viewers who can vote, the results for others.

The fields belong to the form around the timeline, so their names contain the poll's id. Widths are shown by progress elements, because
the Content-Security-Policy forbids inline styles.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from microblog.model.emojis import Emoji
from microblog.model.polls import Poll
from microblog.render.emojis import in_text
from microblog.render.formatting import ICONS, full, iso, number, when

FIELD = "choice-{}"
MANY = 12  # options; more, in polls of other servers, scroll


def results(poll: Poll, votes: Collection[int], ended: bool, emojis: Sequence[Emoji] = ()) -> str:
    """Return the results, with the viewer's choices marked; only the options while the counts are hidden."""
    shown = ended or not poll.hide_totals
    lines = "".join(_result(poll, place, in_text(poll.options[place], emojis), place in votes, shown) for place in range(len(poll.options)))
    attributes = 'class="plain long" tabindex="0"' if len(poll.options) > MANY else 'class="plain"'
    return f'<div class="poll"><ul {attributes}>{lines}</ul>{_footer(poll, ended)}</div>'


def form(poll: Poll, emojis: Sequence[Emoji] = ()) -> str:
    """Return the options with a button to vote."""
    kind, name = "checkbox" if poll.multiple else "radio", FIELD.format(poll.id)
    choices = "".join(
        f'<label class="poll-choice"><input type="{kind}" name="{name}" value="{place}"><span dir="auto">{option}</span></label>'
        for place, option in enumerate(in_text(each, emojis) for each in poll.options)
    )
    if len(poll.options) > MANY:
        choices = f'<div class="long">{choices}</div>'
    button = f'<button class="button small" formaction="/polls/{poll.id}/vote">Vote</button>'
    legend = "Choose one or more" if poll.multiple else "Choose one"
    return f'<fieldset class="poll"><legend class="vh">{legend}</legend>{choices}{_footer(poll, False, button)}</fieldset>'


def _result(poll: Poll, place: int, option: str, chosen: bool, shown: bool) -> str:
    share = min(100, round(100 * poll.counts[place] / poll.voters)) if poll.voters else 0
    mark = f'<span class="poll-own">{ICONS["check"]}<span class="vh">Your choice</span></span>' if chosen else ""
    title = f'<span class="poll-option" dir="auto">{option}</span>{mark}'
    if not shown:
        return f'<li><p class="poll-line">{title}</p></li>'
    counted = f'<span class="poll-share" title="{poll.counts[place]}">{share}%</span>'
    return f'<li><p class="poll-line">{title}{counted}</p><progress max="100" value="{share}" aria-hidden="true"></progress></li>'


def _footer(poll: Poll, ended: bool, button: str = "") -> str:
    people = "1 person" if poll.voters == 1 else f"{number(poll.voters)} people"
    moment = f'<time datetime="{iso(poll.expires_at)}" title="{full(poll.expires_at)}" data-plain>{when(poll.expires_at)} UTC</time>'
    end = "" if poll.is_endless else f" · ended {moment}" if ended else f" · ends {moment}"
    hidden = " · results hidden until the poll ends" if poll.hide_totals and not ended else ""
    return f'<p class="poll-foot">{button}<span>{people}{end}{hidden}</span></p>'
