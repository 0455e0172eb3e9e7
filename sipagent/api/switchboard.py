# SPDX-License-Identifier: GPL-3.0-or-later
"""Conference rooms and parking slots as HTTP shows them."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from sipagent.api.view import SwitchView


class RoomSummary(BaseModel):
    """A conference room that somebody is in."""

    name: str
    calls: list[str] = Field(description="Ids of the calls that are in it, oldest first.")


class RoomList(BaseModel):
    """All of them, by name."""

    rooms: list[RoomSummary]


class SlotSummary(BaseModel):
    """A parking slot that somebody waits in."""

    number: str
    call: str = Field(description="Id of the call that waits.")


class SlotList(BaseModel):
    """All of them, by number."""

    slots: list[SlotSummary]


def router(switch: SwitchView) -> APIRouter:
    """/v1/rooms and /v1/parking."""
    routes = APIRouter(prefix="/v1", tags=["switch"])

    @routes.get("/rooms")
    async def list_rooms() -> RoomList:
        """The rooms that somebody is in, and who."""
        found: dict[str, list[str]] = {}
        for call in switch.calls.values():
            if call.room:
                found.setdefault(call.room, []).append(call.id)
        return RoomList(rooms=[RoomSummary(name=name, calls=found[name]) for name in sorted(found)])

    @routes.get("/parking")
    async def list_slots() -> SlotList:
        """The slots that somebody waits in, and who."""
        slots = [SlotSummary(number=call.parked, call=call.id) for call in switch.calls.values() if call.parked]
        return SlotList(slots=sorted(slots, key=lambda slot: slot.number))

    return routes
