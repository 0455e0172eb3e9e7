# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo's caller says."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Manner(enum.StrEnum):
    """How an utterance is brought."""

    TURN = "turn"  # waits for the bot to finish
    INTERRUPT = "interrupt"  # speaks into the bot's answer
    LAST = "last"  # then the bot is expected to hang up


@dataclass(frozen=True)
class Utterance:
    text: str
    manner: Manner = Manner.TURN


CONVERSATION = (
    Utterance("What time do you open in the morning?"),
    Utterance("Could you tell me what time it is now?"),
    Utterance("Do you have a swimming pool?"),
    Utterance("What can you do for me?"),
    Utterance("Stop, please. I would like to leave a message.", Manner.INTERRUPT),
    Utterance("Please tell the manager that my train is late."),
    Utterance("Yes, that is right."),
    Utterance("Goodbye and thanks for your help.", Manner.LAST),
)
