# SPDX-License-Identifier: GPL-3.0-or-later
"""Calling a list of targets, one after the other, until one answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sipagent.bridging.codes import Failure, told
from sipagent.bridging.desk import Desk
from sipagent.call import Call
from sipagent.log import get_logger
from sipagent.signalling.errors import DestinationDenied, SignallingError, UriError
from sipagent.waiting import first

log = get_logger(__name__)

# (the call that rings, its status 18x, whether it is heard already)
Progress = Callable[[Call, int, bool], None]


@dataclass(frozen=True, slots=True)
class Targets:
    """Whom to call, and how."""

    uris: Sequence[str]
    via: str = ""  # account or trunk
    ring_s: float = 30.0  # each
    replaces: str = ""


async def dial(desk: Desk, targets: Targets, caller: Call, progress: Progress) -> Call | Failure:
    """The call that was answered, with sound; the task that runs now holds it. Or what to tell `caller`. When the caller hangs
    up, whoever rings is cancelled."""
    failures: list[Failure] = []
    for uri in targets.uris:
        made = await _one(desk, uri, targets, caller, progress)
        if isinstance(made, Call):
            return made
        if caller.ended.is_set():
            return Failure(487, "caller hung up")
        log.info("target not reached", uri=uri, code=made.code, reason=made.reason)
        failures.append(made)
    return told(failures)


async def _one(desk: Desk, uri: str, targets: Targets, caller: Call, progress: Progress) -> Call | Failure:
    try:
        call = await desk.place(uri, targets.via, targets.ring_s, caller, targets.replaces)
    except (DestinationDenied, UriError) as error:
        return Failure(403, str(error))
    except SignallingError as error:
        return Failure(503, str(error))
    caller.meets(call)
    call.on_progress = lambda code, early: progress(call, code, early)
    try:
        code, early = call.progress
        if code:  # it was quicker than we
            progress(call, code, early)
        which = await first(call.answered.wait(), call.ended.wait(), caller.ended.wait())
        if which == 0 and not caller.ended.is_set() and await desk.hears(call):
            return call
        if not call.ended.is_set():
            await call.hangup(reason="caller hung up", because=caller.peer_reason)
            await call.ended.wait()
        return Failure(call.end_code or 480, call.end_reason, call.peer_reason)
    except asyncio.CancelledError:
        with contextlib.suppress(Exception):
            await call.hangup(reason="no longer wanted")
        raise
    finally:
        call.on_progress = None
