"""Access to what only the site's own monitoring may see."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from attrs import frozen

from microblog.web.http.request import Request

_PROXY_HEADERS = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")


@frozen
class MonitoringAccess:
    """The networks of the monitoring. Requests that a proxy forwarded are not allowed: behind an untrusted one all have its address."""

    networks: tuple[IPv4Network | IPv6Network, ...]

    def allows(self, request: Request) -> bool:
        """True if the client may see metrics and the details of health checks."""
        return not any(request.header(name) for name in _PROXY_HEADERS) and any(request.address in network for network in self.networks)
