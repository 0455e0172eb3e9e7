# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of the laboratory's results as SVG: for each network delay against concealment, PESQ, ViSQOL and word errors. The
optimum's curve and ours with its least delay raised are lines, everybody's own working point is a mark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP, COLUMNS = 300, 220, 46, 26, 4
GAP, HEAD = 24, 18
MARKS = ["circle", "square", "diamond", "triangle", "cross", "plus"]
COLOURS = ["#c1272d", "#0050a0", "#b07800", "#555555", "#00805a", "#7a3e9d"]
LOWEST = 0.05  # per cent: the bottom of the logarithmic scale

Points = Sequence[tuple[float, float]]  # (delay in ms, value)


@dataclass(frozen=True)
class Upwards:
    """What a section's panels show upwards. `high` None: as the panel's marks need it."""

    text: str
    low: float
    high: float | None
    unit: str = ""
    logarithmic: bool = False


CONCEALED = Upwards("up: concealed, % (logarithmic); down and left is better", LOWEST, None, " %", logarithmic=True)
PESQ = Upwards("up: PESQ, MOS-LQO; up and left is better", 1.0, 5.0)
VISQOL = Upwards("up: ViSQOL, MOS-LQO; up and left is better", 1.0, 5.0)
WORD_ERRORS = Upwards("up: word errors, %; down and left is better", 0.0, None, " %")


@dataclass
class Panel:
    """One network."""

    title: str
    curves: Mapping[str, Points] = field(default_factory=dict)
    marks: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass
class Section:
    """One measure over all networks. Every panel has at least one mark."""

    across: str
    upwards: Upwards
    panels: Sequence[Panel]


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
    """Delay to the right, linear."""

    def __init__(self, panel: Panel, upwards: Upwards, x: float, y: float) -> None:
        self.right = _nice(1.15 * max(1.0, *(d for d, _ in panel.marks.values())))
        self.low, self.logarithmic = upwards.low, upwards.logarithmic
        highest = max(v for _, v in panel.marks.values())
        self.top = upwards.high or _nice(1.3 * max(LOWEST * 4 if self.logarithmic else 1.0, highest))
        self.x0, self.y0 = x + LEFT, y + TOP
        self.w, self.h = WIDTH - LEFT, HEIGHT - TOP - 34

    def x(self, delay: float) -> float:
        return self.x0 + self.w * min(1.0, max(0.0, delay) / self.right)

    def y(self, value: float) -> float:
        value = min(max(value, self.low), self.top)
        if self.logarithmic:
            share = math.log(value / self.low) / math.log(self.top / self.low)
        else:
            share = (value - self.low) / (self.top - self.low)
        return self.y0 + self.h * (1 - share)

    def lines(self) -> list[float]:
        """Values that are written beside the scale."""
        if not self.logarithmic:
            return [self.low + (self.top - self.low) * i / 4 for i in range(5)]
        powers = [10.0**n for n in range(-1, 3)]
        return [value for value in powers if value <= self.top]


def _axes(panel: Panel, unit: str, scale: _Scale) -> list[str]:
    left, bottom = scale.x0, scale.y0 + scale.h
    out = [
        f'<text x="{left}" y="{scale.y0 - 8}" font-weight="bold">{escape(panel.title)}</text>',
        f'<rect x="{left}" y="{scale.y0}" width="{scale.w}" height="{scale.h}" fill="none" stroke="#999"/>',
    ]
    for i in range(5):
        delay = scale.right * i / 4
        out.append(f'<text x="{scale.x(delay):.1f}" y="{bottom + 14}" text-anchor="middle">{delay:g}</text>')
    for value in scale.lines():
        y = scale.y(value)
        out.append(f'<path d="M{left} {y:.1f}h{scale.w}" stroke="#ddd"/>')
        out.append(f'<text x="{left - 4}" y="{y + 4:.1f}" text-anchor="end">{value:g}{unit}</text>')
    return out


def _panel(panel: Panel, upwards: Upwards, x: float, y: float, style: dict[str, int]) -> list[str]:
    scale = _Scale(panel, upwards, x, y)
    out = _axes(panel, upwards.unit, scale)
    for name, points in panel.curves.items():
        inside = [(d, c) for d, c in points if d <= scale.right]
        path = " ".join(f"{scale.x(d):.1f},{scale.y(c):.1f}" for d, c in inside)
        colour = COLOURS[style[name] % len(COLOURS)]
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    for name, (delay, value) in panel.marks.items():
        i = style[name]
        out.append(_mark(MARKS[i % len(MARKS)], scale.x(delay), scale.y(value), COLOURS[i % len(COLOURS)]))
    return out


def _legend(sections: Sequence[Section], style: dict[str, int]) -> list[str]:
    marked = {name for section in sections for panel in section.panels for name in panel.marks}
    out = []
    for name, i in style.items():
        x = GAP + 150 * i
        colour = COLOURS[i % len(COLOURS)]
        out.append(
            _mark(MARKS[i % len(MARKS)], x + 6, 46, colour) if name in marked else f'<path d="M{x} 46h12" stroke="{colour}"/>'
        )
        out.append(f'<text x="{x + 18}" y="50">{escape(name)}</text>')
    return out


def draw(title: str, sections: Sequence[Section]) -> str:
    """The whole picture."""
    names = dict.fromkeys(name for section in sections for p in section.panels for name in [*p.marks, *p.curves])
    style = {name: i for i, name in enumerate(names)}
    body, y = _legend(sections, style), 70
    for section in sections:
        words = escape(f"across: {section.across}; {section.upwards.text}")
        body.append(f'<text x="{GAP}" y="{y + 10}" font-size="13">{words}</text>')
        y += HEAD
        for i, panel in enumerate(section.panels):
            at = (GAP + i % COLUMNS * (WIDTH + GAP), y + i // COLUMNS * HEIGHT)
            body += _panel(panel, section.upwards, *at, style)
        y += math.ceil(len(section.panels) / COLUMNS) * HEIGHT
    width = max(COLUMNS * (WIDTH + GAP) + GAP, GAP + 150 * len(style))
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{y}" fill="white"/>',
        f'<text x="{GAP}" y="24" font-size="15">{escape(title)}</text>',
    ]
    return "\n".join([*head, *body, "</svg>", ""])
