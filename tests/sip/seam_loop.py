# SPDX-License-Identifier: GPL-3.0-or-later
"""One endpoint on bare pjsua2 that calls itself over UDP on loopback, all on the test's thread, with a real media worker."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import mediacore
from mediacore import pjsua2

WAIT_S = 10.0
RTP_PORTS = (31000, 31899)
RATE = 8000


class Ear:
    """A leg with all that it heard and told."""

    def __init__(self, worker: mediacore.Worker) -> None:
        self.leg = mediacore.Leg(worker, rate=RATE)
        self.pcm = bytearray()
        self.events: list[tuple[int, int]] = []
        self.leg.on_audio = lambda pcm, arrival_us, index, lost: self.pcm.extend(pcm)
        self.leg.on_event = lambda kind, a, b, t_us: self.events.append((kind, a))


class Call(pjsua2.Call):
    def __init__(self, loop: Loop, account: pjsua2.Account, call_id: int = -1) -> None:
        super().__init__(account, call_id)
        self.ear = Ear(loop.worker)
        self.loop = loop
        self.ended = False
        self.confirmed = False

    def onCallState(self, prm: pjsua2.OnCallStateParam) -> None:
        state = self.getInfo().state
        self.confirmed = state == pjsua2.PJSIP_INV_STATE_CONFIRMED
        if state == pjsua2.PJSIP_INV_STATE_DISCONNECTED:
            self.ended = True
            self.ear.leg.unbind_call()


class Account(pjsua2.Account):
    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self.loop = loop

    def onIncomingCall(self, prm: pjsua2.OnIncomingCallParam) -> None:
        call = Call(self.loop, self, prm.callId)
        call.ear.leg.bind_call(prm.callId)
        self.loop.calls.append(call)
        self.loop.incoming.append(call)
        call.answer(operation(200))


def operation(status: int = 0) -> pjsua2.CallOpParam:
    prm = pjsua2.CallOpParam(True)
    prm.opt.audioCount, prm.opt.videoCount, prm.opt.textCount = 1, 0, 0
    prm.statusCode = status
    return prm


class Loop:
    """The endpoint, its worker and the calls of one test."""

    def __init__(self) -> None:
        self.worker = mediacore.Worker(fifo=False)
        self.worker.start()
        self.worker.install_seam()
        self.ep = pjsua2.Endpoint()
        self.ep.libCreate()
        cfg = pjsua2.EpConfig()
        cfg.uaConfig.threadCnt = cfg.medConfig.threadCnt = 0
        cfg.medConfig.hasIoqueue = False
        cfg.uaConfig.maxCalls = 512
        cfg.logConfig.level = cfg.logConfig.consoleLevel = 1
        cfg.logConfig.msgLogging = 0
        self.ep.libInit(cfg)
        assert pjsua2.mc_pjsip_start() == 0
        assert pjsua2.mc_pjsip_set_media_ports(*RTP_PORTS, 0) == 0
        transport = pjsua2.TransportConfig()
        transport.boundAddress = "127.0.0.1"
        self.ep.libStart()
        number = self.ep.transportCreate(pjsua2.PJSIP_TRANSPORT_UDP, transport)
        self.port = int(self.ep.transportGetInfo(number).localAddress.rsplit(":", 1)[1])
        self.calls: list[Call] = []
        self.incoming: list[Call] = []
        self.accounts: dict[int, Account] = {}

    def account(self, srtp: int) -> Account:
        if srtp not in self.accounts:
            cfg = pjsua2.AccountConfig()
            cfg.idUri = f"sip:srtp{srtp}@127.0.0.1:{self.port}"
            media = cfg.mediaConfig
            media.transportConfig.boundAddress = "127.0.0.1"
            media.ipv6Use = pjsua2.PJSUA_IPV6_DISABLED
            media.srtpUse = srtp
            media.srtpSecureSignaling = 0
            self.accounts[srtp] = Account(self)
            self.accounts[srtp].create(cfg)
        return self.accounts[srtp]

    def until(self, done: Callable[[], Any]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not done():
            assert time.monotonic() < deadline, "nothing came of it"
            self.ep.libHandleEvents(5)
            self.worker.drain()

    def call(self, srtp: int = pjsua2.PJMEDIA_SRTP_DISABLED, ptime: int = 20) -> tuple[Call, Call]:
        """A confirmed call with media on both sides: who calls, who is called. The offer alone asks for `ptime`."""
        caller = Call(self, self.account(srtp))
        self.calls.append(caller)
        assert pjsua2.mc_pjsip_set_ptime(ptime) == 0
        caller.makeCall(f"sip:srtp{srtp}@127.0.0.1:{self.port}", operation())
        assert pjsua2.mc_pjsip_set_ptime(20) == 0
        caller.ear.leg.bind_call(caller.getId())
        self.until(lambda: self.incoming and self.incoming[-1].confirmed and caller.confirmed)
        called = self.incoming[-1]
        self.incoming.clear()
        assert caller.ear.leg.started
        assert called.ear.leg.started
        return caller, called

    def end_calls(self) -> None:
        for call in self.calls:
            if not call.ended:
                call.hangup(operation())
        self.until(lambda: all(call.ended for call in self.calls))
        for call in self.calls:
            call.ear.leg.close()
        self.worker.drain()  # what was still queued for them
        self.calls.clear()
        self.incoming.clear()
        gc.collect()  # pjsua2 objects die in this thread

    def close(self) -> None:
        self.end_calls()
        for account in self.accounts.values():
            account.shutdown()
        self.accounts.clear()
        pjsua2.mc_pjsip_stop()
        self.ep.libDestroy()
        del self.ep
        self.worker.uninstall_seam()
        self.worker.stop()
        self.worker.close()
        gc.collect()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()
    assert set(mediacore.live().values()) == {0}


@pytest.fixture
def loop(endpoint: Loop) -> Iterator[Loop]:
    for codec, number in (("PCMU", 255), ("opus", 120), ("PCMA", 110), ("L16", 100)):
        endpoint.ep.codecSetPriority(codec, number)
    yield endpoint
    endpoint.end_calls()
    assert pjsua2.mc_pjsip_n_transports() == 0
    assert mediacore.live()["legs"] == 0
    assert mediacore.live()["socks"] == 0


SECURITY = pytest.mark.parametrize("srtp", [pjsua2.PJMEDIA_SRTP_DISABLED, pjsua2.PJMEDIA_SRTP_MANDATORY], ids=["plain", "srtp"])
