# SPDX-License-Identifier: GPL-3.0-or-later
"""The real thread and real sockets on loopback. Content and order are checked; how punctual it is, the benchmarks say."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import itertools
import os
import socket
import struct
import threading
import time
from contextlib import closing

import numpy as np
import pytest

import mediacore
from mediacore import EV_DTMF, EV_PLAY_START, EV_STARTED, EV_STOPPED, Leg, Worker, clock_us
from tests.interop.audio import echo_fault
from tests.media.rig import HOST, L16, RATE, WAIT_S, drain_until, free_port, peer, two_legs
from tests.media.rtp import Rtp, from_l16, samples

STALLS_MS = 5000  # silence that a busy machine may put in; how punctual the worker is, the benchmarks say


def on_the_grid(packets: list[Rtp], size: int) -> bool:
    """Numbered without a gap; each timestamp is one packet's samples after the last, or where a stall made it jump, several."""
    steps = [((b.seq - a.seq) % 2**16, (b.ts - a.ts) % 2**32) for a, b in itertools.pairwise(packets)]
    print("steps", sorted(set(steps)))
    return all(seq == 1 and ts % size == 0 and 0 < ts < RATE * STALLS_MS // 1000 for seq, ts in steps)


def test_speech_from_leg_to_leg(worker: Worker) -> None:
    heard: list[tuple[np.ndarray, bool]] = []
    speech = np.random.default_rng(2).integers(1, 30000, 16000, np.int16)
    with two_legs(worker, **L16) as (a, b):
        b.on_audio = lambda pcm, t, index, lost: heard.append((samples(pcm), lost))
        assert a.write(speech.tobytes()) == len(speech)
        drain_until(worker, lambda: sum(np.count_nonzero(pcm) for pcm, _ in heard) >= len(speech))
        assert echo_fault(speech, np.concatenate([pcm for pcm, _ in heard]), RATE, slip_ms=STALLS_MS) == ""
        assert not any(lost and pcm.any() for pcm, lost in heard)  # nothing but the silence that a stall puts in
        assert "L16/16000(96)" in a.describe()
        assert worker.stats()["legs"] == 2


def test_echo_through_python_and_back(worker: Worker) -> None:
    speech = np.random.default_rng(3).integers(1, 30000, 16000, np.int16)
    back: list[np.ndarray] = []
    with two_legs(worker, **L16) as (caller, bot):
        bot.on_audio = lambda pcm, *_: bot.write(pcm)
        caller.on_audio = lambda pcm, *_: back.append(samples(pcm))
        caller.write(speech.tobytes())
        drain_until(worker, lambda: sum(map(np.count_nonzero, back)) >= len(speech))
        assert echo_fault(speech, np.concatenate(back), RATE, slip_ms=STALLS_MS) == ""


def test_many_legs_at_once(worker: Worker) -> None:
    """So many that the worker looks at its sockets once a millisecond: nobody's speech is lost, late or another's."""
    n_pairs, rng = 40, np.random.default_rng(4)
    speech = [rng.integers(1, 30000, 8000, np.int16) for _ in range(n_pairs)]
    heard: list[list[np.ndarray]] = [[] for _ in range(n_pairs)]
    with contextlib.ExitStack() as stack:
        pairs = [stack.enter_context(two_legs(worker, **L16)) for _ in range(n_pairs)]
        for (a, b), said, line in zip(pairs, speech, heard, strict=True):
            b.on_audio = lambda pcm, *_, line=line: line.append(samples(pcm))
            a.write(said.tobytes())
        drain_until(worker, lambda: all(sum(map(np.count_nonzero, line)) >= 8000 for line in heard))
        for said, line in zip(speech, heard, strict=True):
            assert echo_fault(said, np.concatenate(line), RATE, slip_ms=STALLS_MS) == ""


def test_native_echo_needs_no_python(worker: Worker) -> None:
    speech = np.random.default_rng(3).integers(1, 30000, 4800, np.int16)
    back: list[np.ndarray] = []
    with two_legs(worker, **L16) as (caller, bot):
        bot.echo_native(True)
        bot.on_audio = lambda *_: pytest.fail("the native echo must not reach Python")
        with pytest.raises(mediacore.StateError):
            bot.write(b"\0\0")
        caller.on_audio = lambda pcm, *_: back.append(samples(pcm))
        caller.write(speech.tobytes())
        drain_until(worker, lambda: sum(map(np.count_nonzero, back)) >= len(speech))
        assert echo_fault(speech, np.concatenate(back), RATE, slip_ms=STALLS_MS) == ""
        assert "echo" in bot.describe()


def test_events_come_through_the_same_door(worker: Worker) -> None:
    events: list[tuple[int, int]] = []
    with two_legs(worker) as (a, b):
        b.on_event = lambda kind, x, y, t: events.append((kind, x))
        a.send_dtmf("42#")
        b.write(bytes(640))
        drain_until(worker, lambda: len([e for e in events if e[0] == EV_DTMF]) == 3)
        b.stop()
        drain_until(worker, lambda: (EV_STOPPED, 0) in events)
    assert events[0] == (EV_STARTED, 0)
    assert [chr(x) for kind, x in events if kind == EV_DTMF] == ["4", "2", "#"]
    assert (EV_PLAY_START, 0) in events


def test_garbage_on_the_port_is_counted_and_harmless(worker: Worker) -> None:
    heard: list[np.ndarray] = []
    rng = np.random.default_rng(5)
    port = free_port()
    with two_legs(worker, port, **L16) as (a, b), peer() as stranger:
        b.on_audio = lambda pcm, *_: heard.append(samples(pcm))
        a.write(np.full(16000, 1234, np.int16).tobytes())

        def taken() -> int:
            return int(b.stats()["rx_strangers"] + worker.stats()["rx_dropped"])

        for sent in range(0, 500, 5):  # no more at once than a socket's buffer holds, however late the worker comes
            for _ in range(5):
                stranger.sendto(rng.integers(0, 256, int(rng.integers(0, 3000)), np.uint8).tobytes(), (HOST, port))
            drain_until(worker, lambda sent=sent: taken() == sent + 5)  # type: ignore[misc]
        drain_until(worker, lambda: a.pending == 0 and sum(map(np.count_nonzero, heard)) >= 16000)
        line = np.concatenate(heard)
        assert set(np.unique(line)) <= {0, 1234}
        assert np.count_nonzero(line) == 16000
        assert taken() == 500


def receive_with_the_gil(sock: socket.socket, n: int) -> list[bytes]:
    """n packets that came while no other thread had the GIL: PyDLL, unlike CDLL, keeps it while recv(2) waits."""
    sock.setblocking(True)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", round(WAIT_S), 0))
    libc, packet, packets = ctypes.PyDLL(None, use_errno=True), ctypes.create_string_buffer(2000), []
    for _ in range(n):
        while (size := libc.recv(sock.fileno(), packet, len(packet), 0)) < 0:
            assert ctypes.get_errno() == errno.EINTR, os.strerror(ctypes.get_errno())
        packets.append(packet.raw[:size])
    return packets


def test_gil_held_for_half_a_second_with_speech_queued(worker: Worker) -> None:
    """What leaves is C's business: no packet is missing and each sample is where it belongs."""
    speech = np.arange(1, 16001, dtype=np.int16)
    with peer() as sock, closing(Leg(worker, rate=16000)) as leg:
        leg.start_udp(local=(HOST, 0), remote=(HOST, sock.getsockname()[1]), **L16)  # type: ignore[arg-type]
        leg.write(speech.tobytes())
        packets = list(map(Rtp.unpack, receive_with_the_gil(sock, 25)))
        sock.settimeout(WAIT_S)
        packets += [Rtp.unpack(sock.recv(2000)) for _ in range(35)]
    assert on_the_grid(packets, 320)
    line = np.concatenate([from_l16(p.payload) for p in packets])
    start = int(np.flatnonzero(line)[0])
    assert np.array_equal(line[start : start + len(speech)], speech)


def test_frames_wait_for_python_that_was_away(worker: Worker) -> None:
    heard: list[tuple[int, int]] = []
    with two_legs(worker, **L16) as (_a, b), peer() as sock, closing(Leg(worker, rate=RATE)) as metronome:
        b.on_audio = lambda pcm, t, index, lost: heard.append((index, len(pcm) // 2))
        metronome.start_udp(local=(HOST, 0), remote=sock.getsockname(), **L16)  # type: ignore[arg-type]
        receive_with_the_gil(sock, 20)
        drain_until(worker, lambda: len(heard) > 30)
        assert b.stats()["ear_dropped"] == 0
        assert [index for index, _ in heard] == list(np.cumsum([0] + [n for _, n in heard])[:-1])


def test_a_handler_that_raises_harms_nobody_else(worker: Worker) -> None:
    errors: list[tuple[Leg, Exception]] = []
    heard: list[int] = []
    worker.on_error = lambda leg, exc: errors.append((leg, exc))

    def broken(*_: object) -> None:
        raise RuntimeError("handler")

    with two_legs(worker) as (a, b):
        a.on_audio = broken
        b.on_audio = lambda pcm, t, index, lost: heard.append(index)
        drain_until(worker, lambda: len(heard) > 10 and len(errors) > 5)
        assert {leg for leg, _ in errors} == {a}
        assert {str(exc) for _, exc in errors} == {"handler"}
        errors.clear()


def test_default_report_of_a_handler_error(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", lambda args: seen.append(args.exc_value))
    with two_legs(worker) as (a, _):
        a.on_audio = lambda *_: 1 / 0
        drain_until(worker, lambda: bool(seen))
        a.on_audio = None
    assert isinstance(seen[0], ZeroDivisionError)
    seen.clear()


def test_a_handler_may_close_legs(worker: Worker) -> None:
    with two_legs(worker) as (a, b):
        calls: list[int] = []

        def close_both(*_: object) -> None:
            calls.append(1)
            a.close()
            b.close()

        a.on_audio = b.on_audio = close_both
        drain_until(worker, lambda: bool(calls))
        time_out = clock_us() + 100_000
        while clock_us() < time_out:
            worker.drain()
        assert len(calls) == 1
        a.on_audio = b.on_audio = None


def test_a_closed_leg_answers_with_its_last_values(worker: Worker) -> None:
    with two_legs(worker) as (a, b):
        a.write(bytes(3200))
        drain_until(worker, lambda: a.pending == 0)
        a.close()
        a.close()
        assert (a.written, a.played, a.pending) == (1600, 1600, 0)
        assert a.stats()["tx_packets"] >= 5
        assert a.stats()["codec"] == "PCMU"
        assert a.describe().startswith("stopped, was: wire")
        assert a.write(bytes(640)) == 0
        assert a.flush() == 1600
        a.send_dtmf("1")
        a.stop()
        a.unbind_call()
        assert not a.started
        with pytest.raises(mediacore.StateError):
            a.bind_call(1)
        assert b.started


def test_many_legs_come_and_go_while_packets_fly(worker: Worker) -> None:
    rng = np.random.default_rng(9)
    heard: list[int] = []
    for _ in range(15):
        with two_legs(worker) as (a, b), two_legs(worker, ptime_ms=10) as (c, d):
            for leg in (a, b, c, d):
                leg.on_audio = lambda pcm, *_: heard.append(len(pcm))
                leg.write(bytes(3200))
            n = len(heard) + int(rng.integers(1, 30))
            drain_until(worker, lambda n=n: len(heard) >= n)
            b.flush()
    worker.drain()  # what was ready when it was closed is let go here
    assert worker.stats()["legs"] == 0


def test_ticks_of_ten_ms_legs(worker: Worker) -> None:
    with peer() as sock, closing(Leg(worker, rate=8000)) as leg:
        leg.start_udp(local=(HOST, 0), remote=(HOST, sock.getsockname()[1]), ptime_ms=10)
        packets = [Rtp.unpack(sock.recv(2000)) for _ in range(30)]
        assert on_the_grid(packets, 80)


def test_addresses_that_cannot_be(worker: Worker) -> None:
    with closing(Leg(worker)) as leg:
        for local in (("localhost", 0), (HOST, 70000)):
            with pytest.raises(mediacore.ArgumentError, match="local"):
                leg.start_udp(local=local, remote=(HOST, 9))
        with pytest.raises(OSError, match="start_udp"):
            leg.start_udp(local=("192.0.2.1", 0), remote=(HOST, 9))
        assert not leg.started
        leg.start_udp(local=(HOST, 0), remote=(HOST, 9))
        with pytest.raises(mediacore.StateError):
            leg.start_udp(local=(HOST, 0), remote=(HOST, 9))
        leg.stop()
        leg.start_udp(local=("::1", 0), remote=("::1", 9))


def test_limit_of_legs() -> None:
    with closing(Worker(max_legs=2)) as w, closing(Leg(w)), closing(Leg(w)), pytest.raises(mediacore.FullError):
        Leg(w)


def test_worker_lives_and_dies() -> None:
    with closing(Worker(fifo=False)) as w:
        leg = Leg(w)
        w.start()
        assert not w.stats()["fifo"]
        with pytest.raises(mediacore.StateError):
            w.start()
        leg.start_udp(local=(HOST, 0), remote=(HOST, 9))
        w.stop()
        w.stop()
        leg.close()  # no thread any more: the caller does it
    with pytest.raises(mediacore.StateError):
        w.stats()
    leg = Leg(v := Worker())
    v.close()  # in the wrong order
    leg.close()


def test_worker_beats_with_nothing_to_do(worker: Worker) -> None:
    seen = set()
    end = time.monotonic() + WAIT_S
    while len(seen) < 3 and time.monotonic() < end:
        seen.add(worker.stats()["last_tick_us"])
    assert len(seen) == 3


def test_legs_from_another_thread(worker: Worker) -> None:
    """The signalling thread makes, starts and stops legs while the main thread drains."""
    heard: list[int] = []
    done = threading.Event()

    def signalling() -> None:
        for _ in range(20):
            with two_legs(worker) as (a, b):
                a.on_audio = b.on_audio = lambda pcm, *_: heard.append(len(pcm))
                n = len(heard)
                while len(heard) < n + 4:
                    pass
        done.set()

    thread = threading.Thread(target=signalling)
    thread.start()
    drain_until(worker, done.is_set)
    thread.join()


async def test_on_an_event_loop(worker: Worker) -> None:
    heard = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(worker.fileno(), worker.drain)
    try:
        with two_legs(worker) as (a, _):
            a.on_audio = lambda *_: heard.set()
            await asyncio.wait_for(heard.wait(), WAIT_S)
            a.on_audio = None
    finally:
        loop.remove_reader(worker.fileno())


def test_first_words_wait_for_whoever_listens(worker: Worker) -> None:
    with peer() as sock:
        leg = Leg(worker, rate=8000)
        address = leg.start_udp(local=(HOST, 0), remote=sock.getsockname(), codec="PCMU", clock=8000, pt=0)
        for n in range(25):
            sock.sendto(Rtp(n, n * 160, bytes([n + 1]) * 160).pack(), address)
        drain_until(worker, lambda: leg.stats()["rx_packets"] == 25)
        worker.drain()
        heard: list[int] = []
        leg.on_audio = lambda pcm, arrival_us, index, lost: heard.append(index // 160)
        sock.sendto(Rtp(25, 25 * 160, bytes(160)).pack(), address)
        drain_until(worker, lambda: 25 in heard)
        leg.close()
    assert heard == list(range(15, 26))  # the newest ten, then what came after
