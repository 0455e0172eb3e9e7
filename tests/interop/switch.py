# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch under test: `sipagent serve` as a user starts it, in a process of its own, asked only through its front doors."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.interop import ports
from tests.interop.certs import Certificates
from tests.interop.process import PeerError, Process, until


def toml(value: object) -> str:
    """A TOML value in its inline form (TOML 1.0): strings and numbers as in JSON."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {toml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(str(value) if isinstance(value, Path) else value)


class Switch:
    """start with the settings that differ from the defaults: Switch(room, certs, "echo", media={"rate": 8000}, ...)."""

    def __init__(
        self,
        room: Path,
        certs: Certificates,
        agent: str,
        rtp_ports: int = 80,
        routes: Sequence[dict[str, Any]] = (),
        supervisors: Sequence[dict[str, Any]] = (),
        **settings: dict[str, Any],
    ) -> None:
        self.sip_port, self.tls_port, self.api_port = ports.one(), ports.one(), ports.one()
        rtp = ports.block(rtp_ports)
        tree: dict[str, dict[str, Any]] = {
            "sip": {
                "listen": [
                    {"transport": "udp", "host": ports.HOST, "port": self.sip_port},
                    {"transport": "tls", "host": ports.HOST, "port": self.tls_port},
                ],
                "tls": {"cert": certs.cert, "key": certs.key, "ca": certs.ca},
            },
            "media": {"ports": [rtp, rtp + rtp_ports - 1]},
            "dialogue": {"agent": agent},
            "api": {"port": self.api_port},
            "log": {"level": "info"},
            "protection": {"drain_s": 1, "allow": ["*"]},
        }
        for section, values in settings.items():
            tree.setdefault(section, {}).update(values)
        room.mkdir(parents=True, exist_ok=True)
        file = room / "sipagent.toml"
        rows: list[tuple[str, dict[str, Any]]] = [(f"[{section}]", values) for section, values in tree.items()]
        rows += [("[[routes]]", row) for row in routes]
        rows += [("[[supervisors]]", row) for row in supervisors]
        file.write_text(
            "".join(
                f"{head}\n" + "".join(f"{name} = {toml(value)}\n" for name, value in values.items()) for head, values in rows
            )
        )
        self._process = Process(
            "sipagent serve", [Path(sys.executable).parent / "sipagent", "serve", "-c", file], room / "serve.log"
        )
        self._process.until("API answers", self._answers, 60)

    @property
    def uri(self) -> str:
        return self.uri_of("agent")

    def uri_of(self, number: str) -> str:
        """To call a number of its routes."""
        return f"sip:{number}@{ports.HOST}:{self.sip_port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.running

    def _answers(self) -> bool:
        try:
            self.calls()
        except (OSError, urllib.error.URLError):
            return False
        return True

    def get(self, path: str) -> tuple[int, str]:
        """GET: (status, body)."""
        return self._ask(path, None)

    def post(self, path: str, **body: Any) -> tuple[int, str]:
        """POST of a JSON object: (status, body)."""
        return self._ask(path, json.dumps(body).encode())

    def _ask(self, path: str, data: bytes | None) -> tuple[int, str]:
        url, kind = f"http://{ports.HOST}:{self.api_port}{path}", {"Content-Type": "application/json"}
        request = urllib.request.Request(url, data, kind)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def download(self, path: str) -> bytes:
        """GET of a file; HTTPError."""
        with urllib.request.urlopen(f"http://{ports.HOST}:{self.api_port}{path}", timeout=5) as answer:
            return bytes(answer.read())

    def calls(self) -> list[dict[str, Any]]:
        """GET /v1/calls, the live calls and those that ended lately."""
        status, body = self.get("/v1/calls")
        if status != 200:
            raise PeerError(f"/v1/calls: {status} {body}")
        return list(json.loads(body)["calls"])

    def call(self, call_id: str) -> dict[str, Any]:
        """GET /v1/calls/{id}."""
        status, body = self.get(f"/v1/calls/{call_id}")
        if status != 200:
            raise PeerError(f"/v1/calls/{call_id}: {status} {body}")
        return dict(json.loads(body))

    def live_calls(self) -> list[dict[str, Any]]:
        return [call for call in self.calls() if call["state"] != "ended"]

    def healthy(self) -> bool:
        return self.get("/health")[0] == 200

    def wait_idle(self, within_s: float = 10.0) -> None:
        try:
            until("no live calls", lambda: not self.live_calls(), within_s)
        except PeerError as error:
            raise PeerError(f"{error}: {self.live_calls()}\n{self.log()}") from None

    def log(self, lines: int = 40) -> str:
        return self._process.tail(lines)

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        return self._process.stop(20)
