# SPDX-License-Identifier: GPL-3.0-or-later
"""Kamailio as the registrar in front of the switch: docs/kamailio.md is its recipe, and this runs the recipe's own file."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.interop import ports
from tests.interop.certs import Certificates
from tests.interop.process import Process, until

DOMAIN = "kam.example"
RECIPE = Path(__file__).parents[2] / "docs" / "kamailio.cfg"


def modules() -> Path:
    """Where Debian keeps Kamailio's modules; scripts/setup --peers installs them."""
    [path] = Path("/usr/lib").glob("*/kamailio/modules")
    return path


class Kamailio:
    """start(), contacts(user), stop(). Every user's password is `<user>-secret`. `own`: certificate that it shows,
    if not that of the others."""

    def __init__(
        self,
        room: Path,
        certs: Certificates,
        *,
        algorithm: str = "MD5",
        nonce_s: int = 300,
        max_expires_s: int = 3600,
        switch: str = "sip:127.0.0.1:9",
        verify_client: bool = False,
        tls_method: str = "TLSv1.2+",
        own: Certificates | None = None,
    ) -> None:
        room.mkdir(parents=True, exist_ok=True)
        self.port, self.tls_port = ports.one(), ports.one()
        self._control = room / "ctl"
        values = {
            "MODULES": f"{modules()}/",
            "LISTEN": "\n".join(
                [
                    *(f"listen={kind}:{host}:{self.port}" for kind in ("udp", "tcp") for host in (ports.HOST, "[::1]")),
                    f"listen=tls:{ports.HOST}:{self.tls_port}",
                ]
            ),
            "DOMAIN": DOMAIN,
            "ALGORITHM": algorithm,
            "NONCE_S": str(nonce_s),
            "MAX_EXPIRES": str(max_expires_s),
            "SWITCH": switch,
            "CERT": str((own or certs).cert),
            "KEY": str((own or certs).key),
            "CA": str(certs.ca),
            "VERIFY_CLIENT": "yes" if verify_client else "no",
            "CONTROL": f"unix:{self._control}",
        }
        text = re.sub(r"@([A-Z_]+)@", lambda match: values[match[1]], RECIPE.read_text())
        text = text.replace('"TLSv1.2+"', f'"{tls_method}"')
        config = room / "kamailio.cfg"
        config.write_text(text)
        self._room = room
        self._config = config
        self.start()

    def start(self) -> None:
        """Also again after stop(), on the same ports."""
        room = self._room
        words: list[str | Path] = [
            "kamailio",
            "-f",
            self._config,
            "-DD",
            "-E",
            "-m",
            "64",
            "-M",
            "8",
            "-Y",
            room,
            "-P",
            room / "pid",
        ]
        self._process = Process("kamailio", words, room / "kamailio.log")
        self._process.until("its control socket answers", lambda: self.rpc("core.version"), 30)

    def rpc(self, *words: str) -> str:
        """A command of kamcmd; "" while it does not answer."""
        done = subprocess.run(
            ["kamcmd", "-s", f"unix:{self._control}", *words], capture_output=True, text=True, check=False, timeout=10
        )
        return done.stdout if done.returncode == 0 else ""

    def contacts(self, user: str) -> list[str]:
        """The URIs that a user is registered with now."""
        return re.findall(r"Address: (\S+)", self.rpc("ul.lookup", "location", f"{user}@{DOMAIN}"))

    def wait_contact(self, user: str, within_s: float = 20.0) -> str:
        until(f"{user} registered at Kamailio", lambda: self.contacts(user), within_s)
        return self.contacts(user)[0]

    def challenges(self) -> int:
        """401 and 407 sent so far."""
        counters = self.rpc("stats.get_statistics", "sl:")
        return sum(int(n) for n in re.findall(r"sl:40[17]_replies = (\d+)", counters))

    def log(self) -> str:
        return self._process.tail()

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._process.stop()
