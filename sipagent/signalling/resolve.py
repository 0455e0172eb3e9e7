# SPDX-License-Identifier: GPL-3.0-or-later
"""Host names are looked up here, on the event loop: PJSIP's own lookup would hold up all signalling for seconds."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from sipagent.signalling.errors import SignallingError

TIMEOUT_S = 5.0


async def resolve(host: str) -> str:
    """The first address of a name; an address stays what it is. SignallingError when there is none in TIMEOUT_S."""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        pass
    loop = asyncio.get_running_loop()
    try:
        found = await asyncio.wait_for(loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM), TIMEOUT_S)
    except TimeoutError as error:
        raise SignallingError(
            f"no answer from DNS for {host!r} in {TIMEOUT_S:g} s; check the name or give an address"
        ) from error
    except (OSError, UnicodeError) as error:
        raise SignallingError(f"can't resolve {host!r}: {error}; check the name or give an address") from error
    v4 = [a for a in found if a[0] == socket.AF_INET]
    address = (v4 or found)[0][4][0]
    return str(address)


async def primary_address() -> str:
    """This machine's address towards the world: what to advertise when bound to the wildcard address. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1 (RFC 5737); connect on UDP only picks the route
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
