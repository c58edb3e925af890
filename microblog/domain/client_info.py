"""The network origin and browser of a request, as far as login and session handling need them."""

from __future__ import annotations

from attrs import field, frozen


@frozen
class ClientInfo:
    """The origin of a request.

    `network`: address or prefix that rate limits count by. `address`, `user_agent`: shown in the list of sessions.
    `device`: value of the browser's long-lived cookie, empty before its first login; tells a known browser from a new one.
    """

    network: str
    address: str
    user_agent: str
    device: str = field(default="", repr=False)
