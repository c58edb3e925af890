"""What the pages about lists show."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from microblog.model.accounts import Account
from microblog.model.lists import AccountList
from microblog.model.posts import Tag
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import PageContext, PostListView


@frozen
class ListForm:
    """A list that is being made or changed, as it is or as it came back. `errors` maps title, replies_policy and account to sentences."""

    made: AccountList
    members: tuple[Account, ...] = ()
    username: str = ""
    errors: Mapping[str, str] = field(factory=dict)


def lists_page(pages: Pages, shell: PageContext, lists: tuple[AccountList, ...], tags: tuple[Tag, ...], form: ListForm) -> bytes:
    """All lists of the viewer, the tags that they follow, and the form for one more list."""
    return pages.page("lists", shell, PageMetadata("Lists"), lists=lists, tags=tags, form=form)


def list_page(pages: Pages, shell: PageContext, made: AccountList, feed: PostListView) -> bytes:
    """What the members of a list post."""
    return pages.page("list", shell, PageMetadata(made.title), made=made, feed=feed)


def list_edit_page(pages: Pages, shell: PageContext, form: ListForm) -> bytes:
    """What a list is like and who is in it."""
    return pages.page("list_edit", shell, PageMetadata(f"Edit {form.made.title}"), form=form)


def lists_of_page(pages: Pages, shell: PageContext, account: Account, lists: tuple[tuple[AccountList, bool], ...]) -> bytes:
    """The viewer's lists, each with whether somebody is in it."""
    return pages.page("lists_of", shell, PageMetadata(f"Lists with {account.name}"), account=account, lists=lists)
