# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: starts the switch, has a caller phone it, prints the conversation as it happens, and judges it.

Exit code 0 when the conversation happened, 1 when it did not, 4 when the switch did not come up.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path

from sipagent.demo import show
from sipagent.demo.conversation import converse
from sipagent.demo.script import CONVERSATION
from sipagent.demo.switch_process import SwitchFailed, SwitchProcess, configuration
from sipagent.demo.voice import render

CALLER_RATE = 16000
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

Phone it from a softphone{"" if not host.startswith("127.") else " on this machine"}: no account is needed, dial
    sip:reception@{address}:{port}          (UDP; Opus, G.711 or L16)
  for example   baresip -e '/dial sip:reception@{address}:{port}'
  and, without a phone,
    .venv/bin/sipagent call sip:reception@{address}:{port} --say "What time is it?" --duration 10 --record heard.wav

Register it on a PBX: make an extension there with a user name and a password, then
    .venv/bin/sipagent serve --sip udp:ADDRESS:5060 --register sip:USER:PASSWORD@PBX
  where ADDRESS is an address of this machine that the PBX can reach. Calls to the extension are answered.""",
        markup=False,
    )
    if host.startswith("127."):
        show.console.print("A phone on another machine can't reach {host}: start with --host and an address of this machine.")


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
