# SPDX-License-Identifier: GPL-3.0-or-later
"""`sipagent call`: one outgoing call without the rest of the switch."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console
from rich.table import Table

import mediacore
from sipagent import engines, log, player
from sipagent.call import Call
from sipagent.commands.common import FAILED, Overrides, exit_codes, settings
from sipagent.config import Config
from sipagent.config_errors import OptionError
from sipagent.engines.base import Tts
from sipagent.player import CallResult, Plan
from sipagent.signalling.agent import UserAgent
from sipagent.signalling.errors import SignallingError, UriError
from sipagent.signalling.locate import SERVICES, Locator, Target
from sipagent.signalling.names import Dns
from sipagent.signalling.uri import Transport, parse_uri
from sipagent.wavfile import WavError, read_wav

__all__ = ["Plan", "call", "client"]

REGISTER_S = 10.0
POLL_S = 0.05


@exit_codes
def call(uri: str, plan: Plan, path: Path | None, overrides: Overrides, *, as_json: bool) -> int:
    """Makes one call and prints its result."""
    result = uvloop.run(make_call(uri, plan, path, overrides))
    if as_json:
        sys.stdout.write(json.dumps(asdict(result), indent=1) + "\n")
    else:
        Console(highlight=False).print(table(result))
    return 0 if result.answered else FAILED


async def make_call(uri: str, plan: Plan, path: Path | None, overrides: Overrides) -> CallResult:
    """From the options to the numbers of an ended call."""
    tree = overrides.tree()
    tree["protection"] = {"allow": ["*"]}  # whoever types this command may call where it says
    tree["sip"].setdefault("accounts", [])  # a second registration would draw the switch's own calls here
    cfg = settings(path, tree)
    target = await locate(uri, cfg)
    if not overrides.sip:
        tree["sip"]["listen"] = [local_listen(target)]
        cfg = settings(path, tree)
    log.setup(cfg.log.model_copy(update={"level": "warning"}))
    pcm = await _file(plan, cfg.media.rate)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    async with _voice(plan, cfg) as tts, client(cfg, connect=(target.transport,)) as agent:
        made = await agent.invite(uri, await _registered(agent, stop) if overrides.register else None)
        with log.call_context(made.id):
            await player.carry_out(made, plan, pcm, tts, stop)
        result = player.result(uri, made, plan)
        made.leg.close()
    return result


async def locate(uri: str, cfg: Config) -> Target:
    """Where the call will go."""
    try:
        wanted = parse_uri(uri)
    except UriError as exc:
        raise OptionError(str(exc)) from None
    can = [(transport, version) for transport in SERVICES for version in (4, 6)]
    locator = Locator(Dns(cfg.sip.dns), can)
    return (await locator.locate(wanted.host, wanted.port, wanted.transport, wanted.scheme == "sips"))[0]


def local_listen(target: Target) -> dict[str, Any]:
    """A row of sip.listen for this call: any free port of the address that the route to the far end starts from. TLS needs no
    row: a client has no certificate to listen with."""
    family = socket.AF_INET6 if target.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((target.address, target.port))  # on UDP this only picks the route
        return {"transport": "tcp" if target.transport == "tcp" else "udp", "host": probe.getsockname()[0], "port": 0}


async def _file(plan: Plan, rate: int) -> bytes:
    if plan.play is None:
        return b""
    try:
        return await asyncio.to_thread(read_wav, plan.play, rate)
    except WavError as exc:
        raise OptionError(f"--play: {exc}") from None


async def _registered(agent: UserAgent, stop: asyncio.Event) -> str:
    """The account to call through, once its registrar has accepted it."""
    for _ in range(int(REGISTER_S / POLL_S)):
        status = agent.accounts()[0]
        if status.registered:
            break
        if status.code >= 300 or stop.is_set():
            raise SignallingError(f"not registered as {status.user}@{status.host}: {status.code} {status.reason}")
        await asyncio.sleep(POLL_S)
    else:
        raise SignallingError(f"no answer to REGISTER from {status.host} in {REGISTER_S:g} s")
    return f"{status.user}@{status.host}"


@asynccontextmanager
async def _voice(plan: Plan, cfg: Config) -> AsyncIterator[Tts | None]:
    """The TTS engine, loaded before the far end hears the first ring; None when there is nothing to say."""
    if plan.say is None:
        yield None
        return
    tts = engines.create_tts(cfg.engines.tts, cfg)
    await tts.load()
    try:
        yield tts
    finally:
        await tts.close()


@asynccontextmanager
async def client(cfg: Config, connect: Collection[Transport] = ()) -> AsyncIterator[UserAgent]:
    """Signalling and a media worker, for calls that we make: whoever calls us meanwhile is turned away.
    `connect`: transports that are only called out by."""
    refusals: set[asyncio.Task[None]] = set()

    def refuse(incoming: Call) -> None:
        refusals.add(asyncio.ensure_future(incoming.hangup(480, "this is a one-call client")))

    loop = asyncio.get_running_loop()
    worker = mediacore.Worker(cpu=cfg.media.cpu, fifo=cfg.media.fifo)
    agent = UserAgent(cfg, worker, refuse, connect=connect)
    worker.start()
    loop.add_reader(worker.fileno(), worker.drain)
    try:
        await agent.start()
        try:
            yield agent
        finally:
            await agent.stop()
    finally:
        loop.remove_reader(worker.fileno())
        worker.close()


def table(result: CallResult) -> Table:
    """The result for people."""
    rows = Table(show_header=False, box=None)
    state = "answered" if result.answered else "not answered"
    rows.add_row("call", f"{result.uri}: {state}, {result.end_code or 'normal end'} {result.end_reason}".rstrip())
    if result.answered:
        rows.add_row(
            "time", f"set up in {result.setup_s:.3f} s, talked {result.duration_s:.1f} s, played {result.played_s:.1f} s"
        )
        rows.add_row("media", f"{result.codec}, {result.ptime_ms} ms{', SRTP' if result.secure else ''}")
        rows.add_row("packets", f"sent {result.sent_packets}, received {result.received_packets}, lost {result.lost_packets}")
        rows.add_row("jitter", f"{result.jitter_ms:.2f} ms, {result.late_packets} packets too late")
    if result.recording:
        rows.add_row("recording", result.recording)
    return rows
