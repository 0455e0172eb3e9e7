# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch: one process, composed. Worker, engines, agent, signalling and API are made here, in this order, and end in
the reverse one; nothing else in the project knows all of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import mediacore
from sipagent import agents, engines
from sipagent.api.server import ApiServer
from sipagent.call import Agent, Call
from sipagent.config import Config
from sipagent.log import call_context, get_logger
from sipagent.protection.watch import keep_watch
from sipagent.recorder import Recorder, Recording
from sipagent.signalling.agent import UserAgent

log = get_logger(__name__)

MEDIA_START_S = 10.0  # from our 200 to negotiated media; PJSIP itself waits 32 s for the ACK (RFC 3261 timer H)


class Switch:
    """Answers every call with one agent. All methods belong to the event loop's thread."""

    def __init__(self, cfg: Config) -> None:
        self.cfg = cfg
        self.worker = mediacore.Worker(cpu=cfg.media.cpu, fifo=cfg.media.fifo)
        self.user_agent = UserAgent(cfg, self.worker, self._incoming)
        self.engines: engines.EngineSet | None = None
        self.agent: Agent | None = None
        self.api: ApiServer | None = None
        self._recorder: Recorder | None = None
        self._calls: dict[str, Call] = {}
        self._ended: deque[str] = deque()  # of those the ones that are over, in this order
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None

    @property
    def calls(self) -> Mapping[str, Call]:
        """Live calls and the `store.recent_calls` that ended last, oldest first."""
        return self._calls

    async def start(self) -> None:
        """Loads models before the first call can come, then opens the doors."""
        if agents.speaks(self.cfg.dialogue.agent):
            self.engines = await engines.load(self.cfg)
        self.agent = agents.create(self.cfg.dialogue.agent, self.cfg, self.engines)
        self.worker.start()
        asyncio.get_running_loop().add_reader(self.worker.fileno(), self.worker.drain)
        if self.cfg.store.record and self.cfg.store.dir is not None:
            await asyncio.to_thread(self.cfg.store.dir.mkdir, parents=True, exist_ok=True)
            self._recorder = Recorder()
        await self.user_agent.start()
        self._watch = asyncio.create_task(keep_watch(), name="watch")
        if self.cfg.api.enabled:
            self.api = ApiServer(self.cfg, self)
            await self.api.start()
        log.info("switch up", listening=self.user_agent.listening(), agent=self.agent.name)

    async def drain(self) -> None:
        """Takes no new calls, and returns when the running ones are over, after `protection.drain_s` at the latest."""
        mediacore.drain_gate(True)
        limit = self.cfg.protection.drain_s
        log.info("draining", calls=len(self.user_agent.calls), limit_s=limit)
        over = [asyncio.create_task(call.ended.wait()) for call in self.user_agent.calls.values()]
        if over:
            _, left = await asyncio.wait(over, timeout=limit)
            for task in left:
                task.cancel()

    async def stop(self) -> None:
        """Hangs up what is left, closes every record, then stops the threads."""
        if self._watch is not None:
            self._watch.cancel()
        await self.user_agent.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5.0)
        for task in self._tasks:
            task.cancel()
        if self.api is not None:
            await self.api.stop()
        if self._recorder is not None:
            await self._recorder.close()
        asyncio.get_running_loop().remove_reader(self.worker.fileno())
        self.worker.stop()
        if self.engines is not None:
            await self.engines.close()
        log.info("switch down")

    def _incoming(self, call: Call) -> None:
        self._calls[call.id] = call
        task = asyncio.get_running_loop().create_task(self._serve(call), name=f"call-{call.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, call: Call) -> None:
        """One incoming call from ringing to its record."""
        with call_context(call.id):
            try:
                await call.control.answer()
                await self._first(call.media_ready, call.ended, MEDIA_START_S)
                if call.media_ready.is_set() and not call.ended.is_set():
                    await self.converse(call)
                elif not call.ended.is_set():
                    log.warning("no media after the answer", after_s=MEDIA_START_S)
                    await call.hangup(reason="media did not start")
            except Exception:
                log.exception("call failed")
                await call.hangup(500, "internal error")
            await call.ended.wait()
            await self._close_record(call)

    async def converse(self, call: Call) -> None:
        """Runs the agent until it returns or the call ends, recording if the store asks for it. Hangs up afterwards."""
        assert self.agent is not None
        recording = self._record(call)
        talk = asyncio.create_task(self.agent.on_call(call))
        ended = asyncio.create_task(call.ended.wait())
        try:
            limit = self.cfg.dialogue.max_duration_s
            await asyncio.wait({talk, ended}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if not talk.done() and not ended.done():
                log.info("maximum duration reached", limit_s=limit)
            talk.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await talk
        except Exception:
            log.exception("agent failed")
        finally:
            ended.cancel()
            await call.hangup()
            if recording is not None:
                await recording.close()
                call.notes.update(recording.notes())

    def _record(self, call: Call) -> Recording | None:
        """The call's id, which is ours, names the file: never what a caller sent."""
        store = self.cfg.store
        if self._recorder is None or store.dir is None:
            return None
        recording = self._recorder.start(call.leg, store.dir / f"{call.id}.{store.format}", store.format)
        call.recording = recording
        call.notes["recording"] = str(recording.path)
        return recording

    async def _close_record(self, call: Call) -> None:
        """The one final record of a call: in memory for the API, on disk when the store has a directory."""
        call.notes["stats"] = dict(call.leg.stats())
        call.notes["path"] = call.leg.describe()
        call.leg.close()
        if self.api is not None:
            self.api.call_ended(call)
        log.info("call ended", code=call.end_code, reason=call.end_reason, seconds=(call.ended_us - call.started_us) / 1e6)
        if self.cfg.store.dir is not None:
            await asyncio.to_thread(_write_record, self.cfg.store.dir / f"{call.id}.json", call)
        self._ended.append(call.id)
        while len(self._ended) > self.cfg.store.recent_calls:
            del self._calls[self._ended.popleft()]

    @staticmethod
    async def _first(a: asyncio.Event, b: asyncio.Event, timeout_s: float) -> None:
        tasks = [asyncio.create_task(a.wait()), asyncio.create_task(b.wait())]
        await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()


def _write_record(path: Path, call: Call) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(call.to_dict(), indent=1))
    part.replace(path)


async def run(cfg: Config, ready: Callable[[Switch], None] | None = None) -> None:
    """Serves until SIGTERM, which drains first, or SIGINT. A second signal ends what still runs."""
    switch = Switch(cfg)
    drain, stop = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, lambda: stop.set() if drain.is_set() else drain.set())
    loop.add_signal_handler(signal.SIGINT, stop.set)
    try:
        await switch.start()
        if ready is not None:
            ready(switch)
        await _first_of(drain.wait(), stop.wait())
        if not stop.is_set():
            await _first_of(switch.drain(), stop.wait())
    finally:
        await switch.stop()


async def _first_of(*waits: Coroutine[Any, Any, object]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
