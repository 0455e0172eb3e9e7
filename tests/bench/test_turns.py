# SPDX-License-Identifier: GPL-3.0-or-later
"""Two systems by turns in one process: each slice is of the system that it is said to be of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import far_end, turns
from tests.bench.g711 import ratios_to
from tests.bench.load import Load


def test_python_works_in_its_own_slices_only() -> None:
    found = turns.measure(20, 0.5, 2)
    assert [len(found[name]) for name in (turns.OURS, turns.NULL)] == [2, 2]
    for with_python, without in zip(found[turns.OURS], found[turns.NULL], strict=True):
        assert with_python.threads["python"] > 5 * without.threads.get("python", 0.0)
        assert without.threads["mediacore"] > 0


def test_slices_next_to_each_other_are_compared() -> None:
    assert turns.order(3) == [turns.OURS, turns.NULL, turns.NULL, turns.OURS, turns.OURS, turns.NULL]
    ours = [[Load(1, us, {}, 0.1, 0.0) for us in (100, 200, 400)]]
    null = [[Load(1, us, {}, 0.1, 0.0) for us in (80, 160, 320)]]
    assert ratios_to(null, ours) == [0.8, 0.8, 0.8]
    assert ratios_to([[Load(1, 1000, {}, 0.1, 0.0)]], ours) == [5.0]


def test_a_system_that_does_not_change_is_found_out() -> None:
    counts = {"back": 100, "dup": 0, "unchanged": 50, "swapped": 50, "quartered": 0}
    turns.check(counts)
    for wrong in ({"unchanged": 95, "swapped": 5}, {"unchanged": 5, "swapped": 95}, {"quartered": 1}, {"dup": 3}):
        with pytest.raises(RuntimeError, match="by turns"):
            turns.check({**counts, **wrong})


def test_the_kernel_alone_sends_back_what_it_gets(tmp_path: Path) -> None:
    with far_end.echo(far_end.KERNEL, 20, "steady", 1.0, tmp_path / "raw") as run:
        counts = run.generator.finish(1.0)
        run.system.finish()
    far_end.check(far_end.KERNEL, counts)
    assert counts["back"] > 0.9 * counts["sent"] > 0
