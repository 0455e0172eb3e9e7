# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is told of a call hears all of it, in order, and never before the call itself is served."""

from __future__ import annotations

import asyncio

from sipagent.dialogue.events import DialogueEvent
from sipagent.dialogue.lanes import Control
from tests.dialogue.conftest import Stage


async def test_what_arrives_meanwhile_goes_between_two_of_them() -> None:
    seen: list[str] = []
    lane = Control()
    for i in range(3):
        lane.post(lambda i=i: seen.append(f"note {i}"))  # type: ignore[misc]
    asyncio.get_running_loop().call_soon(seen.append, "urgent")
    assert seen == []
    for _ in range(5):
        await asyncio.sleep(0)
    assert seen == ["note 0", "urgent", "note 1", "note 2"]


async def test_one_that_fails_takes_nothing_from_the_others() -> None:
    seen: list[int] = []
    lane = Control()
    lane.post(lambda: seen.append(0))
    lane.post(lambda: 1 // 0)
    lane.post(lambda: seen.append(2))
    lane.flush()
    assert seen == [0, 2]
    assert len(lane) == 0


async def test_what_is_posted_while_it_ends_is_told_too() -> None:
    seen: list[str] = []
    lane = Control()
    lane.post(lambda: lane.post(lambda: seen.append("the last word")))
    lane.flush()
    await asyncio.sleep(0)
    assert seen == ["the last word"]


def test_an_interruption_drops_speech_and_no_note(stage: Stage) -> None:
    """Every line and turn of the call's record was told, in its order, each end after its beginning."""

    async def scene() -> None:
        await stage.quiet()
        stage.say("Tell me a long story about it all.", 1.0)
        await stage.bot_speaks()
        await asyncio.sleep(0.3)
        stage.say("No wait, stop it now please.", 1.5)
        await stage.quiet(2.0)

    stage.play(scene())
    told = [e for e in stage.events if e.kind in ("line", "line_end")]
    begun = [e.data["text"] for e in told if e.kind == "line"]
    assert begun == [line["text"] for line in stage.notes["transcript"]]
    ended = {e.data["text"]: e for e in told if e.kind == "line_end"}
    assert set(ended) == set(stage.lines("agent"))
    cut = next(e for e in ended.values() if e.data["interrupted"])
    assert cut.data["heard"] != cut.data["text"]
    kinds = [e.kind for e in stage.events]
    assert kinds.index("barge_in") < kinds.index("end") == len(kinds) - 1
    times = [e.t_us for e in stage.events]
    assert times == sorted(times)


def test_a_slow_listener_does_not_hold_up_what_is_heard(stage: Stage) -> None:
    """An event shows what was then, however late it is looked at."""
    first: list[DialogueEvent] = []

    async def scene() -> None:
        await stage.quiet()
        first.extend(e for e in stage.events if e.kind == "line")
        await stage.quiet()

    stage.play(scene())
    (line,) = first
    assert line.data["heard"] is None
    assert stage.notes["transcript"][0]["heard"]
