# SPDX-License-Identifier: GPL-3.0-or-later
"""Common to all tests: nothing native outlives the test that made it."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

import mediacore


@pytest.fixture(autouse=True)
def nothing_native_left(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The core's counters of live legs, sockets and workers are back where they were before the test."""
    before = mediacore.live()
    yield
    if mediacore.live() != before:
        for records in (caplog.get_records("setup"), caplog.get_records("call")):
            records.clear()  # a logged exception holds the frames that it went through
        gc.collect()
    more = {kind: n for kind, n in mediacore.live().items() if n > before[kind]}  # fewer: a failed test's traceback let go
    assert not more, f"the test left native objects behind: {more}, before {before}"
