# SPDX-License-Identifier: GPL-3.0-or-later
"""The doctor sees what is wrong and says what to do."""

from __future__ import annotations

import os
import resource
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from sipagent import doctor, engines
from sipagent.commands.doctor import table
from sipagent.config import Account, Config, Listen, load
from sipagent.config_sip import Trunk
from sipagent.doctor import Finding
from sipagent.engines.base import EngineMissing


def config(**tables: Any) -> Config:
    return load(None, overrides=tables)


def test_port_in_use_is_fatal() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        found = doctor.sip_port(Listen(port=port))
        assert (found.status, found.detail) == ("fatal", "Address already in use")
        assert f"udp:127.0.0.1:{port}" in found.name
        assert doctor.sip_port(Listen(transport="tcp", port=port)).status == "ok"


def test_address_of_another_machine_is_fatal() -> None:
    found = doctor.sip_port(Listen(host="192.0.2.1", port=0))
    assert (found.status, found.detail) == ("fatal", "Cannot assign requested address")


def test_api_port_in_use_is_fatal() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert doctor.api_port(config(api={"port": port})).status == "fatal"
    assert doctor.api_port(config(api={"port": 0})).status == "ok"
    assert doctor.api_port(config(api={"enabled": False})).detail == "off"


def test_range_too_small_for_the_calls() -> None:
    found = next(doctor.rtp_ports(config(sip={"max_calls": 100}, media={"ports": [20000, 20099]})))
    assert found.status == "warning"
    assert "room for 50 calls" in found.detail
    assert "200 ports" in found.fix
    assert next(doctor.rtp_ports(config(sip={"max_calls": 50}, media={"ports": [20000, 20099]}))).status == "ok"


def test_open_file_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 800))
    found = doctor.files(config(sip={"max_calls": 1000}))
    assert found.status == "fatal"
    assert "lower sip.max_calls to 200" in found.fix
    assert doctor.files(config(sip={"max_calls": 200})).status == "ok"


def test_scheduling_right_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    assert doctor.scheduling(Config()).status == "warning"
    assert doctor.scheduling(config(media={"fifo": False})).status == "ok"


def test_scheduling_is_asked_for_on_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "sched_setscheduler", lambda pid, *_: asked.append((pid, threading.get_ident())))
    assert doctor.scheduling(Config()).status == "ok"
    [(pid, thread)] = asked
    assert pid == 0  # the calling thread, not the process's main one
    assert thread != threading.get_ident()


def test_addresses() -> None:
    def statuses(**tables: Any) -> list[str]:
        return [found.status for found in doctor.addresses(config(**tables))]

    lan = {"listen": [{"host": "192.0.2.1"}]}
    assert statuses() == ["warning"]
    assert statuses(sip=lan) == ["ok"]
    assert statuses(sip=lan, media={"host": "127.0.0.1"}) == ["ok", "fatal"]


