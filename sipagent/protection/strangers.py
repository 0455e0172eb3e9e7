# SPDX-License-Identifier: GPL-3.0-or-later
"""Callers that nobody here knows: they come by no account and no trunk, from an address that the configuration does not name.
They learn from a refusal neither whether a number exists nor what became of it."""

from __future__ import annotations

import mediacore
from sipagent.call import Call
from sipagent.config import Config
from sipagent.signalling.trust import Trust

REFUSED = 480  # Temporarily Unavailable (RFC 3261 section 21.4.18): true of any number


class Strangers:
    """One for the switch."""

    def __init__(self, cfg: Config) -> None:
        self._known = Trust([*cfg.protection.unlimited, *cfg.sip.trusted_peers])
        self.served = cfg.protection.strangers == "routes"

    def has(self, call: Call) -> bool:
        """Whether an incoming call is a stranger's. A TLS client certificate or an address of a trunk makes an account."""
        return call.direction == "in" and not call.account and not self._known.address(call.source.partition(":")[2])

    @staticmethod
    def blame(call: Call) -> None:
        """It called a number that is not there: told in the log as the other reasons are (sipagent.protection.watch)."""
        mediacore.gate_blame(call.source.partition(":")[2].rpartition(":")[0].strip("[]"), "number")
