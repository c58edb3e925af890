"""View models of the list pages."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from microblog.model.accounts import Account
from microblog.model.lists import AccountList
from microblog.model.posts import Tag
from microblog.render.html.html_page import HtmlPage
from microblog.render.html.page_metadata import PageMetadata
from microblog.render.html.pages import Pages
from microblog.render.html.view_models import PageContext, PostListView


@frozen
class ListForm:
    """The form to create or edit a list, with its values as stored or as submitted.

    `errors` maps title, replies_policy and account to error texts.
    """

    list: AccountList
    members: tuple[Account, ...] = ()
    username: str = ""
    errors: Mapping[str, str] = field(factory=dict)


def lists_page(pages: Pages, context: PageContext, lists: tuple[AccountList, ...], tags: tuple[Tag, ...], form: ListForm) -> HtmlPage:
    """Render the viewer's lists and followed hashtags, and the form to create a list."""
    return pages.framed("lists", context, PageMetadata("Lists"), lists=lists, tags=tags, form=form)


def list_page(pages: Pages, context: PageContext, account_list: AccountList, feed: PostListView) -> HtmlPage:
    """Render the timeline of a list."""
    return pages.framed("list", context, PageMetadata(account_list.title), account_list=account_list, feed=feed)


def list_edit_page(pages: Pages, context: PageContext, form: ListForm) -> bytes:
    """Render the form to edit a list and its members."""
    return pages.page("list_edit", context, PageMetadata(f"Edit {form.list.title}"), form=form)


def lists_of_page(pages: Pages, context: PageContext, account: Account, lists: tuple[tuple[AccountList, bool], ...]) -> bytes:
    """Render the viewer's lists with a flag for each: True if the account is a member."""
    return pages.page("lists_of", context, PageMetadata(f"Lists with {account.name}"), account=account, lists=lists)
