# SPDX-License-Identifier: GPL-3.0-or-later
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.signalling.causes import Reason, clean, parse_reason, q850_of, reason_values
from sipagent.signalling.ending import Ending


@pytest.mark.parametrize(
    ("code", "cause"), [(0, 16), (200, 16), (404, 1), (408, 102), (486, 17), (487, 16), (503, 41), (603, 21), (499, 31)]
)
def test_q850(code: int, cause: int) -> None:
    assert q850_of(code) == cause


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ('Reason: Q.850;cause=16;text="Terminated"', Reason("Q.850", 16, "Terminated")),
        ("REASON : q.850 ; cause = 17", Reason("Q.850", 17)),
        ('Reason: SIP;cause=200;text="Call completed elsewhere"', Reason("SIP", 200, "Call completed elsewhere")),
        ('Reason: SIP;cause=503, Q.850;cause=34;text="no, circuit"', Reason("Q.850", 34, "no, circuit")),
        ("Reason: SIP;cause=480\r\nReason: Q.850;cause=18", Reason("Q.850", 18)),
        ("Reason: Q.850", None),
        ("Reason: Q.850;cause=99999", None),
        ("X-Reason: Q.850;cause=1", None),
        ("Subject: hi\r\n\r\nReason: Q.850;cause=1", None),  # in the body
    ],
)
def test_parse_reason(headers: str, reason: Reason | None) -> None:
    assert parse_reason(f"BYE sip:a@b SIP/2.0\r\n{headers}\r\nCSeq: 2 BYE\r\n\r\n") == reason


@given(st.text())
def test_any_message_is_read(text: str) -> None:
    parse_reason(text)
    parse_reason(f"Reason: {text}")


@given(st.text(), st.integers(0, 699))
def test_no_text_breaks_out_of_its_header(text: str, code: int) -> None:
    for value in reason_values(code, text):
        assert "\r" not in value
        assert "\n" not in value
        assert value.count('"') in (0, 2)


@pytest.mark.parametrize("code", [0, 408, 500])
def test_what_we_write_we_can_read(code: int) -> None:
    head = "".join(f"Reason: {value}\r\n" for value in reason_values(code, "no more"))
    assert parse_reason(f"BYE x SIP/2.0\r\n{head}\r\n") == Reason("Q.850", q850_of(code), "no more")


def test_clean_is_bounded() -> None:
    assert clean('a"b\r\nc\\d') == "a b c d"
    assert len(clean("x" * 1000)) == 128


@pytest.mark.parametrize(
    ("ending", "code", "words"),
    [
        (Ending(True, True, heard=True, method="BYE", code=487), 0, "caller hung up"),
        (Ending(False, True, heard=True, method="BYE", peer_reason=Reason("Q.850", 16)), 0, "callee hung up (Q.850 16 normal"),
        (Ending(True, False, heard=False, method="INVITE", code=487), 487, "caller cancelled"),
        (Ending(False, False, heard=True, method="INVITE", code=486, phrase="Busy Here"), 486, "callee refused: 486 Busy Here"),
        (Ending(False, False, heard=False, method="INVITE", code=408), 408, "callee not reached: 408 Request Timeout"),
        (Ending(True, True, heard=False, method="INVITE", code=200), 408, "caller lost: 408"),
        (Ending(True, True, method="BYE", code=200), 488, "session not usable"),
        (Ending(True, True, ours=True), 0, "we hung up"),
        (Ending(True, True, ours=True, asked_code=408, asked_reason="no RTP for 30 s"), 408, "we hung up: no RTP for 30 s"),
        (Ending(True, False, ours=True, asked_code=486), 486, "we refused with 486"),
        (Ending(True, False, ours=True), 603, "we refused with 603"),
        (Ending(False, False, ours=True, asked_reason="tired"), 487, "we cancelled: tired"),
    ],
)
def test_endings(ending: Ending, code: int, words: str) -> None:
    got_code, got_reason = ending.explain()
    assert (got_code, got_reason[: len(words)]) == (code, words)
