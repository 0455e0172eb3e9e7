# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole set, in an order and over transports that a seed decides."""

from __future__ import annotations

import random

from tests.hostile import bodies, fields, lines
from tests.hostile.message import Hostile

SPLICED = 800


def catalogue(seed: int) -> list[Hostile]:
    """The same seed gives the same set in the same order."""
    rng = random.Random(seed)
    made = [
        *(*fields.values(), *fields.nuls(), *fields.numbers(), *fields.repeated()),
        *(*bodies.attributes(), *bodies.lines(), *bodies.media(), *bodies.multipart()),
        *(*lines.uris(), *lines.framing(), *lines.misplaced(), *lines.loops(), *lines.spliced(SPLICED, rng)),
    ]
    rng.shuffle(made)
    return made
