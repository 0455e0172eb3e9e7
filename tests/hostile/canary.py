# SPDX-License-Identifier: GPL-3.0-or-later
"""The canary: calls whose every sample is known, OPTIONS that must be answered soon, and new calls that must be set up, while
something else goes on."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from types import TracebackType
from typing import Self

import numpy as np

from tests.interop import ports
from tests.interop.uac import Caller

NEW_CALL_S = 2.0  # between two short calls
PROBE_S = 0.1
PROBE_MOST_S = 5.0  # an OPTIONS that is not answered by then never is
WORDS = 25  # packets that a short call hears before it hangs up


class Canary:
    """Long calls from the beginning to the end, short ones in between. Use as a context manager; then read it."""

    def __init__(self, sip_port: int, long_calls: int = 2, new_call_s: float = NEW_CALL_S) -> None:
        self._port = sip_port
        self._new_call_s = new_call_s
        self._long = [Caller(sip_port, f"canary{n}", seed=n) for n in range(long_calls)]
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._probe, self._call)]
        self.faults: list[str] = []  # of long and short calls
        self.frames = 0  # that came back
        self.set_up: list[int] = []  # final status of each short call, 0 = none came
        self.answers_s: list[float] = []  # of OPTIONS; inf = no answer

    def __enter__(self) -> Self:
        for caller in self._long:
            if (status := caller.call().status) != 200:
                raise RuntimeError(f"the canary was refused with {status}")
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for caller in self._long:
            self._judge(caller)

    @property
    def p99_ms(self) -> float:
        """Of the answers to OPTIONS."""
        return 1e3 * float(np.quantile(self.answers_s, 0.99, method="higher")) if self.answers_s else float("nan")

    @property
    def failed(self) -> float:
        """Share of the short calls that were not set up."""
        return sum(status != 200 for status in self.set_up) / max(1, len(self.set_up))

    def _judge(self, caller: Caller) -> None:
        try:
            status = caller.hang_up()
        except TimeoutError as error:
            caller.close()
            self.faults.append(str(error))
            return
        self.frames += len(caller.report.packets)
        if fault := caller.fault() or ("" if status == 200 else f"BYE was answered with {status}"):
            self.faults.append(fault)

    def _call(self) -> None:
        seed = len(self._long)
        while not self._stop.wait(self._new_call_s):
            seed += 1
            caller = Caller(self._port, f"short{seed}", seed=seed)
            try:
                status = caller.call().status
            except TimeoutError:
                status = 0
            self.set_up.append(status)
            if status != 200:
                caller.close()
                continue
            end = time.monotonic() + 10
            while len(caller.report.packets) < WORDS and time.monotonic() < end:
                time.sleep(0.02)
            self._judge(caller)

    def _probe(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.bind((ports.HOST, 0))
            wire.settimeout(PROBE_MOST_S)
            while not self._stop.wait(PROBE_S):
                self.answers_s.append(self._ask(wire))

    def _ask(self, wire: socket.socket) -> float:
        mark, source = secrets.token_hex(8), wire.getsockname()[1]
        request = (
            f"OPTIONS sip:echo@{ports.HOST}:{self._port} SIP/2.0\r\nVia: SIP/2.0/UDP {ports.HOST}:{source};rport;"
            f"branch=z9hG4bK{mark}\r\nMax-Forwards: 70\r\nFrom: <sip:probe@{ports.HOST}>;tag={mark}\r\n"
            f"To: <sip:echo@{ports.HOST}>\r\nCall-ID: {mark}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
        began = time.monotonic()
        wire.sendto(request.encode(), (ports.HOST, self._port))
        try:
            while mark not in (answer := wire.recv(65536).decode(errors="replace")):
                pass
        except TimeoutError:
            return float("inf")
        return time.monotonic() - began if answer.startswith("SIP/2.0 200 ") else float("inf")
