# SPDX-License-Identifier: GPL-3.0-or-later
"""Conference rooms: each hears all others, by the native mixer. A room begins with the first who enters and ends with the
last."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import numpy as np

from mediacore import Leg, MediaError, Mixer, Worker
from sipagent.call import Call
from sipagent.log import get_logger

log = get_logger(__name__)

ENTERS_HZ, LEAVES_HZ = (440.0, 660.0), (660.0, 440.0)
NOTE_S = 0.12
NOTE_LEVEL = 2500  # of 32767


@dataclass(slots=True)
class Member:
    """A call in a room."""

    call: Call
    leg: Leg


class Room:
    """Who is in it."""

    def __init__(self, name: str, mixer: Mixer) -> None:
        self.name = name
        self.members: dict[str, Member] = {}
        self._mixer = mixer

    def enter(self, member: Member) -> None:
        """MediaError: its leg is closed."""
        self._mixer.add(member.leg)
        self.members[member.call.id] = member
        self._sound(ENTERS_HZ)

    def leave(self, member: Member) -> None:
        """Its leg goes back to the engine."""
        del self.members[member.call.id]
        with contextlib.suppress(MediaError):
            self._mixer.remove(member.leg)
        self._sound(LEAVES_HZ)

    def hold(self, member: Member, on: bool) -> None:
        """Who holds the room is not heard in it: music that a phone or PBX plays then is not meant for a conference."""
        with contextlib.suppress(MediaError):
            self._mixer.set(member.leg, gain=0.0 if on else 1.0)

    def close(self) -> None:
        """All leave."""
        self._mixer.close()

    def _sound(self, notes: tuple[float, ...]) -> None:
        """Nobody enters or leaves unheard."""
        for member in self.members.values():
            member.leg.write(_notes(notes, member.leg.rate))


class Rooms:
    """All rooms, by name."""

    def __init__(self, worker: Worker, rate: int) -> None:
        self._worker = worker
        self._rate = rate
        self._rooms: dict[str, Room] = {}

    async def join(self, call: Call, name: str) -> None:
        """The call, which has sound, is in the room until it ends. MediaError: it ended before."""
        assert isinstance(call.leg, Leg)
        room = self._rooms.get(name)
        if room is None:
            room = self._rooms[name] = Room(name, Mixer(self._worker, rate=self._rate))
        member = Member(call, call.leg)
        call.room = name
        log.info("enters a room", room=name, members=len(room.members) + 1)
        try:
            room.enter(member)
            call.on_hold = lambda on: room.hold(member, on)
            if call.held:
                call.on_hold(True)
            await call.ended.wait()
        finally:
            call.on_hold = None
            call.room = ""
            if call.id in room.members:
                room.leave(member)
            if not room.members:
                del self._rooms[name]
                room.close()


def _notes(notes: tuple[float, ...], rate: int) -> bytes:
    t = np.arange(int(NOTE_S * rate)) / rate
    shape = NOTE_LEVEL * np.minimum(1, np.minimum(t, NOTE_S - t) / 0.01)
    return np.concatenate([shape * np.sin(2 * np.pi * hz * t) for hz in notes]).astype("<i2").tobytes()
