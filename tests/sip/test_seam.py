# SPDX-License-Identifier: GPL-3.0-or-later
"""PJSIP and the media core joined by the seam: real RTP and SRTP of real calls, through the worker."""

from __future__ import annotations

import os
import socket
import threading
import time

import numpy as np
import pytest

import mediacore
from mediacore import pjsua2
from mediacore.dsp import Codec
from tests.interop import audio
from tests.sip.seam_loop import RATE, SECURITY, Ear, Loop, endpoint, loop, operation

__all__ = ["endpoint", "loop"]  # fixtures

CODECS = {"opus": 48000, "G722": 8000, "PCMU": 8000, "PCMA": 8000, "L16/8000": 8000, "L16/16000": 16000}


def speech(seconds: float, seed: int) -> bytes:
    return audio.noise(round(seconds * RATE), seed, 40000, np.int16).tobytes()


def heard(codec: str, pcm: bytes, ear: Ear) -> bool:
    """Every sample of what was said, after its codec; a machine that stalls may put silence in between."""
    law = Codec(codec, 8000)
    coded = b"".join(law.decode(law.encode(pcm[i : i + 320])) for i in range(0, len(pcm), 320))
    line = np.frombuffer(bytes(ear.pcm), np.int16)
    return audio.echo_fault(np.frombuffer(coded, np.int16), line, RATE, slip_ms=5000) == ""


@SECURITY
def test_speech_arrives_sample_for_sample_both_ways(loop: Loop, srtp: int) -> None:
    ends = [call.ear for call in loop.call(srtp)]
    said = [speech(0.5, seed) for seed in (1, 2)]
    for ear, pcm in zip(ends, said, strict=True):
        assert ear.leg.write(pcm) == len(pcm) // 2
    loop.until(lambda: all(heard("PCMU", pcm, ear) for pcm, ear in zip(said, reversed(ends), strict=True)))
    for ear in ends:
        stats = ear.leg.stats()
        assert stats["secure"] == (srtp == pjsua2.PJMEDIA_SRTP_MANDATORY)
        assert (stats["codec"], stats["ptime_ms"]) == ("PCMU", 20)
        assert stats["rx_lost"] == stats["rx_malformed"] == 0


@SECURITY
def test_digits(loop: Loop, srtp: int) -> None:
    caller, called = loop.call(srtp)
    caller.ear.leg.send_dtmf("5#", 60)
    heard = called.ear.events
    loop.until(lambda: [a for kind, a in heard if kind == mediacore.EV_DTMF] == [ord("5"), ord("#")])


@pytest.mark.parametrize("ptime", [10, 20, 40, 60])
def test_answer_takes_the_ptime_of_the_offer(loop: Loop, ptime: int) -> None:
    caller, called = loop.call(ptime=ptime)
    assert called.ear.leg.stats()["ptime_ms"] == ptime
    assert caller.ear.leg.stats()["ptime_ms"] == ptime
    loop.until(lambda: len(called.ear.pcm) > ptime * RATE // 1000 * 2 * 3)


def test_ptime_that_nobody_serves_is_refused() -> None:
    for ptime in (0, -20, 15, 30, 80):
        assert pjsua2.mc_pjsip_set_ptime(ptime) < 0


@pytest.mark.parametrize("wanted", CODECS)
def test_codec_priority_chooses_the_codec(loop: Loop, wanted: str) -> None:
    loop.ep.codecSetPriority("PCMU", 100)
    loop.ep.codecSetPriority(wanted, 255)
    caller, called = loop.call()
    for ear in (caller.ear, called.ear):
        params = ear.leg.params
        assert params["codec"] == wanted.split("/")[0]
        assert params["clock"] == CODECS[wanted]
        assert params["event_rx_pt"] <= 127
        assert params["event_tx_pt"] <= 127
    if wanted == "opus":
        assert "useinbandfec=1" in caller.ear.leg.params["fmtp"]
    loop.until(lambda: len(called.ear.pcm) > 2000)


@SECURITY
def test_hold_and_resume(loop: Loop, srtp: int) -> None:
    caller, called = loop.call(srtp)
    caller.setHold(operation())
    loop.until(lambda: called.ear.leg.params["send"] is False)
    assert caller.ear.leg.params["recv"] is False
    resume = operation()
    resume.opt.flag = pjsua2.PJSUA_CALL_UNHOLD
    caller.reinvite(resume)
    loop.until(lambda: called.ear.leg.params["send"] and caller.ear.leg.params["recv"])
    pcm = speech(0.2, 3)
    called.ear.leg.write(pcm)
    loop.until(lambda: heard(caller.ear.leg.params["codec"], pcm, caller.ear))


@SECURITY
def test_calls_that_end_while_packets_fly_leave_nothing(loop: Loop, srtp: int) -> None:
    descriptors = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        for _ in range(6):
            loop.call(srtp)
        loop.end_calls()
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert pjsua2.mc_pjsip_n_transports() == 0


def test_wake_ends_the_wait_from_any_thread(loop: Loop) -> None:
    start = time.monotonic()
    for _ in range(30):  # a timer of PJSIP's own may end a wait or two, never so many
        bell = threading.Timer(0.01, pjsua2.mc_pjsip_wake)
        bell.start()
        loop.ep.libHandleEvents(30000)
        bell.join()
    assert time.monotonic() - start < 10


def test_a_wake_before_the_wait_counts(loop: Loop) -> None:
    start = time.monotonic()
    for _ in range(30):
        pjsua2.mc_pjsip_wake()
        pjsua2.mc_pjsip_wake()
        loop.ep.libHandleEvents(30000)
    assert time.monotonic() - start < 10


def test_a_method_that_nobody_serves_gets_405(loop: Loop) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.setblocking(False)
        port = peer.getsockname()[1]
        text = (
            f"WINK sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKwink\r\nMax-Forwards: 70\r\n"
            "From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:x@127.0.0.1>\r\nCall-ID: wink\r\nCSeq: 1 WINK\r\n"
            "Content-Length: 0\r\n\r\n"
        )
        peer.sendto(text.encode(), ("127.0.0.1", loop.port))
        answer = b""

        def answered() -> bool:
            nonlocal answer
            try:
                answer = peer.recv(4000)
            except BlockingIOError:
                return False
            return True

        loop.until(answered)
    head = answer.decode()
    assert head.startswith("SIP/2.0 405 ")
    assert "\r\nAllow: " in head
    assert "INVITE" in head
