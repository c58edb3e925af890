"""What the pages about lists show."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from microblog.model.accounts import Account
from microblog.model.lists import List
from microblog.model.posts import Tag
from microblog.render.html.page_metadata import Head
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import Feed, Shell


@frozen
class ListForm:
    """A list that is being made or changed, as it is or as it came back. `errors` maps title, replies_policy and account to sentences."""

    made: List
    members: tuple[Account, ...] = ()
    username: str = ""
    errors: Mapping[str, str] = field(factory=dict)


def lists_page(pages: Pages, shell: Shell, lists: tuple[List, ...], tags: tuple[Tag, ...], form: ListForm) -> bytes:
    """All lists of the viewer, the tags that they follow, and the form for one more list."""
    return pages.page("lists", shell, Head("Lists"), lists=lists, tags=tags, form=form)


def list_page(pages: Pages, shell: Shell, made: List, feed: Feed) -> bytes:
    """What the members of a list post."""
    return pages.page("list", shell, Head(made.title), made=made, feed=feed)


def list_edit_page(pages: Pages, shell: Shell, form: ListForm) -> bytes:
    """What a list is like and who is in it."""
    return pages.page("list_edit", shell, Head(f"Edit {form.made.title}"), form=form)


def lists_of_page(pages: Pages, shell: Shell, account: Account, lists: tuple[tuple[List, bool], ...]) -> bytes:
    """The viewer's lists, each with whether somebody is in it."""
    return pages.page("lists_of", shell, Head(f"Lists with {account.name}"), account=account, lists=lists)
