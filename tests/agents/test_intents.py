# SPDX-License-Identifier: GPL-3.0-or-later
"""A request is whole when it is understood and was said to the end of a way to say it."""

from __future__ import annotations

import pytest

from sipagent.agents.intents import Matcher

MATCHER = Matcher(
    {
        "password": ["enter your password followed by the pound key"],
        "opening": ["when do you open", "what are your opening hours"],
        "number": ["the number is not in service"],
    }
)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("Enter your password, followed by the pound key.", True),
        ("Enter your password followed by the pound.", False),  # understood, and something is known to follow
        ("Enter your password", False),
        ("When do you open?", True),
        ("What are your opening hours?", True),
        ("The weather is fine.", False),
        ("", False),
    ],
)
def test_whole_requests(text: str, want: bool) -> None:
    assert MATCHER.whole(text) is want


def test_what_is_whole_is_also_the_likeliest() -> None:
    assert MATCHER.best("Enter your password followed by the pound.")[0] == "password"
    assert MATCHER.match("When do you open?") == "opening"


def test_of_two_that_are_as_likely_the_first_is_meant() -> None:
    both = Matcher({"goodbye": ["goodbye"], "help": ["help"]})
    assert both.best("Goodbye, and help.")[0] == "goodbye"
