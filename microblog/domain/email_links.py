"""Links in e-mails, and verification of the tokens in them."""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import frozen

from microblog.domain.signed_tokens import SignedClaim, TokenSigner, read
from microblog.model.accounts import Login
from microblog.model.emails import PREFERENCE_FIELDS, EmailKind
from microblog.model.ids import AccountId, WarningId
from microblog.model.posts import Post

CONFIRM_LIFETIME = timedelta(days=7)
RESET_LIFETIME = timedelta(hours=2)
_CLOCK_SKEW = timedelta(minutes=5)  # tolerated difference between the clocks of two processes


@frozen
class EmailLinks:
    """Builds links below `base_url` and verifies their tokens."""

    base_url: str
    signer: TokenSigner

    def confirm(self, login: Login, email: str, now: datetime) -> str:
        """Link that confirms the address."""
        return f"{self.base_url}/confirm/{self.signer.token('confirm', login.account_id, now, email)}"

    def confirms(self, claim: SignedClaim, email: str, now: datetime) -> bool:
        """True if the token of a confirmation link is valid for the address and has not expired."""
        return _is_fresh(claim, CONFIRM_LIFETIME, now) and self.signer.verify(claim, "confirm", email)

    def reset(self, login: Login, now: datetime) -> str:
        """Link for choosing a new password, usable once."""
        return f"{self.base_url}/password/reset/{self.signer.token('reset', login.account_id, now, login.email, login.password_hash)}"

    def resets(self, claim: SignedClaim, login: Login, now: datetime) -> bool:
        """True if the token of a reset link has not expired and the password has not changed since."""
        return _is_fresh(claim, RESET_LIFETIME, now) and self.signer.verify(claim, "reset", login.email, login.password_hash)

    def unsubscribe(self, kind: EmailKind, account: AccountId, now: datetime) -> str | None:
        """Link that unsubscribes from this kind of e-mail without a login and without expiry; None if the kind cannot be turned off."""
        if kind not in PREFERENCE_FIELDS:
            return None
        return f"{self.base_url}/mail/unsubscribe/{self.signer.token(f'unsubscribe {kind}', account, now)}"

    def unsubscribes(self, claim: SignedClaim) -> EmailKind | None:
        """Return the kind of e-mail that the token of an unsubscribe link turns off."""
        return next((kind for kind in PREFERENCE_FIELDS if self.signer.verify(claim, f"unsubscribe {kind}")), None)

    def strike(self, id: str, account: AccountId, now: datetime) -> str:
        """Link to a moderation decision, for its owner without a login: they may be unable to log in."""
        return f"{self.base_url}/disputes/strikes/{id}/{self.signer.token('strike', account, now, id)}"

    def opens_strike(self, claim: SignedClaim, id: WarningId) -> bool:
        """True if the token of such a link is for this decision."""
        return self.signer.verify(claim, "strike", str(id))

    def post(self, post: Post) -> str:
        """URL of the post's page."""
        return f"{self.base_url}/@{post.author.acct}/{post.id}"

    def page(self, path: str) -> str:
        """URL of a page of the site."""
        return self.base_url + path


def _is_fresh(claim: SignedClaim, lifetime: timedelta, now: datetime) -> bool:
    return -_CLOCK_SKEW <= now - claim.made_at <= lifetime


__all__ = ["CONFIRM_LIFETIME", "RESET_LIFETIME", "EmailLinks", "SignedClaim", "read"]
