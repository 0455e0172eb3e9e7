# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch: one process, composed. Worker, engines, agents, signalling and API are made here, in this order, and end in
the reverse one; nothing else in the project knows all of them."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Mapping

import mediacore
from sipagent import agents, engines, tracing
from sipagent.api.server import ApiServer
from sipagent.bridging.attendant import Attendant
from sipagent.bridging.desk import Desk
from sipagent.bridging.minder import Minder
from sipagent.bridging.supervision import Supervision
from sipagent.bridging.tones import Tones
from sipagent.call import Agent, Call
from sipagent.callbook import CallBook
from sipagent.config import Config
from sipagent.dialogue.events import DialogueEvent
from sipagent.engines.base import Tts
from sipagent.log import get_logger
from sipagent.protection.strangers import Strangers
from sipagent.protection.watch import keep_watch
from sipagent.seeing.captures import Captures
from sipagent.signalling.agent import UserAgent
from sipagent.store.memory import Memory
from sipagent.waiting import first

log = get_logger(__name__)


class Switch:
    """Takes every call and does with it what the routes say. All methods belong to the event loop's thread."""

    def __init__(self, cfg: Config, agent: Callable[[engines.EngineSet | None], Agent] | None = None) -> None:
        """`agent` makes, of the loaded engines, what takes the calls in the place of `dialogue.agent`."""
        self.cfg = cfg
        self._agent = agent
        self.worker = mediacore.Worker(cpu=cfg.media.cpu, fifo=cfg.media.fifo)
        self.user_agent = UserAgent(cfg, self.worker, self._incoming, transfers=True)
        self.engines: engines.EngineSet | None = None
        self.attendant: Attendant | None = None
        self.api: ApiServer | None = None
        self.captures = Captures(cfg.seeing)
        self.memory = Memory(cfg.memory)
        self._book = CallBook(cfg.store, self.captures)
        self._minder = Minder(self._book)
        self._tones: Tones | None = None
        self._watch: asyncio.Task[None] | None = None
        self.agents: Mapping[str, Agent] = {}
        self._voice: Tts | None = None  # when no agent has one
        self._tracer: tracing.Tracer | None = None

    @property
    def calls(self) -> Mapping[str, Call]:
        """Live calls, in and out, and the newest `store.recent_calls` ended ones, oldest first."""
        return self._book.calls

    @property
    def supervision(self) -> Supervision:
        """Who listens to whom; once the switch is up."""
        assert self.attendant is not None
        return self.attendant.supervision

    async def start(self) -> None:
        """Loads models before the first call can come, then opens the doors."""
        self._tracer = tracing.start(self.cfg.tracing)
        names = agents.needed(self.cfg)
        if any(agents.speaks(name) for name in names):
            self.engines = await engines.load(self.cfg)
        self.agents = made = await agents.open_all(names, self.cfg, self.engines, self.on_dialogue)
        self._tones = await asyncio.to_thread(Tones, self.cfg.media.rate, self.cfg.parking.music)
        strangers, voice = Strangers(self.cfg), await self._load_voice()
        desk = Desk(
            *(self.cfg, self.user_agent, self.worker, self._book, self._minder, self._tones, strangers, made),
            memory=self.memory,
            voice=voice,
        )
        default: Agent | None
        if self._agent is not None:
            default = self._agent(self.engines)
        else:  # with routes, a call that none fits is refused, whatever agents they use
            default = None if self.cfg.routes else made[self.cfg.dialogue.agent]
        self.attendant = Attendant(desk, default)
        self.worker.start()
        asyncio.get_running_loop().add_reader(self.worker.fileno(), self.worker.drain)
        await self._book.open()
        await self.memory.open()
        await self.user_agent.start()
        self._watch = asyncio.create_task(keep_watch(), name="watch")
        if self.cfg.api.enabled:
            self.api = ApiServer(self.cfg, self)
            self._book.on_record = self.api.call_ended
            await self.api.start()
        gc.collect()
        gc.freeze()  # models, modules, settings: the collector needn't look at them again while callers wait
        log.info("switch up", listening=self.user_agent.listening(), agents=sorted(made), routes=len(self.cfg.routes))

    async def _load_voice(self) -> Tts | None:
        """For announcements, where there are any."""
        if not self.cfg.parking.slots:
            return None
        if self.engines is not None:
            return self.engines.tts
        self._voice = engines.create_tts(self.cfg.engines.tts, self.cfg)
        await self._voice.load()
        return self._voice

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
        await self._minder.stop()
        if self.api is not None:
            await self.api.stop()
        await self._book.close()
        await self.memory.close()
        if self._tones is not None:
            self._tones.close()
        asyncio.get_running_loop().remove_reader(self.worker.fileno())
        self.worker.stop()
        await agents.close_all(self.agents)
        if self._voice is not None:
            await self._voice.close()
        if self.engines is not None:
            await self.engines.close()
        if self._tracer is not None:
            await self._tracer.close(self.cfg.tracing.timeout_s)
        gc.unfreeze()
        log.info("switch down")

    def on_dialogue(self, event: DialogueEvent) -> None:
        """Listener of every agent's conversations: metrics and traces."""
        if self.api is not None:
            self.api.on_dialogue(event)
        if self._tracer is not None:
            self._tracer.on_event(event)

    def _incoming(self, call: Call) -> None:
        assert self.attendant is not None
        self.attendant.incoming(call)


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
        await first(drain.wait(), stop.wait())
        if not stop.is_set():
            await first(switch.drain(), stop.wait())
    finally:
        await switch.stop()
