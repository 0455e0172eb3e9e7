# SPDX-License-Identifier: GPL-3.0-or-later
"""This machine's own address may change while it runs (another network, a new lease): where we call ourselves by it, because we
are bound to the wildcard address, peers are told the new one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sipagent.config import Config
from sipagent.log import get_logger
from sipagent.signalling.advertise import advertised

log = get_logger(__name__)

LOOK_S = 5.0
NO_NETWORK = frozenset({"127.0.0.1", "::1"})  # what stands for our address while there is no route to anywhere


async def watch(cfg: Config, moved: Callable[[dict[str, str]], Awaitable[None]]) -> None:
    """Runs until cancelled. `moved` gets what `advertised` says now, each time that it is another address; a network that is
    gone for a while and comes back as it was is no change."""
    told = advertised(cfg)
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            found = advertised(cfg)
        except OSError as error:  # no descriptor is left: it will be seen later
            log.warning("own address not known", error=str(error))
            continue
        now = {host: told[host] if new in NO_NETWORK else new for host, new in found.items()}  # each IP version by itself
        if now == told:
            continue
        log.warning("own address changed", before=sorted(set(told.values())), now=sorted(set(now.values())))
        told = now
        await moved(dict(now))
