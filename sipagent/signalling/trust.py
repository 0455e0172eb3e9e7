# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers whose word on who calls is taken, and who are told more than others: the trust domain of RFC 3325 section 2.3."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable


class Trust:
    """`networks`: addresses or networks as sip.trusted_peers has them."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ipaddress.ip_network(n) for n in networks]

    def host(self, host: str) -> bool:
        """A literal address that lies in one of the networks; a name never does."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address.version == n.version and address in n for n in self._networks)

    def address(self, host_port: str) -> bool:
        """The same of "192.0.2.1:5060" or "[2001:db8::1]:5060"."""
        return self.host(host_port.rpartition(":")[0].strip("[]"))
