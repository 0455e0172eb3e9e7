# SPDX-License-Identifier: GPL-3.0-or-later
"""One demo call: the caller's process on one side, what the switch says about the call on the other, the report behind both."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sipagent.demo import report, show
from sipagent.demo.measure import StereoFile
from sipagent.demo.switch_process import SwitchProcess
from sipagent.version import VERSION

RECORD_S = 10.0  # for the switch to close the call's record


class Demo:
    """One demo call: the caller's process, and what the switch says about the call meanwhile."""

    def __init__(self, switch: SwitchProcess, script: Path) -> None:
        self._switch = switch
        self._script = script
        self._shown = 0
        self.events: list[dict[str, Any]] = []
        self.call_id: str | None = None

    async def run(self) -> bool:
        """True when the caller's process ended well."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sipagent.demo.caller", f"sip:reception@{self._switch.sip}", str(self._script)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            while line := await process.stdout.readline():
                event = json.loads(line)
                self.events.append(event)
                await self._happened(event)
            return await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def call(self) -> dict[str, Any]:
        """The switch's record of the call, live or ended; empty when it knows none."""
        if self.call_id is None:
            known = (await self._switch.get("/v1/calls"))["calls"]
            self.call_id = known[-1]["id"] if known else None
        return (await self._switch.get(f"/v1/calls/{self.call_id}") if self.call_id else None) or {}

    async def record(self) -> dict[str, Any]:
        """The record when it is closed, or what there is of it after RECORD_S."""
        deadline = time.monotonic() + RECORD_S
        while True:
            call = await self.call()
            closed = call.get("state") == "ended" and "recording_start_us" in call.get("notes", {})
            if closed or time.monotonic() > deadline:
                return call
            await asyncio.sleep(0.2)

    async def _happened(self, event: Mapping[str, Any]) -> None:
        match event["event"]:
            case "answered":
                show.note(f"answered, {event['codec']}")
            case "greeting":
                call = await self.call()
                first = next((line["text"] for line in call.get("transcript", []) if line["who"] == "agent"), "")
                show.greeting(first)
            case "said":
                await self._turns(event["index"])
                show.said(event["text"])
            case "answer" | "ended":
                await self._turns(None)
            case "interrupted":
                show.note("        (into the answer)")
            case "no answer" | "not answered":
                show.note(f"{event['event']}: {dict(event)}")

    async def _turns(self, index: int | None) -> None:
        """Shows the turns that are new; None: all of them, else those before the utterance that was just said."""
        ledger = (await self.call()).get("ledger", [])
        if index is not None:
            began_us = self.events[-1]["start_us"]
            ledger = [t for t in ledger if (t["times_us"].get("last_speech") or 0) < began_us]
        for entry in ledger[self._shown :]:
            show.turn(entry)
        self._shown = max(self._shown, len(ledger))


async def converse(switch: SwitchProcess, script: Path, room: Path, began_s: float) -> dict[str, Any]:
    """The call and its report."""
    demo = Demo(switch, script)
    caller_ok = await demo.run()
    call = await demo.record()
    said = [report.Said(e["text"], e["start_us"], e["end_us"]) for e in demo.events if e["event"] == "said"]
    turns = report.join(said, call.get("ledger", []))
    recording, path = keep_recording(call, room)
    if recording is not None:
        report.compare(turns, said, recording)
    greeted_us = next((e["start_us"] for e in demo.events if e["event"] == "greeting"), None)
    first_word_s = None if greeted_us is None else round(greeted_us / 1e6 - began_s, 1)
    result = report.build(
        turns,
        events=demo.events,
        recording=recording,
        recording_path=path,
        barge_in=report.interruption(said, demo.events, call.get("ledger", []), recording),
        caller_ok=caller_ok,
        call=call,
        environment=environment(first_word_s),
    )
    show.summary(turns, result)
    return result


def keep_recording(call: Mapping[str, Any], room: Path) -> tuple[StereoFile | None, str]:
    """The call's recording under its lasting name; None when there is none that can be read."""
    notes = call.get("notes", {})
    source, start_us = notes.get("recording"), notes.get("recording_start_us")
    if not source or start_us is None or not Path(source).exists():
        return None, ""
    kept = room / "conversation.wav"
    shutil.copyfile(source, kept)
    return StereoFile.read(kept, start_us), str(kept)


def environment(first_word_s: float | None) -> dict[str, Any]:
    """Machine and versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), platform.machine())
    packages = ("moonshine-voice", "onnxruntime", "piper-tts", "silero-vad", "uvloop")
    return {
        "seconds_to_first_word": first_word_s,
        "machine": f"{cpu}, {os.cpu_count()} cores, Linux {platform.release()}, load {os.getloadavg()[0]:.1f}",
        "versions": {"sipagent": VERSION, "python": platform.python_version(), **{name: version(name) for name in packages}},
    }
