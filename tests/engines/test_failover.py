# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines that take over: recognisers, voices, brains, and a conversation over all of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import pytest

from sipagent.config import Config
from sipagent.dialogue.context import Context
from sipagent.engines import load
from sipagent.engines.answered import ANSWERED
from sipagent.engines.base import Act, AtWork, EngineError, PartialHandler, SttStream, Token, UserTurn
from sipagent.engines.failover import FailoverStt, FailoverTts, failover_stt
from sipagent.engines.failover_brain import FailoverBrain
from sipagent.testing import CodedSpeech, ScriptedStt, ScriptedTts, VirtualLoop
from tests.engines.chat_rig import Host, Probe, rig
from tests.engines.chat_service import called, said
from tests.engines.http_server import Response

LATE_S = 1.0
RATE = 16000


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    yield loop
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


@pytest.fixture
def who() -> Iterator[dict[str, str]]:
    by_role: dict[str, str] = {}
    token = ANSWERED.set(by_role)
    yield by_role
    ANSWERED.reset(token)


def stt(name: str, speech: CodedSpeech, latency_s: float = 0.1, *, fails: bool = False) -> ScriptedStt:
    made = ScriptedStt(speech, latency_s)
    made.name = name
    made.fail = set(range(100)) if fails else set()
    return made


def test_a_recogniser_that_fails_or_is_late_is_helped(loop: VirtualLoop, who: dict[str, str]) -> None:
    speech = CodedSpeech()
    pcm = speech.say("a table for two", 1.0)
    for first in (stt("first", speech, fails=True), stt("first", speech, 9.0)):
        both = failover_stt([first, stt("second", speech)], LATE_S)
        assert loop.run_until_complete(both.transcribe(pcm, RATE)) == "a table for two"
        assert who == {"stt": "second"}
    assert both.name == "first|second"
    assert isinstance(both, FailoverStt)
    assert not hasattr(both, "stream")


class Live(ScriptedStt):
    """A recogniser that streams."""

    def stream(self, rate: int, on_partial: PartialHandler) -> SttStream:
        return _LiveTurn(self, rate, on_partial)


class _LiveTurn:
    def __init__(self, live: Live, rate: int, on_partial: PartialHandler) -> None:
        self._live, self._rate, self._on_partial, self._pcm = live, rate, on_partial, b""

    def feed(self, pcm: bytes) -> None:
        self._pcm += pcm
        self._on_partial(self._live.speech.read(self._pcm), False)

    async def finish(self) -> str:
        return await self._live.transcribe(self._pcm, self._rate)

    def cancel(self) -> None:
        self._live.calls = -1


def test_a_recogniser_that_streams_does_so_and_its_whole_turn_is_taken_over(loop: VirtualLoop) -> None:
    speech = CodedSpeech()
    live = Live(speech)
    both: Any = failover_stt([live, stt("second", speech)], LATE_S)
    heard: list[str] = []

    async def turn() -> list[str]:
        stream = both.stream(RATE, lambda text, stable: heard.append(text))
        stream.feed(speech.say("a table", 0.5))
        first = await stream.finish()
        live.fail = set(range(100))
        stream.feed(speech.say("for two", 0.5))
        texts = [first, await stream.finish()]
        stream.cancel()
        return texts

    assert loop.run_until_complete(turn()) == ["a table", "a table for two"]
    assert heard == ["a table", "a table for two"]
    assert live.calls == -1


def voice(name: str, first_s: float = 0.05) -> ScriptedTts:
    made = ScriptedTts(first_s)
    made.name = name
    return made


async def spoken(tts: FailoverTts, text: str) -> bytes:
    return b"".join([piece async for piece in tts.synthesize(text, RATE)])


@pytest.mark.parametrize("fault", ["fail", "late"])
def test_a_voice_that_fails_or_is_late_is_helped(loop: VirtualLoop, who: dict[str, str], fault: str) -> None:
    first, second = voice("first", 0.05 if fault == "fail" else 9.0), voice("second")
    first.fail = re.compile("") if fault == "fail" else None
    both = FailoverTts("tts", [first, second], LATE_S)
    assert loop.run_until_complete(spoken(both, "Hello.")) == loop.run_until_complete(spoken_by(voice("x"), "Hello."))
    assert who == {"tts": "second"}
    assert first.cancelled == (fault == "late")


