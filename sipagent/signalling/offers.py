# SPDX-License-Identifier: GPL-3.0-or-later
"""The codecs and the packet time of one offer of ours. PJSIP keeps both for the whole endpoint, so they are set while it makes
that offer, which it does before the request's function returns. Sip thread."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from mediacore import Leg, pjsua2
from sipagent.config import Media
from sipagent.signalling.endpoint import same_codec, set_codecs
from sipagent.signalling.errors import SignallingError


@dataclass(frozen=True, slots=True)
class Wish:
    """What `CallControl.update` asked for last; "" and 0: as it was."""

    codec: str = ""
    ptime_ms: int = 0


def named(codec: str, media: Media) -> str:
    """ "opus" or "opus/48000" as it stands in media.codecs. SignallingError: it does not."""
    found = [known for known in media.codecs if same_codec(known, codec) or known.split("/")[0].lower() == codec.lower()]
    if len(found) != 1:
        problem = "is not one of" if not found else "may be several of"
        raise SignallingError(f"codec {codec!r} {problem} media.codecs: {', '.join(media.codecs)}")
    return found[0]


def current_first(leg: Leg | None, media: Media) -> list[str]:
    """All codecs, the one in use first: an offer that is about something else must not change it."""
    now = leg.params if leg is not None and leg.started else None
    used = [name for name in media.codecs if now is not None and same_codec(name, f"{now['codec']}/{now['clock']}")]
    return used + [name for name in media.codecs if name not in used]


class Offers:
    """Of one endpoint."""

    def __init__(self, endpoint: pjsua2.Endpoint, media: Media) -> None:
        self._endpoint = endpoint
        self._media = media

    @contextlib.contextmanager
    def made(self, codecs: list[str], ptime_ms: int) -> Iterator[None]:
        """Offers that are made inside have these codecs, in this order, and this packet time (0: the configured one)."""
        set_codecs(self._endpoint, codecs)
        pjsua2.mc_pjsip_set_ptime(ptime_ms or self._media.ptime_ms)
        try:
            yield
        finally:
            set_codecs(self._endpoint, self._media.codecs)
            pjsua2.mc_pjsip_set_ptime(self._media.ptime_ms)
