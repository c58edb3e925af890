"""The pictures of a profile out of a form: `avatar` and `header` are files, `drop_avatar` and `drop_header` take them away."""

from __future__ import annotations

from microblog.domain.profile_images import MOST_BYTES, ProfileImages
from microblog.model.accounts import Account, Viewer
from microblog.web.http.params import Params
from microblog.web.http.route import SMALL_FORM

PICTURES_FORM = 2 * MOST_BYTES + SMALL_FORM


async def change_pictures(pictures: ProfileImages, viewer: Viewer, fields: Params) -> Account | None:
    """Do what the form says; the account as it is then, None where nothing changed. Raises Invalid for what is no picture."""
    account = None
    avatar, header = fields.upload("avatar"), fields.upload("header")
    if avatar is not None:
        account = await pictures.set_avatar(viewer, avatar.file)
    elif fields.flag("drop_avatar"):
        account = await pictures.remove_avatar(viewer)
    if header is not None:
        account = await pictures.set_header(viewer, header.file)
    elif fields.flag("drop_header"):
        account = await pictures.remove_header(viewer)
    return account
