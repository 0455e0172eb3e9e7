# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers and switches for the interop tests; each is started once and stopped by its own pid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop import certs
from tests.interop.asterisk import Asterisk, Extension
from tests.interop.asterisk_daemon import root
from tests.interop.baresip import Softphone
from tests.interop.certs import Certificates
from tests.interop.kamailio import Kamailio
from tests.interop.phones import CODEC, RATE, tone
from tests.interop.switch import Switch

# One extension for each codec, so that Asterisk itself offers exactly that; the last ones for SRTP by SDES and by DTLS, for TLS
# and for RTCP on the RTP port.
EXTENSIONS = [
    Extension("ulaw", "ulaw"),
    Extension("alaw", "alaw"),
    Extension("slin", "slin"),
    Extension("slin16", "slin16"),
    Extension("g722", "g722"),
    Extension("opus", "opus"),
    Extension("sdes", "ulaw", encryption="sdes"),
    Extension("dtls", "ulaw", encryption="dtls", rtcp_mux="yes"),
    Extension("tls", "ulaw"),
    Extension("mux", "ulaw", rtcp_mux="yes"),
    Extension("phone", "ulaw,opus"),
]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certs.make(tmp_path_factory.mktemp("certs"))


@pytest.fixture(scope="session")
def asterisk(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Asterisk]:
    where = root()
    if where is None:
        pytest.skip("Asterisk 22 is not here: scripts/setup --peers fetches it from Debian unstable")
    peer = Asterisk(where, tmp_path_factory.mktemp("asterisk"), certificates, EXTENSIONS)
    try:
        peer.start()
        yield peer
    finally:
        peer.stop()


StartSwitch = Callable[..., Switch]
StartPhone = Callable[..., Softphone]


@pytest.fixture(scope="module")
def start_switch(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[StartSwitch]:
    """Starts switches that live as long as the module's tests; each must end by itself on SIGTERM with code 0."""
    started: list[Switch] = []

    def start(agent: str, **settings: Any) -> Switch:
        started.append(Switch(tmp_path_factory.mktemp("switch"), certificates, agent, **settings))
        return started[-1]

    yield start
    codes = [switch.stop() for switch in started]
    assert codes == [0] * len(started), "\n".join(switch.log() for switch in started)


StartKamailio = Callable[..., Kamailio]


@pytest.fixture
def kamailio(tmp_path: Path, certificates: Certificates) -> Iterator[StartKamailio]:
    started: list[Kamailio] = []

    def start(**options: Any) -> Kamailio:
        started.append(Kamailio(tmp_path / f"kamailio{len(started)}", certificates, **options))
        return started[-1]

    yield start
    for peer in started:
        peer.stop()


@pytest.fixture
def softphone(tmp_path: Path, certificates: Certificates) -> Iterator[Callable[..., Softphone]]:
    phones: list[Softphone] = []

    def start(
        microphone: Path,
        rate: int,
        codecs: str,
        *options: str,
        user: str = "phone",
        rtcp_mux: bool = False,
        opus_dtx: bool = False,
    ) -> Softphone:
        room = tmp_path / f"phone{len(phones)}"
        more: Any = {"user": user, "rtcp_mux": rtcp_mux, "opus_dtx": opus_dtx}
        phones.append(Softphone(room, certificates, microphone, rate, codecs, *options, **more))
        return phones[-1]

    yield start
    for phone in phones:
        phone.stop()


@pytest.fixture
def start_phone(softphone: StartPhone, tmp_path: Path) -> StartPhone:
    """A softphone by name and the frequency that it says."""

    def start(user: str, hz: float, *options: str) -> Softphone:
        return softphone(tone(tmp_path, hz), RATE, CODEC, *options, user=user)

    return start
