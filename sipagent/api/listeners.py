# SPDX-License-Identifier: GPL-3.0-or-later
"""Supervisors who listen in on calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from sipagent.api.problems import Problem
from sipagent.api.view import SwitchView
from sipagent.bridging.supervision import SupervisionError
from sipagent.config_routes import Mode


class Wish(BaseModel):
    """Whom to call, and what that one may do."""

    uri: str = Field(description="SIP URI of the supervisor.")
    via: str = Field(default="", description="Account or trunk to call by; empty = direct.")
    mode: Mode = Field(default="listen", description="See mode of [[routes]] in the configuration.")


class Turn(BaseModel):
    """Another mode."""

    mode: Mode


class ListenerState(BaseModel):
    """A supervisor at a call."""

    id: str = Field(description="Of the supervisor's own call.")
    mode: Mode


class ListenerList(BaseModel):
    """All of them."""

    listeners: list[ListenerState]


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except SupervisionError as error:
        raise HTTPException(error.code, str(error)) from None


def router(switch: SwitchView) -> APIRouter:
    """/v1/calls/{call_id}/listeners."""
    problems: dict[int | str, dict[str, object]] = {
        403: {"model": Problem, "description": "[[supervisors]] does not allow it, or protection.allow does not have the URI"},
        404: {"model": Problem, "description": "No such call, not answered, or over"},
    }
    unreached: dict[int | str, dict[str, object]] = {503: {"model": Problem, "description": "The INVITE could not be sent"}}
    routes = APIRouter(prefix="/v1/calls/{call_id}/listeners", tags=["switch"], responses=problems)

    @routes.get("")
    async def list_listeners(call_id: str) -> ListenerList:
        """Who listens, oldest first."""
        call = switch.calls.get(call_id)
        if call is None:
            raise HTTPException(404, f"no call {call_id!r}")
        return ListenerList(listeners=[ListenerState.model_validate({"id": i, "mode": m}) for i, m in call.listeners.items()])

    @routes.post("", status_code=201, responses=unreached)
    async def add_listener(call_id: str, wish: Wish) -> ListenerState:
        """Calls a supervisor, who hears the call as soon as the own one is answered."""
        with _told():
            made = await switch.supervision.call_in(call_id, wish.uri, wish.via, wish.mode)
        return ListenerState(id=made, mode=wish.mode)

    @routes.put("/{listener_id}")
    async def change_listener(call_id: str, listener_id: str, turn: Turn) -> ListenerState:
        """Who hears the supervisor from now on."""
        with _told():
            switch.supervision.change(call_id, listener_id, turn.mode)
        return ListenerState(id=listener_id, mode=turn.mode)

    @routes.delete("/{listener_id}", status_code=204)
    async def remove_listener(call_id: str, listener_id: str) -> None:
        """Hangs up on the supervisor; the call goes on."""
        with _told():
            switch.supervision.dismiss(call_id, listener_id)

    return routes
