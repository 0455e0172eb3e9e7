# SPDX-License-Identifier: GPL-3.0-or-later
"""Times of the week, minute by minute."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.routing.hours import DAYS, HoursError, parse_hours

MONDAY = datetime(2026, 11, 23)
MINUTE = st.integers(0, 1439)


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@given(st.sampled_from(DAYS), MINUTE, st.integers(1, 1439), st.integers(0, 7 * 1440 - 1))
def test_a_span_is_so_long_from_its_day_on(day: str, start: int, length: int, at: int) -> None:
    hours = parse_hours(f"{day} {clock(start)}-{clock((start + length) % 1440)}")
    since = (at - (DAYS.index(day) * 1440 + start)) % (7 * 1440)
    assert hours.contains(MONDAY + timedelta(minutes=at)) == (since < length)


@given(st.sampled_from(DAYS), st.sampled_from(DAYS), st.integers(0, 6))
def test_ranges_of_days_go_round_the_week(first: str, last: str, day: int) -> None:
    span = (DAYS.index(last) - DAYS.index(first)) % 7
    inside = (day - DAYS.index(first)) % 7 <= span
    assert parse_hours(f"{first}-{last}").contains(MONDAY + timedelta(days=day)) == inside


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("mon-fri 09:00-17:30", ["mon 09:00", "fri 17:29"], ["mon 08:59", "fri 17:30", "sat 10:00"]),
        ("fri 22:00-06:00", ["fri 23:00", "sat 05:59"], ["fri 05:00", "sat 06:00", "sat 23:00"]),
        ("sun 22:00-06:00", ["mon 01:00"], ["sun 01:00"]),
        ("sat,sun", ["sat 00:00", "sun 23:59"], ["mon 00:00"]),
        ("20:00-24:00", ["wed 23:59"], ["thu 00:00"]),
        ("SAT 9:00-12:00", ["sat 11:00"], ["sat 12:00"]),
    ],
)
def test_rows(text: str, inside: list[str], outside: list[str]) -> None:
    def when(said: str) -> datetime:
        day, at = said.split()
        hour, minute = map(int, at.split(":"))
        return MONDAY + timedelta(days=DAYS.index(day), hours=hour, minutes=minute)

    assert [said for said in inside if not parse_hours(text).contains(when(said))] == []
    assert [said for said in outside if parse_hours(text).contains(when(said))] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "write for example"),
        ("mon tue", "write for example"),
        ("monday", "is not a day"),
        ("mon-", "is not a day"),
        ("25:00-26:00", "is not a span"),
        ("09:00-09:00", "is not a span"),
        ("09:60-10:00", "is not a span"),
    ],
)
def test_errors_say_what_to_write(text: str, words: str) -> None:
    with pytest.raises(HoursError, match=re.escape(words)):
        parse_hours(text)
