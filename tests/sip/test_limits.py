# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of a trunk, of direct calls and of the length of a call, in both directions."""

from __future__ import annotations

from typing import Any

import pytest

from sipagent.signalling.errors import CallLimitError
from tests.sip.rig import config, user_agent
from tests.sip.wire import Dialog, Peer, sdp


def trunk(peer: Peer, **limits: float) -> dict[str, Any]:
    row = {"name": "provider", "hosts": [f"127.0.0.1:{peer.port}"], "options_s": 0, "sources": ["127.0.0.0/8"], **limits}
    return {"trunks": [row]}


async def test_a_trunk_calls_no_more_than_it_may_in_both_directions() -> None:
    peer = await Peer.open()
    async with user_agent(config(sip=trunk(peer, max_calls=2))) as rig:
        await rig.until(lambda: bool(rig.ua.trunks()[0].hosts[0].target))
        first = Dialog(peer, rig.port)
        first.invite(sdp())
        incoming = await rig.taken()
        outgoing = await rig.invite("sip:1@provider.example", account="provider")
        third = Dialog(peer, rig.port)
        third.invite(sdp())
        answer = await peer.response("INVITE", at_least=500)
        assert (answer.status, answer.get("retry-after"), answer.get("call-id")) == (503, "10", third.call_id)
        with pytest.raises(CallLimitError, match="account provider: max_calls reached"):
            await rig.ua.invite("sip:2@provider.example", account="provider")
        direct, used = rig.ua.uses()
        assert (len(used.calls), dict(used.refused)) == (2, {"max_calls": 2})
        assert not direct.calls
        peer.respond(next(m for m in peer.seen if m.method == "INVITE"), "486 Busy Here", rig.port)
        await incoming.hangup(486)
        await rig.over(incoming, outgoing)
        assert not rig.ua.uses()[1].calls
        assert set(rig.ua.calls) == set()
    peer.close()


async def test_direct_calls_have_limits_of_their_own() -> None:
    async with user_agent(config(protection={"direct": {"calls_per_s": 0.5}})) as rig:
        peer = await Peer.open()
        dialogs = [Dialog(peer, rig.port) for _ in range(3)]
        for dialog in dialogs:
            dialog.invite(sdp())
        answer = await peer.response("INVITE", at_least=500)
        assert (answer.status, answer.get("retry-after")) == (503, "2")
        with pytest.raises(CallLimitError, match="direct calls: calls_per_s reached"):
            await rig.ua.invite("sip:600@127.0.0.1:9")
        call = await rig.taken()
        await call.hangup(480)
        peer.close()


async def test_no_call_lasts_longer_than_it_may() -> None:
    """By BYE, of whoever asked for it; the account's word goes before the switch's."""
    async with user_agent(config(protection={"max_call_s": 600, "direct": {"max_call_s": 0.3}})) as rig:
        out, incoming = await rig.pair()
        await rig.over(out, incoming)
        assert "longer than 0.3 s" in out.end_reason + incoming.end_reason
        assert {out.end_code, incoming.end_code} == {0}
