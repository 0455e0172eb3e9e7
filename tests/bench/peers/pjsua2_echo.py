# SPDX-License-Identifier: GPL-3.0-or-later
"""System under test: PJSUA2 in Python with PJSIP's own media. Each call has an AudioMediaPort; its frames are changed in Python
and go back.

    python -m tests.bench.peers.pjsua2_echo CALLS

Tuned as one would for many calls: everything at 8 kHz in 20 ms, no sound device (its clock thread drives the bridge), no echo
canceller, no silence detection, one thread for the sockets and its epoll, whole frames copied instead of element by element."""

from __future__ import annotations

import json
import os
import select
import sys
from collections import deque
from typing import Any

from tests.bench.peers import pjsua2

sys.path.insert(0, str(pjsua2.directory()))
import pjsua2 as pj  # type: ignore[import-not-found]  # the peer's own, not mediacore's

FRAME_BYTES = 320
QUARTER_BYTES = FRAME_BYTES // 4  # PJSIP's G.711 comes in pieces of 10 ms, and a frame may begin with the second of a packet
SILENCE = bytes(FRAME_BYTES)
POLL_MS = 20


class Swapping(pj.AudioMediaPort):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        form = pj.MediaFormatAudio()
        form.init(pj.PJMEDIA_FORMAT_PCM, 8000, 1, 20_000, 16)
        self._heard = bytearray(FRAME_BYTES)
        view = memoryview(self._heard)
        self._quarters = [view[at : at + QUARTER_BYTES] for at in range(0, FRAME_BYTES, QUARTER_BYTES)]
        self._ready: deque[bytes] = deque()
        self.createPort("python", form)

    def onFrameReceived(self, frame: Any) -> None:
        if frame.size != FRAME_BYTES:  # the bridge has nothing for us yet
            return
        frame.buf.copy_to_bytearray(self._heard)
        a, b, c, d = self._quarters
        self._ready.append(b"".join((b, a, d, c)))

    def onFrameRequested(self, frame: Any) -> None:
        frame.type = pj.PJMEDIA_FRAME_TYPE_AUDIO
        frame.buf.assign_from_bytes(self._ready.popleft() if self._ready else SILENCE)


class Call(pj.Call):  # type: ignore[misc]
    def onCallMediaState(self, prm: Any) -> None:
        self.port = Swapping()
        far = self.getAudioMedia(-1)
        far.startTransmit(self.port)
        self.port.startTransmit(far)

    def onCallState(self, prm: Any) -> None:
        if self.getInfo().state == pj.PJSIP_INV_STATE_DISCONNECTED:
            CALLS.pop(self.getId(), None)


CALLS: dict[int, Call] = {}  # a call that is collected hangs up


class Account(pj.Account):  # type: ignore[misc]
    def onIncomingCall(self, prm: Any) -> None:
        call = CALLS[prm.callId] = Call(self, prm.callId)
        answer = pj.CallOpParam()
        answer.statusCode = 200
        call.answer(answer)


def started(calls: int) -> tuple[Any, Account, int]:
    """The endpoint, its account and its SIP port."""
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    settings = pj.EpConfig()
    settings.logConfig.level = settings.logConfig.consoleLevel = 1
    settings.uaConfig.maxCalls = calls
    settings.uaConfig.threadCnt = 0
    media = settings.medConfig
    media.clockRate = media.sndClockRate = 8000
    media.audioFramePtime = media.ptime = 20
    media.maxMediaPorts = 2 * calls + 2
    media.hasIoqueue, media.threadCnt = True, 1
    media.noVad, media.ecTailLen = True, 0
    endpoint.libInit(settings)
    transport = pj.TransportConfig()
    transport.boundAddress = "127.0.0.1"
    number = endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    port = int(endpoint.transportGetInfo(number).localName.rpartition(":")[2])
    endpoint.audDevManager().setNullDev()
    endpoint.libStart()
    law = endpoint.codecGetParam("PCMU/8000")
    law.setting.plc = False  # it would delay the sound by 5 ms, and the stamps would straddle the frames
    endpoint.codecSetParam("PCMU/8000", law)
    account, about = Account(), pj.AccountConfig()
    about.idUri = f"sip:echo@127.0.0.1:{port}"
    about.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    about.mediaConfig.transportConfig.port = 0
    about.mediaConfig.ipv6Use = pj.PJSUA_IPV6_DISABLED  # else it asks the DNS for this host's name at every call
    account.create(about)
    return endpoint, account, port


def main() -> None:
    endpoint, _account, port = started(int(sys.argv[1]))
    print(f"sip echo {port}", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        endpoint.libHandleEvents(POLL_MS)
    print(json.dumps({}), flush=True)
    os._exit(0)  # its orderly end, with hundreds of calls whose ports Python still owns, crashes and is not what is measured


if __name__ == "__main__":
    main()
