# SPDX-License-Identifier: GPL-3.0-or-later
"""What a conversation remembers, and how it is written down and read again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.dialogue.context import MAX_SLOTS, MAX_TEXT, Context, ContextError, Exchange

texts = st.text(max_size=40)
exchanges = st.builds(Exchange, texts, texts, st.tuples(texts), st.booleans(), st.integers(0, 10**9).map(float))
contexts = st.builds(Context, st.lists(exchanges, max_size=5), texts, st.dictionaries(texts, st.integers() | texts, max_size=3))


@given(contexts)
def test_what_is_written_is_read(context: Context) -> None:
    assert Context.from_dict(json.loads(json.dumps(context.to_dict()))) == context


def test_an_exchange_holds_what_was_heard_when_the_answer_is_over() -> None:
    changes = []
    context = Context(clock=lambda: 5.0)
    context.on_change = lambda: changes.append(len(context.turns))
    context.agent_said("Hello.")
    context.caller_said("parking?")
    assert (context.pending, len(context.turns)) == ("parking?", 1)
    context.agent_said("There is", interrupted=True)
    assert context.turns == [Exchange("", "Hello.", at_s=5.0), Exchange("parking?", "There is", (), True, 5.0)]
    assert changes == [1, 2]


def test_an_answer_that_nobody_heard_is_no_exchange() -> None:
    context = Context()
    context.caller_said("parking")
    context.retract()
    context.agent_said("")
    assert (context.turns, context.pending, context.talked) == ([], "", False)
    context.agent_said("Are you there?")
    assert not context.talked  # the agent alone


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", 2),
        ("version", None),
        ("turns", "x"),
        ("turns", [1]),
        ("turns", [{"caller": 1}]),
        ("turns", [{"caller": "", "agent": "", "acts": [1], "interrupted": False, "at_s": 0}]),
        ("turns", [{"caller": "", "agent": "", "acts": [], "interrupted": False, "at_s": "0"}]),
        ("summary", None),
        ("slots", []),
    ],
)
def test_a_damaged_context_is_told_with_its_field(field: str, value: Any) -> None:
    with pytest.raises(ContextError):
        Context.from_dict({**Context().to_dict(), field: value})


def test_nobody_fills_the_store_by_talking() -> None:
    context = Context(slots={"x": "y" * MAX_SLOTS})
    context.caller_said("a" * 100_000 + "end")
    context.agent_said("b" * 100_000)
    assert [len(context.turns[0].caller), len(context.turns[0].agent)] == pytest.approx([MAX_TEXT, MAX_TEXT], abs=2)
    assert context.turns[0].caller.endswith("aend")
    assert context.to_dict()["slots"] == {}
    context.slots = {"x": object()}
    assert context.to_dict()["slots"] == {}
