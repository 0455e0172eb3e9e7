# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of accounts, in virtual time: what is used is counted, what is refused uses nothing, what is over is free again."""

from __future__ import annotations

from sipagent.config import Config
from sipagent.config_limits import CallLimits
from sipagent.protection.quota import Quotas
from sipagent.signalling.endpoint import known_networks

S = 1_000_000


def quotas(**limits: float) -> Quotas:
    return Quotas({"trunk": CallLimits.model_validate(limits)})


def refused(q: Quotas, key: str, now_us: int, day: float = 1) -> str:
    refusal = q.admit("trunk", key, now_us, day)
    return "" if refusal is None else refusal.limit


def test_calls_at_once() -> None:
    q = quotas(max_calls=2)
    assert [refused(q, key, S) for key in "abc"] == ["", "", "max_calls"]
    q.ended("trunk", "c", S, 1)  # it never had room
    assert refused(q, "d", S) == "max_calls"
    q.ended("trunk", "a", S, 1)
    assert refused(q, "e", S) == ""
    [use] = q.uses(S, 1)
    assert (set(use.calls), dict(use.refused)) == ({"b", "e"}, {"max_calls": 2})


def test_new_calls_a_second() -> None:
    """Twice the rate at once, then the rate; a long rest saves no more than that."""
    q = quotas(calls_per_s=5)
    assert sum(not refused(q, f"a{n}", S) for n in range(100)) == 10
    assert sum(not refused(q, f"b{n}", S + n * S // 100) for n in range(1, 1001)) == 50
    assert sum(not refused(q, f"c{n}", 1000 * S) for n in range(100)) == 10


def test_slow_rates_say_when_to_come_again() -> None:
    q = quotas(calls_per_s=0.1)
    assert refused(q, "a", S) == ""
    refusal = q.admit("trunk", "b", 2 * S, 1)
    assert refusal is not None
    assert 9 <= refusal.retry_after_s <= 10
    assert refused(q, "c", 2 * S + refusal.retry_after_s * S) == ""


def test_minutes_of_a_day() -> None:
    """Calls that are up count, ringing doesn't, and the next day begins with none."""
    q = quotas(minutes_per_day=3)
    assert refused(q, "a", 0) == ""
    assert refused(q, "rings", 0) == ""
    q.answered("trunk", "a", 60 * S)
    assert refused(q, "b", 239 * S) == ""
    assert refused(q, "c", 240 * S) == "minutes_per_day"
    q.ended("trunk", "a", 240 * S, 1)
    q.ended("trunk", "rings", 240 * S, 1)
    assert q.uses(999 * S, 1)[0].minutes(999 * S) == 3.0
    assert refused(q, "d", 999 * S) == "minutes_per_day"
    assert refused(q, "e", 999 * S, day=2) == ""
    assert q.uses(999 * S, 2)[0].minutes(999 * S) == 0.0


def test_a_call_through_midnight_counts_on_each_day_for_what_it_had_of_it() -> None:
    """Answered at 23:58, over at 00:01: nobody is refused on the new day for what was said on the old one."""
    q = quotas(minutes_per_day=3)
    minute = 1 / 1440
    assert refused(q, "a", 100 * S, day=1 + 1437 * minute) == ""
    q.answered("trunk", "a", 160 * S)
    assert refused(q, "b", 220 * S, day=1 + 1439 * minute) == ""
    q.ended("trunk", "b", 221 * S, 1 + 1439 * minute)
    assert q.uses(250 * S, 1 + 1439.5 * minute)[0].minutes(250 * S) == 1.5
    assert q.uses(310 * S, 2 + 0.5 * minute)[0].minutes(310 * S) == 0.5
    q.ended("trunk", "a", 340 * S, 2 + minute)
    assert q.uses(340 * S, 2 + minute)[0].minutes(340 * S) == 1.0


def test_others_and_those_without_limits_are_not_touched() -> None:
    q = quotas(max_calls=1)
    assert refused(q, "a", S) == ""
    assert q.admit("another", "b", S, 1) is None
    free = quotas()
    assert not any(refused(free, str(n), S) for n in range(1000))


def test_a_trunk_has_no_rate_of_strangers_where_its_address_is_known() -> None:
    """By address alone: a name may resolve to anybody's, and a certificate comes from anywhere."""
    trunks = [
        {"name": "a", "hosts": ["192.0.2.1:5070", "sip.example.com"], "sources": ["198.51.100.0/24"]},
        {"name": "b", "hosts": ["203.0.113.1"], "certificate": "b.example.com", "transport": "tls"},
    ]
    tls = {"verify_client": "optional", "ca": "ca.pem"}
    cfg = Config.model_validate({"sip": {"trunks": trunks, "tls": tls}, "protection": {"unlimited": ["10.0.0.0/8"]}})
    assert known_networks(cfg) == ["10.0.0.0/8", "198.51.100.0/24", "192.0.2.1"]
