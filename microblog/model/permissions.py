"""Permissions of the roles, as the client API tells them to apps. They follow from what the routes let each role do."""

from __future__ import annotations

from enum import IntFlag

from microblog.model.accounts import Role


class Permission(IntFlag):
    """The permissions of Mastodon that exist here, https://docs.joinmastodon.org/entities/Role/#permission-flags."""

    ADMINISTRATOR = 1 << 0
    VIEW_DEVOPS = 1 << 1
    VIEW_AUDIT_LOG = 1 << 2
    VIEW_DASHBOARD = 1 << 3
    MANAGE_REPORTS = 1 << 4
    MANAGE_FEDERATION = 1 << 5
    MANAGE_SETTINGS = 1 << 6
    MANAGE_BLOCKS = 1 << 7
    MANAGE_TAXONOMIES = 1 << 8
    MANAGE_APPEALS = 1 << 9
    MANAGE_USERS = 1 << 10
    MANAGE_INVITES = 1 << 11
    MANAGE_RULES = 1 << 12
    MANAGE_ANNOUNCEMENTS = 1 << 13
    MANAGE_CUSTOM_EMOJIS = 1 << 14
    INVITE_USERS = 1 << 16
    MANAGE_ROLES = 1 << 17
    DELETE_USER_DATA = 1 << 19


_MODERATOR = (
    Permission.VIEW_AUDIT_LOG
    | Permission.VIEW_DASHBOARD
    | Permission.MANAGE_REPORTS
    | Permission.MANAGE_TAXONOMIES
    | Permission.MANAGE_APPEALS
    | Permission.MANAGE_USERS
    | Permission.MANAGE_INVITES
    | Permission.INVITE_USERS
    | Permission.DELETE_USER_DATA
)
_ADMIN = (
    _MODERATOR
    | Permission.ADMINISTRATOR
    | Permission.VIEW_DEVOPS
    | Permission.MANAGE_FEDERATION
    | Permission.MANAGE_SETTINGS
    | Permission.MANAGE_BLOCKS
    | Permission.MANAGE_RULES
    | Permission.MANAGE_ANNOUNCEMENTS
    | Permission.MANAGE_CUSTOM_EMOJIS
    | Permission.MANAGE_ROLES
)
PERMISSIONS = {Role.USER: Permission(0), Role.MODERATOR: _MODERATOR, Role.ADMIN: _ADMIN}
"""The permissions of each role. Clients look at single flags, so administrators have all of them besides `ADMINISTRATOR`."""
