# SPDX-License-Identifier: GPL-3.0-or-later
"""PJSIP's objects die where they lived: a Call or Account that main collects would touch PJSIP from the wrong thread."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from sipagent.signalling.accounts import SipAccount
from sipagent.signalling.calls import SipCall
from sipagent.signalling.endpoint import SipEndpoint
from tests.sip.rig import config, user_agent


@pytest.fixture
def graves(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """(class, thread) of every one that was collected."""
    found: list[tuple[str, str]] = []
    for cls in (SipCall, SipAccount, SipEndpoint):
        monkeypatch.setattr(
            cls, "__del__", lambda self, c=cls: found.append((c.__name__, threading.current_thread().name)), raising=False
        )
    return found


async def test_objects_die_on_the_sip_thread(graves: list[tuple[str, str]]) -> None:
    async with user_agent(config(sip={"max_calls": 4})) as rig:
        for _ in range(3):
            out, incoming = await rig.pair()
            await out.hangup()
            await rig.over(out, incoming)
        await asyncio.wait_for(rig.until(lambda: sum(c == "SipCall" for c, _ in graves) == 6), 5)  # each as soon as it is over
        refused = await rig.invite("sip:600@127.0.0.1:9")  # nobody answers there
        left, _ = await rig.pair()  # up at the end
        assert not refused.ended.is_set()
        assert not left.ended.is_set()
    gc.collect()
    assert sum(c == "SipCall" for c, _ in graves) == 9
    assert {c for c, _ in graves} == {"SipCall", "SipAccount", "SipEndpoint"}
    assert {name for _, name in graves} == {"sip"}
