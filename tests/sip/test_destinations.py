# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of ours go where protection.allow says, and nowhere else."""

from __future__ import annotations

import pytest

from sipagent.signalling.errors import DestinationDenied
from tests.sip.rig import config, user_agent


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