def test_certificate_that_is_none(tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("not a certificate")
    cfg = config(sip={"tls": {"cert": str(tmp_path / "cert.pem"), "key": str(tmp_path / "key.pem")}})
    assert [found.status for found in doctor.tls(cfg)] == ["fatal"]
    assert list(doctor.tls(Config())) == []


async def test_registrar_that_has_no_address() -> None:
    cfg = Config()
    assert (await doctor.account(Account(user="1", host="127.0.0.1"), cfg)).status == "ok"
    assert (await doctor.account(Account(user="1", host="no such name"), cfg)).status == "fatal"
    found = await doctor.account(Account(user="1", host="pbx", registrars=["127.0.0.1", "name.invalid"]), cfg)
    assert (found.status, "can't resolve 'name.invalid'" in found.detail) == ("warning", True)
    found = await doctor.trunk(Trunk(name="t", hosts=["192.0.2.1:5070"]), cfg)
    assert (found.status, found.detail) == ("ok", "resolves to udp:192.0.2.1:5070")
    found = await doctor.trunk(Trunk(name="t", hosts=["name.invalid"]), cfg)
    assert (found.status, found.name) == ("fatal", "trunk t")


def test_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = config(store={"dir": str(tmp_path / "not" / "yet")})
    assert doctor.disk(cfg).status in ("ok", "warning")
    monkeypatch.setattr(doctor, "DISK_FREE_MIN", 1 << 62)
    assert doctor.disk(cfg).status == "warning"
    (tmp_path / "file").write_text("")
    assert doctor.disk(config(store={"dir": str(tmp_path / "file")})).status == "fatal"
    assert doctor.disk(Config()).status == "ok"


def test_native_part_that_is_not_there() -> None:
    found = doctor.native("engine room", "mediacore.no_such_part")
    assert (found.status, found.fix) == ("fatal", "build it: scripts/setup")


async def test_engine_that_cannot_load_is_fatal_and_says_why() -> None:
    class Broken:
        name = "broken"
        error: Exception = EngineMissing("espeak-ng is not installed: apt install espeak-ng")

        async def load(self) -> None:
            raise self.error

        async def close(self) -> None: ...

    found = await doctor.engine("engine tts", "broken", lambda *_: Broken(), Config())
    assert (found.status, "apt install espeak-ng" in found.detail) == ("fatal", True)
    Broken.error = AttributeError("no such symbol")
    crashed = await doctor.engine("engine tts", "broken", lambda *_: Broken(), Config())
    assert (crashed.status, "no such symbol" in crashed.detail) == ("fatal", True)
    unknown = await doctor.engine("engine tts", "festival", engines.create_tts, Config())
    assert unknown.status == "fatal"


async def test_agent_that_does_not_speak_needs_no_engines() -> None:
    found = await doctor.conversation(config(dialogue={"agent": "echo"}))
    assert [(finding.name, finding.status) for finding in found] == [("agent", "ok")]


@pytest.mark.parametrize("name", ["parrot", "play:/nowhere/at/all.wav"])
async def test_agent_that_does_not_exist_is_fatal(name: str) -> None:
    found = await doctor.conversation(config(dialogue={"agent": name}))
    assert [(finding.name, finding.status) for finding in found] == [("agent", "fatal")]


def test_table_shows_text_as_it_is() -> None:
    rows = table([Finding("SIP", "fatal", "[::1] is taken", "use [127.0.0.1]")])
    assert rows.row_count == 1


async def test_memory(tmp_path: Path) -> None:
    assert (await doctor.memory(Config())).status == "ok"
    file = tmp_path / "memory.db"
    nobody = await doctor.memory(config(memory={"file": str(file)}))
    assert (nobody.status, nobody.detail) == ("warning", "no caller will be known again: nobody's word is taken on who calls")
    trunk = {"name": "t", "hosts": ["192.0.2.1"]}
    for sip, callers in (
        ({"trusted_peers": ["192.0.2.1"]}, "asserted"),
        ({"trunks": [{**trunk, "trust_identity": True}]}, "asserted"),
        ({"trunks": [trunk]}, "account"),
    ):
        assert (await doctor.memory(config(memory={"file": str(file), "callers": callers}, sip=sip))).status == "ok"
    assert (await doctor.memory(config(memory={"file": str(file)}, sip={"trunks": [trunk]}))).status == "warning"
    assert not exists(file)  # an examination makes nothing
    file.write_text("no database at all " * 100)
    assert (await doctor.memory(config(memory={"file": str(file)}))).status == "fatal"
    assert (await doctor.memory(config(memory={"file": str(tmp_path / "nowhere" / "memory.db")}))).status == "fatal"


async def test_tracing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await doctor.spans(Config())).status == "ok"
    with socket.create_server(("127.0.0.1", 0)) as there:
        url = f"http://127.0.0.1:{there.getsockname()[1]}/v1/traces"
        wanted = config(tracing={"exporter": "otlp", "endpoint": url, "timeout_s": 20})
        assert (await doctor.spans(wanted)).status == "ok"
    gone = await doctor.spans(wanted)
    assert (gone.status, "spans would be lost" in gone.fix) == ("warning", True)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    missing = await doctor.spans(wanted)
    assert (missing.status, "pip install 'sipagent[otel]'" in missing.detail) == ("fatal", True)


def exists(file: Path) -> bool:
    return file.exists()
