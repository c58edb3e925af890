"""The addresses that letters hold, and what becomes of a token that comes back."""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import frozen

from microblog.domain.signed_tokens import SignedClaim, TokenSigner, read
from microblog.model.accounts import Login
from microblog.model.emails import SWITCHED, EmailKind
from microblog.model.ids import AccountId
from microblog.model.posts import Post

CONFIRM_LASTS = timedelta(days=7)
RESET_LASTS = timedelta(hours=2)
_FROM_THE_FUTURE = timedelta(minutes=5)  # by which the clocks of two processes may differ


@frozen
class EmailLinks:
    """Makes links below `base_url`, and knows its own again."""

    base_url: str
    signer: TokenSigner

    def confirm(self, login: Login, email: str, now: datetime) -> str:
        """Proves that its reader gets mail at that address."""
        return f"{self.base_url}/confirm/{self.signer.token('confirm', login.account_id, now, email)}"

    def confirms(self, claim: SignedClaim, email: str, now: datetime) -> bool:
        """True for the token of such a link, while it lasts."""
        return _is_fresh(claim, CONFIRM_LASTS, now) and self.signer.verify(claim, "confirm", email)

    def reset(self, login: Login, now: datetime) -> str:
        """Lets its reader choose another password, once."""
        return f"{self.base_url}/password/reset/{self.signer.token('reset', login.account_id, now, login.email, login.password_hash)}"

    def resets(self, claim: SignedClaim, login: Login, now: datetime) -> bool:
        """True for the token of such a link, while it lasts and the password is still the one of then."""
        return _is_fresh(claim, RESET_LASTS, now) and self.signer.verify(claim, "reset", login.email, login.password_hash)

    def unsubscribe(self, kind: EmailKind, account: AccountId, now: datetime) -> str | None:
        """Stops letters of this kind, for ever and without logging in; None for letters that cannot be stopped."""
        if kind not in SWITCHED:
            return None
        return f"{self.base_url}/mail/unsubscribe/{self.signer.token(f'unsubscribe {kind}', account, now)}"

    def unsubscribes(self, claim: SignedClaim) -> EmailKind | None:
        """The kind that the token of such a link stops."""
        return next((kind for kind in SWITCHED if self.signer.verify(claim, f"unsubscribe {kind}")), None)

    def post(self, post: Post) -> str:
        """The post's page."""
        return f"{self.base_url}/@{post.author.username}/{post.id}"

    def page(self, path: str) -> str:
        """A page of the site."""
        return self.base_url + path


def _is_fresh(claim: SignedClaim, lasts: timedelta, now: datetime) -> bool:
    return -_FROM_THE_FUTURE <= now - claim.made_at <= lasts


__all__ = ["CONFIRM_LASTS", "RESET_LASTS", "EmailLinks", "SignedClaim", "read"]
