# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole switch with scripted engines, and a caller who phones it over SIP and RTP on loopback. Sound goes as linear PCM, so
that a scripted recogniser reads it; a voice is told by its loudness."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from sipagent.bridging.desk import called_of
from sipagent.call import Call
from sipagent.config import Config
from sipagent.engines import registry
from sipagent.signalling.headers import Pairs
from sipagent.signalling.transfer import ReferTo
from sipagent.switch import Switch
from sipagent.testing import CodedSpeech, LevelVad, ScriptedStt, ScriptedTts
from tests.sip.rig import RTP, Rig, config

WAIT_S = 30.0  # for what a stalled machine may do late
MEDIA = {"codecs": ["L16/16000"], "rate": 16000, "ports": RTP}
LOUD = {"": 5000, "soft": 1500, "deep": 9000}  # peaks of the voices


class Voice(ScriptedTts):
    """Speaks as loud as its voice is, and quickly."""

    CHAR_S = 0.01

    def __init__(self, cfg: Config, made: list[Voice]) -> None:
        super().__init__(first_s=0.0, piece_s=0.0)
        self.gain = LOUD[cfg.engines.voice] / 5000
        self.closed = False
        made.append(self)

    async def close(self) -> None:
        self.closed = True

    async def synthesize(self, text: str, rate: int) -> Any:
        async for piece in super().synthesize(text, rate):
            yield (np.frombuffer(piece, "<i2") * self.gain).astype("<i2").tobytes()


class Phone:
    """A caller."""

    def __init__(self, house: Switch, speech: CodedSpeech, call: Call) -> None:
        self.house, self.speech, self.call = house, speech, call
        self.heard = bytearray()
        call.leg.on_audio = lambda pcm, arrival_us, index, lost: self.heard.extend(pcm)

    @property
    def other(self) -> Call:
        """The switch's end of the call."""
        return next(c for c in self.house.calls.values() if c.direction == "in" and c.sip_call_id == self.call.sip_call_id)

    @property
    def lines(self) -> list[str]:
        """All that was said, as "who: text"."""
        return [f"{line['who']}: {line['text']}" for line in self.other.notes.get("transcript", [])]

    async def hears(self, words: str) -> None:
        """Until the agent has said a line with these words, to its end."""

        def said() -> bool:
            rows = self.other.notes.get("transcript", [])
            return any(row["who"] == "agent" and words in (row["heard"] or "") for row in rows)

        await self.until(said)

    async def until(self, true: Any) -> None:
        try:
            await asyncio.wait_for(Rig.until(true), WAIT_S)
        except TimeoutError:
            raise AssertionError(f"in vain; so far: {self.lines}") from None

    def says(self, text: str, seconds: float = 0.5) -> None:
        """Sound that is understood as `text`, and a second of silence after it."""
        rate = self.call.leg.rate
        self.call.leg.write(self.speech.say(text, seconds, rate) + bytes(2 * rate))

    def takes_referrals(self, codes: dict[str, int]) -> list[ReferTo]:
        """The telephone does as a REFER says, and tells this status for the user that stands in it. Those that came."""
        asked: list[ReferTo] = []

        def refer(target: ReferTo) -> None:
            asked.append(target)
            code = next(code for user, code in codes.items() if user in target.uri)
            self._telling = asyncio.ensure_future(self.call.control.notify(code))

        self.call.on_refer = refer
        return asked

    def sounded_s(self) -> float:
        """Seconds of sound that was heard so far."""
        return np.count_nonzero(np.frombuffer(bytes(self.heard), "<i2")) / self.call.leg.rate

    def loudest(self) -> int:
        """What was heard so far."""
        return int(np.abs(np.frombuffer(bytes(self.heard), "<i2").astype(np.int32)).max(initial=0))


class House:
    """A switch and those who phone it."""

    def __init__(self, switch: Switch, speech: CodedSpeech, voices: list[Voice]) -> None:
        self.switch, self.speech, self.voices = switch, speech, voices

    def uri(self, number: str) -> str:
        """A number of the switch."""
        return f"sip:{number}@127.0.0.1:{self.switch.user_agent.listening()[0].rsplit(':', 1)[1]}"

    def said(self, number: str) -> list[str]:
        """In the newest call to a number: "who: text"."""
        calls = [c for c in self.switch.calls.values() if c.direction == "in" and called_of(c) == number]
        return [f"{line['who']}: {line['text']}" for line in calls[-1].notes.get("transcript", [])] if calls else []

    async def phones(self, number: str = "600", headers: Pairs = (), caller: str = "") -> Phone:
        """A call that is answered and has sound."""
        call = await self.switch.user_agent.invite(self.uri(number), headers=headers, caller=caller)
        await asyncio.wait_for(call.media_ready.wait(), WAIT_S)
        phone = Phone(self.switch, self.speech, call)
        await phone.until(lambda: any(c.sip_call_id == call.sip_call_id for c in self.switch.calls.values()))
        return phone

    async def empty(self) -> None:
        """No call is left."""
        await asyncio.wait_for(Rig.until(lambda: not self.switch.user_agent.calls), WAIT_S)


@asynccontextmanager
async def house(
    monkeypatch: pytest.MonkeyPatch,
    agent: str = "",
    routes: Sequence[dict[str, Any]] = (),
    sections: Mapping[str, Any] | None = None,
    **dialogue: Any,
) -> AsyncIterator[House]:
    """Up, and down again. `sections`: others of the configuration."""
    speech, voices = CodedSpeech(), list[Voice]()
    monkeypatch.setitem(registry.VADS, "scripted", lambda cfg: LevelVad())  # type: ignore[arg-type]
    monkeypatch.setitem(registry.STTS, "scripted", lambda cfg: ScriptedStt(speech, 0.01))  # type: ignore[arg-type]
    monkeypatch.setitem(registry.TTSS, "scripted", lambda cfg: Voice(cfg, voices))  # type: ignore[arg-type]
    cfg = config(
        media=MEDIA,
        routes=list(routes),
        api={"enabled": False},
        engines={"vad": "scripted", "stt": "scripted", "tts": "scripted"},
        dialogue={"agent": agent or "echo", "idle_s": 60, **dialogue},
        **(sections or {}),
    )
    switch = Switch(cfg)
    await switch.start()
    try:
        yield House(switch, speech, voices)
    finally:
        await switch.stop()
