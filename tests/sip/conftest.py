# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets of a peer that is written by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.sip.dtls_peer import Certificate
from tests.sip.rig import Rig, config, user_agent
from tests.sip.ua import Rtp
from tests.sip.wire import Peer


@pytest.fixture
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """Our side; the test's module says which media it has (MEDIA)."""
    async with user_agent(config(media=request.module.MEDIA)) as rig:
        yield rig


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


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(tmp_path_factory.mktemp("dtls") / "peer.pem")
