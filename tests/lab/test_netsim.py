# SPDX-License-Identifier: GPL-3.0-or-later
"""The network does what its conditions say, and the same twice."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.lab.networks import Net, all_networks, cellular, made, network, recorded
from tests.netsim import MS, Conditions, Network, Opportunities

N = 20_000
PERIOD = 20 * MS


def transits(conditions: Conditions, seed: int = 1, n: int = N) -> dict[int, list[int]]:
    """Of each packet that arrives, of every copy."""
    model = Network(conditions, seed)
    for i in range(n):
        model.send(i.to_bytes(4, "big"), i * PERIOD)
    found: dict[int, list[int]] = {}
    for at, pkt in model.receive(2**62):
        i = int.from_bytes(pkt, "big")
        found.setdefault(i, []).append(at - i * PERIOD)
    return found


def firsts(found: dict[int, list[int]]) -> np.ndarray:
    return np.array([found[i][0] for i in sorted(found)])


@pytest.mark.parametrize("net", made(), ids=lambda net: net.name)
def test_same_seed_same_network(net: Net) -> None:
    assert transits(net.conditions, 3, 2000) == transits(net.conditions, 3, 2000)


def test_gilbert_elliott_loses_in_bursts() -> None:
    found = transits(Conditions(burst_enter=0.012, burst_leave=0.25))
    lost = np.array([i not in found for i in range(N)])
    bursts = [len(list(run)) for gone, run in itertools.groupby(lost) if gone]
    assert lost.mean() == pytest.approx(0.012 / (0.012 + 0.25), rel=0.2)
    assert np.mean(bursts) == pytest.approx(4, rel=0.2)


def test_gauss() -> None:
    jitter = firsts(transits(Conditions(delay_us=100 * MS, gauss_us=10 * MS)))
    assert jitter.mean() == pytest.approx(100 * MS, rel=0.01)
    assert jitter.std() == pytest.approx(10 * MS, rel=0.05)
    assert firsts(transits(Conditions(delay_us=5 * MS, gauss_us=10 * MS))).min() == 0  # never before it was sent


def test_pareto_has_its_tail() -> None:
    jitter = firsts(transits(Conditions(delay_us=0, pareto_us=10 * MS, pareto_shape=2.0)))
    for times in (2, 4, 10):  # P(X > (times - 1) * scale) = times ** -shape
        assert (jitter > (times - 1) * 10 * MS).mean() == pytest.approx(times**-2.0, rel=0.2)


def test_order_is_kept_but_for_those_held_back() -> None:
    kept = transits(Conditions(jitter_us=90 * MS, in_order=True))
    arrivals = [i * PERIOD + kept[i][0] for i in sorted(kept)]
    assert arrivals == sorted(arrivals)
    back = transits(Conditions(in_order=True, reorder=0.1, reorder_us=45 * MS))
    held = np.array([back[i][0] > 20 * MS for i in range(N)])
    assert held.mean() == pytest.approx(0.1, rel=0.1)  # and those behind them are not


def test_link_gives_each_opportunity_to_so_many_packets() -> None:
    link = Opportunities((0, 100 * MS, 100 * MS, 300 * MS), 400 * MS, packets=3)
    model = Network(Conditions(delay_us=0, link=link))
    for i in range(8):
        model.send(bytes([i]), 10 * MS)
    model.send(b"\x08", 500 * MS)  # 100 ms into the second lap
    assert [at // MS for at, _ in model.receive(2**62)] == [100] * 6 + [300] * 2 + [500]
    assert [pkt[0] for _, pkt in model.receive(2**62)] == []


def test_link_may_start_anywhere() -> None:
    link = Opportunities((0, 100 * MS, 300 * MS), 400 * MS)
    model = Network(Conditions(delay_us=0, link=link, link_start_us=250 * MS))
    model.send(b"a", 0)
    model.send(b"b", 60 * MS)
    assert [at // MS for at, _ in model.receive(2**62)] == [50, 150]


def test_steps() -> None:
    found = transits(Conditions(steps=((PERIOD * 10, 60 * MS), (PERIOD * 20, 0))), n=30)
    assert [found[i][0] // MS for i in (9, 10, 19, 20)] == [20, 80, 80, 20]


def test_made_radio_links_stop_and_go() -> None:
    for net in ("lte", "umts"):
        late = firsts(transits(network(net).conditions, n=3000))
        assert np.median(late) < 40 * MS
        assert late.max() > 150 * MS  # a handover
    assert cellular(1, 4, 0.9, 12, 120) == cellular(1, 4, 0.9, 12, 120)


def test_recorded_trace_is_read_and_repeats(tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "x.up"
    file.write_text("3\n3\n10\n40\n")
    link = recorded(file)
    assert (link.times_us, link.period_us) == ((3000, 3000, 10000), 40000)
    assert [link.at(n) // MS for n in range(4)] == [3, 3, 10, 43]
    assert link.first(41 * MS) == 3


def test_unknown_network_names_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no network 'nope'; there are lan, "):
        network("nope")
    assert {"lan", "lte"} <= set(all_networks())
