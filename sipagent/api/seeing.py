# SPDX-License-Identifier: GPL-3.0-or-later
"""What was said in SIP, as HTTP shows it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import BaseModel, Field

from mediacore import pcap_head
from sipagent.api.problems import Problem
from sipagent.api.view import SwitchView
from sipagent.seeing.ladder import Step, drawing, related, steps_of, steps_with, wording
from sipagent.seeing.pcap import file_packets, in_order, packets_of, sip_packets

Form = Literal["json", "text"]
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {}}, "description": "With format=text a drawing for people."},
    404: {"model": Problem, "description": "No such thing"},
}


PCAP_TYPE = "application/vnd.tcpdump.pcap"
PIECE = 1 << 18
PCAP: dict[int | str, dict[str, Any]] = {200: {"content": {PCAP_TYPE: {}}, "description": "The file."}, 404: ANSWERS[404]}


class LadderMessage(BaseModel):
    """A SIP message as it was on the wire (of TLS: inside), without credentials and keys."""

    number: int = Field(description="Of all messages that the switch has seen.")
    time: str = Field(description="UTC, ISO 8601.")
    t_us: int = Field(description="CLOCK_MONOTONIC, microseconds, as all *_us.")
    call: str = Field(description="Id of the call; empty where no call was asked for.")
    sip_call_id: str
    direction: Literal["in", "out"]
    transport: str = Field(description="udp, tcp or tls.")
    source: str = Field(description="Address and port; ours is what is bound, or advertised where that is any.")
    destination: str
    first_line: str
    verdict: str = Field(description="Of the gate; anything but passed: it was refused, dropped or cut.")
    lost_before: int = Field(description="Messages of this Call-ID that came right before and are no longer kept.")
    text: str | None = Field(description="The whole message; null unless text=true.")


class Ladder(BaseModel):
    """Messages, oldest first."""

    calls: list[str] = Field(description="Whose messages these are: the call and what it was joined with.")
    messages: list[LadderMessage]


def gone(call_id: str) -> HTTPException:
    return HTTPException(404, f"no call {call_id!r}; it never was, or it ended too long ago (seeing.keep_s)")


def capture_of(calls: Sequence[str], files: Mapping[str, Path]) -> Iterator[bytes]:
    """Of the files, and of memory where there is none, in pieces of PIECE bytes or so. For threads: files may be long, and are
    never in memory whole."""
    opened = {call: file_packets(path) for call, path in files.items()}
    written = {call: itertools.chain([first], rest) for call, rest in opened.items() if (first := next(rest, None))}
    kept = sip_packets(step.message for step in steps_of(call for call in calls if call not in written))
    piece = bytearray()
    for packet in in_order([*written.values(), packets_of(kept)]):
        piece += packet
        if len(piece) >= PIECE:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


def shown(step: Step, text: bool, call: str) -> LadderMessage:
    m = step.message
    return LadderMessage(
        number=m.number,
        time=step.time,
        t_us=m.mono_us,
        call=call,
        sip_call_id=m.call_id.decode(errors="replace"),
        direction="out" if m.sent else "in",
        transport=m.transport,
        source=step.source,
        destination=step.destination,
        first_line=step.first_line,
        verdict=m.verdict,
        lost_before=m.n_lost,
        text=step.text if text else None,
    )


def answer(steps: Sequence[Step], calls: list[str], form: Form, text: bool) -> Ladder | Response:
    if form == "text":
        return PlainTextResponse(drawing(steps) + (wording(steps) if text else ""))
    return Ladder(calls=calls, messages=[shown(step, text, step.owner if calls else "") for step in steps])


def router(switch: SwitchView) -> APIRouter:
    """/v1/calls/{id}/ladder, /v1/accounts/{name}/ladder, /v1/trunks/{name}/ladder, /v1/ladder."""
    routes = APIRouter(prefix="/v1", tags=["seeing"])

    async def of_peer(name: str, form: Form, text: bool) -> Ladder | Response:
        hops = await switch.user_agent.hops(name)
        if hops is None:
            raise HTTPException(404, f"no account or trunk {name!r}")
        return answer(steps_of(f"hop:{hop}" for hop in hops), [], form, text)

    @routes.get("/calls/{call_id}/ladder", response_model=Ladder, responses=ANSWERS)
    async def call_ladder(call_id: str, format: Form = "json", text: bool = False, joined: bool = True) -> Ladder | Response:
        """The SIP messages of a call, and (`joined`) of the calls that it was joined with. `text`: whole messages."""
        calls = related(switch.calls, call_id) if joined else [call_id]
        steps = steps_of(calls)
        if not steps and call_id not in switch.calls:
            raise gone(call_id)
        return answer(steps, calls, format, text)

    @routes.get("/calls/{call_id}/pcap", response_class=Response, responses=PCAP)
    async def call_pcap(call_id: str, joined: bool = True) -> Response:
        """A capture file of a call for Wireshark and sngrep: its SIP, and RTP where seeing.pcap_rtp wants it."""
        calls = related(switch.calls, call_id) if joined else [call_id]
        files = {call: path for call in calls if (path := switch.captures.path_of(call)) is not None}
        pieces = capture_of(calls, files)
        begin = await asyncio.to_thread(next, pieces)
        if not begin and call_id not in switch.calls:
            raise gone(call_id)
        name = {"Content-Disposition": 'attachment; filename="call.pcap"'}
        whole = itertools.chain([pcap_head() + begin], pieces)
        return StreamingResponse(whole, media_type=PCAP_TYPE, headers=name)

    @routes.get("/ladder", response_model=Ladder, responses=ANSWERS)
    async def ladder(sip_call_id: str, format: Form = "json", text: bool = False) -> Ladder | Response:
        """All messages with this Call-ID, also of an INVITE that was refused before it was a call of ours."""
        steps = steps_with(sip_call_id)
        if not steps:
            raise HTTPException(404, f"nothing is kept of Call-ID {sip_call_id!r}")
        return answer(steps, [], format, text)

    @routes.get("/accounts/{name}/ladder", response_model=Ladder, responses=ANSWERS)
    async def account_ladder(name: str, format: Form = "json", text: bool = False) -> Ladder | Response:
        """The newest REGISTERs of an account, `user@host`, and what answered them."""
        return await of_peer(name, format, text)

    @routes.get("/trunks/{name}/ladder", response_model=Ladder, responses=ANSWERS)
    async def trunk_ladder(name: str, format: Form = "json", text: bool = False) -> Ladder | Response:
        """The newest OPTIONS to a trunk's hosts, and what answered them."""
        return await of_peer(name, format, text)

    return routes
