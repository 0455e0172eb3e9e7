# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets of a peer that is written by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.sip.ua import Rtp
from tests.sip.wire import Peer


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    """Its signalling."""
    peer = await Peer.open()
    yield peer
    peer.close()


@pytest.fixture
async def rtp() -> AsyncIterator[Rtp]:
    """Its sound."""
    rtp = await Rtp.open()
    yield rtp
    rtp.close()
