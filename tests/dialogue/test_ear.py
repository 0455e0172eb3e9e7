# SPDX-License-Identifier: GPL-3.0-or-later
"""The ear's time line: which sample was when on the wire, whatever was lost."""

from __future__ import annotations

from sipagent.dialogue.ear import MAX_GAP_MS, PREROLL_MS, Ear
from sipagent.testing import LevelVad

RATE = 8000
PACKET = bytes(range(256))[:160] * 2  # 160 samples that differ


def ear(windows: list[tuple[int, int]] | None = None) -> Ear:
    return Ear(RATE, LevelVad(), lambda a, b, p: windows.append((a, b)) if windows is not None else None)


def feed(e: Ear, packets: int, start: int = 0, lost: bool = False) -> None:
    for i in range(packets):
        index = start + 160 * i
        e.on_audio(PACKET, 1_000_000 + index * 125 + 7, index, lost)


def test_a_sample_is_on_the_wire_with_its_packet_at_its_place() -> None:
    e = ear()
    feed(e, 3)
    assert e.wire_us(0) == 1_000_007
    assert e.wire_us(160) == 1_020_007
    assert e.wire_us(200) == 1_025_007
    assert e.wire_us(480) == 1_060_007


def test_a_packet_that_came_late_is_late_with_all_its_samples() -> None:
    e = ear()
    feed(e, 1)
    e.on_audio(PACKET, 1_055_000, 160, False)
    assert e.wire_us(159) == 1_000_007 + 159 * 125
    assert e.wire_us(161) == 1_055_125


def test_a_hole_is_silence_and_keeps_the_indices() -> None:
    windows: list[tuple[int, int]] = []
    e = ear(windows)
    feed(e, 2)
    feed(e, 2, start=640)
    assert e.end == 960
    assert e.slice(0, 960) == PACKET * 2 + bytes(640) + PACKET * 2
    assert windows == [(0, 256), (256, 512), (512, 768)]


def test_what_comes_twice_counts_once() -> None:
    e = ear()
    feed(e, 2)
    e.on_audio(PACKET, 1_030_000, 240, False)
    assert e.end == 400
    assert e.slice(320, 400) == PACKET[160:]


def test_a_stand_in_for_a_lost_packet_is_no_sign_of_life() -> None:
    e = ear()
    feed(e, 2)
    alive = e.last_arrival_us
    feed(e, 2, start=320, lost=True)
    assert e.last_arrival_us == alive
    assert e.end == 640


def test_a_stream_that_starts_elsewhere_starts_anew() -> None:
    windows: list[tuple[int, int]] = []
    e = ear(windows)
    feed(e, 2, start=1000)
    far = 1000 + 320 + RATE * MAX_GAP_MS // 1000 + 1
    feed(e, 2, start=far)
    assert e.slice(0, far + 320) == PACKET * 2
    assert windows == [(1000, 1256), (far, far + 256)]


def test_what_nobody_needs_is_forgotten_and_what_is_kept_is_kept() -> None:
    e = ear()
    feed(e, 500)
    assert PREROLL_MS / 1000 <= len(e.slice(0, e.end)) / 2 / RATE <= 5 * PREROLL_MS / 1000
    e.keep = e.end - 1000
    kept = e.keep
    feed(e, 500, start=e.end)
    assert len(e.slice(kept, e.end)) == 2 * (e.end - kept)
    assert e.wire_us(kept) == 1_000_007 + kept * 125
