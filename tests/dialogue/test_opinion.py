# SPDX-License-Identifier: GPL-3.0-or-later
"""A second opinion on the end of turn: heard when it is there, never waited for."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipagent import engines
from sipagent.config import Config
from sipagent.engines.base import EngineError, EngineMissing
from sipagent.engines.logmel import BANDS, HOP, RATE, log_mel
from sipagent.engines.smart_turn import SmartTurn

Stage = Any  # conftest.Stage


class ScriptedTurn:
    """Has the same opinion of everything, after a while."""

    name = "scripted"

    def __init__(self, over: float | Exception, latency_s: float = 0.05) -> None:
        self.opinion, self.latency_s = over, latency_s
        self.heard: list[float] = []

    async def load(self) -> None: ...

    async def close(self) -> None: ...

    async def over(self, pcm: bytes, rate: int) -> float:
        self.heard.append(len(pcm) / 2 / rate)
        await asyncio.sleep(self.latency_s)
        if isinstance(self.opinion, Exception):
            raise self.opinion
        return self.opinion


def endpoint_ms(stage: Stage, text: str = "a complete sentence.") -> float:
    async def scene() -> None:
        await stage.quiet()
        stage.say(text, 1.0)
        await stage.quiet(2.0)

    stage.play(scene())
    assert stage.lines("caller") == [text]
    return float(stage.ledger[0]["stages"]["endpoint_ms"])


def test_a_voice_that_has_not_finished_is_waited_for(stage: Stage) -> None:
    stage.turn = ScriptedTurn(0.1)
    assert endpoint_ms(stage) == pytest.approx(800, abs=35)
    assert stage.turn.heard == [pytest.approx(1.0 + 0.15 + 0.3, abs=0.1)]  # the turn, the silence so far, its lead


def test_a_voice_that_has_finished_changes_nothing(stage: Stage) -> None:
    stage.turn = ScriptedTurn(0.9)
    assert endpoint_ms(stage) == pytest.approx(300, abs=35)


def test_an_unfinished_sentence_is_waited_for_however_it_sounds(stage: Stage) -> None:
    stage.turn = ScriptedTurn(0.9)
    assert endpoint_ms(stage, "I would like to") == pytest.approx(800, abs=35)


def test_the_script_knows_best(stage: Stage) -> None:
    stage.turn = ScriptedTurn(0.1)
    stage.script.judge = lambda text: True
    assert endpoint_ms(stage) == pytest.approx(300, abs=35)


@pytest.mark.parametrize("opinion", [EngineError("broken"), RuntimeError("worse")])
def test_no_opinion_is_text_alone(stage: Stage, opinion: Exception) -> None:
    stage.turn = ScriptedTurn(opinion)
    assert endpoint_ms(stage) == pytest.approx(300, abs=35)


def test_an_opinion_that_comes_late_is_not_waited_for(stage: Stage) -> None:
    stage.turn = ScriptedTurn(0.1, latency_s=5.0)
    assert endpoint_ms(stage) == pytest.approx(300, abs=35)


def test_who_goes_on_is_judged_again(stage: Stage) -> None:
    stage.turn = ScriptedTurn(0.1)

    async def scene() -> None:
        await stage.quiet()
        stage.say("one.", 1.0)
        stage.silence(0.5)
        stage.say("two.", 1.0)
        await stage.quiet(2.0)

    stage.play(scene())
    assert [turn.text for turn in stage.script.turns] == ["one. two."]
    assert len(stage.turn.heard) == 2


@pytest.mark.parametrize("hertz", [125.0, 500.0, 1000.0, 3000.0])
def test_a_tone_is_loudest_in_its_band(hertz: float) -> None:
    """Slaney's scale up to 8 kHz in 80 bands: 0.5 mel each; 15 mel at 1 kHz, 45.2 at 8 kHz."""
    sound = np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE).astype(np.float32)
    levels = log_mel(sound)
    assert levels.shape == (BANDS, RATE // HOP)
    mel = hertz * 3 / 200 if hertz <= 1000 else 15 + 27 * np.log(hertz / 1000) / np.log(6.4)
    top = 15 + 27 * np.log(8) / np.log(6.4)
    assert levels.mean(axis=1).argmax() == pytest.approx(mel / top * 81 - 1, abs=0.6)


def test_loudness_makes_no_difference() -> None:
    sound = np.random.default_rng(1).normal(size=RATE).astype(np.float32)
    assert np.abs(log_mel(sound) - log_mel(0.01 * sound)).max() < 1e-3


def test_without_its_model_it_says_what_to_do(tmp_path: Path) -> None:
    broken = tmp_path / "model.onnx"
    broken.write_bytes(b"no model")
    for path, says in ((tmp_path / "none.onnx", "is not there"), (broken, "is no smart-turn-v3 model")):
        cfg = Config.model_validate({"engines": {"turn": "smart-turn", "turn_model": str(path)}})
        with pytest.raises(EngineMissing, match=f"{says}.*set engines.turn_model"):
            asyncio.run(SmartTurn(cfg).load())


def test_text_alone_needs_no_engine_and_other_names_are_explained() -> None:
    assert engines.create_turn("text", Config()) is None
    with pytest.raises(EngineMissing, match=r'engines\.turn = "x" is not an engine; choose one of: smart-turn'):
        engines.create_turn("x", Config())
