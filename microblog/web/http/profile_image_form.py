"""Profile images in a submitted form: files `avatar` and `header`, flags `drop_avatar` and `drop_header` to remove them.

Shared by the settings page and the API.
"""

from __future__ import annotations

from microblog.domain.profile_images import MAX_IMAGE_BYTES, ProfileImages
from microblog.model.accounts import Account, Viewer
from microblog.web.http.params import Params
from microblog.web.http.route import SMALL_FORM

PROFILE_IMAGES_FORM = 2 * MAX_IMAGE_BYTES + SMALL_FORM


async def update_profile_images(profile_images: ProfileImages, viewer: Viewer, fields: Params) -> Account | None:
    """Set or remove the images as requested and return the changed account, or None if nothing changed.

    Raises Invalid if a file is not an image.
    """
    account = None
    avatar, header = fields.upload("avatar"), fields.upload("header")
    if avatar is not None:
        account = await profile_images.set_avatar(viewer, avatar.file)
    elif fields.flag("drop_avatar"):
        account = await profile_images.remove_avatar(viewer)
    if header is not None:
        account = await profile_images.set_header(viewer, header.file)
    elif fields.flag("drop_header"):
        account = await profile_images.remove_header(viewer)
    return account
