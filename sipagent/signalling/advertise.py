# SPDX-License-Identifier: GPL-3.0-or-later
"""What we call ourselves towards peers: the address we are bound to, unless it is the wildcard or behind NAT."""

from __future__ import annotations

import ipaddress
import socket

from sipagent.config import Config


def advertised(cfg: Config) -> dict[str, str]:
    """Local address -> what peers should use instead, for addresses of SIP and RTP that need it."""
    given = {row.host: row.public_host for row in cfg.sip.listen}
    found = {}
    for host in {*given, cfg.media.host}:
        public = given.get(host) or cfg.sip.public_host
        if public is not None:
            found[host] = public
        elif is_wildcard(host):
            found[host] = primary_address(6 if ":" in host else 4)
    return found


def is_wildcard(host: str) -> bool:
    """0.0.0.0 or ::"""
    return ipaddress.ip_address(host).is_unspecified


def primary_address(version: int) -> str:
    """This machine's address towards the world: what to advertise when bound to the wildcard address. Sends nothing."""
    # TEST-NET-1 (RFC 5737) and the prefix for documentation (RFC 3849): connect on UDP only picks the route
    family, anywhere, loopback = (
        (socket.AF_INET, "192.0.2.1", "127.0.0.1") if version == 4 else (socket.AF_INET6, "2001:db8::1", "::1")
    )
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((anywhere, 9))
        except OSError:
            return loopback
        return str(probe.getsockname()[0])
