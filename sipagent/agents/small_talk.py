# SPDX-License-Identifier: GPL-3.0-or-later
"""What callers say to any agent: the ways to say it. English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SMALL_TALK: Mapping[str, Sequence[str]] = {
    "goodbye": [
        *("goodbye", "bye bye", "bye", "that's all", "that is all", "nothing else", "have a nice day", "see you", "hang up"),
    ],
    "time": ["what time is it", "what's the time", "do you have the time", "what is the current time", "the time now"],
    "repeat": ["say that again", "repeat that", "can you repeat that please", "pardon", "come again", "i didn't hear that"],
    "help": ["what can you do", "help me", "what can i ask", "how does this work", "who am i talking to", "are you a robot"],
    "thanks": ["thank you", "thank you very much", "many thanks", "great thanks", "perfect", "wonderful", "that is great"],
    "greeting": ["hello", "good morning", "good afternoon", "good evening", "hi there", "is anybody there"],
}
CANCEL: Mapping[str, Sequence[str]] = {
    "cancel": ["cancel", "never mind", "forget it", "stop that", "leave it", "i changed my mind", "start over", "go back"]
}
