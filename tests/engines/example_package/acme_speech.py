# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine in a package of its own: it understands how long the caller spoke, and says it in the unit it was told."""

from sipagent.config import Config
from sipagent.engines.base import EngineMissing

UNITS = {"seconds": 1.0, "minutes": 60.0}


class AcmeStt:
    """Speech to text."""

    name = "acme"

    def __init__(self, cfg: Config) -> None:
        self._unit = cfg.engines.options.get(self.name, {}).get("unit", "seconds")

    async def load(self) -> None:
        if self._unit not in UNITS:
            raise EngineMissing(f'engines.options.acme: unit = "{self._unit}" is unknown; use {" or ".join(UNITS)}')

    async def close(self) -> None:
        pass

    async def transcribe(self, pcm: bytes, rate: int) -> str:
        return f"{len(pcm) / 2 / rate / UNITS[self._unit]:g} {self._unit}" if pcm else ""