async def spoken_by(tts: ScriptedTts, text: str) -> bytes:
    return b"".join([piece async for piece in tts.synthesize(text, RATE)])


def test_a_voice_that_breaks_in_the_middle_is_an_error_and_never_two_halves(loop: VirtualLoop) -> None:
    class Breaks(ScriptedTts):
        async def synthesize(self, text: str, rate: int) -> AsyncGenerator[bytes, None]:
            yield b"\1\0" * 100
            raise EngineError("broke")

    second = voice("second")
    with pytest.raises(EngineError, match="broke"):
        loop.run_until_complete(spoken(FailoverTts("tts", [Breaks(), second], LATE_S), "Hello."))
    assert not second.said


def test_an_interrupted_clause_stops_every_voice(loop: VirtualLoop) -> None:
    first, second = voice("first", 5.0), voice("second", 5.0)

    async def cut() -> None:
        task = asyncio.ensure_future(spoken(FailoverTts("tts", [first, second], LATE_S), "Hello."))
        await asyncio.sleep(2.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.1)

    loop.run_until_complete(cut())
    assert (first.cancelled, second.cancelled) == (1, 1)


class Brain:
    """One session that gives its tokens after `wait_s`. An exception among them is raised."""

    def __init__(self, name: str, *tokens: Token | Exception, wait_s: float = 0.1) -> None:
        self.name, self.tokens, self.wait_s = name, tokens, wait_s
        self.log: list[str] = []
        self.asked = True

    async def load(self) -> None: ...

    async def close(self) -> None: ...

    def session(self, script: Any, context: Any = None) -> Any:
        return self

    async def reply(self, turn: UserTurn) -> AsyncGenerator[Token, None]:
        self.log.append("asked")
        try:
            await asyncio.sleep(self.wait_s)
            for token in self.tokens:
                if isinstance(token, Exception):
                    raise token
                yield token
                self.log.append(f"after {token}")
        except (asyncio.CancelledError, GeneratorExit):
            self.log.append("closed")
            raise

    def idle(self, count: int) -> AsyncGenerator[Token, None]:
        return self.reply(UserTurn(""))

    def retract(self) -> None:
        self.log.append("retracted")

    def passed_over(self) -> None:
        self.log.append("passed over")

    def complete(self, text: str) -> bool | None:
        return self.name == "second"

    def save(self) -> dict[str, Any]:
        return {self.name: 1}


def answer(loop: VirtualLoop, session: Any) -> list[Token]:
    async def work() -> list[Token]:
        tokens = [token async for token in session.reply(UserTurn("Hello?"))]
        await asyncio.sleep(0.01)
        return tokens

    return loop.run_until_complete(work())


def both_of(*brains: Brain) -> Any:
    return FailoverBrain(brains, LATE_S).session(Host())


@pytest.mark.parametrize(
    "first",
    [
        Brain("first", EngineError("down")),
        Brain("first"),  # no token at all
        Brain("first", "Too late.", wait_s=9.0),
        Brain("first", RuntimeError("a bug of its own")),
    ],
)
def test_a_brain_that_fails_or_is_late_is_helped(loop: VirtualLoop, who: dict[str, str], first: Brain) -> None:
    second = Brain("second", "Here", " I am.", Act.HANGUP)
    session = both_of(first, second)
    assert answer(loop, session) == ["Here", " I am.", Act.HANGUP]
    assert who == {"brain": "second"}
    assert "retracted" in first.log
    assert "passed over" in first.log
    assert session.complete("x") is True
    session.retract()
    assert second.log[-1] == "retracted"
    assert first.log.count("retracted") == 1
    assert session.save() == {"first": 1, "second": 1}


def test_of_two_brains_only_the_winner_goes_beyond_its_first_token(loop: VirtualLoop) -> None:
    """The token that announces a tool wins, and the other's tool never runs."""
    first, second = (Brain(name, AtWork("book"), "Booked.", wait_s=s) for name, s in (("first", 1.2), ("second", 0.2)))
    assert answer(loop, both_of(first, second)) == [AtWork("book"), "Booked."]
    assert sum(f"after {AtWork('book')}" in brain.log for brain in (first, second)) == 1
    assert second.log == ["asked", "passed over", "closed", "retracted"]


