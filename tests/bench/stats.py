# SPDX-License-Identifier: GPL-3.0-or-later
"""Arithmetic of the benchmarks: what raw observations say. No I/O but reading the generator's raw files."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FRAME_NS = 20_000_000
OFF_GRID_NS = 5_000_000  # a packet further from its place is a gap to a listener
ECHO = np.dtype([("call", "<u4"), ("n", "<u4"), ("sent_ns", "<i8"), ("lead_ns", "<i8"), ("latency_ns", "<i8")])
PACKET = np.dtype([("call", "<u4"), ("seq", "<u2"), ("silent", "<u2"), ("at_ns", "<i8")])

SETUP = np.dtype(
    [("call", "<u4"), ("code", "<u2"), ("repeats", "<u2"), ("invite_ns", "<i8"), ("answer_ns", "<i8"), ("rtp_ns", "<i8")]
)

Floats = NDArray[np.float64]


def isotonic(values: Floats) -> Floats:
    """The non-decreasing sequence nearest to `values` (pool adjacent violators)."""
    means: list[float] = []
    counts: list[int] = []
    for value in values:
        means.append(float(value))
        counts.append(1)
        while len(means) > 1 and means[-2] >= means[-1]:
            n = counts[-2] + counts[-1]
            means[-2:] = [(means[-2] * counts[-2] + means[-1] * counts[-1]) / n]
            counts[-2:] = [n]
    return np.repeat(means, counts)


def time_to_wire_us(raw: NDArray[np.void], quantiles: list[float]) -> list[float]:
    """Quantiles of the wire-to-wire time of a far end that sends on a 20 ms grid (rtpgen `aim`).

    A frame that came `lead` before a packet left was in that packet if the time it needed was at most `lead`. The share of such
    frames as a function of the lead is the distribution function of the time needed: its isotonic estimate is inverted here.
    nan when the leads tried don't reach the quantile.
    """
    seen = raw[raw["lead_ns"] >= 0]
    seen = seen[np.argsort(seen["lead_ns"], kind="stable")]
    made = (seen["lead_ns"] == seen["latency_ns"]).astype(np.float64)
    share = isotonic(made)
    result = []
    for q in quantiles:
        index = int(np.searchsorted(share, q))
        result.append(float(seen["lead_ns"][index]) / 1e3 if index < len(seen) else float("nan"))
    return result


def latency_us(raw: NDArray[np.void], quantiles: list[float]) -> list[float]:
    """Quantiles of the wire-to-wire time of a far end that answers at once (rtpgen `steady`)."""
    back = raw["latency_ns"][raw["latency_ns"] >= 0]
    if not len(back):
        return [float("nan")] * len(quantiles)
    return [float(q) for q in np.quantile(back, quantiles) / 1e3]


@dataclass(frozen=True)
class Pacing:
    """One sender's packets against the ideal 20 ms grid, all calls together."""

    packets: int
    sd_us: float  # of the error
    p99_us: float  # of its absolute value
    max_us: float
    missing: int  # sequence numbers that never came
    off_grid: int  # packets more than 5 ms from their place
    silent: int  # packets that carried no speech though speech was queued

    @property
    def gaps(self) -> int:
        return self.missing + self.off_grid + self.silent


def pacing(raw: NDArray[np.void], skip: int = 25) -> Pacing:
    """`raw` is rtpgen's `listen` file; the first `skip` packets of each call are its start and don't count.

    The grid of a call: packet k of the sequence belongs at t0 + k * 20 ms; t0 is the one that makes the median error zero.
    """
    errors = []
    missing = silent = 0
    for call in np.unique(raw["call"]):
        rows = raw[raw["call"] == call][skip:]
        if len(rows) < 2:
            continue
        step = np.diff(rows["seq"].astype(np.int64))
        k = np.concatenate([[0], np.cumsum((step + 32768) % 65536 - 32768)])
        error = rows["at_ns"] - rows["at_ns"][0] - k * FRAME_NS
        errors.append(error - np.median(error))
        missing += int(k.max() - k.min() + 1 - len(np.unique(k)))
        silent += int(rows["silent"].sum())
    if not errors:
        raise ValueError("no packets to judge: the sender was silent")
    all_errors = np.concatenate(errors)
    size = np.abs(all_errors)
    return Pacing(
        packets=len(all_errors),
        sd_us=float(all_errors.std() / 1e3),
        p99_us=float(np.quantile(size, 0.99) / 1e3),
        max_us=float(size.max() / 1e3),
        missing=missing,
        off_grid=int((size > OFF_GRID_NS).sum()),
        silent=silent,
    )


def wait_ms(raw: NDArray[np.void], until: str) -> tuple[float, float]:
    """Median and 99th percentile of the time from a call's INVITE to `until`, a field of SETUP. What never came is later than
    everything: nan when that is more than one in a hundred."""
    if not len(raw):
        return math.nan, math.nan
    waits = np.where(raw[until] >= 0, (raw[until] - raw["invite_ns"]) / 1e6, np.inf)
    p50, p99 = (float(x) for x in np.percentile(waits, [50, 99], method="higher"))
    return (p50, p99) if math.isfinite(p99) else (math.nan, math.nan)


def read(path: Path, kind: np.dtype[np.void]) -> NDArray[np.void]:
    return np.fromfile(path, kind)
