# SPDX-License-Identifier: GPL-3.0-or-later
"""The routing table as it stands in the configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from sipagent.config_types import Section
from sipagent.routing import template
from sipagent.routing.hours import parse_hours
from sipagent.routing.pattern import Pattern
from sipagent.signalling.uri import parse_uri

ACTIONS = ("agent", "bridge", "room", "play", "park", "listen", "reject")


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _each(check: Callable[[str], object]) -> AfterValidator:
    def checked(values: list[str]) -> list[str]:
        for value in values:
            check(value)
        return values

    return AfterValidator(checked)


def _target(text: str) -> None:
    """A URI, once a number stands in it."""
    parse_uri(template.fill(template.check(text), "1" * 20, "1" * 20, uri=True))


Patterns = Annotated[list[str], BeforeValidator(_one_or_more), _each(Pattern)]
Hours = Annotated[list[str], BeforeValidator(_one_or_more), _each(parse_hours)]
Targets = Annotated[list[str], BeforeValidator(_one_or_more), _each(_target)]
Template = Annotated[str, AfterValidator(template.check)]
Mode = Literal["listen", "whisper", "coach", "barge"]
AUTO = "auto"
MAX_SLOTS = 1000


def _slots(text: str) -> list[str]:
    low, dash, high = text.partition("-")
    if not (dash and low.isdigit() and high.isdigit() and len(low) == len(high) and int(low) <= int(high)):
        raise ValueError(f"{text!r} is not a range of slots; write for example '701-720'")
    if int(high) - int(low) >= MAX_SLOTS:
        raise ValueError(f"{text!r} are more than {MAX_SLOTS} slots; take a smaller range")
    return [f"{n:0{len(low)}d}" for n in range(int(low), int(high) + 1)]


class Parking(Section):
    """Calls that are parked: they wait in a slot with music."""

    timeout_s: Annotated[float, Field(gt=0)] = Field(
        default=120.0, description="After so long a parked call goes back to who parked it, or ends."
    )
    ring_s: Annotated[float, Field(gt=0, le=600)] = Field(default=30.0, description="How long that one rings.")
    music: Path | None = Field(
        default=None, description="WAV file for callers who wait or are held; none = a chord now and then."
    )
    slots: Annotated[str, AfterValidator(lambda text: text and (_slots(text), text)[1])] = Field(
        default="", description='Slots that are given out automatically, "701-720"; see park of [[routes]].'
    )

    @property
    def numbers(self) -> list[str]:
        """Of `slots`, in order."""
        return _slots(self.slots) if self.slots else []


class Bridge(Section):
    """Two calls that are joined."""

    on_hold: Literal["pass", "music"] = Field(
        default="pass",
        description="When one side holds: pass = the other side is put on hold too; music = it hears parking.music, and "
        "learns nothing.",
    )


class Supervisor(Section):
    """Who may listen to whose calls. Without rows, nobody. A call may be listened to when one row fits supervisor and call."""

    accounts: Patterns = Field(
        min_length=1,
        description='Account or trunk that the supervisor calls by, or is called by (API); "direct" = by none, where the '
        "number is whatever the caller says: from protection.unlimited and sip.trusted_peers only. Patterns.",
    )
    numbers: Patterns = Field(default=[], description="The supervisor's number or name; none = any. Patterns.")
    calls: Patterns = Field(
        default=[], description="Numbers or names of the calls, either party's; none = all calls. Patterns."
    )
    modes: list[Mode] = Field(
        default=["listen"], min_length=1, description="What the supervisor may do: see mode of [[routes]]."
    )


class Route(Section):
    """A row of the routing table: what is asked of a call, all of it, and one thing to do. The first row that fits is taken; a
    call that none fits gets 404. Without rows, dialogue.agent takes every call. A pattern is an exact text, or begins with "_"
    and has X (0-9), Z (1-9), N (2-9), [1-5], and at its end . (one or more of anything) or ! (anything or nothing), as in
    "_9XXX" or "_+49."."""

    name: str = Field(default="", description='In logs and records; empty = "route 1" and so on.')
    account: Patterns = Field(
        default=[], description='Account or trunk that the call came by; "direct" = by none of them. Patterns.'
    )
    called: Patterns = Field(default=[], description="Called number or name: the user part of the request's URI. Patterns.")
    calling: Patterns = Field(
        default=[], description="Calling number or name: what a trusted peer asserts, else the user part of From. Patterns."
    )
    headers: dict[str, str] = Field(default={}, description="Header fields that must be there: name and pattern of the value.")
    hours: Hours = Field(
        default=[], description='Times of the week, one of them: "mon-fri 09:00-17:30", "sat,sun", "22:00-06:00".'
    )
    zone: str = Field(default="UTC", description='Time zone of the hours, as "Europe/Berlin".')
    agent: str | None = Field(default=None, description="To do: this agent answers, see dialogue.agent.")
    bridge: Targets = Field(
        default=[],
        description='To do: call these SIP URIs, one after the other until one answers, and join the two. "{called}" and '
        '"{calling}" stand for the numbers, "{called:1}" for one without its first sign.',
    )
    via: str = Field(default="", description="Account or trunk that a bridge calls out by; empty = direct.")
    ring_s: Annotated[float, Field(gt=0, le=600)] = Field(
        default=30.0, description="How long each of them may ring before the next one is tried."
    )
    room: Template | None = Field(default=None, description='To do: the conference room of this name; may have "{called}".')
    play: Path | None = Field(default=None, description="To do: play this WAV file and hang up.")
    park: Template | None = Field(
        default=None,
        description='To do: the parking slot of this name, as "{called}". Who is transferred there waits in it; who calls it '
        'gets whoever waits, or 404. "auto": the first free one of parking.slots, which is told; who calls it hears it too, '
        "and parks whom it transfers to this very call (Replaces).",
    )
    listen: Template | None = Field(
        default=None,
        description='To do: let a supervisor listen to the newest call of this number, as "{called:2}"; needs [[supervisors]].',
    )
    mode: Mode = Field(
        default="listen",
        description='How a supervisor begins: "listen"; "whisper" = heard by the number\'s own party alone; "coach" = by whom '
        'that one talks with (a person, a room, the agent); "barge" = by both. Digits 4, 5, 7 and 6 change it.',
    )
    reject: Annotated[int, Field(ge=400, le=699)] | None = Field(
        default=None, description="To do: refuse with this SIP status."
    )

    @field_validator("headers")
    @classmethod
    def _header_patterns(cls, headers: dict[str, str]) -> dict[str, str]:
        for value in headers.values():
            Pattern(value)
        return headers

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{zone!r} is not a time zone of this system; write for example 'Europe/Berlin'") from None
        return zone

    @model_validator(mode="after")
    def _one_action(self) -> Self:
        given = self.actions
        if len(given) != 1:
            said = f"{' and '.join(given)} are given" if given else "says nothing to do"
            raise ValueError(f"{said}: a route needs exactly one of {', '.join(ACTIONS)}")
        if self.via and not self.bridge:
            raise ValueError("via belongs to a bridge; give bridge, or take it away")
        if self.mode != "listen" and self.listen is None:
            raise ValueError("mode belongs to listen; give listen, or take it away")
        return self

    @property
    def agent_name(self) -> str | None:
        """The agent that the row needs: its own, or that which plays its file."""
        return self.agent if self.play is None else f"play:{self.play}"

    @property
    def actions(self) -> list[str]:
        """The actions that are given: one, once the row has been checked."""
        return [name for name in ACTIONS if getattr(self, name) not in (None, [])]

    @property
    def action(self) -> str:
        """Its name."""
        return self.actions[0]
