# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate before the SIP stack: one for the process, whoever runs it. Any thread."""

from collections.abc import Sequence

def set_gate(
    unlimited: Sequence[str],
    scanners: Sequence[str],
    messages: tuple[int, int],
    calls: tuple[int, int],
    crowd: tuple[int, int],
    most_wait_us: int,
    retry_after_s: int,
) -> None:
    """unlimited: networks ("192.0.2.0/24") whose senders have no rate. scanners: requests whose User-Agent has one of these
    words are dropped. messages, calls: (a second, at once) of one source address; crowd: calls of all of them
    together; (0, 0) = no limit. most_wait_us: a new call
    that waited longer to be read or taken up is refused; 0 = never. retry_after_s: of each 503.

    Forgets who sent how much so far. ArgumentError, FormatError: too many of them, too long, or no network.
    """

def drain_gate(on: bool) -> None:
    """While on, everything new (INVITE, OPTIONS outside dialogs) gets 503 with Retry-After."""

def gate_lag(lag_us: int) -> None:
    """A call was taken up so long after it came; counts for a second."""

def gate_blame(address: str, reason: str) -> None:
    """`address` was turned away behind the gate, for a reason of `gate_counts`. ArgumentError: no address, no such reason."""

def gate_counts() -> dict[str, int]:
    """Messages by what the gate made of them since the process began: passed, malformed, sdp, rate, ..."""

def gate_events() -> list[tuple[str, str, int]]:
    """Who was turned away since the last call: (address, reason as in `gate_counts`, how often). At most 256 pairs of address
    and reason between two calls."""
