# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which registrars are tried, and the waits in between, with a clock that never waits."""

import asyncio
import random
from typing import Any

import pytest

from sipagent.config import Account
from sipagent.signalling.accounts import challenged_realms, retry_after_s, source_address
from sipagent.signalling.errors import SignallingError
from sipagent.signalling.locate import Target
from sipagent.signalling.messages import Registered
from sipagent.signalling.registration import LAST_RETRY_S, Hop, Registration, backoff_s

A, B, C = (f"192.0.2.{n}" for n in (1, 2, 3))


def settings(**more: Any) -> Account:
    return Account.model_validate({"user": "600", "password": "x", "host": "pbx.example", **more})


def test_backoff_doubles_up_to_a_limit() -> None:
    rng = random.Random(1)
    delays = [backoff_s(n, rng) for n in range(12)]
    assert all(1 <= d <= LAST_RETRY_S for d in delays)
    assert delays[0] <= 2
    assert delays[3] > delays[0]
    assert delays[-1] >= LAST_RETRY_S / 2
    assert backoff_s(10_000, rng) <= LAST_RETRY_S


def test_where_register_goes() -> None:
    assert settings().servers() == [("pbx.example", 0)]
    assert settings(port=5070).servers() == [("pbx.example", 5070)]
    assert settings(registrars=["a", "[::1]:5090"]).servers() == [("a", 0), ("::1", 5090)]
    assert settings(registrars=["a"], proxy="edge:5080").servers() == [("edge", 5080)]


class Rig:
    """A registration with a scripted resolver and registrar. `found`: what each look-up gives; `answers`: (code, expires) or
    (code, expires, Retry-After) of each REGISTER."""

    def __init__(self, found: list[list[str] | Exception], answers: list[tuple[int, ...]], **more: Any) -> None:
        self.slept: list[float] = []
        self.asked: list[str] = []
        self.tried: list[str] = []
        self._found, self._answers = found, answers
        self.registration = Registration(settings(**more), self._locate, self._register, self._sleep, random.Random(1))
        self.done = asyncio.Event()
        self.taken = asyncio.Event()

    async def _locate(self, host: str, port: int, transport: str) -> list[Target]:
        self.asked.append(host)
        found = self._found.pop(0) if self._found else [A]
        if isinstance(found, Exception):
            raise found
        return [Target("udp", address, port or 5060) for address in found]

    async def _register(self, name: str, account: Account, hop: Hop) -> None:
        self.tried.append(hop.target.address)
        if not self._answers:
            self.done.set()
            await asyncio.Event().wait()
        code, expires, *after = self._answers.pop(0)
        self.registration.outcome(Registered(name, code, "", expires, 0, after[0] if after else 0))
        if self.registration.status.registered:
            self.taken.set()

    async def _sleep(self, delay_s: float) -> None:
        self.slept.append(delay_s)

    async def run(self, until: asyncio.Event | None = None) -> asyncio.Task[None]:
        task = asyncio.create_task(self.registration.keep())
        await asyncio.wait_for((until or self.done).wait(), 5)
        return task


async def test_the_next_address_is_tried_at_once_and_a_round_waits() -> None:
    rig = Rig([[A, B], [A, B]], [(503, 0), (408, 0), (500, 0), (200, 300)])
    task = await rig.run(rig.taken)
    assert rig.tried == [A, B, A, B]
    assert len(rig.slept) == 1
    assert 1 <= rig.slept[0] <= 2
    status = rig.registration.status
    assert (status.registered, status.expires_s, status.registrar, status.failures) == (True, 300, f"udp:{B}:5060", 3)
    task.cancel()


async def test_several_registrars_in_their_order() -> None:
    rig = Rig([SignallingError("can't resolve"), [B], [C]], [(408, 0), (200, 60)], registrars=["one", "two", "three"])
    task = await rig.run(rig.taken)
    assert rig.asked == ["one", "two", "three"]
    assert rig.tried == [B, C]
    assert not rig.slept
    task.cancel()


@pytest.mark.parametrize("code", [401, 403, 404, 407, 603])
async def test_a_refusal_for_good_is_not_taken_elsewhere(code: int) -> None:
    rig = Rig([[A, B], [A, B]], [(code, 0)])
    task = await rig.run()
    assert rig.tried == [A, A]  # the second one after a wait
    assert len(rig.slept) == 1
    task.cancel()


async def test_waits_double_and_names_are_looked_up_anew() -> None:
    rig = Rig([SignallingError("can't resolve"), [A], [A], [B]], [(503, 0), (408, 0)])
    task = await rig.run()
    assert rig.tried == [A, A, B]
    assert rig.slept[0] < rig.slept[1] < rig.slept[2]
    task.cancel()


async def test_retry_after_is_kept_to() -> None:
    rig = Rig([[A, B]], [(503, 0, 90), (503, 0, 30)])
    task = await rig.run()
    assert len(rig.slept) == 1
    assert 90 <= rig.slept[0] <= 99
    task.cancel()


async def test_a_lost_registration_goes_to_the_other_server_first_and_at_once() -> None:
    rig = Rig([[A, B], [A, B]], [(200, 300), (200, 300)])
    task = await rig.run(rig.taken)
    rig.registration.outcome(Registered("", 408, "Request Timeout", 0, 0))  # PJSIP's refresh failed
    assert not rig.registration.status.registered
    rig.taken.clear()
    await asyncio.wait_for(rig.taken.wait(), 5)
    assert rig.tried == [A, B]
    assert not rig.slept
    task.cancel()


async def test_a_broken_connection_is_made_again_at_once_where_it_was() -> None:
    rig = Rig([[A, B], [A, B]], [(200, 300), (200, 300)])
    task = await rig.run(rig.taken)
    rig.registration.lost()
    assert (rig.registration.status.registered, rig.registration.status.reason) == (False, "connection lost")
    rig.taken.clear()
    await asyncio.wait_for(rig.taken.wait(), 5)
    assert rig.tried == [A, A]
    assert not rig.slept
    task.cancel()


async def test_the_old_delay_is_forgotten_once_registered() -> None:
    rig = Rig([], [(503, 0), (503, 0), (503, 0), (200, 300), (500, 0)])
    task = await rig.run(rig.taken)
    rig.registration.outcome(Registered("", 503, "", 0, 0))
    await asyncio.wait_for(rig.done.wait(), 5)
    assert rig.slept[2] > 2
    assert rig.slept[3] <= 2
    task.cancel()


def test_status_after_unregister() -> None:
    rig = Rig([], [])
    rig.registration.outcome(Registered("", 200, "OK", 0, 0))
    assert not rig.registration.status.registered
    assert rig.registration.status.failures == 0


def test_realms_of_a_challenge() -> None:
    message = (
        'SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: Digest nonce="1", realm="one", qop="auth"\r\n'
        'proxy-authenticate:Digest realm="two"\r\nWWW-Authenticate: Basic realm="three"\r\n\r\n'
        'WWW-Authenticate: Digest realm="body"\r\n'
    )
    assert challenged_realms(message) == ["one", "two"]


@pytest.mark.parametrize(
    ("line", "seconds"),
    [("Retry-After: 18", 18), ("retry-after:120 (maintenance);duration=9", 120), ("Retry-After: x", 0), ("X: 1", 0)],
)
def test_retry_after(line: str, seconds: int) -> None:
    assert retry_after_s(f"SIP/2.0 503 Busy\r\n{line}\r\n\r\nRetry-After: 7") == seconds


def test_source_address() -> None:
    assert source_address("192.0.2.1:5060") == "192.0.2.1"
    assert source_address("[2001:db8::1]:5060") == "2001:db8::1"
