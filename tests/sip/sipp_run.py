# SPDX-License-Identifier: GPL-3.0-or-later
"""SIPp runs a scenario (tests.sip.sipp_steps), as who calls us or as whom we call: each of its calls must go as written."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from tests.interop import ports
from tests.sip.rig import Rig

LIMIT_S = 30

Child = asyncio.subprocess.Process


async def _start(room: Path, *words: str | Path, limit_s: int = LIMIT_S, host: str = ports.HOST) -> Child:
    common = ["-i", host, "-mi", host, "-mp", str(ports.block(8)), "-nostdin", "-trace_err"]
    common += ["-timeout", str(limit_s), "-timeout_error"]
    return await asyncio.create_subprocess_exec(
        "sipp", *map(str, words), *common, cwd=room, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )


def _errors(room: Path) -> str:
    return "".join(path.read_text(errors="replace")[-4000:] for path in room.glob("*errors.log"))


async def _finish(process: Child, room: Path, within_s: float) -> None:
    """Its end; AssertionError with what it wrote about calls that failed."""
    try:
        said, _ = await asyncio.wait_for(process.communicate(), within_s)
    except TimeoutError:
        said = b"it did not end"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, said.decode(errors="replace")[-2000:] + _errors(room)


async def sipp(rig: Rig, scenario: Path, calls: int, room: Path, transport: str = "udp") -> None:
    """Calls us. `transport`: "tcp" is one connection for all calls."""
    words = [f"{ports.HOST}:{rig.port}", "-sf", str(scenario), "-t", f"{transport[0]}1"]
    process = await _start(room, *words, "-m", str(calls), "-r", "20", "-l", "10")
    await _finish(process, room, LIMIT_S + 10)


@contextlib.asynccontextmanager
async def waiting(
    scenario: Path, room: Path, calls: int = 1, limit_s: int = LIMIT_S, host: str = ports.HOST
) -> AsyncIterator[int]:
    """Waits for calls at the port that it gives, and has had them all at the end. RTP goes back as it comes."""
    port = ports.one()
    words = ["-sf", scenario, "-p", str(port), "-m", str(calls), "-rtp_echo"]
    process = await _start(room, *words, limit_s=limit_s, host=host)
    try:
        await asyncio.wait_for(Rig.until(lambda: process.returncode is not None or not ports.free(port, host)), LIMIT_S)
        yield port
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await _finish(process, room, 10)
        except AssertionError as told:
            raise AssertionError(f"{error!r}; SIPp says: {told}") from error
        raise
    await _finish(process, room, limit_s + 10)
