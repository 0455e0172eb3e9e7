# SPDX-License-Identifier: GPL-3.0-or-later
def sip_held() -> dict[str, int]:
    """What the SIP stack holds, counted once a second: calls, transactions, dialogs, media (transports), pools (of
    memory). 0, all of them, while no stack is up. Any thread."""
