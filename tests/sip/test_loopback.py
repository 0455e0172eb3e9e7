# SPDX-License-Identifier: GPL-3.0-or-later
"""We call ourselves: a tone goes out, is echoed and comes back, over every transport, codec and packet time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sipagent.call import CallState
from tests.interop import certs
from tests.sip.rig import Rig, config, echo, hear, purity, tone, user_agent

HZ = 440.0


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    made = certs.make(tmp_path_factory.mktemp("certs"))
    return {"cert": str(made.cert), "key": str(made.key), "ca": str(made.ca)}


async def tone_comes_back(rig: Rig) -> tuple[dict[str, Any], str]:
    """One call with its tone heard after the echo, hung up by the caller: (caller's stats, callee's path) while it was up."""
    out, incoming = await rig.pair()
    echo(incoming)
    out.leg.write(tone(HZ, 4.0, out.leg.rate))
    await hear(out, 0.4)  # until the codec and the buffers have settled
    heard = await hear(out, 0.5)
    assert purity(heard, HZ, out.leg.rate) > 0.9
    stats, path = dict(out.leg.stats()), incoming.leg.describe()
    await out.hangup()
    await rig.over(out, incoming)
    assert (out.state, incoming.state) == (CallState.ENDED, CallState.ENDED)
    assert incoming.end_reason.startswith("caller hung up (Q.850 16")
    return stats, path


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_transports(transport: str, tls: dict[str, Any]) -> None:
    async with user_agent(config(sip={"listen": [{"transport": transport, "port": 0}], "tls": tls})) as rig:
        assert rig.ua.listening() == [f"{transport}:127.0.0.1:{rig.port}"]
        assert await rig.ua.ping() < 1
        await tone_comes_back(rig)


async def test_sips(tls: dict[str, Any]) -> None:
    async with user_agent(config(sip={"listen": [{"transport": "tls", "port": 0}], "tls": tls, "srtp": "required"})) as rig:
        out = await rig.invite(f"sips:600@127.0.0.1:{rig.port}")
        incoming = await rig.taken()
        await incoming.control.answer()
        await asyncio.wait_for(out.media_ready.wait(), 10)
        assert "sips:" in incoming.remote_uri
        await out.hangup()
        await rig.over(out, incoming)


@pytest.mark.parametrize("codec", ["opus/48000", "G722/8000", "PCMU/8000", "PCMA/8000", "L16/16000", "L16/8000"])
async def test_codecs(codec: str) -> None:
    async with user_agent(config(media={"codecs": [codec]})) as rig:
        stats, path = await tone_comes_back(rig)
        assert stats["codec"].lower() == codec.split("/")[0].lower()
        assert codec.split("/")[0].lower() in path.lower()


@pytest.mark.parametrize("ptime", [10, 20, 40, 60])
async def test_packet_times(ptime: int) -> None:
    async with user_agent(config(media={"codecs": ["PCMU/8000"], "ptime_ms": ptime})) as rig:
        stats, path = await tone_comes_back(rig)
        assert stats["ptime_ms"] == ptime
        assert f"{ptime} ms" in path


@pytest.mark.parametrize(("policy", "secure"), [("off", False), ("optional", True), ("required", True)])
async def test_srtp_with_ourselves(policy: str, secure: bool) -> None:
    async with user_agent(config(sip={"srtp": policy})) as rig:
        stats, path = await tone_comes_back(rig)
        assert stats["secure"] is secure
        assert ("srtp" in path) is secure


async def test_order_of_codecs_is_the_configured_one() -> None:
    async with user_agent(config(media={"codecs": ["PCMA/8000", "opus/48000", "PCMU/8000"]})) as rig:
        stats, _ = await tone_comes_back(rig)
        assert stats["codec"] == "PCMA"


@pytest.mark.parametrize("codec", ["PCMU/8000", "opus/48000"])
async def test_rfc4733_digits(codec: str) -> None:
    async with user_agent(config(media={"codecs": [codec]})) as rig:
        out, incoming = await rig.pair()
        digits: list[str] = []
        all_in = asyncio.Event()

        def on_dtmf(digit: str, ms: int) -> None:
            digits.append(digit)
            if len(digits) == 6:
                all_in.set()

        incoming.on_dtmf = on_dtmf
        out.leg.send_dtmf("159*#D", 60)
        await asyncio.wait_for(all_in.wait(), 10)
        assert "".join(digits) == "159*#D"
        await out.hangup()
        await rig.over(out, incoming)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_an_exception_in_a_handler_harms_no_call() -> None:
    async with user_agent(config(media={"codecs": ["PCMU/8000"]})) as rig:
        out, incoming = await rig.pair()

        def broken(*args: object) -> None:
            raise RuntimeError("agent")

        incoming.leg.on_audio = broken
        incoming.on_dtmf = broken
        incoming.on_event = broken
        out.leg.write(tone(HZ, 1.0, out.leg.rate))
        out.leg.send_dtmf("1")
        await tone_comes_back(rig)
        assert incoming.state is CallState.CONFIRMED
        await incoming.hangup()
        await rig.over(out, incoming)


async def test_twenty_calls_at_once_and_nothing_left_behind() -> None:
    async with user_agent(config(media={"codecs": ["PCMU/8000"]})) as rig:
        pairs = [await rig.pair() for _ in range(20)]
        assert len(rig.ua.calls) == 40
        await asyncio.gather(*(out.hangup() for out, _ in pairs))
        await rig.over(*(call for pair in pairs for call in pair))
        assert not rig.ua.calls


async def test_up_and_down_again(tmp_path: Path) -> None:
    for _ in range(3):
        async with user_agent(config()) as rig:
            assert await rig.ua.ping() < 1
            await rig.ua.stop()
            await rig.ua.stop()
