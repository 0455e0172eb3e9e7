# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of the laboratory's results as SVG: for each network delay against concealment, the optimum's curve and ours with
its least delay raised as lines, everybody's own working point as a mark. Down and left is better."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP, COLUMNS = 300, 220, 46, 26, 4
GAP = 24
MARKS = ["circle", "square", "diamond", "triangle", "cross", "plus"]
COLOURS = ["#c1272d", "#0050a0", "#b07800", "#555555", "#00805a", "#7a3e9d"]
LOWEST = 0.05  # per cent: the bottom of the logarithmic scale

Points = Sequence[tuple[float, float]]  # (delay in ms, concealed in per cent)


@dataclass
class Panel:
    """One network."""

    title: str
    curves: Mapping[str, Points] = field(default_factory=dict)
    marks: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def _nice(limit: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(limit))
    return next(n * power for n in (1, 2, 5, 10) if n * power >= limit)


def _mark(kind: str, x: float, y: float, colour: str) -> str:
    r = 4.0
    shapes = {
        "circle": f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}" fill="{colour}"/>',
        "square": f'<rect x="{x - r:.1f}" y="{y - r:.1f}" width="{2 * r}" height="{2 * r}" fill="{colour}"/>',
        "diamond": f'<path d="M{x:.1f} {y - 5:.1f}l5 5l-5 5l-5 -5z" fill="{colour}"/>',
        "triangle": f'<path d="M{x:.1f} {y - 5:.1f}l5 9h-10z" fill="{colour}"/>',
        "cross": f'<path d="M{x - r:.1f} {y - r:.1f}l8 8m0 -8l-8 8" stroke="{colour}" stroke-width="2"/>',
        "plus": f'<path d="M{x:.1f} {y - 5:.1f}v10m-5 -5h10" stroke="{colour}" stroke-width="2"/>',
    }
    return shapes[kind]


class _Scale:
    """Delay to the right, linear; concealment upwards, logarithmic."""

    def __init__(self, panel: Panel, x: float, y: float) -> None:
        self.right = _nice(1.15 * max(d for d, _ in panel.marks.values()))
        self.top = _nice(1.3 * max(LOWEST * 4, *(c for _, c in panel.marks.values())))
        self.x0, self.y0 = x + LEFT, y + TOP
        self.w, self.h = WIDTH - LEFT, HEIGHT - TOP - 34

    def x(self, delay: float) -> float:
        return self.x0 + self.w * min(1.0, delay / self.right)

    def y(self, concealed: float) -> float:
        share = math.log(max(concealed, LOWEST) / LOWEST) / math.log(self.top / LOWEST)
        return self.y0 + self.h * (1 - min(1.0, share))


def _axes(panel: Panel, scale: _Scale) -> list[str]:
    left, bottom = scale.x0, scale.y0 + scale.h
    out = [
        f'<text x="{left}" y="{scale.y0 - 8}" font-weight="bold">{escape(panel.title)}</text>',
        f'<rect x="{left}" y="{scale.y0}" width="{scale.w}" height="{scale.h}" fill="none" stroke="#999"/>',
    ]
    for i in range(5):
        delay = scale.right * i / 4
        out.append(f'<text x="{scale.x(delay):.1f}" y="{bottom + 14}" text-anchor="middle">{delay:g}</text>')
    percent = 0.1
    while percent <= scale.top:
        y = scale.y(percent)
        out.append(f'<path d="M{left} {y:.1f}h{scale.w}" stroke="#ddd"/>')
        out.append(f'<text x="{left - 4}" y="{y + 4:.1f}" text-anchor="end">{percent:g} %</text>')
        percent *= 10
    return out


def _panel(panel: Panel, x: float, y: float, style: dict[str, int]) -> list[str]:
    scale = _Scale(panel, x, y)
    out = _axes(panel, scale)
    for name, points in panel.curves.items():
        inside = [(d, c) for d, c in points if d <= scale.right]
        path = " ".join(f"{scale.x(d):.1f},{scale.y(c):.1f}" for d, c in inside)
        colour = COLOURS[style[name] % len(COLOURS)]
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    for name, (delay, concealed) in panel.marks.items():
        i = style[name]
        out.append(_mark(MARKS[i % len(MARKS)], scale.x(delay), scale.y(concealed), COLOURS[i % len(COLOURS)]))
    return out


def draw(title: str, panels: Sequence[Panel]) -> str:
    """The whole picture. Every panel has at least one mark."""
    names = list(dict.fromkeys(name for p in panels for name in [*p.marks, *p.curves]))
    style = {name: i for i, name in enumerate(names)}
    rows = math.ceil(len(panels) / COLUMNS)
    width, height = COLUMNS * (WIDTH + GAP) + GAP, rows * HEIGHT + 90
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="{GAP}" y="24" font-size="15">{escape(title)}</text>',
        f'<text x="{GAP}" y="42">across: delay of speech, ms; up: concealed, % (logarithmic); down and left is better</text>',
    ]
    for i, name in enumerate(names):
        x = GAP + 150 * i
        colour = COLOURS[i % len(COLOURS)]
        marked = any(name in p.marks for p in panels)
        out.append(_mark(MARKS[i % len(MARKS)], x + 6, 60, colour) if marked else f'<path d="M{x} 60h12" stroke="{colour}"/>')
        out.append(f'<text x="{x + 18}" y="64">{escape(name)}</text>')
    for i, panel in enumerate(panels):
        out += _panel(panel, GAP + i % COLUMNS * (WIDTH + GAP), 76 + i // COLUMNS * HEIGHT, style)
    return "\n".join([*out, "</svg>", ""])
