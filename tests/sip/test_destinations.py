# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of ours go where protection.allow says, and nowhere else."""

from __future__ import annotations

import pytest

from sipagent.signalling.errors import DestinationDenied
from tests.sip.rig import config, user_agent
from tests.sip.wire import Peer


async def test_nowhere_unless_allowed() -> None:
    async with user_agent(config(protection={"allow": []})) as rig:
        with pytest.raises(DestinationDenied, match=r"protection\.allow"):
            await rig.ua.invite(rig.uri())
        assert not rig.ua.calls


async def test_allowed_numbers_only() -> None:
    async with user_agent(config(protection={"allow": ["+49*", "600@127.0.0.1"], "deny": ["+49900*"]})) as rig:
        for user in ("004990012345", "%2B4990012345", "+49-900-1", "601", "0043123"):
            with pytest.raises(DestinationDenied):
                await rig.ua.invite(rig.uri(user))
        out, incoming = await rig.pair()
        await out.hangup()
        await rig.over(out, incoming)


async def test_a_redirection_is_no_way_round() -> None:
    """A 302 to a number that is not allowed is not followed (RFC 3261 section 8.1.3.4)."""
    rules = {"allow": ["bob"]}
    async with user_agent(config(sip={"calls": {"follow_redirects": 3}}, protection=rules)) as rig:
        peer = await Peer.open()
        call = await rig.invite(f"sip:bob@127.0.0.1:{peer.port}")
        contact = f"Contact: <sip:0049900123@127.0.0.1:{peer.port}>\r\n"
        peer.respond(await peer.request("INVITE"), "302 Moved", rig.port, contact)
        await rig.over(call)
        assert call.end_code == 302
        assert not [m for m in peer.seen if "0049900123" in m.start]
        peer.close()
