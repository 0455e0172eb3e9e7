# SPDX-License-Identifier: GPL-3.0-or-later
"""Digits by SIP INFO, without SIP."""

from __future__ import annotations

import pytest

from sipagent.signalling.info import MOST, PLAIN, RELAY, InfoDigits


def test_one_after_the_other() -> None:
    sent: list[tuple[str, str]] = []
    digits = InfoDigits()

    def send(kind: str, body: str) -> None:
        sent.append((kind, body))

    assert digits.queue("1", 80, send)
    assert digits.queue("2", 80, send)  # waits for the answer
    assert sent == [(RELAY, "Signal=1\r\nDuration=80\r\n")]
    digits.final(200, send)
    digits.final(481, send)
    digits.final(200, send)  # nobody asked
    assert digits.queue("3", 90, send)
    assert [body[7] for _, body in sent] == ["1", "2", "3"]


def test_415_is_told_once() -> None:
    sent: list[tuple[str, str]] = []
    digits = InfoDigits()

    def send(kind: str, body: str) -> None:
        sent.append((kind, body))

    assert digits.queue("*5", 80, send)
    for code in (415, 415, 200):
        digits.final(code, send)
    assert sent[1:] == [(PLAIN, "*"), (PLAIN, "5")]


def test_all_or_none_and_errors_leave_nothing() -> None:
    def fail(kind: str, body: str) -> None:
        raise OSError(kind)

    assert not InfoDigits().queue("1" * (MOST + 1), 80, fail)
    digits = InfoDigits()
    for _ in range(2):
        with pytest.raises(OSError, match=RELAY):
            digits.queue("12", 80, fail)
