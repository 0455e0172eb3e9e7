# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: starts the switch, has a caller phone it, prints the conversation as it happens, and judges it.

Exit code 0 when the conversation happened, 1 when it did not, 4 when the switch did not come up.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sipagent.demo import report, show
from sipagent.demo.measure import StereoFile
from sipagent.demo.script import CONVERSATION
from sipagent.demo.switch_process import SwitchFailed, SwitchProcess, configuration
from sipagent.demo.voice import render

CALLER_RATE = 16000
RECORD_S = 10.0  # for the switch to close the call's record
OUT = Path("out")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/demo", description="A conversation with the switch, over real SIP and RTP.")
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="write the JSON report here too (always: out/demo/report.json)"
    )
    parser.add_argument("--voice", choices=["espeak", "piper"], default="espeak", help="the bot's voice (default espeak)")
    parser.add_argument("--serve", action="store_true", help="keep the switch up after the call, for your own phone")
    parser.add_argument("--no-call", action="store_true", help="with --serve: no call of our own first")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; a phone on another machine needs this one's")
    args = parser.parse_args()
    if args.no_call and not args.serve:
        parser.error("--no-call without --serve would do nothing")
    return args


def free_port(host: str, wanted: int, kind: socket.SocketKind) -> int:
    """`wanted` when nobody has it, else any (0)."""
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((host, wanted))
        except OSError:
            return 0
    return wanted


def environment(first_word_s: float | None) -> dict[str, Any]:
    """Machine and versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), platform.machine())
    packages = {"sipagent", "moonshine-voice", "silero-vad", "onnxruntime", "uvloop", "piper-tts"}
    return {
        "seconds_to_first_word": first_word_s,
        "machine": f"{cpu}, {os.cpu_count()} cores, Linux {platform.release()}, load {os.getloadavg()[0]:.1f}",
        "versions": {"python": platform.python_version(), **{name: version(name) for name in sorted(packages)}},
    }


class Demo:
    """One demo call: the caller's process, and what the switch says about the call meanwhile."""

    def __init__(self, switch: SwitchProcess, script: Path, began_s: float) -> None:
        self._switch = switch
        self._script = script
        self._began_s = began_s
        self._shown = 0
        self.events: list[dict[str, Any]] = []
        self.call_id: str | None = None
        self.first_word_s: float | None = None

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
                late = (event["last_bot_us"] - event["first_voiced_us"]) / 1000
                show.note(f"        (into the answer: the bot fell silent {late:.0f} ms after the caller's first sound)")
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
    demo = Demo(switch, script, began_s)
    caller_ok = await demo.run()
    call = await demo.record()
    said = [report.Said(e["text"], e["start_us"], e["end_us"]) for e in demo.events if e["event"] == "said"]
    turns = report.join(said, call.get("ledger", []))
    recording, path = keep_recording(call, room)
    if recording is not None:
        report.compare(turns, said, recording)
    answered_us = next((e["t_us"] for e in demo.events if e["event"] == "answered"), None)
    first_word_s = None if answered_us is None else round(answered_us / 1e6 - began_s, 1)
    result = report.build(
        turns,
        events=demo.events,
        recording=recording,
        recording_path=path,
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


async def main(args: argparse.Namespace) -> int:
    began_s = time.monotonic()
    room = OUT / "demo"
    room.mkdir(parents=True, exist_ok=True)
    ports = {
        "sip_port": free_port(args.host, 5060, socket.SOCK_DGRAM),
        "api_port": free_port("127.0.0.1", 8080, socket.SOCK_STREAM),
    }
    config = room / "switch.toml"
    config.write_text(configuration(host=args.host, store=room.absolute() / "calls", voice=args.voice, **ports))
    show.note("starting the switch and loading its models")
    code = 0
    try:
        async with SwitchProcess(config, room / "switch.log") as switch:
            show.note(f"the switch is up after {time.monotonic() - began_s:.1f} s: sip:{switch.sip}, {switch.api}")
            if not args.no_call:
                code = await call(args, switch, room, began_s)
            if args.serve:
                serve_notes(switch, args.host)
                await until_interrupted(switch)
    except SwitchFailed as e:
        print(e, file=sys.stderr)
        return 4
    return code


async def call(args: argparse.Namespace, switch: SwitchProcess, room: Path, began_s: float) -> int:
    """Renders the caller's voice if needed, calls, writes the report."""
    wavs = await render([u.text for u in CONVERSATION], CALLER_RATE, told=show.note)
    lines = [{"text": u.text, "manner": u.manner, "wav": str(wav)} for u, wav in zip(CONVERSATION, wavs, strict=True)]
    with tempfile.TemporaryDirectory() as scratch:
        script = Path(scratch) / "script.json"
        script.write_text(json.dumps(lines))
        result = await converse(switch, script, room, began_s)
    text = json.dumps(result, indent=1) + "\n"
    for path in {room / "report.json", args.report or room / "report.json"}:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        show.note(f"report: {path}")
    show.note("the conversation happened" if result["passed"] else "the conversation did NOT happen as it should")
    return 0 if result["passed"] else 1


def serve_notes(switch: SwitchProcess, host: str) -> None:
    """How a person reaches the switch."""
    address, port = switch.sip.rsplit(":", 1)
    show.console.print(
        f"""
The switch stays up; Ctrl-C ends it. Its calls: {switch.api}/v1/calls

Phone it from a softphone{"" if host != "127.0.0.1" else " on this machine"}: no account is needed, dial
    sip:reception@{address}:{port}          (UDP; Opus, G.711 or L16)
  for example   baresip -e '/dial sip:reception@{address}:{port}'
  and, without a phone,   .venv/bin/sipagent call sip:reception@{address}:{port} --say "What time is it?" --record heard.wav

Register it on a PBX: make an extension there with a user name and a password, then
    .venv/bin/sipagent serve --sip udp:ADDRESS:5060 --register sip:USER:PASSWORD@PBX
  where ADDRESS is an address of this machine that the PBX can reach. Calls to the extension are answered.""",
        markup=False,
    )
    if host == "127.0.0.1":
        show.console.print(
            "A phone on another machine can't reach 127.0.0.1: start with --host and an address of this machine."
        )


async def until_interrupted(switch: SwitchProcess) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    ended = asyncio.ensure_future(switch.wait())
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait([ended, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    ended.cancel()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(arguments())))