def test_a_brain_that_breaks_after_its_first_words_is_an_error(loop: VirtualLoop) -> None:
    second = Brain("second", "Hello.")
    with pytest.raises(EngineError, match="broke"):
        answer(loop, both_of(Brain("first", "Well", EngineError("broke")), second))
    assert second.log == ["passed over"]


def test_a_reply_that_nobody_waits_for_is_undone_once(loop: VirtualLoop) -> None:
    first, second = Brain("first", "x"), Brain("second", "x")
    session = both_of(first, second)
    answer(loop, session)  # a turn before, which stays
    for brain in (first, second):
        brain.wait_s = 9.0
        brain.log.clear()

    async def give_up() -> None:
        task = asyncio.ensure_future(anext(session.reply(UserTurn("Hello?"))))
        await asyncio.sleep(2.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.01)

    loop.run_until_complete(give_up())
    session.retract()
    assert first.log == second.log == ["asked", "closed", "retracted"]


def test_a_reminder_that_nobody_waits_for_takes_no_reply_back(loop: VirtualLoop) -> None:
    first, second = Brain("first", "x"), Brain("second", "x")
    session = both_of(first, second)
    answer(loop, session)
    first.log.clear()
    first.wait_s = second.wait_s = 9.0

    async def give_up() -> None:
        task = asyncio.ensure_future(anext(session.idle(1)))
        await asyncio.sleep(2.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.01)

    loop.run_until_complete(give_up())
    assert "retracted" not in first.log
    session.retract()
    assert first.log[-1] == "retracted"


def test_two_brains_of_one_name_are_two(loop: VirtualLoop) -> None:
    first, second = Brain("openai", EngineError("down")), Brain("openai", "Hello.")
    assert answer(loop, both_of(first, second)) == ["Hello."]
    assert (first.log[0], second.log[0]) == ("asked", "asked")


def test_a_brain_that_rests_is_not_asked_first(loop: VirtualLoop) -> None:
    first, second = Brain("first", EngineError("down"), wait_s=0.9), Brain("second", "Hello.")
    session = FailoverBrain([first, second], LATE_S, loop.time).session(Host())  # type: ignore[arg-type, list-item]
    for _ in range(5):
        assert answer(loop, session) == ["Hello."]
    assert first.log.count("asked") == 3
    first.tokens = ("I am back.",)
    loop.run_until_complete(asyncio.sleep(20.0))
    assert answer(loop, session) == ["I am back."]


async def test_who_takes_over_knows_which_tools_ran_and_so_does_who_comes_back() -> None:
    tool = Probe()
    async with rig(called("book", {"guests": 4}), Response(b"", 500), tools=[tool]) as first, rig(tools=[tool]) as second:
        session = FailoverBrain([first.brain, second.brain], 30.0).session(Host([tool]), Context())
        with pytest.raises(EngineError):  # the model was gone when it was to speak of what came of it
            [token async for token in session.reply(UserTurn("A table for four."))]
        first.service.answers += [Response(b"", 500), said("Yes, for four.")]
        assert [token async for token in session.reply(UserTurn("Is it done?"))]
        assert [m["content"] for m in second.asked[-1]["messages"] if m["role"] == "tool"] == ["booked"]
        second.service.answers += [called("book", {"guests": 2}), said("Done.")]
        first.service.answers.insert(0, Response(b"", 500))
        assert [token async for token in session.reply(UserTurn("And for two."))]
        assert [run["arguments"] for run in session.save()["_tools"]] == ['{"guests": 4}', '{"guests": 2}']
        assert [token async for token in session.reply(UserTurn("Sure?"))] == ["Yes,", " for", " four."]
        assert [m["content"] for m in first.asked[-1]["messages"] if m["role"] == "tool"] == ["booked", "booked"]


async def test_the_configuration_names_who_takes_over() -> None:
    cfg = Config.model_validate({"engines": {"tts": "espeak", "failover": {"tts": ["espeak"], "brain": ["rules"], "stt": []}}})
    made = await load(cfg)
    try:
        assert (made.tts.name, made.brain.name, made.stt.name) == ("espeak|espeak", "rules|rules", "moonshine")
        assert [piece async for piece in made.tts.synthesize("Hello.", 8000)]
    finally:
        await made.close()
