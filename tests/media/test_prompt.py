# SPDX-License-Identifier: GPL-3.0-or-later
"""Prompts on a running worker: what comes out of a real socket, to whom, and for how long."""

from __future__ import annotations

import threading
from contextlib import ExitStack, closing

import numpy as np
import pytest

from mediacore import ArgumentError, Prompt, StateError, Worker
from tests.media.rig import OPUS, PCMU, RATE, Phone, drain_until
from tests.media.rtp import part, tone

LOUD = 0.2 * 32767


@pytest.mark.parametrize("codec", [PCMU, OPUS], ids=["PCMU", "opus"])
def test_one_prompt_for_many(worker: Worker, room: ExitStack, codec: tuple[str, int, int]) -> None:
    phones = [Phone(worker, room, *codec) for _ in range(4)]
    prompt = room.enter_context(closing(Prompt(tone(1, RATE, 600, 0.2).tobytes(), RATE)))
    assert prompt.seconds == pytest.approx(1.0)
    thread = threading.Thread(target=prompt.prepare, args=(phones[0].leg,))
    thread.start()
    thread.join()
    for phone in phones:
        prompt.start(phone.leg)
    assert all(0 < prompt.left(phone.leg) <= 1.0 for phone in phones)
    drain_until(worker, lambda: all(prompt.left(phone.leg) == 0 for phone in phones))
    for phone in phones:  # a second and what a stall puts in, then silence
        drain_until(worker, lambda: len(phone.line()) > 1.4 * RATE and np.abs(phone.line()[-RATE // 5 :]).max() < LOUD / 10)  # noqa: B023
    for phone in phones:
        line = phone.line()
        loud = np.flatnonzero(np.abs(line.astype(int)) > LOUD / 2)
        # Two thirds of a sine are louder than half of its peak: all of it, and nothing twice, whatever silence a stall puts in.
        assert 0.9 * RATE < 1.5 * len(loud) < 1.1 * RATE
        assert part(line[loud[0] : loud[-1]], RATE, 600) > LOUD * 0.8
        prompt.start(phone.leg)  # again, now that it is over
        prompt.stop(phone.leg)
        assert prompt.left(phone.leg) == 0


def test_a_loop_never_ends(worker: Worker, room: ExitStack) -> None:
    phone = Phone(worker, room, *OPUS)
    prompt = room.enter_context(closing(Prompt(tone(0.3, RATE, 600, 0.2).tobytes(), RATE, loop=True)))
    prompt.prepare(phone.leg)
    prompt.start(phone.leg)
    drain_until(worker, lambda: len(phone.line()) > 2 * RATE)
    assert prompt.left(phone.leg) == float("inf")
    assert part(phone.line()[-RATE // 2 :], RATE, 600) > LOUD * 0.7


def test_live_speech_over_and_after(worker: Worker, room: ExitStack) -> None:
    phone = Phone(worker, room, *OPUS)
    prompt = room.enter_context(closing(Prompt(tone(6, RATE, 600, 0.2).tobytes(), RATE)))
    prompt.prepare(phone.leg)
    prompt.start(phone.leg)
    drain_until(worker, lambda: len(phone.line()) > RATE // 2)
    phone.leg.write(tone(5, RATE, 1100, 0.2).tobytes())
    phone.heard.clear()
    drain_until(worker, lambda: len(phone.line()) > RATE)
    assert min(part(phone.line()[-RATE // 2 :], RATE, hz) for hz in (600, 1100)) > LOUD * 0.6
    prompt.stop(phone.leg)
    phone.heard.clear()
    drain_until(worker, lambda: len(phone.line()) > RATE // 2)
    assert part(phone.line()[RATE // 10 :], RATE, 1100) > LOUD * 0.6
    assert part(phone.line()[RATE // 10 :], RATE, 600) < LOUD * 0.05


def test_mistakes_are_named(worker: Worker, room: ExitStack) -> None:
    phone = Phone(worker, room, *PCMU)
    prompt = Prompt(tone(1, RATE).tobytes(), RATE)
    prompt.start(phone.leg)
    with pytest.raises(StateError, match="plays on this leg already"):
        prompt.start(phone.leg)
    narrow = room.enter_context(closing(Prompt(tone(1, 8000).tobytes(), 8000)))
    with pytest.raises(ArgumentError, match="8000 Hz on a leg of 16000 Hz"):
        narrow.start(phone.leg)
    with pytest.raises(ArgumentError, match="at most an hour"):
        Prompt(b"", RATE)
    prompt.close()
    with pytest.raises(StateError, match="closed"):
        prompt.start(phone.leg)
