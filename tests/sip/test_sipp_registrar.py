# SPDX-License-Identifier: GPL-3.0-or-later
"""SIPp as a registrar, and as the proxy in front of it: what it may answer to REGISTER, and where requests go then."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.interop import ports
from tests.sip import sipp_steps as steps
from tests.sip.rig import Rig, config, user_agent
from tests.sip.sipp_run import waiting

DOMAIN = "pbx.test"
PUBLIC = "192.0.2.44"


def challenge(nonce: str, more: str = "") -> str:
    return steps.respond(
        "401 Unauthorized",
        headers=f'WWW-Authenticate: Digest realm="{DOMAIN}",nonce="{nonce}",algorithm=MD5,qop="auth"{more}\n',
        tag=steps.TAG,
    )


def bound(expires_s: int, headers: str = "") -> str:
    return steps.respond("200 OK", headers=f"Expires: {expires_s}\n{headers}", tag=steps.TAG)


GONE = steps.expect("REGISTER", "[Ee]xpires[:=] ?0") + bound(0)


def account(*registrars: int, **more: Any) -> dict[str, Any]:
    where = {"host": DOMAIN, "registrars": [f"{ports.HOST}:{port}" for port in registrars]}
    return {"user": "bot", "password": "secret", **where, **more}


async def registered(rig: Rig) -> None:
    await asyncio.wait_for(rig.until(lambda: rig.ua.accounts()[0].registered), 20)


async def calls_and_is_refused(row: dict[str, Any], **sip: Any) -> None:
    """Registers, makes a call, and takes the registration back."""
    async with user_agent(config(sip={"accounts": [row], **sip})) as rig:
        await registered(rig)
        call = await rig.invite(f"sip:alice@{DOMAIN}", "bot")
        await rig.over(call)
        assert call.end_code == 486


async def run(tmp_path: Path, *scenarios: list[str], **sip: Any) -> Any:
    """Registers at the first scenario that takes it, and takes it back; the account's status before."""
    async with AsyncExitStack() as stack:
        taken = []
        for n, parts in enumerate(scenarios):
            path = steps.write(tmp_path / f"{n}" / "registrar.xml", "registrar", *parts)
            taken.append(await stack.enter_async_context(waiting(path, path.parent)))
        rows = [account(*taken)]
        async with user_agent(config(sip={"accounts": rows, "try_s": 5.0, **sip})) as rig:
            await registered(rig)
            return dataclasses.replace(rig.ua.accounts()[0]), taken


@pytest.mark.behaviour(
    "Accounts", "a registrar that finds the interval too brief (423) gets the one it wants", peer="SIPp", rfc="3261 10.2.8"
)
async def test_interval_too_brief(tmp_path: Path) -> None:
    brief = steps.respond("423 Interval Too Brief", headers="Min-Expires: 900\n", tag=steps.TAG)
    parts = [
        steps.expect("REGISTER", "[Ee]xpires[:=] ?300"),
        challenge("one"),
        steps.expect("REGISTER", 'nonce="one"'),
        brief,
        steps.expect("REGISTER", "[Ee]xpires[:=] ?900"),
        bound(900),
        GONE,
    ]
    status, _ = await run(tmp_path, parts)
    assert (status.expires_s, status.failures) == (900, 0)


@pytest.mark.behaviour(
    "Accounts",
    "a nonce that the registrar calls stale is replaced at once, without counting as a refusal",
    peer="SIPp",
    rfc="7616 3.3",
)
async def test_stale_nonce(tmp_path: Path) -> None:
    parts = [
        steps.expect("REGISTER"),
        challenge("one"),
        steps.expect("REGISTER", 'nonce="one"'),
        challenge("two", ",stale=true"),
        steps.expect("REGISTER", 'nonce="two"'),
        bound(300),
        GONE,
    ]
    status, _ = await run(tmp_path, parts)
    assert (status.code, status.failures) == (200, 0)


@pytest.mark.behaviour(
    "Accounts",
    "a registrar that is overloaded (503 with Retry-After) is left alone, and the next one asked",
    peer="SIPp",
    rfc="3261 21.5.4",
)
async def test_overloaded_registrar(tmp_path: Path) -> None:
    busy = [steps.expect("REGISTER"), steps.respond("503 Overloaded", headers="Retry-After: 3600\n", tag=steps.TAG)]
    status, (_, second) = await run(tmp_path, busy, [steps.expect("REGISTER"), bound(300), GONE])
    assert status.registrar == f"udp:{ports.HOST}:{second}"


@pytest.mark.behaviour(
    "Accounts",
    "with an outbound proxy everything goes there, with a Route to it, registration and calls",
    peer="SIPp",
    rfc="3261 8.1.2",
)
async def test_outbound_proxy(tmp_path: Path) -> None:
    route = f"Route: <sip:{ports.HOST}:[0-9]+;lr>"
    register = [steps.expect("REGISTER", f"REGISTER sip:{DOMAIN}.*{route}"), bound(300), GONE]
    call = [steps.expect("INVITE", f"INVITE sip:alice@{DOMAIN} .*{route}"), steps.refuse("486 Busy Here")]
    path = steps.write(tmp_path / "proxy.xml", "proxy", steps.either(register, call))
    async with waiting(path, tmp_path, calls=2) as port:
        await calls_and_is_refused(account(proxy=f"{ports.HOST}:{port}"))


@pytest.mark.behaviour(
    "Transports",
    "behind NAT it gives its public address: in the Contact of a registration and of a call, and for RTP",
    peer="SIPp",
    rfc="3261 8.1.1.8",
)
async def test_public_address(tmp_path: Path) -> None:
    register = [steps.expect("REGISTER", f"Contact: .sip:bot@{PUBLIC}:[0-9]+"), bound(300), GONE]
    says = f"Contact: .sip:bot@{PUBLIC}:[0-9]+.*c=IN IP4 {PUBLIC}"
    call = [steps.expect("INVITE", says), steps.refuse("486 Busy Here")]
    path = steps.write(tmp_path / "nat.xml", "nat", steps.either(register, call))
    async with waiting(path, tmp_path, calls=2) as port:
        await calls_and_is_refused(account(port), public_host=PUBLIC)
