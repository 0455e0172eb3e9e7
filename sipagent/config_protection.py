# SPDX-License-Identifier: GPL-3.0-or-later
"""[protection]: what strangers may do, whom we may call, and when it is enough."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sipagent.config_limits import CallLimits
from sipagent.config_types import IpNetwork, Section
from sipagent.protection.destinations import Dialling, Policy

# What scanners of the public Internet call themselves. Those who hide are met by the rates.
SCANNERS = [
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sipcli",
    "sip-scan",
    "sipsak",
    "sundayddr",
    "iwar",
    "vaxsipuseragent",
    "pplsip",
    "sipptk",
]

Rate = Annotated[int, Field(ge=0, le=1_000_000)]


class Protection(Section):
    """What strangers may do, whom we may call, and when it is enough."""

    unlimited: list[IpNetwork] = Field(
        default=["127.0.0.0/8", "::1/128"],
        max_length=32,
        description="Senders without the rates below, besides sip.trusted_peers and addresses of sip.trunks: one's own PBXs.",
    )
    messages_per_s: Rate = Field(
        default=100,
        description="SIP messages of one address (IPv6: one /64) a second, twice as many at once; more is dropped. 0 = any.",
    )
    calls_per_s: Rate = Field(
        default=10, description="New calls of one address a second, twice as many at once; more gets 503. 0 = any."
    )
    crowd_calls_per_s: Rate = Field(
        default=10,
        description="New calls a second of all addresses together that have these rates, twice as many at once; more gets 503. "
        "So a flood from many addresses takes no room from those that have none. 0 = any.",
    )
    strangers: Literal["routes", "refused"] = Field(
        default="routes",
        description="Calls by no account or trunk, from an address neither in unlimited nor in sip.trusted_peers: routes "
        "= taken as the routes say, and whatever is refused gets the same 480; refused = all get that.",
    )
    allow: list[str] = Field(
        default=[],
        description="Destinations that may be called, by whatever way: API, routes, transfer. A number or the start of one, "
        'and where: "+49*", "600", "*@pbx.example.com"; "*" = all. None in the list: none may be called.',
    )
    deny: list[str] = Field(default=[], description='Destinations that may not, though allowed: "+49900*".')
    international: list[str] = Field(
        default=["00", "011"],
        description="What is dialled for the + of an international number.",
    )
    country: str = Field(
        default="",
        pattern=r"^(\+[1-9][0-9]{0,3})?$",
        description='Country code of national numbers, as "+49"; empty = they are compared as they are dialled.',
    )
    national: str = Field(default="0", pattern=r"^[0-9]{0,3}$", description="What is dialled before a national number.")
    scanners: list[str] = Field(
        default=SCANNERS, max_length=32, description="Requests with one of these words in User-Agent get no answer."
    )
    most_wait_ms: Annotated[int, Field(ge=0, le=10_000)] = Field(
        default=100,
        description="Overload: a call that waited longer to be read, or to be taken up, gets 503 with Retry-After. 0 = never.",
    )
    direct: CallLimits = Field(
        default=CallLimits(), description="Limits of all calls together that come by no account or trunk, or go by none."
    )
    max_call_s: Annotated[float, Field(ge=0, le=604_800)] = Field(
        default=14_400.0, description="No answered call lasts longer, whatever it does; 0 = any length."
    )
    drain_s: Annotated[float, Field(ge=0, le=86400)] = Field(
        default=30.0,
        description="After SIGTERM running calls go on for so long; new ones get 503. A second SIGTERM ends all at once.",
    )

    @model_validator(mode="after")
    def _patterns_can_be_read(self) -> Self:
        self.destinations()
        return self

    def destinations(self) -> Policy:
        """The rule that all calls of ours obey. ValueError names a pattern that can't be read."""
        return Policy(self.allow, self.deny, Dialling(self.international, self.national, self.country))
