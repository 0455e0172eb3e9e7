# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom the switch is connected with: registrations and trunks, as they stand now, and what they have used of their limits."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from sipagent.api.health import monotonic_us
from sipagent.api.view import AccountView, SwitchView, TrunkView
from sipagent.protection.quota import Use


class AccountState(BaseModel):
    """One row of sip.accounts."""

    name: str = Field(description="user@host, as calls name it.")
    registered: bool
    code: int = Field(description="Last SIP status; 0 = none yet, or no answer.")
    reason: str
    expires_s: float = Field(description="Lifetime that the registrar granted, seconds.")
    registrar: str = Field(description='Who was asked last, "udp:192.0.2.1:5060".')
    failures: int = Field(description="REGISTERs that failed since the start.")


class AccountList(BaseModel):
    accounts: list[AccountState]


class HostState(BaseModel):
    """One server of a trunk."""

    host: str
    up: bool | None = Field(description="By its answers to OPTIONS; null = not known.")
    code: int = Field(description="Last answer to OPTIONS; 0 = none.")
    reason: str
    target: str = Field(description='Where its requests go; "" = its name has no address.')


class TrunkState(BaseModel):
    """One row of sip.trunks."""

    name: str
    up: bool = Field(description="One of its hosts can be called.")
    hosts: list[HostState]
    calls: int = Field(description="Live calls over it.")


class TrunkList(BaseModel):
    trunks: list[TrunkState]


class LimitState(BaseModel):
    """What one account, one trunk or direct calls together have used. A limit of 0 is none."""

    account: str = Field(description="user@host of an account, or name of a trunk; empty = direct calls.")
    calls: int = Field(description="At once, in and out, now.")
    max_calls: int
    calls_per_s: float
    minutes: float = Field(description="Of answered calls, today (UTC).")
    minutes_per_day: float
    max_call_s: float = Field(description="Longest call; 0 = protection.max_call_s.")
    refused: dict[str, int] = Field(description="Calls above a limit since the start, by limit.")


class LimitList(BaseModel):
    limits: list[LimitState]


def account_state(account: AccountView) -> AccountState:
    fields = {name: getattr(account, name) for name in AccountState.model_fields if name != "name"}
    return AccountState(name=f"{account.user}@{account.host}", **fields)


def trunk_state(trunk: TrunkView, calls: int) -> TrunkState:
    hosts = [HostState(**{name: getattr(host, name) for name in HostState.model_fields}) for host in trunk.hosts]
    return TrunkState(name=trunk.name, up=trunk.up, hosts=hosts, calls=calls)


def limit_state(use: Use, now_us: int) -> LimitState:
    given = use.limits
    return LimitState(
        account=use.account,
        calls=len(use.calls),
        max_calls=given.max_calls,
        calls_per_s=given.calls_per_s,
        minutes=round(use.minutes(now_us), 3),
        minutes_per_day=given.minutes_per_day,
        max_call_s=given.max_call_s,
        refused=dict(use.refused),
    )


def router(switch: SwitchView) -> APIRouter:
    """/v1/accounts, /v1/trunks, /v1/limits."""
    routes = APIRouter(prefix="/v1", tags=["peers"])

    @routes.get("/accounts")
    async def list_accounts() -> AccountList:
        """Registrations, in the order of the configuration."""
        return AccountList(accounts=[account_state(account) for account in switch.user_agent.accounts()])

    @routes.get("/trunks")
    async def list_trunks() -> TrunkList:
        """Trunks, in the order of the configuration."""
        live = [call.account for call in switch.calls.values() if not call.ended_us]
        return TrunkList(trunks=[trunk_state(trunk, live.count(trunk.name)) for trunk in switch.user_agent.trunks()])

    @routes.get("/limits")
    async def list_limits() -> LimitList:
        """Limits of direct calls, of accounts and of trunks, in the order of the configuration."""
        now_us = monotonic_us()
        return LimitList(limits=[limit_state(use, now_us) for use in switch.user_agent.uses()])

    return routes
