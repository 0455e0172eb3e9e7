# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of the switch, live and lately ended, and the one final record of each."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from sipagent.call import Call, CallRecording
from sipagent.config import Store
from sipagent.log import call_context, get_logger
from sipagent.recorder import Recorder, Recording
from sipagent.seeing.captures import Captures

log = get_logger(__name__)


class CallBook:
    """Every call that came or was made, from its first message to its record."""

    def __init__(self, store: Store, captures: Captures) -> None:
        self._store = store
        self._captures = captures
        self._calls: dict[str, Call] = {}
        self._ended: deque[str] = deque()  # of those the ones that are over, in this order
        self._recorder: Recorder | None = None
        self._recordings: dict[str, Recording] = {}
        self.on_record: Callable[[Call], None] | None = None  # a call has its final numbers

    @property
    def calls(self) -> Mapping[str, Call]:
        """Live calls and the newest `store.recent_calls` ended ones, oldest first."""
        return self._calls

    async def open(self) -> None:
        """Makes the store's directory, if calls are to be recorded. Old capture files go from now on."""
        self._captures.open()
        if self._store.record and self._store.dir is not None:
            await asyncio.to_thread(self._store.dir.mkdir, parents=True, exist_ok=True)
            self._recorder = Recorder()

    async def close(self) -> None:
        """What is recorded gets written."""
        if self._recorder is not None:
            await self._recorder.close()
        await self._captures.close()

    def add(self, call: Call) -> None:
        """A call begins."""
        self._calls[call.id] = call
        self._captures.begin(call)

    def record(self, call: Call) -> None:
        """Records the sound of a call from now to its end, when the store asks for it. The call's id, which is ours, names the
        file: never what a caller sent."""
        store = self._store
        if self._recorder is None or store.dir is None or call.id in self._recordings:
            return
        with call_context(call.id):
            recording = self._recorder.start(call.leg, store.dir / f"{call.id}.{store.format}", store.format)
        self._keep(call, recording)

    def record_to(self, call: Call, path: Path) -> CallRecording:
        """Records the sound of a call from now to its end into a file of an agent's choice, unless it is recorded already."""
        if call.recording is not None:
            return call.recording
        if self._recorder is None:
            self._recorder = Recorder()
        path.parent.mkdir(parents=True, exist_ok=True)
        with call_context(call.id):
            recording = self._recorder.start(call.leg, path, "opus" if path.suffix == ".opus" else "wav")
        self._keep(call, recording)
        return recording

    def _keep(self, call: Call, recording: Recording) -> None:
        self._recordings[call.id] = call.recording = recording
        call.notes["recording"] = str(recording.path)

    async def finish(self, call: Call) -> None:
        """The one final record of a call that ended: in memory for the API, on disk when the store has a directory."""
        if (recording := self._recordings.pop(call.id, None)) is not None:
            await recording.close()
            call.notes.update(recording.notes())
        self._captures.end(call)
        call.leg.close()  # first: what it says from then on is final, and asks the worker nothing
        call.notes["stats"] = dict(call.leg.stats())
        call.notes["path"] = call.leg.describe()
        if self.on_record is not None:
            self.on_record(call)
        log.info("call ended", code=call.end_code, reason=call.end_reason, seconds=(call.ended_us - call.started_us) / 1e6)
        if self._store.dir is not None:
            try:
                await asyncio.to_thread(_write, self._store.dir / f"{call.id}.json", call)
            except (OSError, TypeError, ValueError) as error:  # the API shows it all the same; an agent's notes may be no JSON
                log.error("record of a call can't be written; see store.dir", call=call.id, error=str(error))
        self._ended.append(call.id)
        while len(self._ended) > self._store.recent_calls:
            del self._calls[self._ended.popleft()]


def _write(path: Path, call: Call) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(call.to_dict(), indent=1))
    part.replace(path)
