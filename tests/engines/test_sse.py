# SPDX-License-Identifier: GPL-3.0-or-later
"""Event streams, cut anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.engines.base import EngineError
from sipagent.engines.sse import MAX_EVENT, EventStream

ROWS = [
    (b"data: one\n\n", ["one"]),
    (b"data:one\r\n\r\ndata: two\r\n\r\n", ["one", "two"]),
    (b"data: one\r\rdata: two\r\r\n", ["one", "two"]),
    (b"\xef\xbb\xbfdata: one\n\n", ["one"]),
    (b": ping\n\ndata: one\n\n", ["one"]),
    (b"event: delta\nid: 7\ndata: a\ndata: b\nretry: 5\n\n", ["a\nb"]),
    (b"data:  two blanks\n\n", [" two blanks"]),
    (b"data\n\n", [""]),
    (b"nonsense\n\n{}\n\n", []),
    (b"data: cut off", []),
    (b"data: cut off\n", []),
    ("data: Grüße\n\n".encode(), ["Grüße"]),
    (b"data: \xff\n\n", ["\ufffd"]),
]


@pytest.mark.parametrize(("stream", "want"), ROWS)
def test_events_of_a_stream_however_it_is_cut(stream: bytes, want: list[str]) -> None:
    assert EventStream().push(stream) == want
    parser = EventStream()
    assert [event for i in range(len(stream)) for event in parser.push(stream[i : i + 1])] == want


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=10))
def test_cuts_change_nothing(stream: bytes, cuts: list[int]) -> None:
    stream += b"\n\n"
    parser, at = EventStream(), 0
    out: list[str] = []
    for cut in [*sorted(cuts), len(stream)]:
        out += parser.push(stream[at:cut])
        at = max(at, min(cut, len(stream)))
    assert out == EventStream().push(stream)


@pytest.mark.parametrize("piece", [b"data: " + b"x" * 994, b"data: " + b"x" * 993 + b"\n"])
def test_an_event_without_end_does_not_fill_the_memory(piece: bytes) -> None:
    parser = EventStream()
    for _ in range(MAX_EVENT // 1000 - 10):
        parser.push(piece)
    with pytest.raises(EngineError, match="longer than"):
        parser.push(piece * 100)
