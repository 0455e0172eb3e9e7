# SPDX-License-Identifier: GPL-3.0-or-later
from hypothesis import given
from hypothesis import strategies as st

from sipagent.signalling.text import readable


def test_bytes_that_are_no_text() -> None:
    raw = b"\xe8 caller\r\nX: y\x00\x9b".decode("utf-8", "surrogateescape")
    assert readable(raw) == "\ufffd caller X: y \ufffd"
    assert readable("J\u00f6rg") == "J\u00f6rg"
    assert len(readable("x" * 1000)) == 256


@given(st.binary(max_size=400))
def test_any_bytes_become_text_that_can_be_written(raw: bytes) -> None:
    text = readable(raw.decode("utf-8", "surrogateescape"))
    text.encode("utf-8")
    assert text.isprintable() or not any(ord(c) < 32 for c in text)
