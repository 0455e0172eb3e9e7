# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls as HTTP shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from sipagent.api.health import monotonic_us
from sipagent.api.problems import Problem
from sipagent.api.view import SwitchView
from sipagent.call import Call, CallState
from sipagent.signalling.errors import SignallingError


class CallSummary(BaseModel):
    """A row of the list."""

    id: str
    state: CallState
    direction: str = Field(description="in or out")
    remote_uri: str
    local_uri: str
    sip_call_id: str = Field(description="Call-ID header (RFC 3261 section 20.8).")
    started_us: int = Field(description="CLOCK_MONOTONIC, microseconds, as all *_us.")
    answered_us: int = Field(description="0 = not answered.")
    ended_us: int = Field(description="0 = not ended.")
    duration_s: float = Field(description="Since the answer, until the end or now; 0 when it was never answered.")
    end_code: int = Field(description="SIP status; 0 = a normal BYE, or not ended.")
    end_reason: str
    held: bool = Field(description="The peer holds us.")
    account: str = Field(description="Account or trunk that it came by or goes by; empty = direct.")
    source: str = Field(description="Transport and address that the INVITE came from; empty for our own calls.")
    identity: str = Field(description="URI of the caller that a trusted peer asserts (RFC 3325); empty = none.")
    route: str = Field(description="Row of the routing table that it took; empty = none.")
    other_id: str = Field(description="The call that it is joined with, or was; empty = none.")
    room: str = Field(description="The conference room that it is in; empty = none.")
    parked: str = Field(description="The parking slot that it is in; empty = none.")
    listeners: dict[str, str] = Field(description="Calls of supervisors that listen to it: id and mode.")
    codec: str = Field(description="Empty until media is negotiated.")


class CallDetail(CallSummary):
    """One call with its media and its conversation."""

    path: str = Field(description="The live media path, stage by stage.")
    loss: float = Field(description="Packets of the caller that never came, as a fraction.")
    jitter_ms: float = Field(description="Interarrival jitter (RFC 3550 section 6.4.1).")
    round_trip_ms: float | None = Field(description="By RTCP (RFC 3550 section 6.4.1); null = not known, or not yet.")
    mos: float | None = Field(
        description="Of the caller, as heard: 1 to 4.4, conversational, by the E-model (ITU-T G.107); null = nothing came."
    )
    recording_lost_ms: int | None = Field(
        description="Silence in the recording in the place of what the disk did not take in time; null = not recorded."
    )
    media: dict[str, Any] = Field(description="All counters of the leg.")
    ledger: list[Any] = Field(description="Turns with the times of their stages.")
    transcript: list[Any] = Field(description="What was understood and said.")
    notes: dict[str, Any] = Field(description="Whatever else the agent noted.")


class CallUpdate(BaseModel):
    """What the peer is asked for; it may refuse."""

    codec: str = Field(default="", description='One of media.codecs, "PCMA" or "PCMA/8000"; empty = the one in use.')
    ptime_ms: Literal[0, 10, 20, 40, 60] = Field(default=0, description="Packet time; 0 = as it is.")


class CallList(BaseModel):
    """Live calls and recently ended ones, oldest first."""

    calls: list[CallSummary]


def media_stats(call: Call) -> Mapping[str, Any]:
    """The leg's counters; of an ended call, those of its end."""
    stored: Mapping[str, Any] | None = call.notes.get("stats")
    return stored if stored is not None else call.leg.stats()


def loss(stats: Mapping[str, Any]) -> float:
    """Lost packets as a fraction of those expected (RFC 3550 section 6.4.1)."""
    lost, received = int(stats["rx_lost"]), int(stats["rx_packets"])
    return max(0, lost) / (received + lost) if lost > 0 else 0.0


def summary(call: Call, now_us: int) -> CallSummary:
    """A row of the list."""
    return CallSummary(**_common(call, media_stats(call), now_us))


def detail(call: Call, now_us: int) -> CallDetail:
    """Everything about one call."""
    stats = media_stats(call)
    shown = ("stats", "path", "ledger", "transcript")
    return CallDetail(
        **_common(call, stats, now_us),
        path=call.notes.get("path") or call.leg.describe(),
        loss=loss(stats),
        jitter_ms=float(stats["rx_jitter_ms"]),
        round_trip_ms=stats["rtt_ms"],
        mos=stats["mos"],
        recording_lost_ms=None if call.recording is None else call.recording.lost_ms,
        media=dict(stats),
        ledger=list(call.notes.get("ledger", [])),
        transcript=list(call.notes.get("transcript", [])),
        notes={key: value for key, value in call.notes.items() if key not in shown},
    )


def _common(call: Call, stats: Mapping[str, Any], now_us: int) -> dict[str, Any]:
    until_us = call.ended_us or now_us
    return {
        **{key: getattr(call, key) for key in CallSummary.model_fields if key not in ("duration_s", "codec")},
        "duration_s": (until_us - call.answered_us) / 1e6 if call.answered_us else 0.0,
        "codec": stats["codec"],
    }


def router(switch: SwitchView) -> APIRouter:
    """/v1/calls."""
    routes = APIRouter(prefix="/v1", tags=["calls"])

    def known(call_id: str) -> Call:
        call = switch.calls.get(call_id)
        if call is None:
            raise HTTPException(404, f"no call {call_id!r}; it never was, or it ended too long ago (store.recent_calls)")
        return call

    @routes.get("/calls")
    async def list_calls() -> CallList:
        """Live calls and the newest `store.recent_calls` ended ones, oldest first."""
        now_us = monotonic_us()
        return CallList(calls=[summary(call, now_us) for call in switch.calls.values()])

    @routes.get("/calls/{call_id}", responses={404: {"model": Problem, "description": "No such call"}})
    async def get_call(call_id: str) -> CallDetail:
        """One call: state, codec, media path, loss, jitter, round trip, quality, ledger, transcript."""
        return detail(known(call_id), monotonic_us())

    @routes.post(
        "/calls/{call_id}/update",
        responses={
            404: {"model": Problem, "description": "No such call"},
            409: {"model": Problem, "description": "The call is not up, or its peer refused"},
        },
    )
    async def update_call(call_id: str, wanted: CallUpdate) -> CallDetail:
        """Another codec or packet time in the middle of a call, by a re-INVITE; the answer shows what was agreed on."""
        call = known(call_id)
        if call.state is not CallState.CONFIRMED:
            raise HTTPException(409, f"call {call_id!r} is {call.state.value}; only a call that is up can be changed")
        try:
            await call.control.update(wanted.codec, wanted.ptime_ms)
        except SignallingError as error:
            raise HTTPException(409, str(error)) from None
        return detail(call, monotonic_us())

    return routes
