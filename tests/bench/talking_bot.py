# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch of `barge-in`, end to end, and of `turn`: SIP, real engines and the product's conversation, with an agent that
always has more to say, one that answers in a few words, or one that does so and whose rules know what will be asked.

    python -m tests.bench.talking_bot recital|answer|rules      prints "ready PORT", ends with its input
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from sipagent import log
from sipagent.agents.flow import FlowScript
from sipagent.agents.spec import AgentFile, Intent
from sipagent.call import Call
from sipagent.config import Config, Dialogue
from sipagent.dialogue.conversation import Conversation
from sipagent.engines import EngineSet
from sipagent.engines.base import Answer, Script, Tool, UserTurn
from sipagent.switch import Switch
from tests.bench.human import sentence, texts
from tests.bench.systems import LOOPBACK, input_ends, run, say
from tests.interop import ports

RTP_PORTS = 40
LONG = " ".join(
    [
        "Our hotel lies in the middle of the old town and all of its rooms look out over the river and the gardens behind it",
        "and breakfast is served on the terrace from seven in the morning until eleven and dinner in the hall downstairs",
        "where a fire burns in winter and where in summer the doors stand open and the music of the square comes in",
        "and whoever wants to swim finds a heated pool under the roof and a sauna beside it and towels lie there for everybody",
    ]
    * 2
)


ANSWER = "Thank you, I have noted that."


class Recital:
    """A script that answers everything by the same words. `whole`: what it holds of any text (None = by its form)."""

    instructions = ""
    tools: tuple[Tool, ...] = ()

    def __init__(self, text: str, whole: bool | None) -> None:
        self._text, self._whole = text, whole

    def greet(self) -> Answer:
        return Answer(self._text)

    def reply(self, turn: UserTurn) -> Answer:
        return Answer(self._text)

    def idle(self, count: int) -> Answer:
        return Answer(self._text)

    def complete(self, text: str) -> bool | None:
        return self._whole

    def retract(self) -> None:
        """It remembers nothing."""

    def save(self) -> dict[str, Any]:
        return {}

    def resume(self, slots: Mapping[str, Any]) -> Answer:
        return Answer(LONG)


def rules() -> FlowScript:
    """The brain of an agent file, with an intent for each sentence that a caller of `turn` may say."""
    intents = [Intent(name=name, examples=[text], say=ANSWER) for name, text in sorted(texts(sentence).items())]
    return FlowScript(AgentFile(greeting=ANSWER, intent=intents, small_talk=False))


AGENTS: dict[str, Callable[[], Script]] = {
    "recital": lambda: Recital(LONG, True),
    "answer": lambda: Recital(ANSWER, None),
    "rules": rules,
}


class Reciter:
    """The agent."""

    name = "reciter"

    def __init__(self, cfg: Dialogue, engines: EngineSet, script: Callable[[], Script]) -> None:
        self._cfg, self._engines, self._script = cfg, engines, script

    async def on_call(self, call: Call) -> None:
        await call.media_ready.wait()
        session = self._engines.brain.session(self._script())
        await Conversation(call, self._engines, session, self._cfg).run()


async def main() -> dict[str, Any]:
    port, rtp = ports.one(), ports.block(RTP_PORTS)
    cfg = Config.model_validate(
        {
            "sip": {"listen": [{"host": LOOPBACK, "port": port}]},
            "media": {"ports": (rtp, rtp + RTP_PORTS - 1)},
            "api": {"enabled": False},
            "log": {"level": "error"},
        }
    )
    log.setup(cfg.log)

    def reciter(engines: EngineSet | None) -> Reciter:
        assert engines is not None
        return Reciter(cfg.dialogue, engines, AGENTS[sys.argv[1]])

    switch = Switch(cfg, reciter)
    await switch.start()
    try:
        say(f"ready {port}")
        await input_ends()
        turns = [entry for call in switch.calls.values() for entry in call.notes.get("ledger", [])]
    finally:
        await switch.stop()
    return {
        "turns": len(turns),
        "barge_ins": sum(entry.get("barge_in") is not None for entry in turns),
        "stages": [entry["stages"] for entry in turns if entry.get("gap_ms") is not None],
    }


if __name__ == "__main__":
    run(main)
