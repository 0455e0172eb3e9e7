# SPDX-License-Identifier: GPL-3.0-or-later
"""Our offers in the middle of a call, each with its codecs and packet time. PJSIP keeps both for the whole endpoint, so they
are set while it makes that offer, which it does before the request's function returns. Sip thread."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator

from mediacore import Leg, pjsua2
from sipagent.config import Media
from sipagent.signalling.calls import SipCall
from sipagent.signalling.endpoint import same_codec, set_codecs
from sipagent.signalling.errors import SignallingError
from sipagent.signalling.reoffer import Answer


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

    def hold(self, call: SipCall, answer: Answer, on: bool) -> None:
        """Our hold, or its end; the codec stays."""
        with self.made(current_first(call.leg, self._media), call.ptime_ms):
            call.hold(answer, on)

    def moved(self, call: SipCall, answer: Answer) -> None:
        """The same, by our new address."""
        with self.made(current_first(call.leg, self._media), call.ptime_ms):
            call.reoffer(answer, moved=True)

    def update(self, call: SipCall, answer: Answer, codec: str, ptime_ms: int) -> None:
        """Another codec ("" = the one in use) and packet time (0 = the last one that was asked for). SignallingError: no codec
        of ours."""
        wanted = ptime_ms or call.ptime_ms
        codecs = [named(codec, self._media)] if codec else current_first(call.leg, self._media)

        def judge(code: int) -> None:
            """Some say 200 to another codec and go on as it was; who is asked for a packet time alone may choose the codec."""
            if codec and code < 300 and current_first(call.leg, self._media)[0] != codecs[0]:
                code = 488
                call.thread.later(functools.partial(self._restore, call))
            if code < 300:
                call.ptime_ms = wanted
            answer(code)

        with self.made(codecs, wanted):
            call.reoffer(judge)

    def _restore(self, call: SipCall) -> None:
        """PJSIP takes the sound away where an answer has what we did not offer: everything is offered again."""
        if call.leg is not None and not call.leg.started and not call.over:
            with self.made(self._media.codecs, call.ptime_ms):
                call.reoffer(lambda code: None)
