# SPDX-License-Identifier: GPL-3.0-or-later
"""The relay is the network model and nothing else: what is lost, doubled and overtaken is what virtual time says."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab import relay
from tests.media.rtp import Rtp
from tests.netsim import MS, Clock, Conditions, Network

PERIOD_US = 2 * MS
N = 150
HARD = Conditions(delay_us=10 * MS, jitter_us=30 * MS, loss=0.1, duplicate=0.1)


def rtp(n: int) -> bytes:
    return Rtp(n, n * 160, bytes([n])).pack()


@contextmanager
def running(path: relay.Path) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Sockets of the speaker and the listener, known to the relay."""
    near, far = relay.port(), relay.port()
    stop = threading.Event()
    thread = threading.Thread(target=relay.run, args=([path], stop))
    thread.start()
    try:
        near.connect(path.near.getsockname())
        far.connect(path.far.getsockname())
        far.send(b"\x00 here I am")
        wait_for(lambda: path.far_peer is not None)
        yield near, far
    finally:
        stop.set()
        thread.join()
        near.close()
        far.close()


def wait_for(true) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def all_from(far: socket.socket, n: int) -> list[bytes]:
    """n packets, in the order of their coming."""
    found: list[bytes] = []
    far.setblocking(True)
    far.settimeout(5)
    while len(found) < n:
        found.append(far.recv(2048))
    return found


def expected(seed: int) -> list[int]:
    """Packet numbers in the order in which the model lets them arrive."""
    model = Network(HARD, seed)
    for n in range(N):
        model.send(rtp(n), n * PERIOD_US)
    return [pkt[-1] for _, pkt in model.receive(2**62)]


def test_retimed_stream_meets_the_network_of_virtual_time() -> None:
    want = expected(5)
    path = relay.Path(Network(HARD, 5), relay.Retime(Clock(0, PERIOD_US), 160))
    with running(path) as (near, far):
        for n in range(N):
            near.send(rtp(n))  # all at once: the timestamps say when
        got = [pkt[-1] for pkt in all_from(far, len(want))]
        assert got == want
    told = path.report()
    assert (told["sent"], told["delivered"], told["sent"] - told["lost"] + told["doubled"]) == (N, len(want), len(want))


def test_what_is_no_rtp_passes_both_ways_untouched() -> None:
    path = relay.Path(Network(Conditions(loss=1.0)))
    with running(path) as (near, far):
        stun, rtcp = b"\x00\x01" + bytes(18), b"\x80\xc8" + bytes(26)
        near.send(stun)
        near.send(rtcp)
        near.send(rtp(1))  # lost
        near.send(b"\x16 dtls")
        assert all_from(far, 3) == [stun, rtcp, b"\x16 dtls"]
        far.send(rtp(9))
        assert all_from(near, 1) == [rtp(9)]
    assert path.report()["lost"] == 1


def test_a_stranger_is_not_relayed() -> None:
    path = relay.Path(Network(Conditions(delay_us=0)))
    with running(path) as (near, far), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        near.send(rtp(1))
        assert all_from(far, 1) == [rtp(1)]
        stranger.sendto(rtp(2), path.near.getsockname())
        near.send(rtp(3))
        assert all_from(far, 1) == [rtp(3)]
