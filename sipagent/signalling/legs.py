# SPDX-License-Identifier: GPL-3.0-or-later
"""Media legs as the configuration wants them."""

from __future__ import annotations

from mediacore import Leg, Worker
from sipagent.config import Media


def new_leg(worker: Worker, media: Media, name: str) -> Leg:
    """The leg of one call. MediaError: the worker has no room for another."""
    return Leg(
        worker,
        rate=media.rate,
        name=name,
        rx_timeout=media.rx_timeout_s,
        suppress_silence=media.suppress_silence,
        inband_dtmf=media.inband_dtmf,
        jitter_max_ms=media.jitter_max_ms,
        jitter_price_ms=media.jitter_price_ms,
    )
