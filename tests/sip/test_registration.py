# SPDX-License-Identifier: GPL-3.0-or-later
import asyncio
import random

from sipagent.config import Account
from sipagent.signalling.accounts import challenged_realms
from sipagent.signalling.errors import SignallingError
from sipagent.signalling.messages import Registered
from sipagent.signalling.registration import LAST_RETRY_S, Registration, backoff_s

SETTINGS = Account(user="600", password="x", host="pbx.example")


def test_backoff_doubles_up_to_a_limit() -> None:
    rng = random.Random(1)
    delays = [backoff_s(n, rng) for n in range(12)]
    assert all(1 <= d <= LAST_RETRY_S for d in delays)
    assert delays[0] <= 2
    assert delays[3] > delays[0]
    assert delays[-1] >= LAST_RETRY_S / 2
    assert backoff_s(10_000, rng) <= LAST_RETRY_S


class Rig:
    """A registration with a scripted resolver and registrar, and a clock that never waits."""

    def __init__(self, resolved: list[str | Exception], answers: list[tuple[int, int]]) -> None:
        self.slept: list[float] = []
        self.addresses: list[str] = []
        self._resolved, self._answers = resolved, answers
        self.registration = Registration(SETTINGS, self._resolve, self._register, self._sleep, random.Random(1))
        self.taken, self.done = asyncio.Event(), asyncio.Event()

    async def _resolve(self, host: str) -> str:
        assert host == SETTINGS.host
        found = self._resolved.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    async def _register(self, name: str, settings: Account, address: str) -> None:
        self.addresses.append(address)
        code, expires = self._answers.pop(0)
        self.registration.outcome(Registered(name, code, "", expires, 0))
        if self.registration.status.registered:
            self.taken.set()
        if not self._answers:
            self.done.set()

    async def _sleep(self, delay_s: float) -> None:
        self.slept.append(delay_s)

    async def run(self) -> None:
        task = asyncio.create_task(self.registration.keep())
        await asyncio.wait_for(self.done.wait(), 5)
        task.cancel()


async def test_retries_until_the_registrar_takes_it() -> None:
    rig = Rig([SignallingError("can't resolve"), "192.0.2.1", "192.0.2.1", "192.0.2.9"], [(503, 0), (408, 0), (200, 300)])
    await rig.run()
    assert rig.addresses == ["192.0.2.1", "192.0.2.1", "192.0.2.9"]  # looked up anew each time
    assert len(rig.slept) == 3
    assert rig.slept[0] < rig.slept[1] < rig.slept[2]
    assert rig.registration.status.registered
    assert rig.registration.status.expires_s == 300


async def test_a_lost_registration_is_taken_up_again_without_the_old_delay() -> None:
    rig = Rig(["192.0.2.1"] * 4, [(503, 0), (503, 0), (200, 300), (200, 300)])
    task = asyncio.create_task(rig.registration.keep())
    await asyncio.wait_for(rig.taken.wait(), 5)
    rig.registration.outcome(Registered("", 408, "Request Timeout", 0, 0))  # PJSIP's refresh failed
    assert not rig.registration.status.registered
    assert rig.registration.status.code == 408
    await asyncio.wait_for(rig.done.wait(), 5)
    task.cancel()
    assert rig.registration.status.registered
    assert rig.slept[2] <= 2


def test_status_after_unregister() -> None:
    rig = Rig([], [])
    rig.registration.outcome(Registered("", 200, "OK", 0, 0))
    assert not rig.registration.status.registered


def test_realms_of_a_challenge() -> None:
    message = (
        'SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: Digest nonce="1", realm="one", qop="auth"\r\n'
        'proxy-authenticate:Digest realm="two"\r\nWWW-Authenticate: Basic realm="three"\r\n\r\n'
        'WWW-Authenticate: Digest realm="body"\r\n'
    )
    assert challenged_realms(message) == ["one", "two"]
