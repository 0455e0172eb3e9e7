# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGTERM: running calls go on, new ones are sent away, and a limit ends what is left. RFC 3261 section 21.5.4."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.interop.certs import Certificates
from tests.interop.process import until
from tests.interop.switch import Switch
from tests.interop.uac import Caller

RETRY_AFTER_S = 7


def switch_with(tmp_path: Path, certificates: Certificates, drain_s: float) -> Switch:
    store, media = {"dir": tmp_path / "records"}, {"rate": 8000}  # so that the echo is exact
    sip = {"retry_after_s": RETRY_AFTER_S}
    return Switch(tmp_path / "switch", certificates, "echo", protection={"drain_s": drain_s}, store=store, sip=sip, media=media)


def records(tmp_path: Path) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in (tmp_path / "records").glob("*.json")]


def refused(switch: Switch) -> bool:
    with Caller(switch.sip_port, "late") as late:
        answer = late.call()
    if answer.status == 200:
        return False
    assert answer.status == 503
    assert answer.headers["retry-after"].split()[0] == str(RETRY_AFTER_S)
    return True


@pytest.mark.behaviour(
    "Protection", "SIGTERM lets calls finish and sends new ones away with 503", peer="own peer", rfc="3261 21.5.4"
)
def test_running_calls_go_on_and_new_ones_are_sent_away(tmp_path: Path, certificates: Certificates) -> None:
    switch = switch_with(tmp_path, certificates, 60)
    with Caller(switch.sip_port, "stays") as stays:
        assert stays.call().status == 200
        os.kill(switch.pid, signal.SIGTERM)
        until("new calls are refused", lambda: refused(switch), 10)
        heard = len(stays.report.packets)
        until("the call goes on", lambda: len(stays.report.packets) > heard + 100, 20)
        assert switch.running
        assert stays.hang_up() == 200
        assert stays.fault() == ""
    assert switch.stop() == 0  # by itself: no call is left
    # Calls that slipped in before the signal arrived ended by their own BYE; each has one record.
    assert all(record["end_code"] == 0 for record in records(tmp_path))


def test_the_limit_ends_what_is_left_with_a_bye(tmp_path: Path, certificates: Certificates) -> None:
    switch = switch_with(tmp_path, certificates, 1.0)
    with Caller(switch.sip_port, "stays") as stays:
        assert stays.call().status == 200
        until("heard", lambda: len(stays.report.packets) > 10, 10)
        os.kill(switch.pid, signal.SIGTERM)
        assert stays.ended.wait(20), "no BYE"
    until("the switch has ended", lambda: not switch.running, 20)
    [record] = records(tmp_path)
    assert record["state"] == "ended"


def test_a_second_signal_ends_it_at_once(tmp_path: Path, certificates: Certificates) -> None:
    switch = switch_with(tmp_path, certificates, 600)
    with Caller(switch.sip_port, "stays") as stays:
        assert stays.call().status == 200
        os.kill(switch.pid, signal.SIGTERM)
        until("new calls are refused", lambda: refused(switch), 10)
        os.kill(switch.pid, signal.SIGTERM)
        assert stays.ended.wait(20), "no BYE"
    until("the switch has ended", lambda: not switch.running, 20)
    assert len(records(tmp_path)) >= 1
