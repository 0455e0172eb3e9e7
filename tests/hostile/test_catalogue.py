# SPDX-License-Identifier: GPL-3.0-or-later
"""The set itself, and that its judges can tell right from wrong."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.hostile.catalogue import catalogue
from tests.hostile.message import Verdict, good
from tests.hostile.sender import Outcome, follow_up, mark_of, number_of, well_formed

ANSWER = (
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK%s\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n"
    b"Call-ID: x\r\nCSeq: 7 INVITE\r\nContent-Length: 0\r\n\r\n" % mark_of(5).encode()
)


def test_the_set_is_large_and_the_same_for_a_seed() -> None:
    one, again, other = catalogue(1), catalogue(1), catalogue(2)
    assert len(one) >= 4500
    assert [h.name for h in one] == [h.name for h in again] != [h.name for h in other]
    rendered = {h.parts.render("M", "UDP 127.0.0.1:9", 5060) for h in one}
    assert len(rendered) > 0.97 * len(one)  # no padding: they differ
    families = Counter(h.family for h in one)
    assert min(families.values()) >= 50
    assert Counter(h.verdict for h in one)[Verdict.EITHER] < len(one) / 2


@pytest.mark.parametrize(
    ("verdict", "right", "not_right"),
    [
        (Verdict.SERVED, [200, 202], [0, 302, 486]),
        (Verdict.TOLD, [302, 400, 603], [0, 200]),
        (Verdict.REFUSED, [0, 400], [200]),
        (Verdict.ANSWERED, [200, 488], [0]),
        (Verdict.SILENT, [0], [200, 400]),
        (Verdict.EITHER, [0, 200, 400], []),
    ],
)
def test_verdicts(verdict: Verdict, right: list[int], not_right: list[int]) -> None:
    assert all(verdict.allows(status) for status in right)
    assert not any(verdict.allows(status) for status in not_right)


def test_an_answer_is_known_by_its_mark_and_a_damaged_one_is_nobodys() -> None:
    assert number_of(ANSWER) == 5
    assert number_of(ANSWER.replace(b"hz000005", b"hz000006")) is None


@pytest.mark.parametrize(
    "broken",
    [
        ANSWER.replace(b"SIP/2.0 200", b"SIP/2.0 700"),
        ANSWER.replace(b"CSeq: 7 INVITE\r\n", b""),
        ANSWER.replace(b"Length: 0", b"Length: 1"),
        ANSWER.replace(b"To: ", b"To "),
        ANSWER.replace(b"Call-ID: x", b"Call-ID: x\0"),
        ANSWER[:-2],
    ],
)
def test_a_malformed_answer_is_seen(broken: bytes) -> None:
    assert well_formed(ANSWER)
    assert not well_formed(broken)
    outcome = Outcome(catalogue(1)[0], "udp", [400], broken)
    assert not outcome.right


def test_an_answered_call_is_acknowledged_and_ended() -> None:
    ack, bye = follow_up(ANSWER, "UDP 127.0.0.1:9")
    assert b"\r\nCSeq: 7 ACK\r\n" in ack
    assert b"\r\nCSeq: 8 BYE\r\n" in bye
    assert b"\r\nTo: <sip:c@d>;tag=2\r\n" in bye
    [ack] = follow_up(ANSWER.replace(b"200 OK", b"486 Busy"), "UDP 127.0.0.1:9")
    assert b"branch=z9hG4bK" + mark_of(5).encode() in ack
    assert follow_up(ANSWER.replace(b"INVITE", b"OPTIONS"), "UDP 127.0.0.1:9") == []


def test_a_good_message_is_one() -> None:
    text = good("INVITE").render("M", "UDP 127.0.0.1:9", 5060)
    head, _, body = text.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
