# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker that runs, and a room whose things are closed in the reverse order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from mediacore import Worker


@pytest.fixture
def worker() -> Iterator[Worker]:
    with closing(Worker()) as w:
        w.start()
        yield w


@pytest.fixture
def room() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack
