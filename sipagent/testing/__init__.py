# SPDX-License-Identifier: GPL-3.0-or-later
"""Public fakes for tests of agents and dialogues.

loop = VirtualLoop()
leg = FakeLeg(clock=loop.clock_us)
call, control = fake_call(leg)
leg.start(); leg.hear(pcm); ...
"""

from sipagent.testing.leg import FakeControl, FakeLeg, fake_call
from sipagent.testing.loop import VirtualLoop
from sipagent.testing.speech import CodedSpeech, LevelVad, ScriptedStt, ScriptedTts, fake_engines

__all__ = [
    "CodedSpeech",
    "FakeControl",
    "FakeLeg",
    "LevelVad",
    "ScriptedStt",
    "ScriptedTts",
    "VirtualLoop",
    "fake_call",
    "fake_engines",
]
