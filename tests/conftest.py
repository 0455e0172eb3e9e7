# SPDX-License-Identifier: GPL-3.0-or-later
"""Common to all tests: nothing native outlives the test that made it."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

import mediacore


@pytest.fixture(autouse=True)
def nothing_native_left() -> Iterator[None]:
    """The core's counters of live legs, sockets and workers are back where they were before the test."""
    before = mediacore.live()
    yield
    if mediacore.live() != before:
        gc.collect()
    assert mediacore.live() == before, "the test left native objects behind"
