# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/brains.md: its examples are good."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from sipagent.agents.spec import AgentFile
from sipagent.config import Config

PAGE = (Path(__file__).parents[2] / "docs" / "brains.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_are_good(text: str) -> None:
    tree = tomllib.loads(text)
    if "tools" in tree:
        tools = AgentFile.model_validate({"greeting": "Hello.", "instructions": "Help.", **tree}).tools
        assert [tool.name for tool in tools] == ["find_order", "book_table", "manager", "end_call"]
    else:
        Config.model_validate(tree)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 3
